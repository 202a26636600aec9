"""ingress-nginx as a hop: its controller's ConfigMap and flags, and each Ingress's annotations.

It sends to pods by their own addresses, and to a Service's ClusterIP only where ``service-upstream`` says so.
"""

from __future__ import annotations

from kubelint5xx.config import Config
from kubelint5xx.core.node import Mapping, Scalar, Sequence, Unresolved, items, text
from kubelint5xx.core.value import Default, Derived, Join, Value, Version, Written
from kubelint5xx.formats import argv as command_lines
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.ingress_classes import NGINX_PREFIX
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Container, Workload
from kubelint5xx.model.topology import Hop

PRODUCT = "ingress_nginx"
_IMAGE = "https://github.com/kubernetes/ingress-nginx/blob/main/rootfs/Dockerfile"
_ANNOTATIONS = "https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/"


def controller_in(workload: Workload) -> Container | None:
    """The container of ``workload`` that is ingress-nginx's controller."""
    labelled = workload.labels.get("app.kubernetes.io/name") == "ingress-nginx"
    component = workload.labels.get("app.kubernetes.io/component", "controller")
    for container in workload.containers():
        image = ImageName.parse(text(container.node.get("image")) or "").repository
        if image.endswith(("ingress-nginx/controller", "ingress-nginx/controller-chroot", "nginx-ingress-controller")):
            return container
        if labelled and component == "controller" and not container.helper:
            return container
    return None


def controller_hop(container: Container, launch: Launch, scope: Scope, joins: tuple[Join, ...] = ()) -> Hop:
    """The controller as requests reach it, and as it sends them on where an Ingress says nothing else."""
    name = f"ingress-nginx in {container.title}"
    settings = _settings(launch, container, scope)
    return build_hop(PRODUCT, name, container.place, settings, launch.port, _version(launch), joins=joins)


def start_values(container: Container) -> dict[str, Value]:
    """What the controller's image tells of its start: an init program runs the controller, which tells nginx to end."""
    origin = Default("ingress-nginx", "", _IMAGE, container.place, container.workload.unseen)
    return {"passes_signals": Value(True, origin)}


def sender_for(
    ingress: KubeObject, container: Container | None, launch: Launch | None, scope: Scope, class_name: str
) -> Hop:
    """The hop that sends the requests of one Ingress; without a controller in sight its ConfigMap is unseen."""
    annotations = _annotations(ingress)
    if container is None or launch is None:
        unseen = "the controller is not among the files"
        settings: tuple[Settings, ...] = (
            Settings("configmap", None, "the ConfigMap of ingress-nginx", unseen),
            Settings("argv", None, "the command line", unseen),
            annotations,
        )
        return build_hop(PRODUCT, f"ingress-nginx (class {class_name or 'of no name'})", ingress.span, settings)
    settings = (*_settings(launch, container, scope)[:-1], annotations)
    name = f"ingress-nginx in {container.title}"
    return build_hop(PRODUCT, name, container.place, settings, None, _version(launch))


def service_upstream(ingress: KubeObject, container: Container | None, scope: Scope) -> Value:
    """Whether it sends to the Service's ClusterIP instead of to the pods."""
    setting = f"{NGINX_PREFIX}service-upstream"
    node, found = ingress.annotation(setting), "service-upstream"
    unseen = () if container else ("the ConfigMap of ingress-nginx",)
    if node is None and container is not None:
        config_map = config_map_of(container, scope)
        data = config_map.at("data") if isinstance(config_map, KubeObject) else None
        node = data.get("service-upstream") if isinstance(data, Mapping) else None
        if node is None and isinstance(config_map, str):
            unseen = (config_map,)
    if node is None:
        return Value(False, Default("ingress-nginx", setting, f"{_ANNOTATIONS}#service-upstream", ingress.span, unseen))
    via = node.via if isinstance(node, (Scalar, Unresolved)) else ()
    said = {"true": True, "false": False}.get((text(node) or "").lower())
    origin = Written(node.span, found, "", via)
    return Value(said, origin, "" if said is not None else "it is neither true nor false")


def facts_of(ingress: KubeObject, through_service: Value, config: Config) -> dict[str, Value]:
    """The values of the edge from ingress-nginx to the pods."""
    how = Derived("ingress-nginx sends to a ClusterIP only with service-upstream", (through_service,))
    pinned = Value(through_service.data, how, through_service.reason)
    target = None if not through_service.known else "service" if through_service.data else "ip"
    return {
        "protocol": _protocol(ingress),
        "target_type": Value(target, how, through_service.reason),
        "pinned": pinned,
        "through_kube_proxy": pinned,
        "propagation": config.budget("endpoint_propagation"),
    }


def _protocol(ingress: KubeObject) -> Value:
    setting = f"{NGINX_PREFIX}backend-protocol"
    node = ingress.annotation(setting)
    if node is None:
        unseen = (f"overlay {ingress.patched_by} was not built",) if ingress.patched_by else ()
        origin = Default("ingress-nginx", setting, f"{_ANNOTATIONS}#backend-protocol", ingress.span, unseen)
        return Value("http1", origin)
    said = {"HTTP": "http1", "HTTPS": "http1", "AUTO_HTTP": "http1", "GRPC": "grpc", "GRPCS": "grpc"}
    known = said.get((text(node) or "").upper())
    return Value(known, Written(node.span, setting), "" if known else f"{setting} is not HTTP and not GRPC")


def _settings(launch: Launch, container: Container, scope: Scope) -> tuple[Settings, ...]:
    found = config_map_of(container, scope)
    if isinstance(found, str):
        config = Settings("configmap", None, "the ConfigMap of ingress-nginx", found)
    elif found is None:
        config = Settings("configmap", None, "the ConfigMap of ingress-nginx")
    else:
        data = found.at("data")
        why = f"overlay {found.patched_by} was not built" if found.patched_by else ""
        if isinstance(data, Mapping):
            data = Mapping(data.span, data.entries, data.open or why)
        unseen = data.reason if isinstance(data, Unresolved) else why if data is None else ""
        config = Settings("configmap", data, found.title, unseen)
    argv = launch.argv or _flags(container)
    line = Settings("argv", argv, "the command line", "" if argv else launch.argv_unseen)
    return config, line, Settings("annotation", None, "the annotations")


def _flags(container: Container) -> Sequence | None:
    """The command line as the manifest has it; the image's own entry point adds no flags."""
    words = (*items(container.node.get("command")), *items(container.node.get("args")))
    return Sequence(container.place, words) if words else None


def _annotations(ingress: KubeObject) -> Settings:
    label = f"the annotations of {ingress.title}"
    node = ingress.at("metadata", "annotations")
    if isinstance(node, Unresolved):
        return Settings("annotation", None, label, node.reason)
    given = node if isinstance(node, Mapping) else Mapping(ingress.span)
    why = f"overlay {ingress.patched_by} was not built" if ingress.patched_by else given.open
    return Settings("annotation", Mapping(given.span, given.entries, why), label)


def config_map_of(container: Container, scope: Scope) -> KubeObject | str | None:
    """The controller's ConfigMap; None where its flags name none, a text tells why it is not known."""
    line = _flags(container)
    namespace, name, given = container.workload.owner.namespace, "ingress-nginx-controller", False
    if isinstance(line, Sequence):
        named = command_lines.lookup(line, "--configmap")
        if named:
            given = True
            written = text(named[-1]) or ""
            place, _, name = written.rpartition("/")
            if not name or "$" in name:
                return "the name of its ConfigMap is not known"
            # A variable in the namespace's place stands for the pod's own.
            if place and "$" not in place:
                namespace = "" if place == "default" else place
    found = scope.find("ConfigMap", namespace, name)
    if found is None:
        by_name = [thing for thing in scope.of("ConfigMap") if thing.name == name]
        found = by_name[0] if len(by_name) == 1 else None
    if found is None and (given or line is None):
        return f"ConfigMap {name} is not among the files"
    return found


def _version(launch: Launch) -> Value | None:
    image = launch.image
    parsed = Version.parse(ImageName.parse(text(image) or "").tag) if image is not None else None
    return Value(parsed, Written(image.span, "image tag")) if parsed and image is not None else None
