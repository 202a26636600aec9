"""Pod templates, whoever makes pods of them, and what of a pod decides how it drains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Mapped

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Unresolved, child, items, text
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Derived, Subject, Value, Written
from kubelint5xx.hops.convert import seconds
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.prestop import prestop_values

KINDS = (
    "ECS service", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet",
    "ReplicationController", "Rollout", "Pod", "Service", "DeploymentConfig",
)  # fmt: skip
DRAIN_DELAY, DRAIN_BEGINS = "kubelint5xx.io/drain-delay", "kubelint5xx.io/drain-begins"

_LIFECYCLE = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/"
_PROBES = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Probe"
# Helpers that serve no requests of their own, by the container's or the image's name.
_HELPERS = frozenset({
    "istio-proxy", "linkerd-proxy", "cloudsql-proxy", "cloud-sql-proxy", "cloud-sql-proxies", "datadog-agent",
    "fluent-bit", "fluentd", "filebeat", "vault-agent", "vault-k8s", "otel-collector", "opentelemetry-collector",
    "aws-otel-collector", "xray-daemon", "aws-xray-daemon", "nginx-prometheus-exporter", "nginx-exporter",
    "statsd-exporter", "php-fpm-exporter", "config-reloader", "git-sync", "promtail", "vector", "newrelic-infra",
    "cwagent", "cloudwatch-agent", "aws-for-fluent-bit", "log-router",
})  # fmt: skip


@record(eq=False)
class Workload:
    """``owner`` makes pods of ``spec``; ``metadata`` is that of the pods, with their ``labels``."""

    owner: KubeObject
    spec: Mapping
    metadata: Mapping | None
    labels: dict[str, str]

    @property
    def annotations(self) -> Mapping | None:
        found = self.metadata.get("annotations") if self.metadata else None
        return found if isinstance(found, Mapping) else None

    @property
    def unseen(self) -> tuple[str, ...]:
        """What may change the templates and was not read."""
        return (f"overlay {self.owner.patched_by} was not built",) if self.owner.patched_by else ()

    def annotation(self, key: str) -> Node | None:
        return self.annotations.get(key) if self.annotations else None

    @property
    def shares_processes(self) -> bool:
        """Whether its containers are, or may be, no process 1."""
        return text(self.spec.get("shareProcessNamespace")) not in (None, "false")

    def containers(self) -> Iterator[Container]:
        """The containers that run beside each other: native sidecars are among them."""
        for item in items(self.spec.get("initContainers")):
            if isinstance(item, Mapping) and text(item.get("restartPolicy")) == "Always":
                yield Container(self, item, True)
        for item in items(self.spec.get("containers")):
            if isinstance(item, Mapping):
                yield Container(self, item, False)


@record(eq=False)
class Container:
    """One container of a workload; ``native_sidecar``: an init container that goes on running."""

    workload: Workload
    node: Mapping
    native_sidecar: bool

    @property
    def name(self) -> str:
        return text(self.node.get("name")) or "without a name"

    @property
    def title(self) -> str:
        return f"container {self.name} of {self.workload.owner.title}"

    @property
    def place(self) -> Span:
        name = self.node.get("name")
        return name.span if isinstance(name, Scalar) else self.node.span.first_line()

    @property
    def helper(self) -> bool:
        image = ImageName.parse(text(self.node.get("image")) or "")
        return self.name in _HELPERS or image.name in _HELPERS

    def port_named(self, name: str) -> int | None:
        for port in items(self.node.get("ports")):
            if isinstance(port, Mapping) and text(port.get("name")) == name:
                return whole_number(port.get("containerPort"))
        return None

    def declares(self, number: int) -> bool:
        return any(whole_number(child(port, "containerPort")) == number for port in items(self.node.get("ports")))

    def default(self, setting: str, cite: str = _LIFECYCLE) -> Default:
        """The origin of what holds because the container does not set ``setting``."""
        return Default("Kubernetes", setting, cite, self.place, self.workload.unseen)


def workload_of(thing: KubeObject) -> Workload | None:
    """The pods that an object makes; None for one that makes none, or none that serve."""
    if thing.kind not in KINDS or (thing.kind == "Service" and thing.group != "serving.knative.dev"):
        return None
    template: Node | None = thing.root if thing.kind == "Pod" else thing.at("spec", "template")
    spec, metadata = child(template, "spec"), child(template, "metadata")
    if not isinstance(spec, Mapping):
        return None
    labels = labels_of(child(metadata, "labels"))
    return Workload(thing, spec, metadata if isinstance(metadata, Mapping) else None, labels)


def workloads_of(things: Iterable[KubeObject]) -> list[Workload]:
    """The workloads among objects. Argo's Rollout may take the template of a Deployment, which is then scaled down, or
    serves beside it (https://argoproj.github.io/argo-rollouts/features/specification/)."""
    found, borrowers = [], []
    for thing in things:
        if (workload := workload_of(thing)) is not None:
            found.append(workload)
        elif thing.kind == "Rollout" and isinstance(thing.at("spec", "workloadRef"), Mapping):
            borrowers.append(thing)
    return [_borrowed(workload, borrowers) for workload in found] if borrowers else found


def _borrowed(workload: Workload, rollouts: list[KubeObject]) -> Workload:
    owner = workload.owner
    for rollout in rollouts:
        kind, name, scaled = (text(rollout.at("spec", "workloadRef", key)) for key in ("kind", "name", "scaleDown"))
        same = (kind, name, rollout.namespace) == (owner.kind, owner.name, owner.namespace)
        if same and (scaled in ("onsuccess", "progressively") or text(owner.at("spec", "replicas")) == "0"):
            return Workload(rollout, workload.spec, workload.metadata, workload.labels)
    return workload


def serving_container(workload: Workload, target: Node) -> tuple[Container, int | None] | str:
    """The container that listens on a Service's target port, with the port; a text tells why none is known."""
    containers = list(workload.containers())
    number = whole_number(target)
    if number is None:
        name = text(target)
        if name is None:
            return target.reason if isinstance(target, Unresolved) else "the target port is not known"
        found = [(one, one.port_named(name)) for one in containers if one.port_named(name) is not None]
        return found[0] if found else f"no container of {workload.owner.title} has a port named {name}"
    declaring = [one for one in containers if one.declares(number)]
    if len(declaring) == 1:
        return declaring[0], number
    serving = [one for one in (declaring or containers) if not one.helper]
    if len(serving) == 1:
        return serving[0], number
    what = "several containers" if serving else "no container"
    return f"{what} of {workload.owner.title} may listen on port {number}"


def pod_subject(container: Container, start: Mapped[str, Value]) -> Subject:
    """The pod as the container that receives the requests sees it. ``start``: what its image and its start tell."""
    workload = container.workload
    lifecycle = container.node.get("lifecycle")
    hook = child(lifecycle, "preStop")
    if hook is None and lifecycle is None and container.node.open:
        hook = Unresolved(container.place, container.node.open)
    none = container.default(
        "lifecycle.preStop", "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/"
    )
    values = prestop_values(hook, none)
    values |= _declared_drain(workload, values, none)
    values |= _readiness(container)
    values["grace"] = _grace(workload)
    values |= start
    values["serves_in_sidecar"] = _serves_in_sidecar(container)
    return Subject("pod", workload.owner.title, container.place, values)


def _declared_drain(workload: Workload, hook: dict[str, Value], none: Default) -> dict[str, Value]:
    """What the pod's annotations say about its drain, over what its hook shows."""
    begins, delay = workload.annotation(DRAIN_BEGINS), workload.annotation(DRAIN_DELAY)
    found = {"drains_before_deletion": Value(False, Default("kubelint5xx", DRAIN_BEGINS, "", none.place, none.unseen))}
    if begins is not None:
        said = (text(begins) or "").strip().lower()
        origin = Written(begins.span, DRAIN_BEGINS)
        if said == "readiness":
            found["drains_by_readiness"] = found["drains_before_deletion"] = Value(True, origin)
        else:
            unknown = Value(None, origin, f"{DRAIN_BEGINS} has only one meaning, readiness")
            found["drains_by_readiness"] = found["drains_before_deletion"] = unknown
    drains = found.get("drains_by_readiness", hook["drains_by_readiness"])
    if delay is not None and drains.data is True:
        length = seconds(text(delay) or "")
        origin = Written(delay.span, DRAIN_DELAY)
        reason = "" if length is not None else f"{DRAIN_DELAY} is no length of time"
        found["drain_period"] = Value(length, origin, reason)
    return found


def _grace(workload: Workload) -> Value:
    node, setting = workload.spec.get("terminationGracePeriodSeconds"), "terminationGracePeriodSeconds"
    if node is None or (isinstance(node, Scalar) and node.value is None):
        if node is None and workload.spec.open:
            return Value.unknown(workload.spec.open, workload.owner.span)
        return Value(30.0, Default("Kubernetes", setting, _LIFECYCLE, workload.owner.span, workload.unseen))
    return number_value(node, setting, "s")


def _readiness(container: Container) -> dict[str, Value]:
    probe = container.node.get("readinessProbe")
    if probe is None or (isinstance(probe, Scalar) and probe.value is None):
        if probe is None and container.node.open:
            unknown = Value.unknown(container.node.open, container.place)
            return {"readiness_probe": unknown, "readiness": unknown}
        return {
            "readiness_probe": Value(False, container.default("readinessProbe", _PROBES)),
            "readiness": Value.unknown("it has no readiness probe", container.place),
        }
    if not isinstance(probe, Mapping):
        reason = probe.reason if isinstance(probe, Unresolved) else "readinessProbe is not a mapping"
        return {name: Value.unknown(reason, probe.span) for name in ("readiness_probe", "readiness")}
    entry = container.node.entry("readinessProbe")
    place = entry.key.span if entry else probe.span
    period = _probe_number(probe, "periodSeconds", 10.0, place, container)
    threshold = _whole(_probe_number(probe, "failureThreshold", 3.0, place, container))
    timeout = _probe_number(probe, "timeoutSeconds", 1.0, place, container)
    found = {"readiness_probe": Value(True, Written(place, "readinessProbe"))}
    origin = Derived("periodSeconds × failureThreshold + timeoutSeconds", (period, threshold, timeout))
    numbers = [value.data for value in (period, threshold, timeout) if isinstance(value.data, (int, float))]
    if len(numbers) == 3:
        return found | {"readiness": Value(numbers[0] * numbers[1] + numbers[2], origin)}
    reason = next(value.reason for value in (period, threshold, timeout) if not value.known)
    return found | {"readiness": Value(None, origin, reason)}


def _probe_number(probe: Mapping, key: str, default: float, place: Span, container: Container) -> Value:
    node = probe.get(key)
    # The API server takes 0 for unset.
    if node is None or (isinstance(node, Scalar) and node.value in (None, 0)):
        if node is None and probe.open:
            return Value.unknown(probe.open, place)
        setting = f"readinessProbe.{key}"
        return Value(default, Default("Kubernetes", setting, _PROBES, place, container.workload.unseen))
    return number_value(node, f"readinessProbe.{key}", "" if key == "failureThreshold" else "s")


def _whole(value: Value) -> Value:
    """A count, which has no unit, where the number is one."""
    if isinstance(value.data, float) and value.data.is_integer():
        return replace(value, data=int(value.data))
    return value


def _serves_in_sidecar(container: Container) -> Value:
    policy = container.node.get("restartPolicy")
    if container.native_sidecar and policy is not None:
        return Value(True, Written(policy.span, "initContainers.restartPolicy"))
    return Value(False, Written(container.place, "containers"))


def number_value(node: Node, setting: str, unit: str = "") -> Value:
    """A number that the API takes only as a number, as a value."""
    via = node.via if isinstance(node, (Scalar, Unresolved, Reference)) else ()
    origin = Written(node.span, setting, unit, via)
    number = node.value if isinstance(node, Scalar) and not isinstance(node.value, bool) else None
    if isinstance(number, (int, float)) and 0 <= number < math.inf:
        return Value(float(number), origin)
    return Value(None, origin, node.reason if isinstance(node, Unresolved) else f"{setting} is not a number")


def whole_number(node: Node | None) -> int | None:
    """A port: an integer that is written as one."""
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value if 0 < node.value < 65536 else None
    return None
