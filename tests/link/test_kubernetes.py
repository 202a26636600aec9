"""From Ingresses, Services and target groups to pods."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubelint5xx.config import Config, Link
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Assumed, Confidence, Default, Subject, Value, Written
from kubelint5xx.hops.resolve import build_hop
from kubelint5xx.link.parts import Layer, TargetGroup
from tests.link.manifests import INGRESS, SERVICE, WEB, data, joined, only, place_text, pod


def ingress(*annotations: str, extra: str = "") -> str:
    lines = "".join(f"\n    {line}" for line in annotations)
    return INGRESS.replace("annotations: {}", f"annotations:{lines or ' {}'}") + extra


def test_an_ingress_of_class_alb_leads_to_the_server_in_the_pod() -> None:
    layer = joined(ingress("alb.ingress.kubernetes.io/target-type: ip"), SERVICE, WEB)
    edge = only(layer)
    assert [step.label for step in edge.route] == [
        "the ALB of Ingress shop/web",
        "Ingress shop/web",
        "Service shop/web (NodePort 30080)",
        "Deployment shop/web",
        edge.receiver.name,
    ]
    assert (edge.sender.product, edge.receiver.product) == ("aws_alb", "gunicorn")
    assert edge.receiver.inbound.read("idle_timeout").data == 75.0
    assert data(edge.subject, "target_type", "pinned", "through_kube_proxy", "protocol") == [
        "ip",
        False,
        False,
        "http1",
    ]
    assert edge.subject.read("propagation").data == 15.0
    assert edge.target_group is layer.target_groups[0].subject
    assert layer.target_groups[0].port is None and not layer.undecided


def test_without_a_target_type_instances_are_the_targets_by_default() -> None:
    layer = joined(ingress(), SERVICE, WEB)
    value = only(layer).subject.read("target_type")
    assert value.data == "instance" and isinstance(value.origin, Default) and value.confidence == Confidence.MEDIUM
    assert data(only(layer).subject, "pinned", "through_kube_proxy", "propagation") == [True, True, 5.0]
    assert layer.target_groups[0].port == 30080


@pytest.mark.parametrize(
    "annotation",
    [
        "alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=30",
        "alb.ingress.kubernetes.io/load-balancer-attributes: 'a.b=1,idle_timeout.timeout_seconds=30'",
        "alb.ingress.kubernetes.io/load-balancer-attributes: |\n      a=30,\n      idle_timeout.timeout_seconds= 30 \n",
        "alb.ingress.kubernetes.io/load-balancer-attributes: >-\n      a.b=3,\n      idle_timeout.timeout_seconds=30\n",
    ],
)
def test_attributes_are_read_at_their_own_place(annotation: str) -> None:
    sender = only(joined(ingress(annotation), SERVICE, WEB)).sender.outbound
    assert sender.read("idle_timeout").data == 30.0
    place = sender.read("idle_timeout").place
    assert place is not None and place.text == "30"
    assert "idle_timeout" in place.source.line_text(place.line)[: place.column]


def test_an_alias_stands_for_what_is_written_at_its_anchor() -> None:
    one = ingress(
        "x: &idle idle_timeout.timeout_seconds=30", "alb.ingress.kubernetes.io/load-balancer-attributes: *idle"
    )
    value = only(joined(one, SERVICE, WEB)).sender.outbound.read("idle_timeout")
    assert value.data == 30.0 and isinstance(value.origin, Written) and value.origin.via[0].text == "*idle"


GROUPED = "alb.ingress.kubernetes.io/group.name: front"
IDLE = "alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds="


def test_ingresses_of_a_group_share_one_balancer() -> None:
    other = ingress(GROUPED, f"{IDLE}30").replace("name: web", "name: other", 1)
    layer = joined(ingress(GROUPED), other, SERVICE, WEB)
    hops = {id(edge.sender) for edge in layer.edges}
    assert len(hops) == 1 and layer.edges[0].sender.name == "the ALB of IngressGroup front"
    assert layer.edges[0].sender.outbound.read("idle_timeout").data == 30.0


def test_a_value_on_which_a_group_disagrees_is_unknown() -> None:
    other = ingress(GROUPED, f"{IDLE}30").replace("name: web", "name: other", 1)
    value = joined(ingress(GROUPED, f"{IDLE}90"), other, SERVICE, WEB).edges[0].sender.outbound.read("idle_timeout")
    assert not value.known and "different values" in value.reason


CLASS = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: front}
spec: {controller: ingress.k8s.aws/alb, parameters: {kind: IngressClassParams, name: front}}
---
apiVersion: elbv2.k8s.aws/v1beta1
kind: IngressClassParams
metadata: {name: front}
spec: {targetType: ip, loadBalancerAttributes: [{key: idle_timeout.timeout_seconds, value: "20"}]}
"""


def test_the_class_wins_over_annotations() -> None:
    own = ingress(f"{IDLE}90", "alb.ingress.kubernetes.io/target-type: instance").replace("alb\n", "front\n")
    edge = only(joined(CLASS, own, SERVICE, WEB))
    assert edge.subject.read("target_type").data == "ip"
    assert edge.sender.outbound.read("idle_timeout").data == 20.0


def test_the_service_wins_over_the_ingress() -> None:
    key = "alb.ingress.kubernetes.io"
    own = ingress(f"{key}/target-type: instance", f"{key}/backend-protocol-version: HTTP2")
    service = SERVICE.replace(
        "namespace: shop}",
        f"namespace: shop, annotations: {{{key}/target-type: ip, {key}/backend-protocol-version: GRPC, "
        f"{key}/target-group-attributes: deregistration_delay.timeout_seconds=12}}}}",
    )
    layer = joined(own, service, WEB)
    assert data(only(layer).subject, "target_type", "protocol") == ["ip", "grpc"]
    assert data(only(layer).target_group, "deregistration_delay", "traffic_policy") == [12.0, "Cluster"]
    assert layer.target_groups[0].protocol_version == "GRPC"


def test_an_unreadable_target_type_is_unknown_and_no_default() -> None:
    value = only(joined(ingress("alb.ingress.kubernetes.io/target-type: !Ref X"), SERVICE, WEB)).subject.read("pinned")
    assert not value.known


def test_an_action_leads_to_the_services_that_it_forwards_to() -> None:
    action = """alb.ingress.kubernetes.io/actions.split: '{"type":"forward","forwardConfig":{"targetGroups":
      [{"serviceName":"web","servicePort":80,"weight":1}]}}'"""
    own = ingress(action).replace("name: web, port: {number: 80}", "name: split, port: {name: use-annotation}")
    assert only(joined(own, SERVICE, WEB)).receiver.product == "gunicorn"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("number: 80", "number: 81"), "has no port 81"),
        (("name: web, port", "name: gone, port"), "Service gone is not among the files"),
        (("targetPort: http", "targetPort: grpc"), "no container of Deployment shop/web has a port named grpc"),
        (("selector: {app: web}", "selector: {app: api}"), "nothing here makes the pods"),
        (("selector: {app: web}", "selector: {}"), "selects no pods"),
    ],
)
def test_what_leads_nowhere_is_said_and_not_joined(change: tuple[str, str], said: str) -> None:
    layer = joined(*(text.replace(*change) for text in (INGRESS, SERVICE, WEB)))
    assert "aws_alb" not in {edge.sender.product for edge in layer.edges}
    assert any(said in undecided.reason for undecided in layer.undecided)


def test_a_port_that_no_container_declares_belongs_to_the_only_server() -> None:
    helper = "        - {name: istio-proxy, image: istio/proxyv2}\n"
    service = SERVICE.replace("targetPort: http", "targetPort: 9000")
    assert only(joined(INGRESS, service, WEB + helper)).receiver.name.endswith("container web of Deployment shop/web")
    two = WEB + "        - {name: api, image: x/api}\n"
    layer = joined(INGRESS, service, two)
    assert not layer.edges and "several containers" in layer.undecided[0].reason


def test_a_server_that_nobody_knows_is_still_on_the_path() -> None:
    layer = joined(INGRESS, SERVICE, WEB.replace("command: [gunicorn", "command: [/srv/app"))
    edge = only(layer)
    assert edge.receiver.product == "" and pod(edge).read("prestop_delay").data == 0.0
    assert not edge.receiver.inbound.read("idle_timeout").known and layer.undecided


BALANCER = SERVICE.replace("NodePort\n", "LoadBalancer\n")


def test_a_service_makes_an_nlb_where_annotations_say_so() -> None:
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    listener = f"{prefix}-listener-attributes.TCP-80: tcp.idle_timeout.seconds=400"
    notes = f"{{{prefix}-type: external, {prefix}-nlb-target-type: ip, {listener}}}"
    layer = joined(BALANCER.replace("namespace: shop}", f"namespace: shop, annotations: {notes}}}"), WEB)
    edge = only(layer)
    assert edge.sender.product == "aws_nlb" and edge.sender.outbound.read("keepalive").data is not True
    assert edge.sender.outbound.read("idle_timeout").data == 400.0
    assert data(edge.subject, "target_type", "pinned", "propagation") == ["ip", False, 5.0]
    assert layer.target_groups[0].balancers == (edge.sender,)


def test_a_classic_balancer_compares_only_where_it_speaks_http() -> None:
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    idle = f"{prefix}-connection-idle-timeout: '90'"
    over_tcp = BALANCER.replace("namespace: shop}", f"namespace: shop, annotations: {{{idle}}}}}")
    over_http = over_tcp.replace(idle, f"{idle}, {prefix}-backend-protocol: http")
    tcp = only(joined(over_tcp, WEB))
    assert tcp.sender.product == "" and not tcp.subject.read("protocol").known
    edge = only(joined(over_http, WEB))
    assert (edge.sender.product, edge.sender.outbound.read("idle_timeout").data) == ("aws_clb", 90.0)
    assert edge.subject.read("protocol").data == "http1"
    assert only(joined(BALANCER, WEB)).sender.name == "the load balancer of Service shop/web"


def test_a_node_port_that_nothing_known_reaches_is_on_a_path() -> None:
    edge = only(joined(SERVICE, WEB))
    assert edge.sender.product == "" and edge.sender.name.startswith("the clients of Service shop/web (NodePort 30080)")
    assert edge.subject.read("pinned").data is True


def test_ports_of_other_protocols_than_tcp_are_no_requests() -> None:
    assert not joined(SERVICE.replace("{port: 80,", "{protocol: UDP, port: 80,"), WEB).edges


def test_two_ports_of_one_container_lead_to_one_pod() -> None:
    two = SERVICE.replace("nodePort: 30080}", "nodePort: 30080}, {port: 81, targetPort: 8081, nodePort: 30081}")
    first, second = joined(two, WEB).edges
    assert first.pod is second.pod and first.receiver is not second.receiver


def test_a_cluster_ip_and_a_worker_are_on_no_path() -> None:
    assert not joined(SERVICE.replace("  type: NodePort\n", ""), WEB).edges


def target_group(
    name: str | None, port: int | None = None, address: str = "infra:aws_lb_target_group.web"
) -> TargetGroup:
    source = Source("infra/main.tf", f'resource "aws_lb_target_group" "{name}" {{}}\n')
    place = Span(source, 0, 30)
    subject = Subject("target_group", "the target group web", place, {"target_type": Value("instance", Written(place))})
    return TargetGroup(address, subject, (build_hop("aws_alb", "the ALB aws_lb.web", place, ()),), name, port)


def test_a_node_port_joins_the_target_group_that_sends_to_it() -> None:
    group = target_group("web", 30080)
    edge = only(joined(SERVICE, WEB, terraform=(group,)))
    assert edge.target_group is group.subject and edge.sender is group.balancers[0]
    assert edge.subject.confidence == Confidence.HIGH and "NodePort" in edge.subject.joins[0].said


def test_a_node_port_that_two_services_or_groups_share_joins_nothing() -> None:
    groups = target_group("web", 30080), target_group("other", 30080, "infra:aws_lb_target_group.other")
    layer = joined(SERVICE, WEB, terraform=groups)
    assert {edge.sender.product for edge in layer.edges} == {""} and len(layer.undecided) == 2
    copies = {"a/all.yaml": SERVICE + "---" + WEB, "b/all.yaml": SERVICE + "---" + WEB}
    layer = joined(files=copies, terraform=groups[:1])
    assert {edge.sender.product for edge in layer.edges} == {""}
    assert "2 Services" in layer.undecided[0].reason


BINDING = """
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web, namespace: shop}
spec: {serviceRef: {name: web, port: 80}, targetType: ip, targetGroupARN: ARN}
"""


def binding(arn: str) -> str:
    return BINDING.replace("ARN: ARN", f"ARN: {arn}")


def test_a_binding_joins_by_the_name_in_its_arn() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/0a"
    groups = target_group("other", address="infra:x.other"), target_group("web")
    edge = only(joined(binding(arn), SERVICE, WEB, terraform=groups))
    assert edge.target_group is groups[1].subject and edge.subject.confidence == Confidence.HIGH


def test_a_binding_without_a_readable_arn_means_the_only_group_at_low_confidence() -> None:
    edge = only(joined(binding('"${TARGET_GROUP_ARN}"'), SERVICE, WEB, terraform=(target_group("web"),)))
    assert edge.subject.confidence == Confidence.LOW and edge.sender.product == "aws_alb"
    two = target_group("web"), target_group("other", address="infra:x.other")
    layer = joined(binding('"${TARGET_GROUP_ARN}"'), SERVICE, WEB, terraform=two)
    assert only(layer).sender.product == "" and only(layer).subject.read("target_type").data == "ip"
    assert "which target group" in layer.undecided[0].reason


def test_a_declared_link_joins_what_no_file_joins() -> None:
    span = Span(Source("kubelint5xx.yaml", "links:\n"), 0, 5)
    config = Config(links=(Link({"target_group": "aws_lb_target_group.web", "service": "shop/web"}, span),))
    groups = target_group("web"), target_group("other", address="infra:aws_lb_target_group.other")
    edge = only(joined(SERVICE, WEB, terraform=groups, config=config))
    assert edge.target_group is groups[0].subject and edge.subject.joins[0].place == span


CONTROLLER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: ingress-nginx}
spec:
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx}}
    spec:
      containers:
        - name: controller
          image: registry.k8s.io/ingress-nginx/controller:v1.11.2
          args: [/nginx-ingress-controller, --configmap=$(POD_NAMESPACE)/nginx-config]
          env: [{name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]
          ports: [{name: http, containerPort: 80}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: nginx-config, namespace: ingress-nginx}
data: {upstream-keepalive-timeout: "20", keep-alive: "100"}
---
apiVersion: v1
kind: Service
metadata: {name: nginx, namespace: ingress-nginx}
spec:
  type: LoadBalancer
  loadBalancerClass: service.k8s.aws/nlb
  selector: {app.kubernetes.io/name: ingress-nginx}
  ports: [{port: 80, targetPort: http}]
"""


def test_ingress_nginx_stands_between_its_balancer_and_the_app() -> None:
    layer = joined(CONTROLLER, INGRESS.replace("alb", "nginx"), SERVICE.replace("  type: NodePort\n", ""), WEB)
    pairs = {(edge.sender.product, edge.receiver.product): edge for edge in layer.edges}
    assert set(pairs) == {("aws_nlb", "ingress_nginx"), ("ingress_nginx", "gunicorn")}
    onward = pairs["ingress_nginx", "gunicorn"]
    assert onward.sender.outbound.read("idle_timeout").data == 20.0
    assert data(onward.subject, "target_type", "pinned", "propagation") == ["ip", False, 5.0]
    assert pairs["aws_nlb", "ingress_nginx"].receiver.inbound.read("idle_timeout").data == 100.0


def test_an_annotation_of_the_ingress_is_read_over_the_config_map() -> None:
    notes = (
        "nginx.ingress.kubernetes.io/proxy-read-timeout: '17'",
        "nginx.ingress.kubernetes.io/service-upstream: 'true'",
    )
    layer = joined(CONTROLLER, ingress(*notes).replace("alb\n", "nginx\n"), SERVICE, WEB)
    edge = next(edge for edge in layer.edges if edge.sender.product == "ingress_nginx")
    assert edge.sender.outbound.read("response_timeout").data == 17.0
    assert data(edge.subject, "target_type", "pinned") == ["service", True]


def test_a_controller_that_is_elsewhere_leaves_its_config_map_unseen() -> None:
    edge = only(joined(INGRESS.replace("alb", "nginx"), SERVICE, WEB))
    value = edge.sender.outbound.read("idle_timeout")
    assert (value.data, value.confidence) == (60.0, Confidence.LOW)


def test_ingresses_of_other_controllers_keep_their_pods_on_a_path() -> None:
    edge = only(joined(INGRESS.replace("alb", "other"), SERVICE, WEB))
    assert edge.sender.name == "the ingress controller of class other" and pod(edge).name == "Deployment shop/web"


SIDECAR = """
apiVersion: v1
kind: ConfigMap
metadata: {name: front, namespace: shop}
data:
  default.conf: |
    server {
      listen 80;
      # proxy_pass http://127.0.0.1:1;
      location / { proxy_pass http://127.0.0.1:8080; }
    }
"""


def test_a_proxy_beside_the_app_is_the_peer_and_sends_to_it() -> None:
    front = """        - name: front
          image: nginx:1.27
          ports: [{name: front, containerPort: 80}]
          volumeMounts: [{name: conf, mountPath: /etc/nginx/conf.d}]
      volumes: [{name: conf, configMap: {name: front}}]
"""
    layer = joined(INGRESS, SERVICE.replace("targetPort: http", "targetPort: front"), WEB + front, SIDECAR)
    assert [(edge.sender.product, edge.receiver.product) for edge in layer.edges] == [
        ("aws_alb", "nginx"),
        ("nginx", "gunicorn"),
    ]
    assert layer.edges[1].sender is layer.edges[0].receiver
    assert pod(layer.edges[1]).place is not None and pod(layer.edges[1]).place.text == "web"  # type: ignore[union-attr]


def test_a_mesh_sidecar_keeps_the_balancer_and_the_app_from_being_neighbours() -> None:
    meshed = WEB.replace(
        "labels: {app: web}", "labels: {app: web}\n      annotations: {sidecar.istio.io/inject: 'true'}"
    )
    edge = only(joined(INGRESS, SERVICE, meshed))
    assert edge.receiver.name == "the Istio sidecar of Deployment shop/web" and edge.receiver.product == ""
    assert not edge.receiver.inbound.read("idle_timeout").known
    assert edge.receiver.inbound.read("shutdown_timeout").data == 30.0


@pytest.mark.parametrize(
    "route",
    [
        "apiVersion: route.openshift.io/v1\nkind: Route\nspec: {to: {name: web}, port: {targetPort: http}}",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
        "spec: {rules: [{backendRefs: [{name: web, port: 80}]}]}",
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec: {gateways: [x], http: "
        "[{route: [{destination: {host: web.shop.svc, port: {number: 80}}}]}]}",
    ],
)
def test_routes_and_gateways_put_pods_on_a_path(route: str) -> None:
    named = route.replace("\nspec", "\nmetadata: {name: web, namespace: shop}\nspec") + "\n"
    assert only(joined(named, SERVICE.replace("  type: NodePort\n", ""), WEB)).sender.role == "proxy"


def test_defaults_of_objects_that_an_overlay_changes_are_not_sure() -> None:
    overlay = (
        "apiVersion: kustomize.config.k8s.io/v1\nkind: Kustomization\nresources: [../k8s]\npatches: [{path: p.yaml}]\n"
    )
    edge = only(joined(INGRESS, SERVICE, WEB, files={"over/kustomization.yaml": overlay}))
    for subject, name in ((pod(edge), "grace"), (edge.subject, "target_type"), (edge.sender.outbound, "idle_timeout")):
        assert subject.read(name).confidence == Confidence.LOW, name


def test_values_of_one_object_do_not_change_between_two_edges() -> None:
    other = ingress().replace("name: web", "name: other", 1)
    edges = joined(INGRESS, other, SERVICE, WEB).edges
    assert len(edges) == 2 and edges[0].pod is edges[1].pod and edges[0].receiver is edges[1].receiver


ALL = "---".join((INGRESS, SERVICE, WEB, BINDING, CONTROLLER, SIDECAR, CLASS))
JUNK = ["7", "[]", "{}", "x", "~", "!Ref x", "[1, {a: b}]", "{name: []}", "-1", "'$('", "true"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(JUNK)), min_size=1, max_size=6))
def test_no_wrong_type_anywhere_raises(changes: list[tuple[int, str]]) -> None:
    lines = ALL.splitlines()
    for at, junk in changes:
        line = lines[at % len(lines)]
        head, colon, _ = line.partition(": ") if ": " in line else line.partition(":")
        if colon:
            lines[at % len(lines)] = f"{head}: {junk}"
    layer = joined("\n".join(lines), terraform=(target_group("web", 30080),))
    assert isinstance(layer, Layer)
    for edge in layer.edges:
        for value in (*edge.subject.values.values(), *pod(edge).values.values()):
            assert value.known or value.reason
            assert value.known or not isinstance(value.origin, Default)


def test_the_origin_of_a_budget_is_kept() -> None:
    config = Config(budgets={"endpoint_propagation": Value(9.0, Assumed("measured"))})
    value = only(joined(SERVICE, WEB, config=config)).subject.read("propagation")
    assert value.data == 9.0 and isinstance(value.origin, Assumed)
    assert place_text(pod(only(joined(SERVICE, WEB))), "grace") == "web"


def test_a_server_of_grpc_settles_what_is_spoken_to_it() -> None:
    labels = "labels: {app: web}"
    declared = WEB.replace(labels, f"{labels}\n      annotations: {{kubelint5xx.io/server: grpc_go}}")
    edge = only(joined(INGRESS, SERVICE, declared))
    protocol = edge.subject.read("protocol")
    assert (edge.receiver.product, protocol.data) == ("grpc_go", "grpc")
    assert "takes no other" in str(protocol.origin)
    assert only(joined(INGRESS, SERVICE, WEB)).subject.read("protocol").data == "http1"
