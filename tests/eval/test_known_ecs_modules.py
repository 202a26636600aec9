"""Services of Amazon ECS that the public registry's module makes: judged as the resources themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubelint5xx.core.source import Source
from kubelint5xx.eval.root_module import load_module
from tests.link.test_ecs import BALANCING, gunicorn
from tests.same_verdict import report, same_verdict

AROUND = BALANCING.partition('resource "aws_ecs_service"')[0]
SOURCE = "terraform-aws-modules/ecs/aws"
REPOSITORY = "git::https://github.com/terraform-aws-modules/terraform-aws-ecs.git"
SERVICE = """
  load_balancer = {{
    service = {{ target_group_arn = aws_lb_target_group.web.arn, container_name = "web", container_port = 8080 }}
  }}
  container_definitions = {{
    web = {{
      image         = "python:3.12"
      {entry}       = ["gunicorn"]
      command       = ["--worker-class", "gthread", "--bind", ":8080", "--keep-alive", "{keep}", "app.wsgi:app"]
      {ports} = [{{ containerPort = 8080, name = "http" }}]
      {more}
    }}
  }}
"""
V5 = {"entry": "entrypoint", "ports": "port_mappings"}
V6 = {"entry": "entrypoint", "ports": "portMappings"}
STOPS = {"5": "stop_timeout = 45", "6": "stopTimeout = 45"}


def service(call: str, names: dict[str, str], keep: int, more: str = "") -> dict[str, str]:
    module = f'module "web" {{\n  {call}\n  name = "web"\n{SERVICE.format(**names, keep=keep, more=more)}}}\n'
    return {"infra/main.tf": AROUND + module}


def cluster(call: str, names: dict[str, str], keep: int, more: str = "") -> dict[str, str]:
    services = f"services = {{ web = {{ {SERVICE.format(**names, keep=keep, more=more)} }} }}"
    return {"infra/main.tf": f'{AROUND}module "ecs" {{\n  {call}\n  cluster_name = "main"\n  {services}\n}}\n'}


def written(keep: int, stop: int) -> dict[str, str]:
    tree = gunicorn(keep=keep, more=f"stopTimeout = {stop}")
    return {"infra/main.tf": tree["infra/main.tf"].replace(', "--graceful-timeout", "20"', "")}


def of(source: str, version: str) -> str:
    return f'source = "{source}"\n  version = "{version}"'


@pytest.mark.parametrize(
    ("tree", "call", "names"),
    [
        (service, of(f"{SOURCE}//modules/service", "~> 5.12"), V5),
        (service, of(f"{SOURCE}//modules/service", "6.0.1"), V6),
        (service, of(f"{SOURCE}//modules/service", ">= 7.0"), V6),
        (service, f'source = "{REPOSITORY}//modules/service?ref=v5.11.4"', V5),
        (cluster, of(SOURCE, "5.2.0"), V5),
        (cluster, of(SOURCE, "~> 6.0"), V6),
        (cluster, f'source = "{REPOSITORY}?ref=v7.1.0"', V6),
    ],
)
@pytest.mark.parametrize("keep", [5, 75])
def test_a_service_of_the_module_is_judged_as_its_resources(
    tree: Callable[..., dict[str, str]], call: str, names: dict[str, str], keep: int
) -> None:
    # Unless the call says otherwise the module gives containers 120 seconds to stop.
    same_verdict(written(keep, 120), tree(call, names, keep))
    stop = STOPS["5" if names is V5 else "6"]
    same_verdict(written(keep, 45), tree(call, names, keep, stop))


# What versions 6 and 7 of the module are made of, reduced to what requests meet.
OWN = {
    "infra/service/main.tf": """
variable "name" {}
variable "load_balancer" {
  type = map(object({
    container_name   = string
    container_port   = number
    target_group_arn = optional(string)
  }))
  default = null
}
variable "container_definitions" {
  type = map(object({
    name         = optional(string)
    image        = optional(string)
    entrypoint   = optional(list(string))
    command      = optional(list(string))
    portMappings = optional(list(object({ containerPort = optional(number), name = optional(string) })))
    stopTimeout  = optional(number, 120)
  }))
  default = {}
}
resource "aws_ecs_service" "this" {
  count           = 1
  name            = var.name
  launch_type     = "FARGATE"
  task_definition = aws_ecs_task_definition.this[0].arn
  dynamic "load_balancer" {
    for_each = var.load_balancer != null ? var.load_balancer : {}
    content {
      container_name   = load_balancer.value.container_name
      container_port   = load_balancer.value.container_port
      target_group_arn = load_balancer.value.target_group_arn
    }
  }
}
module "container_definition" {
  source       = "../container"
  for_each     = var.container_definitions
  name         = coalesce(each.value.name, each.key)
  image        = each.value.image
  entrypoint   = each.value.entrypoint
  command      = each.value.command
  portMappings = each.value.portMappings
  stopTimeout  = each.value.stopTimeout
}
resource "aws_ecs_task_definition" "this" {
  count                    = 1
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  container_definitions    = jsonencode([for key, it in module.container_definition : it.container_definition])
}
""",
    "infra/container/main.tf": """
variable "name" {}
variable "image" {}
variable "entrypoint" {}
variable "command" {}
variable "portMappings" {}
variable "stopTimeout" {}
locals {
  ports = var.portMappings != null ? [for it in var.portMappings : { for k, v in it : k => v if v != null }] : null
  definition = {
    name         = var.name
    image        = var.image
    entrypoint   = var.entrypoint
    command      = var.command
    portMappings = local.ports
    stopTimeout  = var.stopTimeout
  }
}
output "container_definition" {
  value = { for key, it in local.definition : key => it if it != null }
}
""",
}


@pytest.mark.parametrize("more", ["", "stopTimeout = 45"])
@pytest.mark.parametrize("image", ["python:3.12", "${aws_ecr_repository.web.repository_url}:1.4"])
def test_the_module_itself_is_judged_as_what_is_known_of_it(image: str, more: str) -> None:
    known = service(of(f"{SOURCE}//modules/service", "6.0.1"), V6, 5, more)
    known["infra/main.tf"] = known["infra/main.tf"].replace("python:3.12", image)
    text = known["infra/main.tf"].replace(of(f"{SOURCE}//modules/service", "6.0.1"), 'source = "./service"')
    same_verdict(known, {**OWN, "infra/main.tf": text})
    assert "server-closes-first" in {one.rule for one in report(known).findings}


def test_what_the_module_takes_is_its_default_at_the_call() -> None:
    tree = service(of(f"{SOURCE}//modules/service", "6.0.1"), V6, 75)
    slow = tree["infra/main.tf"].replace('"--keep-alive", "75"', '"--keep-alive", "75", "--graceful-timeout", "300"')
    (finding,) = report({"infra/main.tf": slow}).findings
    assert finding.rule == "grace-too-short" and "120 s (terraform-aws-modules/ecs//modules/service 6's" in finding.text
    assert finding.place.in_file().source.line_text(finding.place.in_file().line) == 'module "web" {'


def containers(text: str) -> str:
    """What the task definition of a root comes to."""
    found = load_module("", {"main.tf": Source("main.tf", text)}).resources(["aws_ecs_task_definition"])
    (definition,) = found
    node = definition.body.get("container_definitions")
    return str(getattr(node, "value", ""))


@pytest.mark.parametrize(("version", "stop"), [("5.12.1", "stop_timeout"), ("6.4.0", "stopTimeout")])
def test_a_container_of_the_module_is_one_of_the_definition(version: str, stop: str) -> None:
    text = f"""
    module "app" {{
      {of(f"{SOURCE}//modules/container-definition", version)}
      name   = "app"
      image  = "nginx"
      {stop} = 30
    }}
    module "side" {{
      {of(f"{SOURCE}//modules/container-definition", version)}
      name   = "side"
      image  = "envoy"
    }}
    resource "aws_ecs_task_definition" "web" {{
      family                = "web"
      container_definitions = jsonencode([module.app.container_definition, module.side.container_definition])
    }}
    """
    said = containers(text)
    assert '"stopTimeout":30' in said and '"stopTimeout":120' in said and '"image":"envoy"' in said


def test_a_cluster_alone_hides_nothing() -> None:
    text = f"""
    module "cluster" {{
      {of(f"{SOURCE}//modules/cluster", "5.7.4")}
      cluster_name = "main"
    }}
    module "older" {{
      {of(SOURCE, "4.1.3")}
      cluster_name = "older"
    }}
    """
    assert not load_module("", {"main.tf": Source("main.tf", text)}).open_modules
