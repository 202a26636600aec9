"""What platforms on Kubernetes add: OpenShift's Templates, Knative's Services, EKS Auto Mode, Kyverno's policies."""

from __future__ import annotations

from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only, pod
from tests.same_verdict import same_verdict, verdict

TEMPLATE = """
apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: web}
parameters:
  - {name: NAME, value: web}
  - {name: PORT, value: "8080"}
  - {name: KEPT, value: "2"}
  - {name: GRACE}
objects:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "${NAME}", namespace: shop}
    spec:
      template:
        metadata: {labels: {app: "${NAME}"}}
        spec:
          containers:
            - name: web
              image: registry.example/shop/web:1.2
              command: [gunicorn, -k, gthread, --keep-alive, "${KEPT}", app:app]
              ports: [{name: http, containerPort: "${{PORT}}"}]
  - apiVersion: v1
    kind: Service
    metadata: {name: "${NAME}", namespace: shop}
    spec:
      type: NodePort
      selector: {app: "${NAME}"}
      ports: [{port: 80, targetPort: http, nodePort: 30080}]
"""
KNATIVE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - image: registry.example/shop/web:1.2
          command: [gunicorn, -k, gthread, --keep-alive, "2", app:app]
          ports: [{containerPort: 8080}]
"""
POLICY = """
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: grace}
spec:
  rules:
    - name: cap
      match: {any: [{resources: {kinds: [Pod], namespaces: ["shop*"]}}]}
      mutate:
        patchStrategicMerge: {spec: {terminationGracePeriodSeconds: 20}}
"""


def tree(*texts: str) -> dict[str, str]:
    return {"k8s/all.yaml": "---\n".join(text.lstrip("\n") for text in texts)}


def test_a_template_is_judged_as_the_objects_that_it_makes() -> None:
    plain = WEB.replace('"75"', '"2"')
    same_verdict(tree(INGRESS, SERVICE, plain), tree(INGRESS, TEMPLATE))
    assert any("server-closes-first" in line for line in verdict(tree(INGRESS, TEMPLATE)))
    kept = TEMPLATE.replace('value: "2"', 'value: "75"')
    assert not any("server-closes-first" in line for line in verdict(tree(INGRESS, kept)))


def test_what_a_parameter_without_a_value_sets_is_unknown() -> None:
    given = "          terminationGracePeriodSeconds: ${{GRACE}}\n          containers:"
    edge = only(joined(INGRESS, TEMPLATE.replace("          containers:", given)))
    grace = pod(edge).read("grace")
    assert not grace.known and grace.reason == "the parameter GRACE has no value"
    unnamed = TEMPLATE.replace("{name: NAME, value: web}", "{name: NAME}").replace("name: web\n    spec", "name: x")
    backend = INGRESS.replace("service: {name: web,", 'service: {name: "${NAME}",')
    assert only(joined(backend, unnamed)).pod is not None


def test_a_deployment_config_serves_as_a_deployment_does() -> None:
    config = TEMPLATE.replace("apps/v1", "apps.openshift.io/v1").replace(
        "kind: Deployment\n", "kind: DeploymentConfig\n"
    )
    assert pod(only(joined(INGRESS, config))).name == "DeploymentConfig shop/web"


def test_of_knatives_pods_nothing_is_judged() -> None:
    edge = only(joined(KNATIVE))
    assert (edge.receiver.role, edge.receiver.name) == ("sidecar", "the queue-proxy of Service shop/web")
    assert not any(pod(edge).read(name).known for name in ("grace", "prestop_delay", "readiness_probe", "replicas"))
    assert verdict(tree(KNATIVE))[:-1] == []
    local = KNATIVE.replace(
        "namespace: shop}", "namespace: shop, labels: {networking.knative.dev/visibility: cluster-local}}"
    )
    assert not joined(local).edges


def test_the_parameters_of_eks_auto_mode_configure_the_load_balancer() -> None:
    params = (
        "apiVersion: eks.amazonaws.com/v1\nkind: IngressClassParams\nmetadata: {name: alb}\n"
        'spec: {loadBalancerAttributes: [{key: idle_timeout.timeout_seconds, value: "100"}]}\n'
    )
    auto = (
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: alb}\nspec: {controller: "
        "eks.amazonaws.com/alb, parameters: {apiGroup: eks.amazonaws.com, kind: IngressClassParams, name: alb}}\n"
    )
    edge = only(joined(INGRESS, SERVICE, WEB, params, auto))
    assert data(edge.sender.outbound, "idle_timeout") == [100.0]
    assert not edge.subject.read("target_type").known


def test_a_mutated_grace_period_is_not_known_from_the_manifest() -> None:
    grace = pod(only(joined(INGRESS, SERVICE, WEB, POLICY))).read("grace")
    assert not grace.known and "the rule cap of ClusterPolicy grace" in grace.reason
    for other in (
        POLICY.replace('"shop*"', "other"),
        POLICY.replace("kyverno.io", "example.com"),
        POLICY.replace("mutate", "validate"),
        POLICY.replace("kinds: [Pod]", "kinds: [CronJob]"),
    ):
        assert pod(only(joined(INGRESS, SERVICE, WEB, other))).read("grace").data == 30.0
    short = WEB.replace(
        "    spec:\n      containers", "    spec:\n      terminationGracePeriodSeconds: 0\n      containers"
    )
    assert any("grace-too-short" in line for line in verdict(tree(INGRESS, SERVICE, short)))
    assert not any("grace-too-short" in line for line in verdict(tree(INGRESS, SERVICE, short, POLICY)))
