from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence, Data, Value
from tests.link.manifests import SERVICE, joined

DEPLOYMENT = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: web, namespace: shop}}
spec:
  {spec}
  template:
    metadata:
      labels: {{app: web, tier: front}}
    spec:
      containers:
        - name: web
          image: registry.example/shop/web:1.2
          command: [gunicorn, app:app]
          ports: [{{name: http, containerPort: 8080}}]
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web, namespace: {namespace}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  {least}
  maxReplicas: 9
"""
SCALED = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: web, namespace: shop}}
spec:
  scaleTargetRef: {{name: web}}
  {least}
"""
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web, namespace: {namespace}}}
spec: {{selector: {selector}, {allows}}}
"""
APP = "{matchLabels: {app: web}}"


def pod(*others: str, spec: str = "replicas: 3", kind: str = "Deployment") -> dict[str, Value]:
    (edge,) = joined(DEPLOYMENT.format(kind=kind, spec=spec), SERVICE, *others).edges
    assert edge.pod is not None
    return edge.pod.values


@pytest.mark.parametrize(
    ("spec", "others", "replicas"),
    [
        ("replicas: 3", (), 3),
        ("replicas: 0", (), 0),
        ("paused: false", (), 1),
        ("replicas: lots", (), None),
        ("replicas: 1", (AUTOSCALER.format(namespace="shop", least="minReplicas: 4"),), 4),
        ("replicas: 5", (AUTOSCALER.format(namespace="shop", least=""),), 1),
        ("replicas: 5", (AUTOSCALER.format(namespace="shop", least="minReplicas: some"),), None),
        ("replicas: 5", (AUTOSCALER.format(namespace="prices", least="minReplicas: 4"),), 5),
        ("replicas: 5", (SCALED.format(least="minReplicaCount: 2"),), 2),
        ("replicas: 5", (SCALED.format(least="minReplicaCount: 0"),), 1),
        ("replicas: 5", (SCALED.format(least=""),), 1),
    ],
)
def test_an_autoscaler_decides_how_many_pods_there_are_and_else_the_workload(
    spec: str, others: tuple[str, ...], replicas: int | None
) -> None:
    assert pod(*others, spec=spec)["replicas"].data == replicas


ROLLING = "replicas: {}; strategy: {{rollingUpdate: {{{}}}}}"


@pytest.mark.parametrize(
    ("kind", "spec", "strategy", "missing"),
    [
        ("Deployment", "replicas: 1", "RollingUpdate", 0),
        ("Deployment", "replicas: 8", "RollingUpdate", 2),
        ("Deployment", "replicas: 7", "RollingUpdate", 1),
        ("Deployment", ROLLING.format(3, "maxUnavailable: 100%"), "RollingUpdate", 3),
        ("Deployment", ROLLING.format(3, "maxUnavailable: 40%, maxSurge: 0"), "RollingUpdate", 1),
        # Both come to nothing, so one is taken away all the same.
        ("Deployment", ROLLING.format(2, "maxUnavailable: 40%, maxSurge: 0"), "RollingUpdate", 1),
        ("Deployment", ROLLING.format(2, "maxUnavailable: 0, maxSurge: 1%"), "RollingUpdate", 0),
        ("Deployment", ROLLING.format(2, "maxUnavailable: 0, maxSurge: some"), "RollingUpdate", None),
        ("Deployment", ROLLING.format(2, "maxUnavailable: some"), "RollingUpdate", None),
        ("Deployment", "replicas: 2; strategy: {type: Recreate}", "Recreate", None),
        ("Deployment", "replicas: 2; strategy: {type: Other}", None, None),
        ("StatefulSet", "replicas: 1", "RollingUpdate", 1),
        ("StatefulSet", "replicas: 1; updateStrategy: {type: OnDelete}", "OnDelete", None),
        ("StatefulSet", "updateStrategy: {rollingUpdate: {maxUnavailable: 2}}", "RollingUpdate", None),
        ("ReplicaSet", "replicas: 2", "none", None),
        ("DaemonSet", "minReadySeconds: 0", "RollingUpdate", None),
    ],
)
def test_a_rollout_rounds_what_may_be_missing_down_and_what_is_added_up(
    kind: str, spec: str, strategy: Data, missing: Data
) -> None:
    found = pod(spec=spec.replace("; ", "\n  "), kind=kind)
    assert (found["strategy"].data, found["max_unavailable"].data) == (strategy, missing)
    assert missing is not None or found["max_unavailable"].reason


@pytest.mark.parametrize(
    ("selector", "namespace", "selected"),
    [
        (APP, "shop", True),
        (APP, "prices", False),
        (APP, '""', True),
        ("{}", "shop", True),
        ("{matchLabels: {app: web, tier: back}}", "shop", False),
        ("{matchExpressions: [{key: tier, operator: NotIn, values: [back]}]}", "shop", True),
        ("{matchExpressions: [{key: tier, operator: In, values: [back, front]}]}", "shop", True),
        ("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", "shop", False),
        ("{matchExpressions: [{key: color, operator: NotIn, values: [blue]}]}", "shop", True),
        ("{matchExpressions: [{key: color, operator: Like, values: [blue]}]}", "shop", None),
    ],
)
def test_a_budget_selects_pods_by_their_labels(selector: str, namespace: str, selected: bool | None) -> None:
    found = pod(BUDGET.format(selector=selector, namespace=namespace, allows="maxUnavailable: 1"))
    assert found["disruption_budget"].data is selected


@pytest.mark.parametrize(
    ("allows", "evictable"),
    [
        ("maxUnavailable: 0", 0),
        ("maxUnavailable: 1%", 1),
        ("maxUnavailable: 0%", 0),
        ("minAvailable: 2", 1),
        ("minAvailable: 7", 0),
        ("minAvailable: 50%", 1),
        ("minAvailable: 67%", 0),
        ("minAvailable: many", None),
        ("unhealthyPodEvictionPolicy: AlwaysAllow", None),
    ],
)
def test_a_budget_rounds_percentages_up(allows: str, evictable: int | None) -> None:
    assert pod(BUDGET.format(selector=APP, namespace="shop", allows=allows))["evictable"].data == evictable


def test_of_several_budgets_the_strictest_counts_also_where_another_is_not_known() -> None:
    def evictable(first: str, second: str) -> Data:
        texts = [BUDGET.format(selector=APP, namespace="shop", allows=f"maxUnavailable: {n}") for n in (first, second)]
        return pod(texts[0], texts[1].replace("name: web", "name: other"))["evictable"].data

    assert (evictable("2", "0"), evictable("some", "0"), evictable("some", "1")) == (0, 0, None)


def test_that_there_is_no_budget_is_sure_where_the_files_hold_others() -> None:
    other = BUDGET.format(selector="{matchLabels: {app: api}}", namespace="shop", allows="maxUnavailable: 1")
    assert pod()["disruption_budget"].confidence is Confidence.LOW
    assert pod(other)["disruption_budget"].confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    ("said", "chooses"),
    [
        ("", False),
        ("nodeSelector: {}", False),
        ("nodeSelector: {pool: web}", True),
        ("nodeName: one", True),
        ("affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}", False),
        ("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}", True),
    ],
)
def test_pods_choose_their_nodes_by_what_is_required(said: str, chooses: bool) -> None:
    text = DEPLOYMENT.format(kind="Deployment", spec="replicas: 2")
    (edge,) = joined(text.replace("      containers:", f"      {said}\n      containers:"), SERVICE).edges
    assert edge.pod is not None and edge.pod.read("chooses_nodes").data is chooses
