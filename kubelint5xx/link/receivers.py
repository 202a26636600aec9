"""What receives the requests of a Service's port: pods, the server in them, and who it passes requests to there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Step
from kubelint5xx.core.node import child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Join, Subject, Value, Written, doubted
from kubelint5xx.hops.detect import Unrecognised, hop_of
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.resolve import Settings
from kubelint5xx.hops.table import table
from kubelint5xx.link.containers import Started, start_of, unpublished
from kubelint5xx.link.disruption_budgets import disruption_values
from kubelint5xx.link.haproxy_config_map import config_map_of
from kubelint5xx.link.health_paths import readiness_target
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.images import Builds
from kubelint5xx.link.ingress_nginx import controller_hop, controller_in, start_values
from kubelint5xx.link.meshes import Mesh, mesh_of, sidecar_values
from kubelint5xx.link.policies import mutated_values
from kubelint5xx.link.readiness_gates import own_gate
from kubelint5xx.link.rollouts import rollout_values
from kubelint5xx.link.scopes import Scope, may_meet
from kubelint5xx.link.services import LabelIndex, ServicePort, label_index, pods_of
from kubelint5xx.link.workloads import Container, Workload, pod_subject, serving_container, workloads_of
from kubelint5xx.model.topology import Hop, Undecided

if TYPE_CHECKING:
    from kubelint5xx.link.service_upstreams import Onward

_COMMENT = pattern(r"^[ \t]*#.*$", re.MULTILINE)
_LOCAL_UPSTREAM = pattern(
    r"(?:proxy_pass\s+https?://|server\s+)(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})\b|"
    r"address:\s*[\"']?(?:127\.0\.0\.1|localhost)[\"']?[\s,]+port_value:\s*(\d{1,5})\b"
)
_HTTP_UPSTREAM = pattern(r"\bproxy_pass\s+https?://")
_OTHER_UPSTREAM = pattern(r"\b(?:grpc|fastcgi|uwsgi|scgi|memcached)_pass\b|\bproxy_http_version\s+2\b")
_PROXIES = ("nginx", "envoy")
_BY_CONFIG_MAP = ("haproxy_ingress", "haproxytech_ingress")
_FORWARDERS = ("nginx", "envoy", "haproxy", "caddy", "apache_httpd")
_FORWARDS = pattern(
    r"_pass\b|\bsocket_address\b|^\s*server\s|\breverse_proxy\b|\bProxyPass|\bBalancerMember\b", re.MULTILINE
)
# What an application tells about its own end, whoever stands before it.
_OWN_DRAIN = ("drain_delay", "shutdown_timeout", "graceful")


@record(eq=False)
class Receiver:
    """One server that receives requests, on ``port`` where that is known. ``behind``: those in the same pod that it
    passes requests on to, in the protocol ``speaks`` (None where that is not known); ``onward`` those in other pods, by
    way of their Services. ``transport``: what its port serves, where another repository tells it."""

    container: Container
    hop: Hop
    pod: Subject
    joins: tuple[Join, ...] = ()
    behind: tuple[Receiver, ...] = ()
    speaks: Value | None = None
    port: int | None = None
    transport: Value | None = None
    onward: tuple[Onward, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        owner = self.container.workload.owner
        return Step(owner.title, owner.span), Step(self.hop.name, self.container.place)


class Receivers:
    """Finds receivers; each container's server and pod are made once, so that findings about them meet. ``told``: those
    of other repositories, by the identity of the node of the Service's port. ``others``: the scopes of these;
    ``scopes``: those of this one."""

    def __init__(
        self,
        builds: Builds,
        config: Config,
        told: Mapping[int, tuple[Receiver, ...]] | None = None,
        others: Sequence[Scope] = (),
        scopes: Sequence[Scope] = (),
    ) -> None:
        self.undecided: list[Undecided] = []
        self._told, self._others, self._scopes = told or {}, others, scopes
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
            self._workloads[key] = workloads_of(scope.objects)
        return self._workloads[key]

    def controllers(self, scope: Scope) -> list[tuple[Container, Scope]]:
        """The controllers of ingress-nginx in a scope, else those in other repositories; each with its scope."""
        for scopes in ((scope,), self._others):
            found = [(one, where) for where in scopes for each in self.workloads(where) if (one := controller_in(each))]
            if found:
                return [(one, where) for one, where in found if where is scope or may_meet(scope.name, one.place.path)]
        return []

    def pods(self, port: ServicePort, scope: Scope, anywhere: bool = False) -> list[Workload] | str:
        """The workloads behind a Service's port, or why none is known; those nearest to it, unless ``anywhere``."""
        if id(port.node) in self._told:
            return f"the pods of {port.title} are in another repository"
        if id(scope) not in self._by_label:
            self._by_label[id(scope)] = label_index(self.workloads(scope))
        return pods_of(port.service, self._by_label[id(scope)], anywhere)

    def of_port(self, port: ServicePort, scope: Scope) -> list[Receiver]:
        """The servers that receive what comes to a Service's port. Why there is none is noted as undecided."""
        if (told := self._told.get(id(port.node))) is not None:
            return list(told)
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

    def made(self) -> list[tuple[Receiver, Started]]:
        """The receivers that were found so far, each with how its container starts."""
        return [(receiver, self._started[key]) for key, receiver in self._made.items()]

    def launch_of(self, container: Container, number: int | None, scope: Scope) -> Launch:
        return self._start(container, number, scope).launch

    def _start(self, container: Container, number: int | None, scope: Scope) -> Started:
        key = id(container.node), number
        if key not in self._started:
            used = self._unpublished(scope)
            self._started[key] = start_of(container, number, scope, self._builds, self._config, used, self._one_image)
        return self._started[key]

    def _unpublished(self, scope: Scope) -> Mapping[str, frozenset[str]]:
        if id(scope) not in self._beside:
            self._beside[id(scope)] = unpublished(self.workloads(scope))
        return self._beside[id(scope)]

    @cached_property
    def _one_image(self) -> bool:
        """Whether all manifests together use one image only that nobody publishes."""
        used = (images for scope in self._scopes for images in self._unpublished(scope).values())
        return len(frozenset().union(*used)) == 1

    def _make(self, container: Container, number: int | None, scope: Scope) -> Receiver:
        started = self._start(container, number, scope)
        workload = container.workload
        own = tuple(join for join in started.joins if join.assumed)
        # Of its pod only what the image tells rests on how the image was found.
        told = {name: doubted(value, own) for name, value in started.values.items()}
        controller = controller_in(workload)
        if controller is not None and controller.node is container.node:
            hop = controller_hop(container, started.launch, scope, started.joins)
        else:
            hop = self._server(container, started, scope)
        # One pod, whichever of its ports is asked for.
        mesh = mesh_of(workload, scope)
        pod = self._pods.get(id(container.node))
        if pod is None:
            pod = self._pods[id(container.node)] = pod_subject(container, told)
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
            receiver = replace(receiver, behind=behind, speaks=_spoken(hop, started.launch))
        if hop.product in _FORWARDERS and any(map(_FORWARDS.search, _texts(started.launch))):
            from kubelint5xx.link.service_upstreams import onward_of

            found = onward_of(hop, container, started.launch, scope, self._config)
            for place, reason in found.missing:
                self._note(f"what {hop.name} passes requests on to", reason, place)
            return replace(receiver, onward=found.known)
        return receiver

    def _server(self, container: Container, started: Started, scope: Scope) -> Hop:
        def linked(product: str) -> tuple[Settings, ...]:
            return (config_map_of(container, table(product).title, scope),) if product in _BY_CONFIG_MAP else ()

        found = hop_of(started.launch, started.joins, linked)
        if isinstance(found, Hop):
            return _as_contour_has_it(found, container.workload) if found.product == "envoy" else found
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


def _texts(launch: Launch) -> list[str]:
    return [source.text for source in launch.files.seen.values()]


def _as_contour_has_it(envoy: Hop, workload: Workload) -> Hop:
    """Envoy where Contour's bootstrap starts it: Contour sends it its listeners, with an idle timeout of its own."""
    beside = (*items(workload.spec.get("initContainers")), *items(workload.spec.get("containers")))
    images = {ImageName.parse(text(child(one, "image")) or "").name for one in beside}
    idle = envoy.inbound.values.get("idle_timeout")
    if "contour" in images and idle is not None and isinstance(idle.origin, Default):
        envoy.inbound.values["idle_timeout"] = Value.unknown("Contour tells it", envoy.place)
    return envoy


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
