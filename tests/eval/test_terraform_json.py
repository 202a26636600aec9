from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.node import Node, Reference, Scalar, child
from kubelint5xx.core.source import Source
from kubelint5xx.eval.root_module import load_module
from kubelint5xx.formats import hcl_json
from tests.eval.test_terraform import body, module, plain
from tests.rules.stacks import config_of, files_of
from tests.same_verdict import same_verdict
from tests.tf_json import in_json


def written(files: dict[str, str], type: str = "aws_lb") -> dict[str, object]:
    found = plain(body(files, type))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("stack", ["incident", "alb-spot-nodes", "repaired"])
def test_a_stack_in_json_is_judged_as_the_same_stack_in_hcl(stack: str) -> None:
    files = files_of(stack)
    same_verdict(files, in_json(files), config_of(files))


def test_strings_are_templates_and_their_places_those_of_the_file() -> None:
    text = """{
      "//": "a comment", "variable": {"t": {"type": "number", "default": "75"}, "s": {"default": "${x}"}},
      "locals": {"quoted": "say \\u00e4 \\"${var.t}\\"", "raw": "$${no}", "whole": "${[var.t, 1]}",
                 "odd": "${ var.s }"},
      "resource": {"aws_lb": {"web": {"//": "here too", "idle_timeout": "${var.t}", "name": "é${aws_x.y.id}"}}}
    }"""
    found = module({"main.tf.json": text})
    assert plain(found.locals) == {"quoted": 'say ä "75"', "raw": "${no}", "whole": [75, 1], "odd": "${x}"}
    (web,) = found.resources(["aws_lb"])
    assert web.body.keys() == ["idle_timeout", "name"] and web.span.text == '"web"'
    timeout = web.body.get("idle_timeout")
    assert isinstance(timeout, Scalar) and (timeout.value, timeout.span.text) == (75, '"75"')
    assert [span.text for span in timeout.via] == ["var.t"]


def test_an_expression_behind_escapes_has_its_own_place() -> None:
    text = r'{"locals": {"it": "\u00e9\ud83d\ude00\t\"${aws_lb.web.arn}", "list": ["\\${aws_x.y.id}"]}}'
    source = Source("main.tf.json", text)
    block = next(hcl_json.parse(source)[0].blocks("locals"))
    places = [part.span.text for part in block.attribute("it").expression.parts if not isinstance(part, str)]  # type: ignore[union-attr]
    assert places == ["aws_lb.web.arn"]
    (item,) = block.attribute("list").expression.items  # type: ignore[union-attr]
    assert [part if isinstance(part, str) else part.span.text for part in item.parts] == ["\\", "aws_x.y.id"]


def test_arrays_of_blocks_dynamic_blocks_and_references_read_as_in_hcl() -> None:
    text = json.dumps({
        "resource": [{"aws_lb": [{"web": [{
            "dynamic": {"listener": {"for_each": [1, 2], "iterator": "it", "content": {"port": "${it.value}"}}},
            "access_logs": [{"bucket": "a"}, {"bucket": "b"}],
            "tags": {"k-${var.e}": "v"},
            "lifecycle": {"ignore_changes": ["name", "tags"]},
            "name": None,
            "arn": "${aws_lb.other.arn}",
        }]}]}],
        "variable": {"e": {"default": "prod"}},
    })  # fmt: skip
    found = module({"main.tf.json": text}).resources(["aws_lb"])[0].body
    assert [plain(node) for node in found.every("access_logs")] == [{"bucket": "a"}, {"bucket": "b"}]
    assert [plain(node) for node in found.every("listener")] == [{"port": 1}, {"port": 2}]
    assert plain(found.get("tags")) == {"k-prod": "v"} and found.get("name") is None
    assert plain(child(found, "lifecycle", "ignore_changes")) == ["name", "tags"]
    assert isinstance(found.get("arn"), Reference)


@pytest.mark.parametrize(
    ("name", "other"), [("x.tf", "x.tofu"), ("x.tf.json", "x.tofu.json"), ("x.tf.json", "override.tf.json")]
)
def test_which_file_counts(name: str, other: str) -> None:
    def text(name: str, idle: int) -> str:
        hcl = f'resource "aws_lb" "web" {{\n  idle_timeout = {idle}\n}}\n'
        return json.dumps({"resource": {"aws_lb": {"web": {"idle_timeout": idle}}}}) if ".json" in name else hcl

    assert written({name: text(name, 1), other: text(other, 2)}) == {"idle_timeout": 2}


def test_variable_files_in_json_take_their_turn_among_the_others_and_hold_no_templates() -> None:
    lb = 'variable "t" {}\nvariable "n" {}\nresource "aws_lb" "web" {\n  idle_timeout = var.t\n  name = var.n\n}\n'
    files = {
        "main.tf": lb,
        "terraform.tfvars.json": '{"t": 1, "n": "${plain}"}',
        "b.auto.tfvars": "t = 3\n",
        "a.auto.tfvars.json": '{"t": 2}',
    }
    assert written(files) == {"idle_timeout": 3, "name": "${plain}"}
    sources = {name: Source(name, text) for name, text in files.items()}
    (web,) = load_module("", sources, [Source("prod.tfvars.json", '{"t": 4}')]).resources(["aws_lb"])
    assert plain(web.body.get("idle_timeout")) == 4


def test_a_file_that_is_not_json_leaves_the_module_open() -> None:
    found = module({"main.tf.json": '{"resource": {\n  "aws_lb": }}'})
    assert [(problem.path, problem.line) for problem in found.problems] == [("main.tf.json", 2)] and found.open
    assert module({"main.tf.json": "[]"}).problems


@given(st.text(alphabet=st.sampled_from("a\"\\${}%\n ~é😀<T[]().var:if"), max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_string_breaks_the_reader(text: str) -> None:
    found = module({"main.tf.json": json.dumps({"locals": {"it": text}})}).locals.get("it")
    if "${" not in text and "%{" not in text:
        assert isinstance(found, Scalar) and found.value == text
    assert found is None or isinstance(found, Node)
