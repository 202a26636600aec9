"""Services of Amazon ECS behind target groups: their containers are the servers; tasks end in their own way."""

from __future__ import annotations

import pytest

from tests.same_verdict import report, same_verdict

BALANCING = """
variable "registry" {}

resource "aws_lb" "web" {
  idle_timeout = 60
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.web.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}

resource "aws_lb_target_group" "web" {
  port                 = 8080
  protocol             = "HTTP"
  target_type          = "ip"
  deregistration_delay = 60
}

resource "aws_ecs_service" "web" {
  name            = "web"
  launch_type     = "FARGATE"
  task_definition = aws_ecs_task_definition.web.arn
  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = 8080
  }
}
"""
DEFINITION = """
resource "aws_ecs_task_definition" "web" {
  family                = "web"
  container_definitions = jsonencode([
    {
      name         = "web"
      image        = "${var.registry}/web:1.4"
      portMappings = [{ containerPort = 8080 }]
    },
  ])
}
"""
DOCKERFILE = "FROM node:20-alpine\nCOPY package.json server.js ./\nCMD [\"node\", \"server.js\"]\n"
SERVER = """const http = require("http");
const server = http.createServer((request, response) => response.end("ok"));
server.listen(8080);
"""
GUNICORN = "gunicorn --worker-class gthread --bind :8080 --keep-alive {keep} --graceful-timeout {stop} app.wsgi:app"


def node(infra: str = BALANCING + DEFINITION, server: str = SERVER) -> dict[str, str]:
    return {
        "infra/main.tf": infra,
        "web/Dockerfile": DOCKERFILE,
        "web/server.js": server,
        "web/package.json": '{"name": "web", "dependencies": {}}',
    }


def gunicorn(keep: int = 75, stop: int = 20, balancing: str = BALANCING, more: str = "") -> dict[str, str]:
    words = ", ".join(f'"{word}"' for word in GUNICORN.format(keep=keep, stop=stop).split())
    definition = DEFINITION.replace('portMappings', f'command      = [{words}]\n      {more}\n      portMappings')
    return {"infra/main.tf": balancing + definition.replace("${var.registry}/web:1.4", "python:3.12")}


def rules(tree: dict[str, str]) -> set[str]:
    return {one.rule for one in report(tree).findings}


def test_node_behind_an_alb_closes_first() -> None:
    found = report(node())
    (finding,) = found.findings
    assert finding.rule == "server-closes-first"
    assert finding.status == 502
    assert found.coverage.hops == 1


def test_a_longer_keep_alive_heals_it() -> None:
    healed = SERVER + "server.keepAliveTimeout = 75000;\nserver.headersTimeout = 76000;\n"
    found = report(node(server=healed))
    assert not found.findings
    assert found.coverage.hops == 1


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (gunicorn(), set()),
        (gunicorn(keep=5), {"server-closes-first"}),
        (gunicorn(keep=62), {"thin-idle-margin"}),
        (gunicorn(stop=45), {"grace-too-short"}),
        (gunicorn(stop=45, more="stopTimeout = 60"), set()),
        (gunicorn(stop=20, more="stopTimeout = 10"), {"grace-too-short"}),
        (gunicorn(balancing=BALANCING.replace("= 60\n}\n\nresource \"aws_ecs", "= 0\n}\n\nresource \"aws_ecs")),
         {"deregistration-cuts-requests"}),
    ],
)  # fmt: skip
def test_what_holds_for_tasks_is_judged_and_nothing_of_pods_is(tree: dict[str, str], expected: set[str]) -> None:
    assert rules(tree) == expected


def test_a_server_that_kills_slow_workers_has_its_time_compared_with_the_balancers() -> None:
    tree = gunicorn(more="")
    tree["infra/main.tf"] = tree["infra/main.tf"].replace('"gthread"', '"sync", "--timeout", "120"')
    assert rules(tree) == {"outer-timeout-first"}


def test_a_task_has_no_readiness_probe_to_ask_for() -> None:
    asked = {one.rule for one in report(node()).unknowns}
    assert not asked & {"no-readiness-probe", "no-readiness-gate", "no-disruption-budget", "rollout-takes-all-pods"}


def test_on_instances_of_ones_own_the_agent_may_give_more_time() -> None:
    tree = gunicorn(stop=45)
    tree["infra/main.tf"] = tree["infra/main.tf"].replace('"FARGATE"', '"EC2"')
    (finding,) = report(tree).findings
    assert any("ECS_CONTAINER_STOP_TIMEOUT" in said for said in finding.assumptions)


def test_a_heredoc_says_the_same_as_jsonencode() -> None:
    heredoc = """
resource "aws_ecs_task_definition" "web" {
  family                = "web"
  container_definitions = <<JSON
[
  {"name": "web", "image": "${var.registry}/web:1.4", "portMappings": [{"containerPort": 8080}]}
]
JSON
}
"""
    same_verdict(node(), node(BALANCING + heredoc))


def test_the_definition_may_come_through_a_local() -> None:
    local = DEFINITION.replace("jsonencode([", "local.containers\n}\n\nlocals {\n  containers = jsonencode([")
    same_verdict(node(), node(BALANCING + local))


CLASSIC = """
resource "aws_elb" "web" {
  idle_timeout = 60
  listener {
    instance_port     = 8080
    instance_protocol = "http"
    lb_port           = 80
    lb_protocol       = "http"
  }
  listener {
    instance_port     = 9000
    instance_protocol = "http"
    lb_port           = 81
    lb_protocol       = "http"
  }
}

resource "aws_ecs_service" "web" {
  name            = "web"
  launch_type     = "EC2"
  task_definition = aws_ecs_task_definition.web.arn
  load_balancer {
    elb_name       = aws_elb.web.name
    container_name = "web"
    container_port = 8080
  }
}
"""


@pytest.mark.parametrize(("port", "delay"), [(8080, "connection_draining = true"), (9000, "")])
def test_behind_a_classic_balancer_the_port_of_the_host_counts(port: int, delay: str) -> None:
    tree = gunicorn(keep=5, balancing=CLASSIC.replace("idle_timeout = 60", f"idle_timeout = 60\n  {delay}"))
    mapped = f"portMappings = [{{ containerPort = 8080, hostPort = {port} }}]"
    tree["infra/main.tf"] = tree["infra/main.tf"].replace("portMappings = [{ containerPort = 8080 }]", mapped)
    found = report(tree)
    first = next(one for one in found.findings if one.rule == "server-closes-first")
    assert first.status == 504 and f"port {port}" in " ".join(step.label for step in first.route)
    assert ("deregistration-cuts-requests" in {one.rule for one in found.findings}) is (not delay)


CUTS = "deregistration-cuts-requests"
GREEN = """
resource "aws_lb_target_group" "green" {
  port                 = 8080
  protocol             = "HTTP"
  target_type          = "ip"
  deregistration_delay = 0
}
"""
DEPLOYMENT = """
resource "aws_codedeploy_deployment_group" "web" {
  ecs_service {
    cluster_name = "main"
    service_name = aws_ecs_service.web.name
  }
  load_balancer_info {
    target_group_pair_info {
      prod_traffic_route {
        listener_arns = [aws_lb_listener.http.arn]
      }
      target_group {
        name = aws_lb_target_group.web.name
      }
      target_group {
        name = aws_lb_target_group.green.name
      }
    }
  }
}
"""
NATIVE = """container_port   = 8080
    advanced_configuration {
      alternate_target_group_arn = aws_lb_target_group.green.arn
    }"""


@pytest.mark.parametrize(
    "balancing",
    [
        BALANCING + GREEN + DEPLOYMENT,
        BALANCING + GREEN + DEPLOYMENT.replace("aws_ecs_service.web.name", '"web"'),
        BALANCING.replace("container_port   = 8080", NATIVE) + GREEN,
    ],
)
def test_the_other_target_group_of_a_pair_has_its_turn(balancing: str) -> None:
    alone = report(gunicorn(balancing=BALANCING + GREEN))
    assert alone.coverage.hops == 1
    paired = report(gunicorn(balancing=balancing))
    assert paired.coverage.hops == 2 and paired.coverage.failing == alone.coverage.failing
    # What closes first does so in both.
    (finding,) = [one for one in report(gunicorn(keep=5, balancing=balancing)).findings if one.rule != CUTS]
    assert finding.rule == "server-closes-first"


CONNECT = """load_balancer {{
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = 8080
  }}
  service_connect_configuration {{
    enabled = {enabled}
    service {{
      port_name = "{port}"
      {more}
      timeout {{
        {timeout}
      }}
    }}
  }}
"""
SHORT = "idle_timeout_seconds = 30"


@pytest.mark.parametrize(
    ("given", "mode", "expected"),
    [
        ({}, "awsvpc", set()),
        ({"timeout": SHORT}, "awsvpc", {"server-closes-first"}),
        ({"timeout": "idle_timeout_seconds = 0"}, "awsvpc", set()),
        # Where the proxy has another port, or takes another one, the server is the balancer's neighbour.
        ({"more": "ingress_port_override = 15000", "timeout": SHORT}, "awsvpc", {"server-closes-first"}),
        ({"more": "ingress_port_override = 15000"}, "awsvpc", {"server-closes-first"}),
        ({"port": "admin"}, "awsvpc", {"server-closes-first"}),
        ({"enabled": "false"}, "awsvpc", {"server-closes-first"}),
        ({}, "bridge", {"server-closes-first"}),
    ],
)
def test_the_proxy_of_service_connect_takes_the_requests(
    given: dict[str, str], mode: str, expected: set[str]
) -> None:
    connect = CONNECT.format(**{"enabled": "true", "port": "http", "more": "", "timeout": "", **given})
    head = BALANCING.partition("load_balancer {\n    target")[0]
    head = head if mode == "awsvpc" else head.replace("FARGATE", "EC2")
    tree = gunicorn(keep=5, balancing=head + connect + "}\n")
    named = f'"http" }}]\n    }},\n  ])\n  network_mode = "{mode}"'
    port = "containerPort = 8080"
    infra = tree["infra/main.tf"].replace(port + " }]\n    },\n  ])", f"{port}, name = {named}")
    found = report({"infra/main.tf": infra})
    assert {one.rule for one in found.findings} == expected
    if given == {"timeout": SHORT}:
        assert "Service Connect's proxy" in found.findings[0].text


def test_names_of_the_definition_are_taken_in_any_case() -> None:
    tree = gunicorn(keep=5, more='entrypoint = ["gunicorn"]\n      stoptimeout = 40')
    same = gunicorn(keep=5, more='entryPoint = ["gunicorn"]\n      stopTimeout = 40')
    same_verdict(tree, same)
    assert rules(tree) != rules(gunicorn(keep=75))


def test_a_family_may_stand_with_a_revision_that_is_not_known() -> None:
    revision = '"${aws_ecs_task_definition.web.family}:${max(aws_ecs_task_definition.web.revision, var.latest)}"'
    named = BALANCING.replace("aws_ecs_task_definition.web.arn", revision)
    same_verdict(gunicorn(keep=5), gunicorn(keep=5, balancing=named + 'variable "latest" {}\n'))


CFN = """
Parameters:
  Registry: {Type: String}
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      LoadBalancerAttributes: [{Key: idle_timeout.timeout_seconds, Value: "60"}]
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {LoadBalancerArn: !Ref Balancer, DefaultActions: [{Type: forward, TargetGroupArn: !Ref Group}]}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Port: 8080
      Protocol: HTTP
      TargetType: ip
      TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: "60"}]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: web
      LaunchType: FARGATE
      TaskDefinition: !Ref Definition
      LoadBalancers: [{TargetGroupArn: !Ref Group, ContainerName: web, ContainerPort: 8080}]
  Definition:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: web
      ContainerDefinitions:
        - Name: web
          Image: !Sub "${Registry}/web:1.4"
          PortMappings: [{ContainerPort: 8080}]
"""
NAMES = {"ALB aws_lb.web": "ALB Balancer"}


def test_cloudformation_says_the_same_as_terraform() -> None:
    template = {**node(), "stack.yaml": CFN}
    del template["infra/main.tf"]
    same_verdict(node(), template, names=NAMES)
    assert rules(template) == {"server-closes-first"}


def test_a_proxy_beside_the_server_is_the_hop() -> None:
    beside = DEFINITION.replace(
        "jsonencode([",
        'jsonencode([\n    { name = "proxy", image = "nginx:1.27.3", portMappings = [{ containerPort = 80 }] },',
    )
    balancing = BALANCING.replace('container_name   = "web"', 'container_name   = "proxy"')
    balancing = balancing.replace("= 8080\n  }\n}", "= 80\n  }\n}")
    found = report(node(balancing + beside))
    assert "Node.js" not in str(found.findings)
    assert found.coverage.hops == 1


def test_what_is_not_in_the_files_is_said_and_not_guessed() -> None:
    missing = BALANCING.replace("aws_ecs_task_definition.web.arn", "var.registry")
    found = report(node(missing + DEFINITION))
    assert not found.findings
    assert any("tasks of aws_ecs_service.web" in unknown.about for unknown in found.unknowns)


def test_an_image_of_an_unknown_name_is_taken_for_the_build_of_its_container_with_doubt() -> None:
    unnamed = DEFINITION.replace('"${var.registry}/web:1.4"', "var.registry")
    (finding,) = report(node(BALANCING + unnamed)).findings
    assert finding.rule == "server-closes-first" and str(finding.confidence) == "low"


def test_a_template_has_the_proxy_and_the_pair_of_target_groups_too() -> None:
    connect = CONNECT.format(enabled="true", port="http", more="", timeout="idle_timeout_seconds = 30")
    head = BALANCING.partition("load_balancer {\n    target")[0]
    infra = (head + connect.replace("container_port   = 8080", NATIVE) + "}\n" + GREEN + DEFINITION).replace(
        "containerPort = 8080 }", 'containerPort = 8080, name = "http" }'
    )
    template = (
        CFN.replace("ContainerPort: 8080}]\n  Definition", "ContainerPort: 8080, AdvancedConfiguration: {"
        "AlternateTargetGroupArn: !Ref Green}}]\n      ServiceConnectConfiguration: {Enabled: true, Services: ["
        "{PortName: http, Timeout: {IdleTimeoutSeconds: 30}}]}\n  Definition")
        .replace("PortMappings: [{ContainerPort: 8080}]", "PortMappings: [{ContainerPort: 8080, Name: http}]")
        + """  Green:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Port: 8080
      Protocol: HTTP
      TargetType: ip
      TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: "0"}]
"""
    )  # fmt: skip
    files = {**node(), "stack.yaml": template}
    del files["infra/main.tf"]
    same_verdict(node(infra), files, names={**NAMES, "target group aws_lb_target_group.green": "target group Green"})
    assert {one.rule for one in report(files).findings} == {"server-closes-first", CUTS}
