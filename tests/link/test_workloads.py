"""What of a pod decides how it drains."""

from __future__ import annotations

import math

import pytest

from kubelint5xx.core.value import Confidence, Data, Default, Derived, Subject, Written
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only, place_text, pod, web
from tests.same_verdict import same_verdict


def drained(**container: str) -> Subject:
    return pod(only(joined(INGRESS, SERVICE, web(**container))))


def hook(preStop: str) -> Subject:
    return drained(lifecycle=f"{{preStop: {preStop}}}")


def test_what_is_not_written_is_the_default_of_kubernetes() -> None:
    found = drained()
    assert data(found, "grace", "prestop", "prestop_delay") == [30.0, "none", 0.0]
    assert data(found, "readiness_probe", "drains_by_readiness", "drains_before_deletion") == [False, False, False]
    assert data(found, "readiness", "drain_period", "serves_in_sidecar") == [None, None, False]
    for name in ("grace", "prestop_delay", "readiness_probe"):
        assert isinstance(found.read(name).origin, Default) and found.read(name).confidence == Confidence.MEDIUM
    assert place_text(found, "prestop_delay") == "web" and found.place is not None and found.place.line > 30


@pytest.mark.parametrize(
    ("written", "kind", "delay", "place"),
    [
        ("{sleep: {seconds: 12}}", "sleep", 12.0, "12"),
        ("{sleep: {seconds: '12'}}", "sleep", None, "'12'"),
        ('{exec: {command: [sleep, "15"]}}', "exec", 15.0, '"15"'),
        ('{exec: {command: ["/bin/sh", "-c", "sleep 20"]}}', "exec", 20.0, "20"),
        ('{exec: {command: [sh, -c, "echo a; sleep 5; sleep 5"]}}', "exec", 10.0, '"echo a; sleep 5; sleep 5"'),
        ('{exec: {command: [sh, -c, "(echo a; touch /x; sleep 20; echo b) > /proc/1/fd/1"]}}', "exec", 20.0, "20"),
        ('{exec: {command: [sh, -c, "nginx -s quit; sleep 9"]}}', "exec", 9.0, "9"),
        ('{exec: {command: [sh, -c, "sleep $DELAY"]}}', "exec", None, "$DELAY"),
        ("{exec: {command: [/stop.sh]}}", "exec", None, "/stop.sh"),
        ("{exec: {command: [/wait-shutdown]}}", "exec", 0.0, "/wait-shutdown"),
        ("{exec: {command: sleep 5}}", "exec", None, "sleep 5"),
        ("{httpGet: {path: /stop, port: 80}}", "httpGet", None, "httpGet"),
        ("!Ref Hook", None, None, "Hook"),
        ("{}", None, None, "{}"),
    ],
)
def test_a_pre_stop_hook_holds_sigterm_back(written: str, kind: str | None, delay: float | None, place: str) -> None:
    found = hook(written)
    assert data(found, "prestop", "prestop_delay") == [kind, delay]
    assert place in place_text(found, "prestop_delay")
    assert found.read("prestop_delay").known or found.read("prestop_delay").reason


def test_the_program_of_a_hook_is_the_first_that_must_exist() -> None:
    assert hook('{exec: {command: ["/bin/sh", "-c", "sleep 20"]}}').read("prestop_program").data == "sh"
    assert hook('{exec: {command: ["/usr/bin/env", "true"]}}').read("prestop_program").data == "env"
    assert hook('{exec: {command: ["/app/bin/sleep", "20"]}}').read("prestop_program").data == "/app/bin/sleep"
    assert not hook("{sleep: {seconds: 1}}").read("prestop_program").known


@pytest.mark.parametrize(
    ("written", "drains", "period"),
    [
        ("{httpGet: {path: /admin/drain, port: 80}}", True, None),
        ("{httpGet: {path: /metrics, port: 80}}", None, None),
        ('{exec: {command: [sh, -c, "curl -X POST http://localhost:8080/drain; sleep 40"]}}', True, 40.0),
        ('{exec: {command: [sh, -c, "wget -q http://127.0.0.1/shutdown"]}}', True, 0.0),
        ('{exec: {command: [sh, -c, "curl http://registry/drain; sleep 4"]}}', None, None),
        ('{exec: {command: [sleep, "9"]}}', False, None),
        ("{sleep: {seconds: 9}}", False, None),
        ("{exec: {command: [/stop.sh]}}", None, None),
    ],
)
def test_a_hook_may_begin_a_drain_by_readiness(written: str, drains: Data, period: Data) -> None:
    assert data(hook(written), "drains_by_readiness", "drain_period") == [drains, period]


def test_annotations_say_what_no_hook_shows() -> None:
    notes = "{kubelint5xx.io/drain-begins: readiness, kubelint5xx.io/drain-delay: 1m}"
    annotated = WEB.replace("labels: {app: web}", f"labels: {{app: web}}\n      annotations: {notes}")
    found = pod(only(joined(INGRESS, SERVICE, annotated)))
    assert data(found, "drains_by_readiness", "drains_before_deletion", "drain_period") == [True, True, 60.0]
    wrong = annotated.replace(": readiness", ": never").replace("1m", "soon")
    found = pod(only(joined(INGRESS, SERVICE, wrong)))
    assert data(found, "drains_by_readiness", "drains_before_deletion") == [None, None]


def test_readiness_is_derived_from_its_three_settings() -> None:
    found = drained(readinessProbe="{periodSeconds: 4, failureThreshold: 2, httpGet: {port: 80}}").read("readiness")
    assert found.data == 9.0 and isinstance(found.origin, Derived)
    assert [isinstance(part.origin, Written) for part in found.origin.inputs] == [True, True, False]
    assert drained(readinessProbe="{periodSeconds: 0}").read("readiness").data == 31.0
    unknown = drained(readinessProbe="{periodSeconds: !Ref X}")
    assert data(unknown, "readiness_probe", "readiness") == [True, None]


@pytest.mark.parametrize(
    ("written", "grace"), [("45", 45.0), ("0", 0.0), ("'45'", None), ("!Ref G", None), ("-1", None)]
)
def test_the_grace_period_is_taken_only_as_a_number(written: str, grace: float | None) -> None:
    changed = WEB.replace("      containers:", f"      terminationGracePeriodSeconds: {written}\n      containers:")
    found = pod(only(joined(INGRESS, SERVICE, changed))).read("grace")
    assert found.data == grace and isinstance(found.origin, Written)


@pytest.mark.parametrize(
    ("image", "shell"),
    [
        ("gcr.io/distroless/python3", False),
        ("gcr.io/distroless/python3:debug", None),
        ("cgr.dev/chainguard/nginx:latest", False),
        ("envoyproxy/envoy:distroless-v1.30.0", False),
        ("nginx:1.27", True),
        ("docker.io/library/node:20-alpine", True),
        ("public.ecr.aws/docker/library/python:3.12", True),
        ("registry.example:5000/shop/web:1", None),
        ("registry.example/nginx:1", None),
    ],
)
def test_an_images_name_tells_whether_it_holds_a_shell(image: str, shell: bool | None) -> None:
    found = drained(image=image).read("shell")
    assert found.data is shell
    assert shell is None or place_text(drained(image=image), "shell") == image


def test_a_dockerfiles_last_stage_tells_whether_there_is_a_shell() -> None:
    stages = (
        "FROM python:3.12 AS build\nFROM gcr.io/distroless/python3\nCOPY --from=build /usr/local/lib /usr/local/lib\n"
    )
    found = pod(only(joined(INGRESS, SERVICE, WEB, files={"src/web/Dockerfile": stages}))).read("shell")
    assert found.data is False and found.place is not None
    assert (found.place.path, found.place.line) == ("src/web/Dockerfile", 2)


def test_a_native_sidecar_serves_until_the_others_have_ended() -> None:
    native = WEB.replace("      containers:", "      initContainers:").replace(
        "          image:", "          restartPolicy: Always\n          image:"
    )
    found = pod(only(joined(INGRESS, SERVICE, native)))
    assert found.read("serves_in_sidecar").data is True
    assert not joined(INGRESS, SERVICE, native.replace("Always", "Never")).edges


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "ReplicaSet", "Rollout"])
def test_every_kind_that_makes_pods_is_followed(kind: str) -> None:
    assert pod(only(joined(INGRESS, SERVICE, WEB.replace("Deployment", kind)))).name == f"{kind} shop/web"
    assert not joined(INGRESS, SERVICE, WEB.replace("Deployment", "Job")).edges


ROLLOUT = """
    apiVersion: argoproj.io/v1alpha1
    kind: Rollout
    metadata: {name: web, namespace: shop}
    spec: {replicas: 2, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""


def test_a_rollout_takes_over_the_deployment_whose_template_it_takes() -> None:
    scaled = WEB.replace("  template:", "  replicas: 0\n  template:")
    found = pod(only(joined(INGRESS, SERVICE, scaled, ROLLOUT)))
    assert (found.name, found.read("replicas").data) == ("Rollout shop/web", 2)
    down = ROLLOUT.replace("name: web}}", "name: web, scaleDown: onsuccess}}")
    assert pod(only(joined(INGRESS, SERVICE, WEB, down))).name == "Rollout shop/web"
    assert pod(only(joined(INGRESS, SERVICE, WEB, ROLLOUT))).name == "Deployment shop/web"


def test_a_bare_pod_is_followed() -> None:
    bare = """
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop, labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers: [{name: web, image: nginx, ports: [{name: http, containerPort: 80}]}]
    """
    assert pod(only(joined(INGRESS, SERVICE, bare))).read("grace").data == 5.0


def test_a_sleep_without_end_never_ends() -> None:
    assert hook("{exec: {command: [sleep, infinity]}}").read("prestop_delay").data == math.inf


REPLICAS = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx:1.27, ports: [{containerPort: 80}]}]
"""
BEFORE_THEM = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: {alb.ingress.kubernetes.io/target-type: ip}}
spec:
  ingressClassName: alb
  defaultBackend: {service: {name: web, port: {number: 80}}}
"""


def test_a_replication_controller_is_judged_as_a_replica_set() -> None:
    older = REPLICAS.replace("apps/v1", "v1").replace("ReplicaSet", "ReplicationController")
    older = older.replace("matchLabels: {app: web}", "app: web")
    names = {"ReplicaSet": "ReplicationController"}
    same_verdict({"a.yaml": REPLICAS, "b.yaml": BEFORE_THEM}, {"a.yaml": older, "b.yaml": BEFORE_THEM}, names=names)
