"""What stops a server: the signal, the hook, and how long its balancer would wait."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.request_times import time_values
from tests.link.manifests import INGRESS, SERVICE, joined, only, pod, web
from tests.link.test_workloads import hook

NGINX = {"image": "registry.example/shop/web:1", "command": "[nginx, -g, daemon off;]"}


@pytest.mark.parametrize(
    ("image", "sh"),
    [
        ("node:20", "dash"),
        ("node:20-alpine", "ash"),
        ("docker.io/library/python:3.12-slim", "dash"),
        ("alpine:3.20", "ash"),
        ("amazonlinux:2023", "bash"),
        ("eclipse-temurin:21-jre-ubi9-minimal", "bash"),
        ("openjdk:17-jdk-slim-bullseye", "dash"),
        ("openjdk:17", ""),
        ("registry.example/base:1-bookworm", "dash"),
        ("registry.example/base:1", ""),
        ("gcr.io/distroless/java17", ""),
        ("php:8.3-windowsservercore", ""),
    ],
)
def test_an_images_name_tells_what_its_sh_is(image: str, sh: str) -> None:
    assert ImageName.parse(image).sh == sh


@pytest.mark.parametrize(
    ("dockerfile", "lifecycle", "graceful"),
    [
        ("FROM debian:12\n", "", False),
        ("FROM debian:12\nSTOPSIGNAL SIGQUIT\n", "", True),
        ("FROM debian:12\nSTOPSIGNAL 3\n", "", True),
        ("FROM nginx:1.27\n", "", True),
        ("FROM nginx:1.27\nSTOPSIGNAL TERM\n", "", False),
        ("FROM nginx:1.27\n", "{stopSignal: SIGTERM}", False),
        ("FROM debian:12\n", "{stopSignal: SIGQUIT}", True),
    ],
)
def test_the_manifest_decides_the_signal_before_the_build_does(
    dockerfile: str, lifecycle: str, graceful: bool
) -> None:
    files = {"web/Dockerfile": dockerfile}
    edge = only(joined(INGRESS, SERVICE, web(**NGINX, lifecycle=lifecycle), files=files))
    assert edge.receiver.inbound.read("graceful").data is graceful


def test_an_image_from_elsewhere_may_name_another_signal() -> None:
    graceful = only(joined(INGRESS, SERVICE, web(**NGINX))).receiver.inbound.read("graceful")
    assert (graceful.data, graceful.confidence) == (False, Confidence.LOW)


@pytest.mark.parametrize(
    ("dockerfile", "passes"),
    [
        ("FROM python:3.12-slim\nCMD gunicorn app:app\n", False),
        ("FROM python:3.12-slim\nRUN adduser -s /bin/sh app\nCMD gunicorn app:app\n", False),
        ("FROM python:3.12-slim\nRUN ln -sf /bin/bash /bin/sh\nCMD gunicorn app:app\n", None),
        ('FROM python:3.12-slim\nSHELL ["/bin/bash", "-c"]\nCMD gunicorn app:app\n', True),
        ("FROM python:3.12-alpine\nCMD gunicorn app:app\n", True),
        ("FROM python:3.12-slim\nCMD exec gunicorn app:app\n", True),
    ],
)
def test_the_base_image_decides_what_the_shell_form_comes_to(dockerfile: str, passes: bool | None) -> None:
    image = {"image": "registry.example/shop/web:1", "command": ""}
    edge = only(joined(INGRESS, SERVICE, web(**image), files={"web/Dockerfile": dockerfile}))
    assert pod(edge).read("passes_signals").data is passes


@pytest.mark.parametrize(
    ("written", "stops"),
    [
        ("{sleep: {seconds: 10}}", False),
        ("{exec: {command: [sh, -c, 'sleep 5; nginx -s quit; sleep 30']}}", True),
        ("{exec: {command: [sh, -c, 'nginx -s quit; while pgrep -x nginx; do sleep 1; done']}}", True),
        ("{exec: {command: [sh, -c, 'kill -QUIT 1; tail --pid=1 -f /dev/null']}}", True),
        ("{exec: {command: [nginx, -s, quit]}}", False),
        ("{exec: {command: [/wait-shutdown]}}", True),
        ("{exec: {command: [/srv/stop.sh]}}", None),
        ("{exec: {command: [sh, -c, 'kill -TERM 1; sleep 5']}}", None),
        ("{httpGet: {path: /quit, port: 80}}", None),
    ],
)
def test_a_hook_may_end_the_server_and_wait_for_it(written: str, stops: bool | None) -> None:
    assert hook(written).read("prestop_stops").data is stops


def test_without_a_hook_nothing_ends_it() -> None:
    assert pod(only(joined(INGRESS, SERVICE, web()))).read("prestop_stops").data is False


@pytest.mark.parametrize(
    ("attributes", "command", "expected"),
    [
        ("", "[gunicorn, -k, gthread, app:app]", (None, False)),
        ("idle_timeout.timeout_seconds=60", "[gunicorn, -k, gthread, app:app]", (None, False)),
        ("idle_timeout.timeout_seconds=400", "[gunicorn, app:app]", (None, False)),
        ("idle_timeout.timeout_seconds=400", "[gunicorn, -t, '300', app:app]", (300.0, True)),
        ("idle_timeout.timeout_seconds=400", "[uvicorn, app:app]", (400.0, True)),
    ],
)
def test_the_smallest_timeout_counts_where_somebody_raised_it(
    attributes: str, command: str, expected: tuple[float | None, bool]
) -> None:
    annotation = f"{{alb.ingress.kubernetes.io/load-balancer-attributes: '{attributes}'}}"
    layer = joined(INGRESS.replace("{}", annotation), SERVICE, web(command=command))
    values = time_values(layer.target_groups[0], layer.edges)
    assert (values["request_time"].data, values["request_time_raised"].data) == expected
