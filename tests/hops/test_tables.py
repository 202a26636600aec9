"""Every hop table: its shape, its claims on the vocabulary, and its examples."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import kubelint5xx.hops.table as tables
from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.value import Value
from kubelint5xx.hops.detect import Recognised, recognise
from kubelint5xx.hops.resolve import Settings, build_hop
from kubelint5xx.hops.table import Sign, examples, parse, products, signs, table
from kubelint5xx.model.knobs import knobs_of
from kubelint5xx.model.topology import Hop
from tests.hops.launches import launch, mapping

PACKAGE = Path(tables.__file__).parent.parent
SCHEMA = json.loads((PACKAGE / "schemas" / "hop.schema.json").read_text("utf-8"))
LINKED = ("terraform", "attributes", "target_group_attributes", "configmap", "annotation")
MINIMAL = "title: A\nrole: server\nknobs:\n  "

EXAMPLES = [
    pytest.param(product, example, id=f"{product}-{number}")
    for product in products()
    for number, example in enumerate(examples(product), 1)
]


@pytest.mark.parametrize("product", products())
def test_the_table_has_the_shape_of_the_schema(product: str) -> None:
    raw = yaml.safe_load((PACKAGE / "hops" / f"{product}.yaml").read_text("utf-8"))
    assert list(raw)[-1] == "examples"  # what start-up does not read comes last
    jsonschema.Draft202012Validator(SCHEMA).validate(raw)


def repeated(node: yaml.Node | None) -> list[str]:
    """The keys that a mapping has twice, of which YAML would keep the last without a word."""
    if isinstance(node, yaml.MappingNode):
        keys = [str(key.value) for key, _ in node.value]
        below = [key for _, value in node.value for key in repeated(value)]
        return [key for at, key in enumerate(keys) if key in keys[:at]] + below
    return [key for item in node.value for key in repeated(item)] if isinstance(node, yaml.SequenceNode) else []


@pytest.mark.parametrize("product", products())
def test_the_table_says_nothing_twice(product: str) -> None:
    assert repeated(yaml.compose((PACKAGE / "hops" / f"{product}.yaml").read_text("utf-8"))) == []


@pytest.mark.parametrize("product", products())
def test_what_recognises_a_product_is_found_without_parsing_its_table(product: str) -> None:
    assert tuple(sign for sign, owner in signs() if owner == product) == table(product).detect


@pytest.mark.parametrize("product", products())
def test_every_default_names_its_source(product: str) -> None:
    known = table(product)
    for row in (*known.own.values(), *known.knobs.values()):
        assert row.cite or not row.settled, row.name
    assert known.answers_cite or not known.answers


@pytest.mark.parametrize("product", products())
def test_the_table_says_how_long_idle_connections_stay(product: str) -> None:
    assert "inbound.idle_timeout" in table(product).knobs
    assert table(product).role == "server" or "outbound.idle_timeout" in table(product).knobs or not table(product).own


@pytest.mark.parametrize(("product", "example"), EXAMPLES)
def test_the_example_reads_as_it_says(product: str, example: dict[str, Any]) -> None:
    hop = hop_of_example(product, example)
    for name, expected in example["reads"].items():
        value = value_of(hop, name)
        if expected == "unknown":
            assert not value.known, f"{name} is {value.data}"
            assert value.reason
        else:
            assert value.data == (math.inf if expected == "unlimited" else expected), f"{name}: {value}"


def hop_of_example(product: str, example: dict[str, Any]) -> Hop:
    linked = [Settings(form, mapping(example[form]), form) for form in LINKED if form in example]
    if not {"argv", "image", "declared"} & set(example):
        return build_hop(product, "it", None, linked)
    container = launch(
        example.get("argv"),
        example.get("image"),
        example.get("env"),
        example.get("files"),
        example.get("sources"),
        example.get("declared"),
        port=example.get("port"),
        stop_signal=example.get("stop_signal"),
    )
    found = recognise(container)
    assert isinstance(found, Recognised), found
    assert found.product == product
    return build_hop(product, "it", container.place, [*linked, *found.settings], example.get("port"), found.version)


def value_of(hop: Hop, name: str) -> Value:
    face, _, quantity = name.rpartition(".")
    return (hop.outbound if face == "outbound" else hop.inbound).read(quantity)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("inbound.idle_timout: { default: 5 }", r"'inbound.idle_timout' .* mean 'idle_timeout'"),
        ("sideways.idle_timeout: { default: 5 }", "'sideways.idle_timeout' is not in the vocabulary"),
        ("inbound.idle_timeout: { default: soon }", "'soon' is not a duration"),
        ("inbound.keepalive: { default: 1 }", "1 is not a bool"),
        ("inbound.idle_timeout: { argv: --idle, default: 5 }", "no cite"),
        ("inbound.idle_timeout: { arg: --idle }", "unknown keys: arg"),
        ("inbound.idle_timeout: { fallback: inbound.header_timeout }", "inbound.header_timeout is not above it"),
        ("inbound.idle_timeout: { default: [{ when: versoin < '7', is: 1 }] }", "did you mean 'version'"),
        ("inbound.idle_timeout: { default: [{ is: 1 }, { when: inbound.keepalive, is: 2 }] }", "only the last"),
        ("inbound.idle_timeout: 5", "not a hop table"),
        ("inbound.keepalive: { max: 5 }", "max is for a duration"),
        ("inbound.idle_timeout: { max: much }", "not a hop table"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_with_its_name(row: str, complaint: str) -> None:
    with pytest.raises(RuleError, match=rf"broken\.yaml: .*{complaint}"):
        parse("broken", MINIMAL + row)


def test_a_product_without_a_table_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RuleError, match="did you mean 'gunicorn'"):
        table("gunicron")


def test_the_schema_knows_the_formats_that_the_loader_knows() -> None:
    assert tuple(SCHEMA["$defs"]["format"]["enum"]) == tables.FORMATS
    assert set(tables.FORMATS) < set(SCHEMA["$defs"]["row"]["properties"])


def test_a_sign_belongs_to_one_product_only() -> None:
    owners: dict[Sign, str] = {}
    for sign, product in signs():
        assert owners.setdefault(sign, product) == product


def test_tables_use_a_good_part_of_the_vocabulary() -> None:
    used = {name.rpartition(".")[2] for product in products() for name in table(product).knobs}
    used |= {status for product in products() for status in table(product).answers}
    assert set(knobs_of("hop")) - used <= {"version", "usual_response_timeout", "one_timeout"}
