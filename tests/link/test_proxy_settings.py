"""What objects say of a proxy itself: ConfigMaps, ContourConfigurations, Modules, IngressControllers."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Confidence
from tests.link.manifests import WEB, data, joined, only, place_text
from tests.link.test_proxies import HTTP_PROXY, PORT, of_class, tree
from tests.same_verdict import same_verdict, verdict

CONTOUR = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: contour, namespace: projectcontour}
spec:
  template:
    metadata: {labels: {app: contour}}
    spec:
      containers:
        - name: contour
          image: ghcr.io/projectcontour/contour:v1.30.0
          command: [contour]
          args: [serve, --incluster, ARGUMENT]
          volumeMounts: [{name: config, mountPath: /config}]
      volumes: [{name: config, configMap: {name: contour}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: envoy, namespace: projectcontour}
spec:
  template:
    metadata: {labels: {app: envoy}}
    spec:
      containers:
        - {name: shutdown-manager, image: "ghcr.io/projectcontour/contour:v1.30.0", args: [envoy, shutdown-manager]}
        - {name: envoy, image: "envoyproxy/envoy:v1.31.0", args: [-c, /config/envoy.json]}
"""
FILE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: contour, namespace: projectcontour}
data:
  contour.yaml: |
    timeouts:
      connection-idle-timeout: 90s
      connect-timeout: 1s
"""
CONFIGURATION = """
apiVersion: projectcontour.io/v1alpha1
kind: ContourConfiguration
metadata: {name: edge, namespace: projectcontour}
spec: {envoy: {timeouts: {connectionIdleTimeout: 90s, connectTimeout: 1s}}}
"""
BY_FILE = CONTOUR.replace("ARGUMENT", "--config-path=/config/contour.yaml")
BY_OBJECT = CONTOUR.replace("ARGUMENT", "--contour-config-name=edge")
ROUTE = """
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: web, namespace: shop}
spec: {to: {name: web}, port: {targetPort: http}}
"""
ROUTER = """
apiVersion: operator.openshift.io/v1
kind: IngressController
metadata: {name: default, namespace: openshift-ingress-operator}
spec: {tuningOptions: {serverTimeout: 2m, clientTimeout: 75s}}
"""
MAPPING = """
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: web, namespace: shop}
spec: {hostname: "*", prefix: /, service: "web:80"}
"""
MODULE = """
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: {name: ambassador, namespace: ambassador}
spec: {config: {cluster_idle_timeout_ms: 100000, listener_idle_timeout_ms: 70000, cluster_request_timeout_ms: 9000}}
"""
HAPROXY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: haproxy, namespace: edge}
spec:
  template:
    metadata: {labels: {app: haproxy}}
    spec:
      containers:
        - {name: haproxy, image: "docker.io/haproxytech/kubernetes-ingress:3.0.5", args: [--configmap=edge/haproxy]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: haproxy, namespace: edge}
data: {timeout-server: 90s, timeout-http-keep-alive: 75s, timeout-client: 2m}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: edge}
spec: {controller: haproxy.org/ingress-controller/haproxy}
"""


def contour(*texts: str) -> list[object]:
    edge = next(one for one in joined(*texts, HTTP_PROXY, PORT, WEB).edges if one.sender.product == "contour")
    idle = edge.sender.inbound.read("idle_timeout")
    return [idle.data, edge.sender.outbound.read("connect_timeout").data, idle.confidence]


def test_contours_file_and_its_object_say_the_same() -> None:
    both = [90.0, 1.0, Confidence.HIGH]
    assert contour(BY_FILE, FILE) == contour(BY_OBJECT, CONFIGURATION) == both
    # Without Contour itself, what is there of its name is its own.
    assert contour(FILE) == contour(CONFIGURATION) == both
    assert contour(BY_OBJECT) == [60.0, 2.0, Confidence.LOW]
    assert contour(CONTOUR.replace(", ARGUMENT", ""))[:2] == [60.0, 2.0]
    same_verdict(tree(BY_FILE, FILE, HTTP_PROXY, PORT, WEB), tree(BY_OBJECT, CONFIGURATION, HTTP_PROXY, PORT, WEB))


def test_envoy_gets_its_idle_time_from_contour_and_not_by_default() -> None:
    balanced = """
apiVersion: v1
kind: Service
metadata:
  name: envoy
  namespace: projectcontour
  annotations:
    service.beta.kubernetes.io/aws-load-balancer-type: external
    service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip
spec: {type: LoadBalancer, selector: {app: envoy}, ports: [{port: 80, targetPort: 8080}]}
"""
    pods = CONTOUR.replace("args: [-c,", "ports: [{containerPort: 8080}], args: [-c,")
    edge = next(one for one in joined(pods, balanced).edges if one.receiver.product == "envoy")
    assert edge.receiver.inbound.read("idle_timeout").reason == "Contour tells it"
    alone = pods.replace("projectcontour/contour:", "example/drainer:")
    edge = next(one for one in joined(alone, balanced).edges if one.receiver.product == "envoy")
    assert edge.receiver.inbound.read("idle_timeout").data == 3600.0


def test_an_http_proxy_that_is_included_is_reached_over_the_one_that_includes_it() -> None:
    root = """
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: {name: root, namespace: edge}
spec:
  virtualhost: {fqdn: shop.example}
  includes: [{name: web, namespace: shop, conditions: [{prefix: /web}]}]
"""
    child = HTTP_PROXY.replace("  virtualhost: {fqdn: shop.example}\n", "")
    edge = only(joined(root, child, PORT, WEB))
    assert [step.label for step in edge.route][1:3] == ["HTTPProxy edge/root", "HTTPProxy shop/web"]
    assert data(edge.sender.outbound, "response_timeout", "idle_timeout") == [40.0, 100.0]
    same_verdict(tree(HTTP_PROXY, PORT, WEB), tree(root, child, PORT, WEB))
    around = root.replace("namespace: edge}", "namespace: shop}").replace("name: root", "name: web")
    assert joined(around, PORT, WEB).edges == ()


def test_the_idle_time_of_a_response_ends_it_first() -> None:
    quiet = HTTP_PROXY.replace("response: 40s", "response: infinity, idle: 25s")
    edge = only(joined(quiet, PORT, WEB))
    assert data(edge.sender.outbound, "response_timeout") == [25.0]
    assert place_text(edge.sender.outbound, "response_timeout") == "25s"


def test_connections_of_a_tcp_proxy_are_passed_on() -> None:
    passed = HTTP_PROXY.replace(
        "  routes:\n    - timeoutPolicy: {response: 40s, idleConnection: 100s}\n      services",
        "  tcpproxy:\n      services",
    )
    edge = only(joined(passed, PORT, WEB))
    assert edge.sender.product == "" and not edge.subject.read("protocol").known


def test_an_ingress_controller_tunes_openshifts_router() -> None:
    edge = only(joined(ROUTE, ROUTER, PORT, WEB))
    times = data(edge.sender.outbound, "response_timeout", "usual_response_timeout")
    assert times == [120.0, 30.0] and place_text(edge.sender.outbound, "response_timeout") == "2m"
    assert data(edge.sender.inbound, "idle_timeout") == [75.0]
    own = ROUTE.replace("namespace: shop}", "namespace: shop, annotations: {haproxy.router.openshift.io/timeout: 5m}}")
    assert data(only(joined(own, ROUTER, PORT, WEB)).sender.outbound, "response_timeout") == [300.0]
    plain = only(joined(ROUTE, PORT, WEB)).sender.inbound.read("idle_timeout")
    assert (plain.data, plain.confidence) == (30.0, Confidence.LOW)
    seen = only(joined(ROUTE, ROUTER.replace("serverTimeout: 2m, clientTimeout: 75s", ""), PORT, WEB))
    assert seen.sender.outbound.read("response_timeout").confidence == Confidence.MEDIUM
    sharded = ROUTER.replace("spec: {", "spec: {routeSelector: {matchLabels: {a: b}}, ")
    other = only(joined(ROUTE, sharded, PORT, WEB)).sender.outbound.read("response_timeout")
    assert (other.data, other.confidence) == (30.0, Confidence.LOW)
    same_verdict(tree(ROUTE, ROUTER, PORT, WEB), tree(of_class("openshift-default"), ROUTER, PORT, WEB))


def test_the_other_haproxy_controller_reads_its_config_map_and_the_annotation_of_the_service() -> None:
    edge = only(joined(of_class("edge"), HAPROXY, PORT, WEB))
    assert edge.sender.product == "haproxytech_ingress"
    assert data(edge.sender.outbound, "response_timeout", "connect_timeout") == [90.0, 5.0]
    assert data(edge.sender.inbound, "idle_timeout") == [75.0]
    service = PORT.replace("namespace: shop}", "namespace: shop, annotations: {haproxy.org/timeout-server: 20s}}")
    annotated = of_class("edge", "{haproxy.org/timeout-server: 10s}")
    assert data(only(joined(annotated, HAPROXY, service, WEB)).sender.outbound, "response_timeout") == [20.0]
    assert data(only(joined(annotated, HAPROXY, PORT, WEB)).sender.outbound, "response_timeout") == [10.0]
    h2 = of_class("edge", "{haproxy.org/server-proto: h2}")
    assert data(only(joined(h2, HAPROXY, PORT, WEB)).subject, "protocol") == ["http2"]


def test_a_mapping_is_sent_by_emissary_as_its_module_says() -> None:
    edge = only(joined(MAPPING, MODULE, PORT, WEB))
    assert (edge.sender.product, data(edge.subject, "target_type", "pinned")) == ("emissary", ["service", True])
    assert data(edge.sender.outbound, "idle_timeout", "response_timeout") == [100.0, 9.0]
    assert data(edge.sender.inbound, "idle_timeout") == [70.0]
    own = MAPPING.replace(
        '"web:80"', '"web:80", timeout_ms: 20000, cluster_idle_timeout_ms: 50000, connect_timeout_ms: 500'
    )
    assert data(
        only(joined(own, MODULE, PORT, WEB)).sender.outbound, "idle_timeout", "response_timeout", "connect_timeout"
    ) == [50.0, 20.0, 0.5]
    assert any("server-closes-first" in line for line in verdict(tree(MAPPING, MODULE, PORT, WEB)))
    assert not any("server-closes-first" in line for line in verdict(tree(own, MODULE, PORT, WEB)))
    same_verdict(
        tree(MAPPING, MODULE, PORT, WEB),
        tree(of_class("ambassador"), MODULE, PORT, WEB),
        names={"Mapping shop/web": "class ambassador"},
    )


@pytest.mark.parametrize(
    ("service", "there"),
    [
        ("web", True),
        ("http://web", True),
        ("web.shop", True),
        ("web.shop.svc.cluster.local:80", True),
        ("http://web.shop:80/path", True),
        ("web:81", False),
        ("web.other", False),
        ("https://example.com", False),
        ("", False),
        ("[]", False),
    ],
)
def test_a_mapping_names_a_service_as_a_url(service: str, there: bool) -> None:
    layer = joined(MAPPING.replace('"web:80"', f'"{service}"'), PORT, WEB)
    assert bool(layer.edges) is there
    assert there or layer.undecided


def test_a_resolver_of_endpoints_sends_to_the_pods() -> None:
    resolver = "apiVersion: getambassador.io/v3alpha1\nkind: KubernetesEndpointResolver\nmetadata: {name: endpoint}\n"
    chosen = MAPPING.replace('"web:80"', '"web:80", resolver: endpoint')
    assert data(only(joined(chosen, resolver, PORT, WEB)).subject, "target_type") == ["ip"]
    assert not only(joined(chosen, PORT, WEB)).subject.read("target_type").known
    default = MODULE.replace("config: {", "config: {resolver: endpoint, ")
    assert data(only(joined(MAPPING, default, resolver, PORT, WEB)).subject, "target_type") == ["ip"]


def test_a_shadow_and_grpc_are_told_apart() -> None:
    assert not joined(MAPPING.replace('"web:80"', '"web:80", shadow: true'), PORT, WEB).edges
    grpc = only(joined(MAPPING.replace('"web:80"', '"web:80", grpc: true'), PORT, WEB))
    assert data(grpc.subject, "spoken") == ["grpc"]
    retried = MAPPING.replace('"web:80"', '"web:80", retry_policy: {retry_on: 5xx}')
    assert data(only(joined(retried, PORT, WEB)).sender.outbound, "resends") == [True]


def test_nothing_breaks_on_what_is_no_configuration() -> None:
    for text in (MODULE.replace("config: {", "other: {"), ROUTER.replace("tuningOptions", "x")):
        assert joined(text, MAPPING, ROUTE, HTTP_PROXY, PORT, WEB).edges
    assert joined(CONFIGURATION.replace("spec: {envoy", "spec: {x"), HTTP_PROXY, PORT, WEB).edges
    assert joined(FILE.replace("timeouts:", "- x"), HTTP_PROXY, PORT, WEB).edges
