from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence
from tests.link.manifests import INGRESS, SERVICE, WEB, joined, only

PORTS = "ports: [{name: http, containerPort: 8080}]"


def transport(ports: str, service: str = SERVICE) -> tuple[object, Confidence]:
    value = only(joined(WEB.replace(PORTS, ports), service, INGRESS)).subject.read("port_transport")
    return value.data, value.confidence


def probed(scheme: str, name: str = "http", kind: str = "readinessProbe") -> str:
    ports = f"ports: [{{name: {name}, containerPort: 8080}}]"
    return f"{ports}\n          {kind}: {{httpGet: {{path: /, port: {name}{scheme}}}}}"


@pytest.mark.parametrize("kind", ["readinessProbe", "livenessProbe", "startupProbe"])
def test_a_probe_shows_what_a_port_takes(kind: str) -> None:
    assert transport(probed(", scheme: HTTPS", kind=kind)) == ("tls", Confidence.HIGH)
    assert transport(probed("", kind=kind)) == ("plain", Confidence.HIGH)


def test_a_program_that_is_not_known_may_serve_both_on_one_port() -> None:
    command = 'gunicorn, -k, gthread, --keep-alive, "75", app:app'
    web = WEB.replace(PORTS, probed("")).replace(command, "/usr/bin/gateway")
    assert only(joined(web, SERVICE, INGRESS)).subject.read("port_transport").data == ""


def test_a_probe_of_another_port_shows_nothing() -> None:
    ports = probed(", scheme: HTTPS").replace("port: http,", "port: 9090,").replace("name: http", "name: web")
    assert transport(ports, SERVICE.replace("targetPort: http", "targetPort: 8080"))[0] == ""


def test_a_name_only_tells_what_was_meant() -> None:
    service = SERVICE.replace("targetPort: http", "targetPort: https")
    assert transport(PORTS.replace("name: http", "name: https"), service) == ("tls", Confidence.LOW)
    assert transport(PORTS) == ("plain", Confidence.LOW)


def test_where_a_name_contradicts_a_probe_both_may_hold() -> None:
    both = SERVICE.replace("nodePort: 30080}", "nodePort: 30080}, {name: https, port: 443, targetPort: http}")
    both = both.replace("{port: 80", "{name: web, port: 80").replace("type: NodePort", "type: ClusterIP")
    assert transport(probed(""), both)[0] == ""
    assert transport(probed(", scheme: HTTPS"), both) == ("tls", Confidence.HIGH)


def test_a_number_proves_nothing() -> None:
    service = SERVICE.replace("port: 80, targetPort: http", "port: 443, targetPort: 8443")
    assert transport("ports: [{containerPort: 8443}]", service.replace("{port: 80", "{port: 443"))[0] == ""


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [("", "plain"), ("HTTPS", "tls"), ("HTTP", "plain"), ("GRPC", None)],
)
def test_an_alb_speaks_what_the_annotation_says(annotation: str, expected: str | None) -> None:
    given = f"alb.ingress.kubernetes.io/backend-protocol: {annotation}" if annotation else ""
    ingress = INGRESS.replace("annotations: {}", f"annotations: {{{given}}}")
    assert only(joined(WEB, SERVICE, ingress)).subject.read("transport").data == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [("", "plain"), ("HTTPS", "tls"), ("GRPCS", "tls"), ("GRPC", "plain"), ("AUTO_HTTP", ""), ("SPDY", None)],
)
def test_ingress_nginx_speaks_what_the_annotation_says(annotation: str, expected: str | None) -> None:
    given = f"nginx.ingress.kubernetes.io/backend-protocol: {annotation}" if annotation else ""
    ingress = INGRESS.replace("annotations: {}", f"annotations: {{{given}}}").replace("Name: alb", "Name: nginx")
    assert only(joined(WEB, SERVICE, ingress)).subject.read("transport").data == expected
