"""Service meshes that put a proxy beside the app in its pod, and how long it goes on when the pod is deleted.

Which pods of Istio get one: the selectors of its webhooks (manifests/charts/istio-control/istio-discovery of
istio/istio). A label ``istio-injection`` of the namespace goes before ``istio.io/rev``.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Node, child, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Value, Written
from kubelint5xx.hops.convert import convert, is_set
from kubelint5xx.hops.table import Row
from kubelint5xx.link.kube_proxy import documents_in
from kubelint5xx.link.objects import KubeObject, labels_of
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Workload
from kubelint5xx.model.knobs import BOOL, DURATION

ISTIO, LINKERD = "Istio", "Linkerd"
_INJECT = {
    ISTIO: "sidecar.istio.io/inject",
    LINKERD: "linkerd.io/inject",
    "Consul": "consul.hashicorp.com/connect-inject",
    "Kuma": "kuma.io/sidecar-injection",
    "App Mesh": "appmesh.k8s.aws/sidecarInjectorWebhook",
}
# Those that read labels of a namespace; the others read its annotations.
_LABELLED = ("Kuma", "App Mesh")
_ISTIO_NAMESPACE, _ISTIO_REVISION = "istio-injection", "istio.io/rev"
# Linkerd's ingress mode is for proxies that choose the pod themselves.
_YES = ("true", "enabled", "ingress")
_ISTIO_CONFIG, _ISTIO_NATIVE = "proxy.istio.io/config", "sidecar.istio.io/nativeSidecar"
_LINKERD_WAIT = "config.alpha.linkerd.io/proxy-wait-before-exit-seconds"
_LINKERD_NATIVE = tuple(f"config.{stage}.linkerd.io/proxy-enable-native-sidecar" for stage in ("beta", "alpha"))
_ISTIO_CITE = "https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig"
_NATIVE_CITE = "https://istio.io/latest/docs/reference/config/annotations/"
_LINKERD_CITE = "https://linkerd.io/2/tasks/graceful-shutdown/"
NAMES = ("mesh", "sidecar_drain", "sidecar_waits", "sidecar_native")


@record
class Mesh:
    """``place`` says that the mesh puts its proxy into the pods."""

    name: str
    place: Span


def mesh_of(workload: Workload, scope: Scope) -> Mesh | None:
    """The mesh that puts its proxy into the pods of a workload; None where nothing says that one does.

    Istio's ambient mode puts none there: its node proxy passes connections on, and who sends still meets the server.
    """
    if text(workload.spec.get("hostNetwork")) == "true":
        return None
    space = _namespace(workload, scope)
    labels = labels_of(space.at("metadata", "labels")) if space else {}
    for name, key in _INJECT.items():
        node = _said_of_pods(workload, key)
        if node is None:
            continue
        # Istio's webhooks pass over a namespace that is switched off, whatever its pods say.
        off = name == ISTIO and labels.get(_ISTIO_NAMESPACE) == "disabled"
        return Mesh(name, node.span) if (text(node) or "").lower() in _YES and not off else None
    if space is None or _ISTIO_NAMESPACE not in labels:
        revision = _said_of_pods(workload, _ISTIO_REVISION)
        if revision is not None:
            return Mesh(ISTIO, revision.span)
    if space is None:
        return None
    if labels.get(_ISTIO_NAMESPACE) == "enabled" or (_ISTIO_NAMESPACE not in labels and labels.get(_ISTIO_REVISION)):
        return Mesh(ISTIO, space.span)
    for name, key in _INJECT.items():
        said = space.annotation(key) or (child(space.root, "metadata", "labels", key) if name in _LABELLED else None)
        if name != ISTIO and (text(said) or "").lower() in _YES:
            return Mesh(name, space.span)
    return None


def _namespace(workload: Workload, scope: Scope) -> KubeObject | None:
    wanted = workload.owner.namespace
    spaces = scope.of("Namespace")
    return next((one for one in spaces if ("" if one.name == "default" else one.name) == wanted), None)


def _said_of_pods(workload: Workload, key: str) -> Node | None:
    """An annotation or a label of the pods."""
    node = workload.annotation(key)
    if node is None and workload.metadata is not None:
        node = child(workload.metadata, "labels", key)
    return node


def sidecar_values(workload: Workload, scope: Scope, mesh: Mesh | None) -> dict[str, Value]:
    """``mesh``, ``sidecar_drain``, ``sidecar_waits`` and ``sidecar_native`` of a pod."""
    if mesh is None:
        none = Value("none", Default("Kubernetes", "", "", workload.owner.span))
        unknown = Value.unknown("no mesh is seen to put a proxy into the pod", workload.owner.span)
        return {name: none if name == "mesh" else unknown for name in NAMES}
    if mesh.name not in (ISTIO, LINKERD):
        unknown = Value.unknown(f"how the proxy of {mesh.name} ends is not known", mesh.place)
        return {**dict.fromkeys(NAMES, unknown), "mesh": Value(mesh.name, Written(mesh.place))}
    own = _istio(workload, scope, mesh) if mesh.name == ISTIO else _linkerd(workload, mesh)
    return {"mesh": Value(mesh.name, Written(mesh.place)), **own}


def _istio(workload: Workload, scope: Scope, mesh: Mesh) -> dict[str, Value]:
    unseen = workload.unseen
    given = list(documents_in(workload.annotation(_ISTIO_CONFIG)))
    general = list(_mesh_defaults(scope))
    if not general:
        unseen = (*unseen, "the configuration of the mesh")
    places = [*given, *general]

    def told(kind: str, default: bool | float, *path: str) -> Value:
        for place in places:
            node = child(place, *path)
            if node is not None and is_set(node):
                return _value(node, path[-1], kind)
        return Value(default, Default(ISTIO, path[-1], _ISTIO_CITE, mesh.place, unseen))

    native = workload.annotation(_ISTIO_NATIVE)
    return {
        "sidecar_drain": told(DURATION, 5.0, "terminationDrainDuration"),
        "sidecar_waits": told(BOOL, False, "proxyMetadata", "EXIT_ON_ZERO_ACTIVE_CONNECTIONS"),
        "sidecar_native": _native(native, _ISTIO_NATIVE, ISTIO, mesh, ("the environment of istiod",)),
    }


def _mesh_defaults(scope: Scope) -> Iterator[Node]:
    """What the mesh as a whole gives to its proxies."""
    for thing in scope.of("IstioOperator"):
        if (config := thing.at("spec", "meshConfig")) is not None:
            yield child(config, "defaultConfig") or config
    for thing in scope.of("ConfigMap"):
        if thing.name == "istio" or thing.name.startswith("istio-"):
            for document in documents_in(thing.at("data", "mesh")):
                yield child(document, "defaultConfig") or document


def _linkerd(workload: Workload, mesh: Mesh) -> dict[str, Value]:
    unseen = (*workload.unseen, "the values of Linkerd's control plane")
    wait = workload.annotation(_LINKERD_WAIT)
    drain = Value(0.0, Default(LINKERD, _LINKERD_WAIT, _LINKERD_CITE, mesh.place, unseen))
    key = next((key for key in _LINKERD_NATIVE if workload.annotation(key) is not None), _LINKERD_NATIVE[0])
    return {
        "sidecar_drain": _value(wait, _LINKERD_WAIT, DURATION) if wait is not None else drain,
        # Requests in progress may end; new ones are refused at once.
        "sidecar_waits": Value(False, Default(LINKERD, "", _LINKERD_CITE, mesh.place)),
        "sidecar_native": _native(workload.annotation(key), key, LINKERD, mesh, unseen),
    }


def _value(node: Node, setting: str, kind: str) -> Value:
    found = convert(Row(setting, kind, unit="text"), node, setting)
    return found or Value.unknown(f"{setting} is empty", node.span)


def _native(node: Node | None, key: str, product: str, mesh: Mesh, unseen: tuple[str, ...]) -> Value:
    if node is not None:
        return _value(node, key, BOOL)
    return Value(False, Default(product, key, _NATIVE_CITE if product == ISTIO else _LINKERD_CITE, mesh.place, unseen))
