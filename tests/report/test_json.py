from __future__ import annotations

import json
import math
from importlib import resources
from typing import Any

import jsonschema

from kubelint5xx.core.finding import Cited, Report
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Assumed, Data, Members, Subject, Value, Version, Written
from kubelint5xx.report import json as report_json


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((resources.files("kubelint5xx") / "schemas/report.schema.json").read_text())
    return found


def strict(node: Any) -> Any:
    """The schema without room for fields that it does not name, so that the tests see a field that it forgot."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {"additionalProperties": False} if isinstance(node.get("properties"), dict) else {}
    return {**{key: strict(value) for key, value in node.items()}, **closed}


def check(document: Any) -> None:
    jsonschema.Draft202012Validator(strict(schema())).validate(document)


def with_value(report: Report, value: Value) -> dict[str, Any]:
    finding = replace(report.findings[0], evidence=(Cited("text", "label", value),))
    document = json.loads(report_json.render(replace(report, findings=(finding,))))
    check(document)
    found: dict[str, Any] = document["findings"][0]["evidence"][0]["value"]
    return found


def test_report_conforms_to_its_schema(sample: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    document = json.loads(report_json.render(sample))
    check(document)
    assert document["version"] == 1
    assert document["summary"] == {"error": 1, "warning": 1, "info": 0, "suppressed": 1, "unknown": 2}
    assert len(document["findings"]) == 2 and len(document["suppressed"]) == 1
    assert document["coverage"]["hops"] == 31


def test_written_value_has_its_place_its_text_and_the_places_it_came_through(sample: Report) -> None:
    document = json.loads(report_json.render(sample))
    value = document["findings"][0]["evidence"][1]["value"]
    place = {"path": "infra/main.tf", "line": 5, "column": 8, "endLine": 5, "endColumn": 10}
    assert (value["data"], value["text"], value["confidence"], value["place"]) == (60.0, "60 s", "high", place)
    assert value["origin"]["source"] == "60"
    assert [via["line"] for via in value["origin"]["via"]] == [2]


def test_derived_value_has_its_inputs_with_their_defaults(sample: Report) -> None:
    document = json.loads(report_json.render(sample))
    origin = document["findings"][1]["evidence"][1]["value"]["origin"]
    assert (origin["kind"], origin["how"]) == ("derived", "the grace period minus the preStop delay")
    grace, delay = origin["inputs"]
    assert grace["place"]["column"] == 11
    assert delay["confidence"] == "low"
    assert delay["origin"] == {
        "kind": "default",
        "product": "Kubernetes",
        "setting": "preStop",
        "cite": "https://k8s.example/hooks",
        "unseen": ["the image"],
    }


def test_every_kind_of_data_is_told(sample: Report) -> None:
    member = Subject("hook", "hook drain", None, {})
    cases: list[tuple[Data, Any]] = [
        (math.inf, "unlimited"),
        (True, True),
        (2.5, 2.5),
        ("http2", "http2"),
        (Version((1, 14), "v1.14"), "1.14"),
        (
            Members((member,), open="more may come"),
            {
                "items": [{"kind": "hook", "name": "hook drain", "place": None}],
                "open": "more may come",
                "assumed": None,
            },
        ),
    ]
    for data, expected in cases:
        assert with_value(sample, Value(data, Assumed("a guess")))["data"] == expected


def test_unknown_value_says_why_and_gives_no_source(sample: Report) -> None:
    secret = Source("a.yaml", "env:\n  PASSWORD: hunter2\n")
    value = with_value(sample, Value.unknown("not in the files", Span(secret, 0, len(secret.text))))
    assert (value["data"], value["reason"], value["origin"]["source"]) == (None, "not in the files", None)


def test_no_source_text_beside_the_values_is_given(sample: Report) -> None:
    secret = Source("a.conf", "timeout=5 password=hunter2\n# hunter2\n")
    value = Value(5.0, Written(Span(secret, 8, 9), "timeout", "s"))
    finding = replace(sample.findings[0], evidence=(Cited("5 s", "timeout", value),), place=Span(secret, 0, 36))
    assert "hunter2" not in report_json.render(replace(sample, findings=(finding,)))


def test_same_report_gives_the_same_bytes(sample: Report) -> None:
    assert report_json.render(sample) == report_json.render(sample)
    assert report_json.render(sample).isascii()
