"""Sysctls of connection tracking, where instances, pods and kube-proxy set them."""

from __future__ import annotations

from collections.abc import Iterable

from kubelint5xx.config import Config
from kubelint5xx.core.node import Mapping, Node, Scalar, entries, items, text
from kubelint5xx.core.value import Subject, Value, Written
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.link.attributes import truth, value_of, why_unknown, written
from kubelint5xx.link.boot_script import LEGACY_LIBERAL, LIBERAL, Sysctl, sysctls_in
from kubelint5xx.link.kube_proxy import Liberal
from kubelint5xx.link.workloads import Workload
from kubelint5xx.model.knobs import VERSION
from kubelint5xx.model.topology import Setting


def sysctl_settings(
    found: Iterable[Sysctl], about: str, config: Config, kernel: Value | None = None, cluster: Subject | None = None
) -> list[Setting]:
    """The sysctls of hosts, each to be judged where it stands. ``kernel``: what is known of the nodes' kernel."""
    settings: list[Setting] = []
    for sysctl in found:
        values = {
            "where": written("host-sysctl", sysctl.span),
            "key": Value(sysctl.key, Written(sysctl.span)),
            "text": Value(sysctl.value, Written(sysctl.value_span, sysctl.key)),
        }
        version = configured_kernel(config.at(sysctl.span.path)) or kernel
        if version is not None:
            values["kernel"] = version
        settings.append(Setting(Subject("setting", f"{sysctl.key} in {about}", sysctl.span, values), cluster))
    return settings


def pod_sysctl_settings(spec: Node | None, about: str, cluster: Subject | None = None) -> list[Setting]:
    """The sysctls of connection tracking that a pod sets for its own network namespace."""
    if not isinstance(spec, Mapping):
        return []
    context = spec.get("securityContext")
    network = spec.get("hostNetwork")
    settings: list[Setting] = []
    for item in items(context.get("sysctls")) if isinstance(context, Mapping) else ():
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(name, Scalar) or "conntrack" not in (text(name) or ""):
            continue
        host: Value
        if network is None:
            host = written(False, name.span, "hostNetwork")
        else:
            on = truth(network)
            host = written(on, network.span, "hostNetwork") if on is not None else _unknown(network)
        values = {
            "where": written("pod-sysctl", name.span),
            "key": Value((text(name) or "").replace("/", "."), Written(name.span)),
            "text": Value(text(item.get("value")) or "", Written(name.span)),
            "host_network": host,
        }
        settings.append(Setting(Subject("setting", f"{name.value} of {about}", name.span, values), cluster))
    return settings


def proxy_setting(found: Liberal, about: str, cluster: Subject | None) -> Setting:
    """kube-proxy's own setting of liberal connection tracking."""
    said = text(found.node)
    values = {
        "where": written(found.where, found.place),
        "key": Value(found.key, Written(found.place)),
        "text": Value(said, Written(found.node.span, found.key)) if said is not None else _unknown(found.node),
    }
    if found.beside_config is not None:
        values["beside_config"] = found.beside_config
    return Setting(Subject("setting", f"{found.key} of {about}", found.place, values), cluster)


def liberal(settings: Iterable[Setting]) -> Value | None:
    """The host's sysctl that makes connection tracking liberal, by the name that present kernels have."""
    for setting in settings:
        values = setting.subject.values
        if values["where"].data == "host-sysctl" and values["key"].data == LIBERAL and values["text"].data == "1":
            return Value(True, values["text"].origin)
    return None


def configured_kernel(config: Config) -> Value | None:
    """The nodes' kernel, where the configuration says it."""
    node = config.cluster.get("kernel")
    return value_of(node, "kernel", VERSION) if node is not None else None


def table_setting(node: Node | None, about: str, config: Config, cluster: Subject | None) -> list[Setting]:
    """The sysctls of connection tracking in a mapping of names to values that is applied to hosts."""
    found: list[Sysctl] = []
    for entry in entries(node):
        key = str(entry.key.value).replace("/", ".")
        if key in (LIBERAL, LEGACY_LIBERAL):
            found.append(Sysctl(key, text(entry.value) or "", entry.key.span, entry.value.span))
    return sysctl_settings(found, about, config, None, cluster)


def workload_sysctls(workload: Workload, config: Config, cluster: Subject | None) -> list[Setting]:
    """The sysctls that a workload sets: for its pods, and, where a container may do so, for its hosts."""
    title = workload.owner.title
    settings = pod_sysctl_settings(workload.spec, title, cluster)
    if truth(workload.spec.get("hostNetwork")) is not True:
        return settings
    for container in (*items(workload.spec.get("initContainers")), *items(workload.spec.get("containers"))):
        if not isinstance(container, Mapping):
            continue
        context = container.get("securityContext")
        if not isinstance(context, Mapping) or truth(context.get("privileged")) is not True:
            continue
        for word in (*items(container.get("command")), *items(container.get("args"))):
            if isinstance(word, Scalar):
                settings += sysctl_settings(sysctls_in(embedded(word)), title, config, None, cluster)
    return settings


def _unknown(node: Node) -> Value:
    return Value.unknown(why_unknown(node) or "it is not readable", node.span)
