"""What another repository sets: written by hand into the configuration, or printed there by ``kubelint5xx path``."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from kubelint5xx.check import check, tell, understand
from kubelint5xx.cli import cli
from kubelint5xx.config import Config
from kubelint5xx.config_assume import with_files
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Finding
from kubelint5xx.core.problem import InputError
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.core.value import Confidence
from kubelint5xx.model.topology import Model
from kubelint5xx.report import path_json
from tests.same_verdict import report, verdict

SCHEMA: dict[str, Any] = json.loads((files("kubelint5xx") / "schemas/path.schema.json").read_text(encoding="utf-8"))
APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          command: [gunicorn, -k, gthread, --keep-alive, "5", app:app]
          ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  type: NodePort
  selector: {app: api}
  ports: [{port: 80, targetPort: http, nodePort: 31080}]
"""
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop-api/73e2d6bc24d8a067"
BINDING = f"""\
---
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {{name: api, namespace: shop}}
spec:
  serviceRef: {{name: api, port: 80}}
  targetGroupARN: {ARN}
  targetType: TYPE
"""
ASSUME = """\
assume:
  target_groups:
    - name: shop-api
      port: 31080
      target_type: instance
      deregistration_delay: 30s
      balancer:
        type: alb
        name: shop
        idle_timeout: 60s
"""
INFRA = """\
resource "aws_lb" "shop" {
  name               = "shop"
  load_balancer_type = "application"
  idle_timeout       = 60
}

resource "aws_lb_target_group" "api" {
  name                 = "shop-api"
  port                 = 31080
  protocol             = "HTTP"
  target_type          = "instance"
  deregistration_delay = 30
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.shop.arn
  port              = 443
  protocol          = "HTTPS"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}
"""


def config(text: str, files: dict[str, str] | None = None) -> Config:
    loaded = load_config(Source("kubelint5xx.yaml", text))

    def read(path: str) -> bytes:
        if path not in (files or {}):
            raise FileNotFoundError(2, "No such file or directory")
        return (files or {})[path].encode()

    return with_files(loaded, read)


def found(tree: dict[str, str], configuration: Config) -> dict[str, Finding]:
    return {finding.rule: finding for finding in check(MemoryTree(tree), configuration).findings}


def model(tree: dict[str, str], configuration: Config | None = None) -> Model:
    return understand(MemoryTree(tree), configuration or Config())


def rules(tree: dict[str, str], configuration: Config | None = None) -> set[str]:
    return {finding.rule for finding in report(tree, configuration).findings}


def test_without_it_nobody_knows_how_long_connections_are_kept() -> None:
    assert "server-closes-first" not in found({"k8s/app.yaml": APP}, Config())


@pytest.mark.parametrize(
    ("manifests", "assume"),
    [
        (APP, ASSUME),
        (APP + BINDING.replace("TYPE", "instance"), ASSUME.replace("      port: 31080\n", "")),
        (APP + BINDING.replace("TYPE", "instance"), ASSUME.replace("name: shop-api", f"arn: {ARN}")),
        (APP, ASSUME.replace("port: 31080", "port: 8080") + "links: [{ service: shop/api, target_group: shop-api }]"),
        (APP, "environments:\n  live:\n    " + ASSUME.replace("\n", "\n    ")),
    ],
    ids=["node-port", "name-in-arn", "arn", "link", "environment"],
)
def test_a_target_group_of_another_repository_is_joined_as_one_of_terraform(manifests: str, assume: str) -> None:
    configuration = config(assume)
    if configuration.environments:
        configuration = configuration.within("live")
    finding = found({"k8s/app.yaml": manifests}, configuration)["server-closes-first"]
    assert (finding.place.path, finding.confidence) == ("k8s/app.yaml", Confidence.HIGH)
    (other,) = [cited.value for cited in finding.evidence if cited.value.data == 60.0]
    assert other.place is not None and other.place.text == "60s"
    assert f"kubelint5xx.yaml:{other.place.line} says what another repository sets" in finding.assumptions


def test_it_is_judged_as_the_same_words_of_terraform() -> None:
    here = rules({"k8s/app.yaml": APP}, config(ASSUME))
    both = rules({"k8s/app.yaml": APP, "infra/main.tf": INFRA})
    assert here == both and len(here) > 2


def test_a_finding_that_does_not_rest_on_it_does_not_name_it() -> None:
    finding = found({"k8s/app.yaml": APP}, config(ASSUME))["no-readiness-probe"]
    assert not [said for said in finding.assumptions if "another repository" in said]


def test_what_is_not_said_of_a_balancer_is_no_default() -> None:
    quiet = config(ASSUME.replace("        idle_timeout: 60s\n", ""))
    assert "server-closes-first" not in found({"k8s/app.yaml": APP}, quiet)
    (edge,) = model({"k8s/app.yaml": APP}, quiet).edges
    for quantity in ("idle_timeout", "response_timeout"):
        value = edge.sender.outbound.read(quantity)
        assert not value.known and "does not say" in value.reason
    # What no setting changes still holds.
    assert edge.sender.outbound.read("connect_timeout").data == 10.0
    assert edge.target_group is not None and not edge.target_group.read("health_interval").known


def test_the_files_count_and_not_what_is_said_of_them() -> None:
    contrary = config(ASSUME.replace("60s", "2s").replace("30s", "1s"))
    both = model({"k8s/app.yaml": APP, "infra/main.tf": INFRA}, contrary)
    (edge,) = both.edges
    assert edge.sender.outbound.read("idle_timeout").data == 60.0
    assert [missing.what for missing in both.undecided] == ["the target group shop-api"]


def test_no_advice_rewrites_the_configuration() -> None:
    assume = ASSUME.replace("60s", "60")
    for finding in found({"k8s/app.yaml": APP.replace('"5"', '"62"')}, config(assume)).values():
        advice = finding.advice
        assert not (advice and advice.replacement and advice.place and advice.place.path == "kubelint5xx.yaml")


NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: shop}}\n"
GATE = "elbv2.k8s.aws/pod-readiness-gate-inject"


@pytest.mark.parametrize(
    ("namespaces", "declared", "gate"),
    [
        (f"shop: {{ labels: {{ {GATE}: enabled }} }}", "", "injected"),
        ("shop: { labels: { team: shop } }", "", "absent"),
        ("shop: {}", "", None),
        ("other: { labels: {} }", "", None),
        (f"shop: {{ labels: {{ {GATE}: enabled }} }}", NAMESPACE, "absent"),
    ],
)
def test_labels_of_a_namespace_count_where_no_file_declares_it(namespaces: str, declared: str, gate: str) -> None:
    configuration = config(f"{ASSUME}  namespaces:\n    {namespaces}\n")
    manifests = {"k8s/app.yaml": APP + BINDING.replace("TYPE", "ip")}
    if declared:
        manifests["k8s/namespace.yaml"] = declared
    (edge,) = model(manifests, configuration).edges
    assert edge.target_group is not None
    assert edge.target_group.read("readiness_gate").data == gate


# What was printed in the other repository.


def printed(tree: dict[str, str]) -> str:
    text = path_json.render({"": tell(MemoryTree(tree), Config())})
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    return text


def from_printed(tree: dict[str, str]) -> Config:
    return config("assume: { paths: [../infra.json] }\n", {"../infra.json": printed(tree)})


@pytest.mark.parametrize("binding", ["", "instance", "ip"])
@pytest.mark.parametrize(
    "infra",
    [
        INFRA,
        INFRA.replace("  idle_timeout       = 60\n", ""),
        INFRA.replace("= 60", "= var.unknown"),
        INFRA.replace('"application"', '"network"').replace('"HTTP"', '"TCP"').replace('"HTTPS"', '"TCP"'),
        INFRA.replace('  protocol             = "HTTP"', '  protocol = "HTTP"\n  protocol_version = "GRPC"'),
    ],
    ids=["written", "default", "unknown", "nlb", "grpc"],
)
def test_two_repositories_are_judged_as_one_tree(infra: str, binding: str) -> None:
    # Whether a target group's port is the Service's NodePort is nothing to tell where its targets are pods.
    if binding == "ip":
        infra = infra.replace('"instance"', '"ip"').replace("31080", "8080")
    manifests = {"k8s/app.yaml": APP + (BINDING.replace("TYPE", binding) if binding else "")}
    together = verdict({**manifests, "infra/main.tf": infra})
    assert verdict(manifests, from_printed({"infra/main.tf": infra})) == together
    # What rests on the timeout alone is open without the other repository, and where nobody knows it.
    assert verdict(manifests) != together or "var.unknown" in infra or '"network"' in infra


def test_a_printed_value_stands_in_the_file_of_the_other_repository() -> None:
    finding = found({"k8s/app.yaml": APP}, from_printed({"infra/main.tf": INFRA}))["server-closes-first"]
    (said,) = finding.assumptions
    assert said.startswith("another repository sets it at infra/main.tf:4")
    assert said.endswith("as ../infra.json says (kubelint5xx.yaml:1)")
    (other,) = [cited.value for cited in finding.evidence if cited.value.data == 60.0]
    assert str(other.place) == "../infra.json:infra/main.tf:4:24"
    assert other.place is not None and other.place.text == "60" and str(other.place.here()) == "kubelint5xx.yaml:1:19"


def test_nothing_but_values_is_printed() -> None:
    secret = 'locals { password = "hunter2" }\n'
    text = printed({"infra/main.tf": secret + INFRA, "k8s/app.yaml": APP.replace("app:app]", "app:app, s3cr3t]")})
    assert "hunter2" not in text and "s3cr3t" not in text and "idle_timeout       = 60" in text
    assert json.loads(text)["environments"][0]["target_groups"][0]["name"] == "shop-api"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "infra.json:1: "),
        ('{"version": 2,\n"a" }', "infra.json:2: "),
        ("[]", "was not printed by"),
        ("{}", "was not printed by"),
        ('{"version": 3}', "is of version 3, and 1 and 2 are read: a newer kubelint5xx printed it"),
        ('{"version": 0}', "is of version 0, and 1 and 2 are read"),
        ('{"version": "2"}', "is of version 2, and 1 and 2 are read"),
        (None, "No such file or directory"),
    ],
)
def test_a_file_that_was_not_printed_is_an_error_at_its_name(text: str | None, said: str) -> None:
    with pytest.raises(InputError) as caught:
        config("assume:\n  paths: infra.json\n", {"infra.json": text} if text is not None else {})
    assert str(caught.value.problem).startswith("kubelint5xx.yaml:2") and said in str(caught.value.problem)


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1}',
        '{"version": 2}',
        '{"version": 2, "environments": [{}]}',
        '{"version": 2, "environments": [5, {"target_groups": 5, "nodes": [], "scopes": [{"objects": [{}]}]}]}',
        '{"version": 1, "target_groups": {}, "clusters": 5}',
        '{"version": 1, "target_groups": [5, {}, {"values": 3}, {"balancers": [4, {}]}], "clusters": [{}]}',
        '{"version": 1, "target_groups": [{"name": "shop-api", "port": "x", "values":'
        ' {"deregistration_delay": {"data": "soon"}, "target_type": {"data": [1]}, "zzz": {"data": 1}}}]}',
    ],
)
def test_a_printed_file_may_hold_anything(text: str) -> None:
    configuration = config("assume: { paths: [a.json] }\n", {"a.json": text})
    assert report({"k8s/app.yaml": APP + BINDING.replace("TYPE", "ip")}, configuration).coverage.hops == 1


def test_the_schema_of_paths_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_one_repository_prints_and_the_other_reads(tmp_path: Path) -> None:
    infra, shop = tmp_path / "infra", tmp_path / "shop"
    for directory in (infra, shop):
        (directory / ".git").mkdir(parents=True)
    (infra / "main.tf").write_text(INFRA)
    (shop / "app.yaml").write_text(APP)
    status, text = run("path", infra, "--format", "json")
    assert status == 0
    (tmp_path / "infra.json").write_text(text)
    (shop / "kubelint5xx.yaml").write_text("assume: { paths: [../infra.json] }\n")
    status, text = run("check", shop, "--select", "server-closes-first")
    assert status == 1 and "another repository sets it at main.tf:4" in text
    (tmp_path / "infra.json").unlink()
    status, text = run("check", shop)
    assert status == 2 and "kubelint5xx.yaml:1" in text and "../infra.json cannot be read" in text
    status, text = run("schema", "path")
    assert status == 0 and json.loads(text) == SCHEMA


def test_a_flowchart_has_the_idle_timeouts_on_its_arrows(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(INFRA)
    (tmp_path / "app.yaml").write_text(APP)
    status, text = run("path", tmp_path, "--format", "mermaid")
    assert status == 0
    lines = text.splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n0["the ALB aws_lb.shop"]' in lines
    assert any('-- "idle 60 s → 5 s" -->' in line for line in lines)


def test_several_environments_are_several_parts_of_one_document(tmp_path: Path) -> None:
    (tmp_path / "kubelint5xx.yaml").write_text("environments: { live: , test: }\n")
    (tmp_path / "app.yaml").write_text(APP)
    for arguments, names in (((), ["live", "test"]), (("--env", "test"), ["test"])):
        status, text = run("path", tmp_path, "--format", "json", *arguments)
        assert status == 0 and [one["name"] for one in json.loads(text)["environments"]] == names
    assert run("path", tmp_path, "--format", "mermaid")[0] == 2


# What version 1 printed of INFRA, without what was not read of it.
FIRST = """{
  "version": 1, "tool": {"name": "kubelint5xx", "version": "0.1.0"}, "edges": [],
  "target_groups": [{
    "called": "the target group aws_lb_target_group.api", "place": "infra/main.tf:7", "name": "shop-api", "arn": null,
    "address": "infra:aws_lb_target_group.api", "port": 31080, "target_type": "instance", "protocol_version": "HTTP1",
    "registered": false, "route": ["the ALB aws_lb.shop", "the target group aws_lb_target_group.api"],
    "values": {
      "deregistration_delay": {
        "data": 30.0, "text": "30 s", "reason": null, "confidence": "high", "place": "infra/main.tf:12",
        "origin": "written", "setting": "deregistration_delay"
      },
      "target_type": {
        "data": "instance", "text": "instance", "reason": null, "confidence": "high", "place": "infra/main.tf:11",
        "origin": "written", "setting": "target_type"
      }
    },
    "balancers": [{
      "called": "the ALB aws_lb.shop", "place": "infra/main.tf:1", "product": "aws_alb", "role": "balancer",
      "inbound": {},
      "outbound": {
        "idle_timeout": {
          "data": 60.0, "text": "60 s", "reason": null, "confidence": "high", "place": "infra/main.tf:4",
          "origin": "written", "setting": "idle_timeout"
        },
        "keepalive": {
          "data": true, "text": "yes", "reason": null, "confidence": "high", "place": "infra/main.tf:1",
          "origin": "derived"
        },
        "reset_status": {
          "data": 502, "text": "502", "reason": null, "confidence": "medium", "place": null,
          "origin": "default", "product": "AWS ALB", "setting": "", "cite": "", "unseen": []
        }
      }
    }]
  }],
  "clusters": [{"called": "the cluster", "place": null, "names": ["c"], "values": {}}]
}"""


def test_what_the_first_version_printed_is_still_read() -> None:
    first = config("assume: { paths: ../infra.json }\n", {"../infra.json": FIRST})
    finding = found({"k8s/app.yaml": APP}, first)["server-closes-first"]
    assert (finding.confidence, finding.status) == (Confidence.HIGH, 502)
    (other,) = [cited.value for cited in finding.evidence if cited.value.data == 60.0]
    assert str(other.place) == "../infra.json:infra/main.tf:4:1"
