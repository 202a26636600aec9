"""What the manifests of a scope, or an add-on's configuration, say of kube-proxy, or of what does its work instead."""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Value, Version, Written
from kubelint5xx.formats import argv, json, yaml
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.link.attributes import is_set, truth, value_of, why_unknown, written
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.objects import TALOS, KubeObject
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Workload, workload_of
from kubelint5xx.model.knobs import TEXT

LIBERAL_FLAG, LIBERAL_FIELD = "--conntrack-tcp-be-liberal", "conntrack.tcpBeLiberal"

_CONFIG_MAPS = ("kube-proxy", "kube-proxy-config")
_CILIUM_FLAG, _CILIUM_KEY = "--kube-proxy-replacement", "kube-proxy-replacement"


@record
class Liberal:
    """kube-proxy's setting of liberal connection tracking. ``where``: in its file or as a flag."""

    key: str
    node: Node
    place: Span
    where: str
    beside_config: Value | None = None

    @property
    def effective(self) -> bool | None:
        """Whether it switches liberal tracking on in a kube-proxy that knows it."""
        if self.beside_config is not None and self.beside_config.data is not False:
            return False
        return truth(self.node)


@record(frozen=False)
class KubeProxy:
    """What is known of one cluster's kube-proxy. ``place`` is where it is declared."""

    place: Span | None = None
    version: Value | None = None
    mode: Value | None = None
    replaced: Value | None = None
    liberal: tuple[Liberal, ...] = ()
    unseen: tuple[str, ...] = ("kube-proxy's configuration",)


def kube_proxy_of(scope: Scope) -> KubeProxy:
    """kube-proxy as the objects of a scope show it."""
    found = KubeProxy()
    for thing in scope.objects:
        if thing.kind == "DaemonSet":
            workload = workload_of(thing)
            if workload is not None:
                _daemon(found, workload)
        elif thing.kind == "ConfigMap" and thing.name in _CONFIG_MAPS and thing.namespace in ("kube-system", ""):
            for document in embedded_documents(thing.at("data")):
                _configuration(found, document)
        elif thing.kind == "KubeProxyConfiguration":
            _configuration(found, thing.root)
        elif thing.kind == TALOS:
            _talos(found, thing)
        elif thing.kind == "ConfigMap" and thing.name == "cilium-config":
            _replacement(found, thing.at("data", _CILIUM_KEY), _CILIUM_KEY)
    if found.replaced is None and found.place is not None:
        found.replaced = written(False, found.place, "kube-proxy")
    return found


def addon_configuration(node: Node | None) -> KubeProxy:
    """What the configuration values of EKS' add-on, a text in JSON or YAML, say."""
    found = KubeProxy(unseen=())
    for document in documents_in(node):
        _configuration(found, document)
    if node is not None and is_set(node) and not isinstance(node, (Scalar, Mapping)):
        found.unseen = (f"its configuration values ({why_unknown(node)})",)
    return found


def embedded_documents(data: Node | None) -> Iterator[Node]:
    """The documents that stand as texts in a ConfigMap's data."""
    for entry in data.entries if isinstance(data, Mapping) else ():
        yield from documents_in(entry.value)


def documents_in(node: Node | None) -> Iterator[Node]:
    """The documents of a text in YAML or JSON."""
    if isinstance(node, Mapping):
        yield node
    elif isinstance(node, Scalar) and isinstance(node.value, str) and ":" in node.value:
        source = embedded(node)
        reading = json.read(source) if node.value.lstrip().startswith("{") else yaml.read(source)
        for document in reading.documents:
            yield document.root


def image_version(image: Node | None) -> Value | None:
    """The version in an image's tag; None where it names none (no tag, or one such as ``latest``)."""
    if image is None:
        return None
    said = text(image)
    if said is None:
        return Value.unknown(why_unknown(image) or "the image is not a text", image.span)
    version = Version.parse(ImageName.parse(said).tag)
    if version is None:
        return None
    return Value(version, Written(image.span, "image"))


def arguments(container: Mapping) -> Sequence:
    """A container's command and arguments in one list."""
    words = [*items(container.get("command")), *items(container.get("args"))]
    return Sequence(container.span, tuple(words))


def _daemon(found: KubeProxy, workload: Workload) -> None:
    thing: KubeObject = workload.owner
    for container in items(workload.spec.get("containers")):
        if not isinstance(container, Mapping):
            continue
        image = container.get("image")
        name = ImageName.parse(text(image) or "").name
        if name.startswith("kube-proxy") or thing.name == text(container.get("name")) == "kube-proxy":
            found.place = image.span if image is not None else thing.span
            found.version = image_version(image)
            _flags(found, container, workload)
        elif name.startswith("cilium") and thing.name.startswith("cilium"):
            for node in argv.lookup(arguments(container), _CILIUM_FLAG):
                _replacement(found, node, _CILIUM_FLAG)


def _talos(found: KubeProxy, machine: KubeObject) -> None:
    image, mode, disabled = (machine.at("cluster", "proxy", key) for key in ("image", "mode", "disabled"))
    if image is not None and is_set(image):
        found.place, found.version = image.span, image_version(image)
    if mode is not None and is_set(mode):
        found.mode = value_of(mode, "proxy.mode", TEXT)
    if disabled is not None and truth(disabled) is True:
        found.replaced = written(True, disabled.span, "proxy.disabled")


def _flags(found: KubeProxy, container: Mapping, workload: Workload) -> None:
    words = arguments(container)
    configs = argv.lookup(words, "--config")
    modes = argv.lookup(words, "--proxy-mode")
    if not configs:
        # Without a file the flags are all there is.
        found.unseen = workload.unseen
        if modes:
            found.mode = value_of(modes[-1], "--proxy-mode", TEXT)
    place = configs[-1].span if configs else words.span
    beside = written(True, place, "--config") if configs else written(False, place, "--config")
    for node in argv.lookup(words, LIBERAL_FLAG):
        flag = Liberal(LIBERAL_FLAG, node, node.span, "kube-proxy-flag", beside)
        found.liberal = (*found.liberal, flag)


def _configuration(found: KubeProxy, document: Node) -> None:
    if not isinstance(document, Mapping):
        return
    kind = text(document.get("kind"))
    if kind not in (None, "KubeProxyConfiguration"):
        return
    mode = document.get("mode")
    if kind or mode is not None:
        found.unseen = ()
    if mode is not None and text(mode) != "" and is_set(mode):
        found.mode = value_of(mode, "mode", TEXT)
    conntrack = document.get("conntrack")
    entry = conntrack.entry("tcpBeLiberal") if isinstance(conntrack, Mapping) else None
    if entry is not None:
        said = Liberal(LIBERAL_FIELD, entry.value, entry.key.span, "kube-proxy-config")
        found.liberal = (*found.liberal, said)


def _replacement(found: KubeProxy, node: Node | None, setting: str) -> None:
    if node is None or not is_set(node):
        return
    said = text(node)
    if said is None:
        found.replaced = Value.unknown(why_unknown(node) or f"{setting} is not a text", node.span)
    else:
        # "partial" and "probe" leave kube-proxy a part of its work.
        found.replaced = written(said.lower() in ("true", "strict"), node.span, setting)
