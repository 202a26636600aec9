from __future__ import annotations

import time
from collections.abc import Mapping as Files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.node import ATTRIBUTE, Mapping, Node, Reference, Scalar, Sequence, Unresolved, child
from kubelint5xx.core.source import Source
from kubelint5xx.eval.root_module import load_module
from kubelint5xx.eval.terraform import Module


def module(
    files: Files[str, str] | str, children: Files[str, Files[str, str]] | None = None, more: Files[str, str] = {}
) -> Module:
    named = {"main.tf": files} if isinstance(files, str) else files
    sources = {name: Source(name, text) for name, text in named.items()}
    directories = {
        directory: {name: Source(f"{directory}/{name}", text) for name, text in inside.items()}
        for directory, inside in (children or {}).items()
    }
    var_files = [Source(name, text) for name, text in more.items()]
    return load_module("", sources, var_files, child_modules=directories.get)


def local(expression: str, rest: str = "") -> Node:
    node = module(f"locals {{\n  it = {expression}\n}}\n{rest}").locals.get("it")
    assert node is not None
    return node


def plain(node: Node | None) -> object:
    match node:
        case Scalar(_, value):
            return value
        case Sequence(_, items):
            return [plain(item) for item in items]
        case Mapping(_, entries):
            return {entry.key.value: plain(entry.value) for entry in entries}
        case Reference(_, address, attribute):
            return ".".join((address, *attribute))
        case Unresolved(_, reason):
            return f"? {reason}"
    return None


def body(
    files: Files[str, str] | str,
    type: str = "aws_lb",
    more: Files[str, str] = {},
) -> Mapping:
    (resource,) = module(files, None, more).resources([type])
    return resource.body


LB = 'resource "aws_lb" "web" {\n  idle_timeout = var.t\n}\n'


def test_a_variable_leads_to_the_place_that_a_person_would_change() -> None:
    files = {"main.tf": LB, "vars.tf": 'variable "t" {\n  type = number\n  default = "60"\n}\n'}
    found = body(files).get("idle_timeout")
    assert isinstance(found, Scalar) and found.value == 60
    assert (found.span.path, found.span.text) == ("vars.tf", '"60"')
    assert [(via.path, via.text) for via in found.via] == [("main.tf", "var.t")]


def test_via_lists_every_hop_nearest_first() -> None:
    text = 'variable "t" { default = 60 }\nlocals { u = var.t }\nresource "aws_lb" "web" { idle_timeout = local.u }\n'
    found = body(text).get("idle_timeout")
    assert isinstance(found, Scalar) and [via.text for via in found.via] == ["local.u", "var.t"]


def test_variable_files_win_in_terraforms_order() -> None:
    files = {"main.tf": LB, "v.tf": 'variable "t" { default = 1 }', "other.tfvars": "t = 9"}
    assert plain(body(files).get("idle_timeout")) == 1
    files["terraform.tfvars"] = "t = 2"
    assert plain(body(files).get("idle_timeout")) == 2
    files["b.auto.tfvars"], files["a.auto.tfvars"] = "t = 4", "t = 3"
    assert plain(body(files).get("idle_timeout")) == 4
    assert plain(body(files, "aws_lb", {"prod.tfvars": "t = 5", "x.tfvars": "t = 6"}).get("idle_timeout")) == 6
    sources = {name: Source(name, text) for name, text in files.items()}
    seven = Scalar(sources["main.tf"].span_of_line(1), 7, "7")
    (lb,) = load_module("", sources, variables={"t": seven}).resources(["aws_lb"])
    assert plain(lb.body.get("idle_timeout")) == 7


def test_what_the_files_do_not_say_is_unresolved_with_its_reason() -> None:
    found = body(LB + 'variable "t" {}').get("idle_timeout")
    assert isinstance(found, Unresolved) and [via.text for via in found.via] == ["var.t"]
    assert found.reason == "the variable t has no value in the files (it is given when Terraform runs)"
    assert plain(body(LB + 'variable "t" {\n default = 3\n sensitive = true\n}').get("idle_timeout")) == (
        "? the variable t is marked sensitive"
    )
    assert plain(body(LB).get("idle_timeout")) == "? the variable t is not declared"
    assert plain(local('file("x")')) == "? the file x is not in the tree"


def test_an_attribute_that_is_null_is_absent() -> None:
    assert body(LB + 'variable "t" { default = null }').keys() == []


def test_optional_attributes_of_an_object_type_are_filled_in() -> None:
    text = (
        'variable "c" {\n  type = map(object({ t = optional(number, 60), n = string, o = optional(string) }))\n'
        '  default = { a = { n = 5 }, b = { n = "x", t = "7", extra = 1 } }\n}\nlocals { it = var.c }'
    )
    expected = {"a": {"n": "5", "t": 60, "o": None}, "b": {"n": "x", "t": 7, "o": None}}
    assert plain(module(text).locals.get("it")) == expected


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("-7 % 3", -1),
        ('true && !false || 1 > 2 ? "a" : "b"', "a"),
        ("true ? 1 : false ? 2 : 3", 1),
        ("false ? 1 : false ? 2 : 1 > 2 ? 3 : 4", 4),
        ("false ? 1 : true ? 2 : false ? 3 : 4", 2),
        ("(true ? false : true) ? 2 : 3", 3),
        ("true ? false ? 1 : 2 : 3", 2),
        ('"1" == 1', False),
        ("[1, {a = 2}] == [1, {a = 2}]", True),
        ('"x${1 + 1}-%{ if true }y%{ else }n%{ endif }%{ for k, v in ["p", "q"] }${k}${v}%{ endfor }"', "x2-y0p1q"),
        ('[for k, v in {b = 1, a = 2} : "${k}${v}" if v > 0]', ["a2", "b1"]),
        ('{for x in ["a", "b", "a"] : x => 1...}', {"a": [1, 1], "b": [1]}),
        ("[{a = 1}, {a = 2}][*].a", [1, 2]),
        ("{a = [10, 20]}.a[1]", 20),
        ('lookup({a = 1}, "b", 5)', 5),
        ("merge({a = 1, b = 1}, {b = 2}, null)", {"a": 1, "b": 2}),
        ("concat([1], [2, 3])", [1, 2, 3]),
        ('coalesce(null, "", "x")', "x"),
        ("try({a = 1}.b, 3)", 3),
        ("can({a = 1}.b)", False),
        ('toset(["b", "a", "b"])', ["a", "b"]),
        ('tonumber("5") + max(1, 3) + min(4, 2)', 10),
        ("tostring(5)", "5"),
        ('length("abc") + length([1])', 4),
        ("keys({b = 1, a = 2})", ["a", "b"]),
        ("values({b = 1, a = 2})", [2, 1]),
        ("element([1, 2, 3], 4)", 2),
        ('format("%s-%03d-%v", "a", 7, true)', "a-007-true"),
        ('join("-", split(",", "a,b"))', "a-b"),
        ('replace(upper("ab"), "A", "x")', "xB"),
        ('contains(["a"], "a")', True),
        ("flatten([[1, [2]], 3])", [1, 2, 3]),
        ('jsondecode(jsonencode({a = [1, true, null, "<"]}))', {"a": [1, True, None, "<"]}),
        ('base64decode(base64encode("é"))', "é"),
        ("[floor(1.5), ceil(1.2), abs(-2)]", [1, 2, 2]),
        ('zipmap(["a"], [1])', {"a": 1}),
        ("range(1, 7, 3)", [1, 4]),
        ("one([])", None),
        ('compact(["a", "", null])', ["a"]),
        ('startswith("abc", "ab") && endswith("abc", "c")', True),
        ("max([1, 5, 2]...)", 5),
    ],
)
def test_expressions_have_terraforms_value(expression: str, value: object) -> None:
    found = plain(local(expression))
    assert found == value and type(found) is type(value)


def test_a_choice_hands_on_the_written_value_and_a_computation_its_own_place() -> None:
    found = local('"production" == "production" ? 60 : 120')
    assert found.span.text == "60"
    assert local('lookup({a = 7}, "a", 5)').span.text == "7"
    assert local("60 + 5").span.text == "60 + 5"


def test_an_unknown_condition_matters_only_where_the_branches_differ() -> None:
    rest = 'variable "env" {}'
    assert plain(local('var.env == "p" ? 60 : 60', rest)) == 60
    assert "env has no value" in str(plain(local('var.env == "p" ? 60 : 61', rest)))


def test_unknown_parts_leave_the_known_parts_known() -> None:
    rest = 'variable "v" {}'
    merged = local("merge({a = 1, b = 2}, var.v, {b = 3})", rest)
    assert isinstance(merged, Mapping) and "v has no value" in merged.open
    assert plain(merged.get("b")) == 3 and isinstance(merged.get("a"), Unresolved)
    assert plain(local("[1, var.v][0]", rest)) == 1
    assert "v has no value" in str(plain(local("try(var.v, 3)", rest)))


def test_references_point_at_objects_and_follow_what_is_written_there() -> None:
    rest = (
        'resource "aws_lb_target_group" "web" {\n  port = 30080\n  name = "web-${aws_lb.a.id}"\n}\n'
        'resource "aws_lb" "c" {\n  count = 2\n  name = "n${count.index}"\n}\n'
        'resource "aws_lb" "m" {\n  for_each = toset(["x"])\n  name = each.key\n}\n'
        'resource "aws_lb" "u" { count = var.n }\nvariable "n" {}\n'
    )
    cases = {
        "aws_lb_target_group.web.arn": "aws_lb_target_group.web.arn",
        "aws_lb_target_group.web.port": 30080,
        "aws_lb_target_group.web.name": "aws_lb_target_group.web.name",
        "aws_lb.c[1].arn": "aws_lb.c[1].arn",
        "aws_lb.c[1].name": "n1",
        "aws_lb.c[*].arn": ["aws_lb.c[0].arn", "aws_lb.c[1].arn"],
        "aws_lb.c.*.name": ["n0", "n1"],
        'aws_lb.m["x"].arn': 'aws_lb.m["x"].arn',
        "{for k, v in aws_lb.m : k => v.arn}": {"x": 'aws_lb.m["x"].arn'},
        "try(aws_lb.c[5].arn, null)": None,
        "one(aws_lb.u[*].arn)": "aws_lb.u.arn",
        "aws_lb.u[0].arn": "aws_lb.u[0].arn",
        "data.aws_lb.x.arn": "data.aws_lb.x.arn",
        '"${aws_lb.a.arn}"': "aws_lb.a.arn",
        "aws_eks_node_group.x.resources[0].autoscaling_groups[0].name": (
            "aws_eks_node_group.x.resources.[0].autoscaling_groups.[0].name"
        ),
        "module.far.target_group_arns[0]": "module.far.target_group_arns.[0]",
    }
    for expression, expected in cases.items():
        assert plain(local(expression, rest)) == expected, expression
    assert isinstance(local('"x${aws_lb.a.arn}"'), Unresolved)


def test_count_and_for_each_make_instances() -> None:
    made = module(
        'resource "aws_lb" "none" { count = 0 }\n'
        'resource "aws_lb" "if" { count = var.on ? 1 : 0 }\nvariable "on" { default = true }\n'
        'resource "aws_lb" "each" {\n  for_each = { b = { t = 2 }, a = { t = 1 } }\n  idle_timeout = each.value.t\n}\n'
        'resource "aws_lb" "u" {\n  count = var.off ? 1 : 0\n  idle_timeout = 5\n  name = count.index\n}\n'
        'resource "aws_lb" "w" {\n  for_each = var.off\n  name = each.key\n}\nvariable "off" {}\n'
    ).resources(["aws_lb"])
    assert [resource.address for resource in made] == [
        "aws_lb.if[0]", 'aws_lb.each["a"]', 'aws_lb.each["b"]', "aws_lb.u", "aws_lb.w",
    ]  # fmt: skip
    assert [plain(resource.body.get("idle_timeout")) for resource in made] == [None, 1, 2, 5, None]
    assert [resource.count_unknown for resource in made] == [False, False, False, True, True]
    assert all(isinstance(resource.body.get("name"), Unresolved) for resource in made[3:])
    assert made[0].span.text == 'resource "aws_lb" "if"' and made[1].key == "a"


def test_dynamic_blocks_repeat_or_leave_the_body_open() -> None:
    found = body(
        'resource "aws_lb" "web" {\n  tag { k = 0 }\n  dynamic "tag" {\n    for_each = [1, 2]\n    iterator = it\n'
        "    content { k = it.value + it.key }\n  }\n}\n"
    )
    assert [plain(child(tag, "k")) for tag in found.every("tag")] == [0, 1, 3] and not found.open
    found = body(
        'resource "aws_lb" "web" {\n  dynamic "tag" {\n    for_each = var.x\n    content {}\n  }\n}\nvariable "x" {}'
    )
    assert 'dynamic block "tag"' in found.open and "x has no value" in found.open


def test_override_files_replace_attributes_and_blocks() -> None:
    found = body(
        {
            "main.tf": 'resource "aws_lb" "web" {\n  name = "a"\n  idle_timeout = 1\n  log { a = 1 }\n  log {}\n}',
            "z_override.tf": 'resource "aws_lb" "web" {\n  idle_timeout = 2\n  log { a = 3 }\n}',
        }
    )
    assert plain(found) == {"name": "a", "idle_timeout": 2, "log": {"a": 3}}
    assert len(list(found.every("log"))) == 1


def test_local_modules_get_their_inputs_and_give_their_outputs() -> None:
    child_text = (
        'variable "t" { default = 1 }\nresource "aws_lb" "web" { idle_timeout = var.t }\n'
        'output "arn" { value = aws_lb.web.arn }\noutput "t" { value = var.t }\n'
    )
    root = module(
        'module "net" {\n  source = "./modules/net"\n  for_each = { a = 60 }\n  t = each.value\n}\n'
        'module "far" {\n  source = "terraform-aws-modules/alb/aws"\n  idle_timeout = 30\n}\n'
        'module "gone" { source = "../gone" }\n'
        'resource "x" "y" {\n  arn = module.net["a"].arn\n  t = module.net["a"].t\n  far = module.far.arn\n}\n',
        {"modules/net": {"main.tf": child_text}},
    )
    (lb,) = root.resources(["aws_lb"])
    timeout = lb.body.get("idle_timeout")
    assert lb.address == 'module.net["a"].aws_lb.web'
    assert isinstance(timeout, Scalar) and (timeout.span.path, timeout.span.text) == ("main.tf", "60")
    (user,) = root.resources(["x"])
    expected = {"arn": 'module.net["a"].aws_lb.web.arn', "t": 60, "far": "module.far.arn"}
    assert plain(user.body) == expected
    assert [call.address for call in root.open_modules] == ["module.far", "module.gone"]
    assert plain(root.open_modules[0].inputs) == {"idle_timeout": 30}
    assert "not in the files" in root.open_modules[1].open


def test_modules_in_circles_end() -> None:
    again = (
        'module "a" { source = "./." }\nmodule "b" { source = "./." }\nresource "aws_lb" "x" { name = module.a.o }\n'
    )
    start = time.monotonic()
    found = module(again, {"": {"main.tf": again}})
    assert found.resources(["aws_lb"]) and found.open_modules
    assert time.monotonic() - start < 10


def test_a_long_chain_of_modules_loses_none() -> None:
    inside = 'variable "x" {}\noutput "o" { value = var.x }\nresource "aws_lb" "x" {}\n'
    call = 'module "m%d" {\n source = "./c"\n x = module.m%d.o\n count = module.m%d.o\n}\n'
    calls = "".join(call % (i, i + 1, i + 1) for i in range(300))
    found = module(calls, {"c": {"main.tf": inside}})
    assert len(found.resources(["aws_lb"])) == 300 == len(found.modules())


def test_a_text_that_is_partly_known_stays_so_through_its_encoding() -> None:
    found = module(
        'resource "aws_eks_cluster" "a" {}\n'
        'locals {\n  script = "#!/bin/bash\\njoin ${aws_eks_cluster.a.endpoint} --max-pods 9"\n'
        "  encoded = base64encode(local.script)\n  decoded = base64decode(local.encoded)\n"
        '  first = coalesce(local.decoded, "nothing")\n  unknown = base64decode(aws_eks_cluster.a.certificate)\n}\n'
    ).locals
    for name in ("encoded", "decoded", "first"):
        value = found.get(name)
        assert isinstance(value, Unresolved) and value.text == f"#!/bin/bash\njoin {ATTRIBUTE} --max-pods 9"
    assert isinstance(found.get("unknown"), Unresolved)


def test_a_text_that_is_partly_known_is_neither_null_nor_empty() -> None:
    found = module(
        'variable "u" {}\n'
        'locals {\n  given_all = { image = "web:${var.u}", none = null, u = var.u }\n'
        "  all = { for key, it in local.given_all : key => it if it != null }\n"
        '  given = "${var.u}x" == "" ? 1 : 2\n  empty = "${var.u}${var.u}" == "" ? 1 : 2\n}\n'
    ).locals
    kept = found.get("all")
    assert isinstance(kept, Mapping) and list(kept.keys()) == ["image"] and kept.open
    assert plain(found.get("given")) == 2 and isinstance(found.get("empty"), Unresolved)


def test_expressions_go_through_all_instances_of_a_module() -> None:
    called = {"c": {"main.tf": 'variable "x" {}\noutput "o" { value = var.x }\n'}}
    text = 'module "m" {\n  source   = "./c"\n  for_each = { a = 1, b = 2 }\n  x = each.value\n}\n'
    text += 'locals {\n  all = [for key, one in module.m : "${key}${one.o}"]\n  of = values(module.m)[*].o\n}\n'
    found = module(text, called).locals
    assert plain(found.get("all")) == ["a1", "b2"] and plain(found.get("of")) == [1, 2]


def test_circles_between_names_are_unresolved() -> None:
    text = (
        "locals {\n  it = local.b\n  b = local.it\n}\n"
        'resource "aws_lb" "a" { name = aws_lb.b.name }\nresource "aws_lb" "b" { name = aws_lb.a.name }\n'
        'resource "aws_lb" "c" { count = length(aws_lb.c) }\nvariable "v" { default = 1 }\n'
    )
    found = module(text)
    assert "refers to itself" in str(plain(found.locals.get("it")))
    assert all(not isinstance(lb.body.get("name"), Scalar) for lb in found.resources(["aws_lb"]))


def chain(first: str, next_one: str) -> str:
    links = "".join(f"  l{i} = {next_one % (i - 1, i - 1)}\n" for i in range(1, 60))
    return f"locals {{\n  l0 = {first}\n{links}}}"


@pytest.mark.parametrize(
    "hostile",
    [
        chain('"xxxxxxxxxx"', '"${local.l%d}${local.l%d}"'),
        chain("[1]", "[local.l%d, local.l%d]"),
        chain("[1]", "concat(local.l%d, local.l%d)"),
        chain("9", "local.l%d * local.l%d"),
        "locals {\n" + "".join(f"  l{i} = [local.l{i+1}]\n" for i in range(3000)) + "  l3000 = 1\n}",
        "locals {\n  x = [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]\n}",
        'locals {\n  x = format("%999999999d", 1)\n  y = jsondecode("' + "[" * 400 + '")\n  z = 1 / 0\n}',
        'locals { x = ' + "9" * 6000 + "\n}",
    ],
)  # fmt: skip
def test_hostile_values_end_soon(hostile: str) -> None:
    start = time.monotonic()
    values = module(hostile).locals
    assert any(isinstance(entry.value, Unresolved) for entry in values.entries)
    assert time.monotonic() - start < 5


def test_broken_files_are_problems_and_leave_the_module_open() -> None:
    found = module({"main.tf": LB, "bad.tf": 'resource "aws_lb" "x" {\n  a = = 1\n}\n', "x.tf.json": "{"})
    # A block is parsed when it is asked for.
    assert [problem.path for problem in module({"bad.tf": "x = = 1"}).problems] == ["bad.tf"]
    assert len(found.resources(["aws_lb"])) == 2
    assert {problem.path for problem in found.problems} == {"bad.tf", "x.tf.json"} and found.open
    twice = module('resource "aws_lb" "x" {}\nresource "aws_lb" "x" {}\n')
    assert "second time" in twice.problems[0].message and twice.problems[0].kind == "notice"
    lines = module('resource "aws_lb" "x\\ny" {}\nresource "aws_lb" "x\\ny" {}\n').problems
    assert lines[0].message.startswith('resource "aws_lb" "x y" is declared a second time')


NAMES = [
    "var.a",
    "local.b",
    "local.c",
    "aws_lb.x.arn",
    "aws_lb.x[0].name",
    "each.key",
    "v",
    "1",
    '"s"',
    "null",
    "[1, 2]",
]
SHAPES = [
    "{} + {}",
    "{} ? {} : 1",
    "{}[{}]",
    "[for v in {} : {}]",
    "merge({}, {})",
    '"${{{}}}x${{{}}}"',
    "f({}, {}...)",
]
SHAPES += ["try({}, {})", "{}.*.a == {}", "{{a = {}, (v) = {}}}", "join({}, {})", "format({}, {})", "element({}, {})"]
expressions = st.recursive(
    st.sampled_from(NAMES), lambda inner: st.builds(str.format, st.sampled_from(SHAPES), inner, inner), max_leaves=8
)


@settings(max_examples=150, deadline=None)
@given(expressions, expressions, expressions)
def test_no_expression_makes_evaluation_fail(a: str, b: str, c: str) -> None:
    found = module(
        f'variable "a" {{ default = {a} }}\nlocals {{\n  b = {b}\n  c = {c}\n}}\n'
        f'resource "aws_lb" "x" {{\n  count = {a}\n  name = {b}\n  dynamic "d" {{\n    for_each = {c}\n    content {{\n'
        f"      e = d.value\n    }}\n  }}\n}}\n"
    )
    found.resources(["aws_lb"])
    assert len(found.locals.entries) == 2 and not found.problems
