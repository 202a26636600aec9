from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Sequence, Unresolved, child
from kubelint5xx.core.source import Source
from kubelint5xx.eval.plan import is_plan, load_plan
from kubelint5xx.eval.resource import Resource
from kubelint5xx.formats import json as json_format

Json = dict[str, object]


def root(value: object) -> Node:
    reading = json_format.read(Source("plan.json", json.dumps(value, indent=1)))
    return reading.documents[0].root


def resource(address: str, values: Json, **more: object) -> Json:
    type_, name = address.split("[")[0].split(".")[-2:]
    return {"address": address, "mode": "managed", "type": type_, "name": name, "values": values, **more}


def plan(resources: list[Json], changes: list[Json] = [], configured: Json | None = None, **more: object) -> Json:  # noqa: B006
    inner = [{"address": "module.net", "resources": more.pop("inner")}] if "inner" in more else []
    return {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": resources, "child_modules": inner}},
        "resource_changes": changes,
        "configuration": {"root_module": configured or {}},
        **more,
    }


def only(document: Json, type: str) -> Resource:
    (found,) = load_plan(root(document)).resources([type])
    return found


def pointed(node: Node | None) -> str:
    return ".".join((node.address, *node.attribute)) if isinstance(node, Reference) else str(node)


def expressions(address: str, values: Json) -> Json:
    return {"address": address, "expressions": values}


def test_values_blocks_and_places_come_from_the_plan() -> None:
    values: Json = {
        "idle_timeout": 60, "name": None, "access_logs": [], "tags": {"a": "b"}, "subnets": ["s1", "s2"],
        "health_check": [{"port": "1", "path": None}, {"port": "2"}],
    }  # fmt: skip
    found = only(plan([resource('aws_lb.web["a"]', values, index="a")]), "aws_lb")
    timeout, subnets = found.body.get("idle_timeout"), found.body.get("subnets")
    assert (found.address, found.name, found.key, found.count_unknown) == ('aws_lb.web["a"]', "web", "a", False)
    assert found.body.keys() == ["idle_timeout", "tags", "subnets", "health_check", "health_check"]
    assert isinstance(timeout, Scalar) and timeout.value == 60 and timeout.span.text == "60"
    assert [child(block, "port").value for block in found.body.every("health_check")] == ["1", "2"]  # type: ignore[union-attr]
    assert isinstance(subnets, Sequence) and len(subnets.items) == 2
    assert found.span.line == 7


def test_what_apply_decides_is_a_reference_where_the_configuration_names_one() -> None:
    listener = resource(
        "aws_lb_listener.l", {"port": 80, "default_action": [{"type": "forward"}], "certs": [None, None]}
    )
    unknown = {
        "arn": True,
        "load_balancer_arn": True,
        "certs": [True, True],
        "default_action": [{"target_group_arn": True}],
    }
    configured = expressions("aws_lb_listener.l", {
        "load_balancer_arn": {"references": ["aws_lb.web.arn", "aws_lb.web"]},
        "certs": {"references": ["aws_acm.a[0].arn", "aws_acm.a[0]", "aws_acm.a", "aws_acm.b.arn", "aws_acm.b"]},
        "default_action": [{"target_group_arn": {"references": ["aws_lb_target_group.t.arn"]}}],
    })  # fmt: skip
    changes: list[Json] = [{"address": "aws_lb_listener.l", "change": {"after_unknown": unknown}}]
    body = only(plan([listener], changes, {"resources": [configured]}), "aws_lb_listener").body
    assert pointed(body.get("load_balancer_arn")) == "aws_lb.web.arn"
    assert pointed(child(body, "default_action", "target_group_arn")) == "aws_lb_target_group.t.arn"
    assert body.get("arn") == Unresolved(body.span, "known only after apply")


def test_references_pass_through_variables_and_outputs_of_modules() -> None:
    inner = resource("module.net.aws_lb_listener.l", {})
    unknown = {"load_balancer_arn": True}
    changes: list[Json] = [{"address": "module.net.aws_lb_listener.l", "change": {"after_unknown": unknown}}]
    module = {"resources": [expressions("aws_lb_listener.l", {"load_balancer_arn": {"references": ["var.lb"]}})]}
    lb = {"module": {"outputs": {"arn": {"expression": {"references": ["aws_lb.web.arn", "aws_lb.web"]}}}}}
    net = {"expressions": {"lb": {"references": ["module.lb.arn", "module.lb"]}}, "module": module}
    found = only(plan([], changes, {"module_calls": {"net": net, "lb": lb}}, inner=[inner]), "aws_lb_listener")
    assert pointed(found.body.get("load_balancer_arn")) == "module.lb.aws_lb.web.arn"


def test_sensitive_values_are_unresolved() -> None:
    secret = resource("aws_lb.web", {"name": "s", "idle_timeout": 60}, sensitive_values={"name": True})
    changes: list[Json] = [{"address": "aws_lb.web", "change": {"after_sensitive": {"idle_timeout": True}}}]
    body = only(plan([secret], changes), "aws_lb").body
    assert [getattr(body.get(key), "reason", "") for key in ("name", "idle_timeout")] == ["marked sensitive"] * 2


def test_a_state_is_read_like_a_plan() -> None:
    state: Json = {
        "format_version": "1.0",
        "values": {"root_module": {"resources": [resource("aws_lb.web", {"idle_timeout": 4})]}},
    }
    assert is_plan(root(state)) and only(state, "aws_lb").body.keys() == ["idle_timeout"]


def test_incomplete_and_newer_plans_say_so() -> None:
    assert "error" in load_plan(root(plan([], errored=True))).open
    newer = load_plan(root(plan([]) | {"format_version": "2.0"}))
    assert "format 2.0" in newer.problems[0].message
    assert not load_plan(root(plan([]))).open


@pytest.mark.parametrize("other", [[], {"format_version": "1.0"}, {"values": {}}, "x"])
def test_other_documents_are_no_plans(other: object) -> None:
    assert not is_plan(root(other)) and load_plan(root(other)).resources(["aws_lb"]) == ()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=80, deadline=None)
@given(values, values, values, values)
def test_no_shape_makes_the_reader_fail(a: object, b: object, c: object, d: object) -> None:
    made = resource("aws_lb.web", {"a": a, "b": b}, sensitive_values=c)
    changes: list[Json] = [{"address": "aws_lb.web", "change": {"after_unknown": b, "after_sensitive": d}}]
    assert (
        len(
            load_plan(
                root(plan([made], changes, {"resources": [{"address": "aws_lb.web", "expressions": c}]}))
            ).resources(["aws_lb"])
        )
        == 1
    )
    load_plan(
        root({"format_version": "1.0", "planned_values": a, "configuration": b, "resource_changes": c})
    ).resources(["x"])


MODULE = """
variable "secret" {
  default   = "s"
  sensitive = true
}
resource "terraform_data" "a" {
  count = 2
  input = { port = 30080 + count.index }
}
resource "terraform_data" "b" {
  input            = terraform_data.a[0].id
  triggers_replace = [terraform_data.a[0].id, terraform_data.a[1].id]
}
resource "terraform_data" "s" { input = var.secret }
"""


def test_terraforms_own_plan_reads_as_written(tmp_path: Path) -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not installed, so no real plan can be made")
    (tmp_path / "main.tf").write_text(MODULE)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [terraform, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    run("init", "-no-color", "-input=false")
    run("plan", "-out=plan", "-no-color", "-input=false")
    document = root(json.loads(run("show", "-json", "plan")))
    assert is_plan(document)
    found = {made.address: made.body for made in load_plan(document).resources(["terraform_data"])}
    port = child(found["terraform_data.a[1]"], "input", "port")
    assert isinstance(port, Scalar) and port.value == 30081
    assert pointed(found["terraform_data.b"].get("input")) == "terraform_data.a[0].id"
    triggers = found["terraform_data.b"].get("triggers_replace")
    assert isinstance(triggers, Sequence)
    assert [pointed(item) for item in triggers.items] == ["terraform_data.a[0].id", "terraform_data.a[1].id"]
    assert isinstance(found["terraform_data.s"].get("input"), Unresolved)
    assert all(isinstance(body, Mapping) for body in found.values())
