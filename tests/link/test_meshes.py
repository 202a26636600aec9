"""The proxies that meshes put beside an app, and how they end."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence, Data, Subject
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only, pod

NAMES = ("mesh", "sidecar_drain", "sidecar_waits", "sidecar_native")
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  {said}\n"


def meshed(annotations: str, *others: str) -> Subject:
    template = f"labels: {{app: web}}\n      annotations:\n        {annotations}"
    edge = only(joined(INGRESS, SERVICE, WEB.replace("labels: {app: web}", template), *others))
    return pod(edge)


def test_without_a_mesh_there_is_none() -> None:
    assert data(pod(only(joined(INGRESS, SERVICE, WEB))), *NAMES) == ["none", None, None, None]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ("sidecar.istio.io/inject: 'true'", ["Istio", 5.0, False, False]),
        ("sidecar.istio.io/inject: 'false'", ["none", None, None, None]),
        ("{sidecar.istio.io/inject: 'true', sidecar.istio.io/nativeSidecar: 'true'}", ["Istio", 5.0, False, True]),
        (
            "{sidecar.istio.io/inject: 'true', proxy.istio.io/config: '{\"terminationDrainDuration\": \"1m30s\", "
            "\"proxyMetadata\": {\"EXIT_ON_ZERO_ACTIVE_CONNECTIONS\": \"true\"}}'}",
            ["Istio", 90.0, True, False],
        ),
        ("linkerd.io/inject: enabled", ["Linkerd", 0.0, False, False]),
        (
            "{linkerd.io/inject: enabled, config.alpha.linkerd.io/proxy-wait-before-exit-seconds: '40', "
            "config.beta.linkerd.io/proxy-enable-native-sidecar: 'true'}",
            ["Linkerd", 40.0, False, True],
        ),
    ],
)
def test_annotations_put_a_proxy_there_and_tell_how_it_ends(annotations: str, expected: list[Data]) -> None:
    assert data(meshed(annotations), *NAMES) == expected


@pytest.mark.parametrize(
    ("said", "mesh"),
    [
        ("labels: {istio-injection: enabled}", "Istio"),
        ("labels: {istio.io/rev: canary}", "Istio"),
        ("labels: {istio.io/rev: canary, istio-injection: disabled}", "none"),
        ("labels: {istio.io/dataplane-mode: ambient}", "none"),
        ("labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint}", "none"),
        ("annotations: {linkerd.io/inject: enabled}", "Linkerd"),
        ("annotations: {linkerd.io/inject: ingress}", "Linkerd"),
        ("annotations: {linkerd.io/inject: disabled}", "none"),
        ("labels: {kuma.io/sidecar-injection: enabled}", "Kuma"),
        ("labels: {team: shop}", "none"),
    ],
)
def test_a_namespace_may_ask_for_it(said: str, mesh: str) -> None:
    edge = only(joined(INGRESS, SERVICE, WEB, NAMESPACE.format(said=said)))
    assert pod(edge).read("mesh").data == mesh
    assert (edge.receiver.role == "sidecar") is (mesh != "none")


@pytest.mark.parametrize(
    ("space", "labels", "annotations", "mesh"),
    [
        ("{}", "istio.io/rev: '1-24'", "", "Istio"),
        ("{}", "sidecar.istio.io/inject: 'true'", "", "Istio"),
        ("{istio-injection: enabled}", "sidecar.istio.io/inject: 'false'", "", "none"),
        ("{istio-injection: disabled}", "sidecar.istio.io/inject: 'true'", "", "none"),
        ("{istio-injection: disabled}", "istio.io/rev: '1-24'", "", "none"),
        ("{istio.io/rev: '1-24'}", "sidecar.istio.io/inject: 'false'", "", "none"),
        ("{}", "", "consul.hashicorp.com/connect-inject: 'true'", "Consul"),
        ("{}", "", "linkerd.io/inject: ingress", "Linkerd"),
    ],
)
def test_pods_and_their_namespace_decide_together(space: str, labels: str, annotations: str, mesh: str) -> None:
    template = f"labels: {{app: web, {labels}}}\n      annotations: {{{annotations}}}"
    own = WEB.replace("labels: {app: web}", template)
    edge = only(joined(INGRESS, SERVICE, own, NAMESPACE.format(said=f"labels: {space}")))
    assert pod(edge).read("mesh").data == mesh
    assert (edge.receiver.role == "sidecar") is (mesh != "none")
    host = own.replace("    spec:\n      containers", "    spec:\n      hostNetwork: true\n      containers")
    alone = only(joined(INGRESS, SERVICE, host, NAMESPACE.format(said=f"labels: {space}")))
    assert pod(alone).read("mesh").data == "none"


def test_what_the_mesh_says_in_general_is_sure_where_it_is_seen() -> None:
    unsure = meshed("sidecar.istio.io/inject: 'true'").read("sidecar_drain")
    assert unsure.confidence == Confidence.LOW
    operator = (
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: mesh}\n"
        "spec: {meshConfig: {defaultConfig: {terminationDrainDuration: 45s}}}\n"
    )
    general = meshed("sidecar.istio.io/inject: 'true'", operator)
    assert general.read("sidecar_drain").data == 45.0
    assert general.read("sidecar_waits").confidence == Confidence.MEDIUM
