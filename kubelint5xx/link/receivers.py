"""What receives the requests of a Service's port: pods, the server in them, and who it passes requests to there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join, Subject, Value, Written
from kubelint5xx.hops.detect import Unrecognised, hop_of
from kubelint5xx.hops.launch import Launch
from kubelint5xx.link.containers import Started, start_of, unpublished
from kubelint5xx.link.disruption_budgets import disruption_values
from kubelint5xx.link.health_paths import readiness_target
from kubelint5xx.link.images import Builds
from kubelint5xx.link.ingress_nginx import controller_hop, controller_in, start_values
from kubelint5xx.link.meshes import Mesh, mesh_of, sidecar_values
from kubelint5xx.link.policies import mutated_values
from kubelint5xx.link.readiness_gates import own_gate
from kubelint5xx.link.rollouts import rollout_values
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.services import LabelIndex, ServicePort, label_index, pods_of
from kubelint5xx.link.workloads import Container, Workload, pod_subject, serving_container, workload_of
from kubelint5xx.model.topology import Hop, Undecided

_COMMENT = pattern(r"^[ \t]*#.*$", re.MULTILINE)
_LOCAL_UPSTREAM = pattern(
    r"(?:proxy_pass\s+https?://|server\s+)(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})\b|"
    r"address:\s*[\"']?(?:127\.0\.0\.1|localhost)[\"']?[\s,]+port_value:\s*(\d{1,5})\b"
)
_HTTP_UPSTREAM = pattern(r"\bproxy_pass\s+https?://")
_OTHER_UPSTREAM = pattern(r"\b(?:grpc|fastcgi|uwsgi|scgi|memcached)_pass\b|\bproxy_http_version\s+2\b")
_PROXIES = ("nginx", "envoy")
# What an application tells about its own end, whoever stands before it.
_OWN_DRAIN = ("drain_delay", "shutdown_timeout", "graceful")


@record(eq=False)
class Receiver:
    """One server that receives requests, on ``port`` where that is known. ``behind``: those in the same pod that it
    passes requests on to, in the protocol ``speaks`` (None where that is not known)."""

    container: Container
    hop: Hop
    pod: Subject
    joins: tuple[Join, ...] = ()
    behind: tuple[Receiver, ...] = ()
    speaks: Value | None = None
    port: int | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        owner = self.container.workload.owner
        return Step(owner.title, owner.span), Step(self.hop.name, self.container.place)


class Receivers:
    """Finds receivers; each container's server and pod are made once, so that findings about them meet."""

    def __init__(self, builds: Builds, config: Config) -> None:
        self.undecided: list[Undecided] = []
        self._builds, self._config = builds, config
        self._workloads: dict[int, list[Workload]] = {}
        self._by_label: dict[int, LabelIndex] = {}
        self._beside: dict[int, dict[str, frozenset[str]]] = {}
        self._started: dict[tuple[int, int | None], Started] = {}
        self._pods: dict[int, Subject] = {}
        self._made: dict[tuple[int, int | None], Receiver] = {}

    def workloads(self, scope: Scope) -> Sequence[Workload]:
        key = id(scope)
        if key not in self._workloads:
            self._workloads[key] = [found for thing in scope.objects if (found := workload_of(thing))]
        return self._workloads[key]

    def pods(self, port: ServicePort, scope: Scope, anywhere: bool = False) -> list[Workload] | str:
        """The workloads behind a Service's port, or why none is known; those nearest to it, unless ``anywhere``."""
        if id(scope) not in self._by_label:
            self._by_label[id(scope)] = label_index(self.workloads(scope))
        return pods_of(port.service, self._by_label[id(scope)], anywhere)

    def of_port(self, port: ServicePort, scope: Scope) -> list[Receiver]:
        """The servers that receive what comes to a Service's port. Why there is none is noted as undecided."""
        pods = self.pods(port, scope)
        if isinstance(pods, str):
            return self._note(port.title, pods, port.service.span)
        found: list[Receiver] = []
        for workload in pods:
            target = port.target
            served = serving_container(workload, target) if target is not None else "the port has no number"
            if isinstance(served, str):
                self._note(port.title, served, target.span if target else port.service.span)
            else:
                found.append(self.of_container(*served, scope))
        return found

    def of_container(self, container: Container, number: int | None, scope: Scope) -> Receiver:
        # A manifest's container is one node, however often it is asked for.
        key = id(container.node), number
        if key not in self._made:
            self._made[key] = self._make(container, number, scope)
        return self._made[key]

    def launch_of(self, container: Container, number: int | None, scope: Scope) -> Launch:
        return self._start(container, number, scope).launch

    def _start(self, container: Container, number: int | None, scope: Scope) -> Started:
        key = id(container.node), number
        if key not in self._started:
            if id(scope) not in self._beside:
                self._beside[id(scope)] = unpublished(self.workloads(scope))
            folder = container.workload.owner.path.rpartition("/")[0]
            beside = self._beside[id(scope)].get(folder, frozenset())
            self._started[key] = start_of(container, number, scope, self._builds, self._config, beside)
        return self._started[key]

    def _make(self, container: Container, number: int | None, scope: Scope) -> Receiver:
        started = self._start(container, number, scope)
        workload = container.workload
        own = tuple(join for join in started.joins if join.assumed)
        controller = controller_in(workload)
        if controller is not None and controller.node is container.node:
            hop = controller_hop(container, started.launch, scope, started.joins)
        else:
            hop = self._server(container, started)
        # One pod, whichever of its ports is asked for.
        mesh = mesh_of(workload, scope)
        pod = self._pods.get(id(container.node))
        if pod is None:
            pod = self._pods[id(container.node)] = pod_subject(container, started.values, own)
            pod.values.update(
                rollout_values(workload, scope)
                | disruption_values(workload, scope, self.workloads(scope))
                | readiness_target(container)
                | sidecar_values(workload, scope, mesh)
                | (start_values(container) if hop.product == "ingress_nginx" else {})
                | {"readiness_gate": own_gate(workload)}
                | mutated_values(workload, scope)
            )
        receiver = Receiver(container, hop, pod, own, port=number)
        if mesh is not None:
            return replace(receiver, hop=_sidecar(hop, workload, mesh))
        if hop.product in _PROXIES:
            behind = self._behind(container, started.launch, scope)
            return replace(receiver, behind=behind, speaks=_spoken(hop, started.launch))
        return receiver

    def _server(self, container: Container, started: Started) -> Hop:
        found = hop_of(started.launch, started.joins)
        if isinstance(found, Hop):
            return found
        assert isinstance(found, Unrecognised)
        self._note(f"the server in {container.title}", found.reason, found.place or container.place)
        return unknown_hop("server", f"the server in {container.title}", container.place)

    def _behind(self, container: Container, launch: Launch, scope: Scope) -> tuple[Receiver, ...]:
        """The servers of the same pod that a proxy passes requests to by way of the loopback address."""
        others = [one for one in container.workload.containers() if one.node is not container.node]
        found: list[Receiver] = []
        for number in _local_ports(launch):
            declaring = [one for one in others if one.declares(number)]
            serving = declaring or [one for one in others if not one.helper]
            if len(serving) == 1:
                found.append(self.of_container(serving[0], number, scope))
            elif serving:
                what = f"port {number} behind {container.title}"
                self._note(what, "several containers may listen there", container.place)
        return tuple(dict.fromkeys(found))

    def _note(self, what: str, reason: str, place: Span | None) -> list[Receiver]:
        undecided = Undecided(what, reason, place)
        if undecided not in self.undecided:
            self.undecided.append(undecided)
        return []


def unknown_hop(role: str, name: str, place: Span | None) -> Hop:
    """A program of which nothing is known but that requests pass it."""
    return Hop("", role, name, place, Subject("hop", name, place, {}), Subject("hop", name, place, {}))


def _local_ports(launch: Launch) -> list[int]:
    found: dict[int, None] = {}
    for source in launch.files.seen.values():
        if "127.0.0.1" in source.text or "localhost" in source.text or "[::1]" in source.text:
            for match in _LOCAL_UPSTREAM.finditer(_COMMENT.sub("", source.text)):
                found[int(match[1] or match[2])] = None
    return list(found)


def _spoken(proxy: Hop, launch: Launch) -> Value | None:
    """What nginx speaks to its upstreams, where it speaks the same to all of them."""
    texts = [(source, _COMMENT.sub("", source.text)) for source in launch.files.seen.values()]
    if proxy.product != "nginx" or any(_OTHER_UPSTREAM.search(content) for _, content in texts):
        return None
    for source, content in texts:
        if _HTTP_UPSTREAM.search(content) and (found := _HTTP_UPSTREAM.search(source.text)):
            return Value("http1", Written(Span(source, found.start(), found.end()), "proxy_pass"))
    return None


def _sidecar(server: Hop, workload: Workload, mesh: Mesh) -> Hop:
    """The mesh's proxy as the receiver: the server behind it is no neighbour of who sends."""
    hop = unknown_hop("sidecar", f"the {mesh.name} sidecar of {workload.owner.title}", mesh.place)
    for face, own in ((hop.inbound, server.inbound), (hop.outbound, server.outbound)):
        face.values.update({name: own.values[name] for name in _OWN_DRAIN if name in own.values})
    return hop
