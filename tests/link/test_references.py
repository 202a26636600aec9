from __future__ import annotations

import pytest

from kubelint5xx.core.value import Subject
from kubelint5xx.link.parts import Layer
from tests.link.manifests import INGRESS, SERVICE, WEB, joined


def about(layer: Layer, where: str) -> Subject:
    (found,) = [one for one in layer.references if one.read("where").data == where]
    return found


def found(layer: Layer, where: str) -> object:
    return about(layer, where).read("found").data


@pytest.mark.parametrize(
    ("named", "there"),
    [("number: 80", True), ("number: 8080", False), ("name: web", False), ("name: main", True)],
)
def test_a_backend_names_a_port_of_its_service(named: str, there: bool) -> None:
    service = SERVICE.replace("{port: 80,", "{name: main, port: 80,")
    layer = joined(WEB, service, INGRESS.replace("number: 80", named))
    assert found(layer, "service") is there
    reference = about(layer, "service")
    assert reference.name == "the backend web of Ingress shop/web" and reference.place is not None
    assert reference.place.text == named.partition(": ")[2]


def test_a_service_names_a_port_of_its_pods_and_a_number_needs_no_declaration() -> None:
    assert found(joined(WEB, SERVICE, INGRESS), "container") is True
    assert found(joined(WEB.replace("name: http,", "name: main,"), SERVICE, INGRESS), "container") is False
    numbered = joined(WEB, SERVICE.replace("targetPort: http", "targetPort: 9999"), INGRESS)
    assert [one.read("where").data for one in numbered.references] == ["service"]


@pytest.mark.parametrize(
    "service",
    [
        SERVICE.replace("type: NodePort", "clusterIP: None"),
        SERVICE.replace("type: NodePort", "type: ExternalName\n  externalName: web.example.com"),
    ],
)
def test_services_whose_ports_mean_nothing_are_left_out(service: str) -> None:
    layer = joined(WEB.replace("name: http,", "name: main,"), service, INGRESS.replace("number: 80", "number: 81"))
    assert layer.references == ()


def test_one_of_several_workloads_with_the_port_is_enough() -> None:
    other = WEB.replace("name: web, namespace", "name: worker, namespace").replace("name: http,", "name: metrics,")
    assert found(joined(WEB, other, SERVICE, INGRESS), "container") is True


def test_a_workload_that_is_written_further_away_is_enough_too() -> None:
    nearer = WEB.replace("name: web, namespace", "name: worker, namespace").replace("name: http,", "name: metrics,")
    layer = joined(nearer, SERVICE, INGRESS, files={"apps/web/deployment.yaml": WEB})
    assert found(layer, "container") is True


def test_a_service_that_is_not_there_is_no_fault() -> None:
    assert joined(WEB, INGRESS).references == ()


def test_what_an_overlay_may_change_is_not_known() -> None:
    overlay = """
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    resources: [../k8s]
    patches: [{path: ports.yaml}]
    """
    web = WEB.replace("name: http,", "name: main,")
    layer = joined(web, SERVICE, INGRESS, files={"prod/kustomization.yaml": overlay})
    assert about(layer, "container").read("found").reason == "overlay prod/kustomization.yaml was not built"
