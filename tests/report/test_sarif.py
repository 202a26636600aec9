from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.finding import Advice, Coverage, Finding, Report, RuleInfo
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Confidence, Severity
from kubelint5xx.report import sarif
from kubelint5xx.report.fingerprint import line_hashes
from kubelint5xx.rule_tests import run_stack, stack_files
from tests.report.conftest import ROOT

RULE = RuleInfo("some-rule", "group", "Something is wrong", Severity.INFO, "")


def run(report: Report, **options: Any) -> dict[str, Any]:
    (found,) = json.loads(sarif.render(report, **options))["runs"]
    assert isinstance(found, dict)
    return found


def about(place: Span, advice: Advice | None = None) -> Report:
    finding = Finding(
        "some-rule", "Something", Severity.INFO, Confidence.HIGH, "load", None, ("Bad",), place, (), advice=advice
    )
    return Report((finding,), (), (), (), Coverage(), (RULE,))


def region(report: Report) -> dict[str, int]:
    found: dict[str, int] = run(report)["results"][0]["locations"][0]["physicalLocation"]["region"]
    return found


def test_message_links_each_number_to_its_place_and_opens_with_a_title(sample: Report) -> None:
    first, second = run(sample)["results"]
    assert first["message"]["text"] == (
        "gunicorn closes an idle connection after [2 s](1), but the ALB \\[web\\] reuses it for [60 s](2). "
        "Users meet it on reused connections, as 502. 12 more fail by the same value. Fix: Set keepalive to 75."
    )
    assert [
        (r["id"], r["message"]["text"], r["physicalLocation"]["region"]["startLine"]) for r in first["relatedLocations"]
    ] == [
        (1, "idle timeout of gunicorn", 2),
        (2, "idle timeout of the ALB \\[web\\]", 5),
    ]
    assert second["message"]["text"] == (
        "web goes on for [15 s](1) only. Users meet it during deploys. "
        "Assumed: the pods run the image's own command. Fix: Add a preStop hook."
    )
    assert [r["id"] for r in second["relatedLocations"]] == [1]


def test_location_counts_columns_in_utf16_units(sample: Report) -> None:
    found = run(sample)
    place = found["results"][1]["locations"][0]["physicalLocation"]
    assert found["columnKind"] == "utf16CodeUnits"
    assert place["artifactLocation"] == {"uri": "k8s/web%20app.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 2, "startColumn": 12, "endLine": 2, "endColumn": 16}


@given(st.text(st.sampled_from("ab \t\n😀é"), max_size=30), st.data())
def test_region_is_one_line_and_never_empty_on_a_line_that_is_not(text: str, data: st.DataObject) -> None:
    source = Source("a", text)
    start = data.draw(st.integers(0, len(text)))
    span = Span(source, start, data.draw(st.integers(start, len(text))))
    found = region(about(span))
    line = text.split("\n")[found["startLine"] - 1].encode("utf-16-le")
    marked = line[2 * found["startColumn"] - 2 : 2 * found["endColumn"] - 2].decode("utf-16-le")
    assert found["startLine"] == found["endLine"] == span.line
    assert marked == span.first_line().text or (not span.first_line().text and len(marked) == 1)
    assert marked or not line


def test_request_path_is_the_code_flow_without_steps_that_have_no_place(sample: Report) -> None:
    first, second = run(sample)["results"]
    steps = first["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [(step["nestingLevel"], step["location"]["message"]["text"]) for step in steps] == [
        (0, "ALB web"),
        (2, "gunicorn"),
    ]
    assert "codeFlows" not in second


def test_fix_replaces_the_text_at_its_place(sample: Report) -> None:
    (fix,) = run(sample)["results"][0]["fixes"]
    assert fix["description"]["text"] == "Set keepalive to 75."
    (change,) = fix["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 13, "endLine": 2, "endColumn": 14},
            "insertedContent": {"text": "75"},
        }
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fix_inserts_new_lines_at_the_end_of_the_line_before(newline: str) -> None:
    source = Source("a.yaml", f"😀a:{newline}  b: 1{newline}")
    start = source.text.index("  b")
    advice = Advice("Add it", Span(source, start, start), f"  c: 2{newline}")
    (fix,) = run(about(Span(source, 0, 2), advice))["results"][0]["fixes"]
    (replacement,) = fix["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"] == {"startLine": 1, "startColumn": 5, "endLine": 1, "endColumn": 5}
    assert replacement["insertedContent"]["text"] == f"{newline}  c: 2"


def test_fix_is_absent_where_no_replacement_is_known(sample: Report) -> None:
    place = sample.findings[0].place
    assert "fixes" not in run(about(place, Advice("Do something", place)))["results"][0]


def test_all_rules_stand_in_a_stable_order_with_texts_that_github_takes(sample: Report) -> None:
    found = run(replace(sample, findings=()))
    rules = found["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["server-closes-first", "short-drain"]
    assert found["tool"] == run(replace(sample, findings=(), rules=sample.rules[::-1]))["tool"]
    assert rules[0]["fullDescription"]["text"] == "The client sends into a closing (https://e.example/fin) connection."
    assert rules[0]["help"]["markdown"].endswith("- <https://e.example/a>\n- RFC 9112, section 9.3")
    assert (
        rules[1]["fullDescription"]
        == rules[1]["shortDescription"]
        == {"text": "A pod stops before the balancer forgets it."}
    )
    assert rules[1]["defaultConfiguration"] == {"level": "warning"}
    assert rules[1]["properties"]["problem.severity"] == "warning"
    long = run(replace(sample, findings=(), rules=(replace(RULE, why="x" * 5000),)))["tool"]["driver"]["rules"][0]
    assert len(long["fullDescription"]["text"]) == 1024


def test_precision_of_a_rule_is_that_of_its_least_certain_finding(sample: Report) -> None:
    rules = run(sample)["tool"]["driver"]["rules"]
    assert [rule["properties"]["precision"] for rule in rules] == ["very-high", "medium"]


def test_result_points_to_its_rule_and_carries_its_quantities(sample: Report) -> None:
    first, second = run(sample)["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("server-closes-first", 0, "error")
    assert (second["ruleId"], second["ruleIndex"], second["level"]) == ("short-drain", 1, "warning")
    assert first["properties"] == {
        "confidence": "high",
        "bites": "idle",
        "status": 502,
        "idle timeout of gunicorn": "2 s",
        "idle timeout of the ALB [web]": "60 s",
    }
    assert first["partialFingerprints"]["kubelint5xx/v1"] == sample.findings[0].key
    assert "kubelint5xx/v1" not in second["partialFingerprints"]


def test_each_thing_not_analysed_is_a_notification_and_no_line_is_zero(sample: Report) -> None:
    (invocation,) = run(sample)["invocations"]
    assert invocation["executionSuccessful"] is True
    said = [
        (n["descriptor"]["id"], n["level"], n["message"]["text"], n["locations"][0]["physicalLocation"].get("region"))
        for n in invocation["toolExecutionNotifications"]
    ]
    assert said == [
        ("unreadable", "error", "this line is not YAML.", {"startLine": 3}),
        ("unreadable", "error", "it is not UTF-8.", None),
        ("unrendered", "warning", "helm has to render it.", {"startLine": 1}),
        ("notice", "note", "this comment suppresses nothing.", {"startLine": 2}),
        ("undecided", "note", "the server of api: no file says what runs there.", said[4][3]),
    ]
    assert said[4][3] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 5}


def test_suppressed_findings_stay_out_unless_asked_for(sample: Report) -> None:
    assert len(run(sample)["results"]) == 2
    results = run(sample, include_suppressed=True)["results"]
    assert [result["suppressions"] for result in results[:2]] == [[], []]
    (suppression,) = results[2]["suppressions"]
    assert (suppression["kind"], suppression["justification"]) == ("inSource", "drains by itself")


def test_root_is_named_only_where_it_is_known(sample: Report) -> None:
    assert "originalUriBaseIds" not in run(sample)
    assert run(sample, root_uri="file:///src")["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///src/"}}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("<stdin>", "%3Cstdin%3E"),
        ("a b/%41#?.yaml", "a%20b/%2541%23%3F.yaml"),
        ("c:d", "c%3Ad"),
        ("\udcff.tf", "%FF.tf"),
    ],
)
def test_any_path_is_a_relative_uri(path: str, uri: str) -> None:
    found = run(about(Span(Source(path, "x"), 0, 1)))
    assert found["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_line_hashes_are_those_of_the_upload_action() -> None:
    # Facts from the tests of github/codeql-action, src/fingerprints.test.ts.
    assert line_hashes("") == ["c129715d7a2bc9a3:1"]
    assert line_hashes(" a\nb\n  \t\tc\n d") == [
        "271789c17abda88f:1",
        "54703d4cd895b18:1",
        "180aee12dab6264:1",
        "a23a3dc5e078b07b:1",
    ]
    repeated = line_hashes("Lorem ipsum dolor sit amet.\n" * 10)
    assert repeated[:6] == [f"a7f2ff13bc495cf2:{number}" for number in range(1, 7)]
    assert repeated[6:] == [
        "a7f2ff1481e87703:1",
        "a9cf91f7bbf1862b:1",
        "55ec222b86bcae53:1",
        "cc97dc7b1d7d8f7b:1",
        "c129715d7a2bc9a3:1",
    ]


def test_line_hashes_take_all_line_breaks_alike_and_count_utf16_units() -> None:
    text = "one\ntwo😀\n\nthree\n"
    assert line_hashes(text) == line_hashes(text.replace("\n", "\r\n")) == line_hashes(text.replace("\n", "\r"))
    assert len(set(line_hashes(text + "x" * 200))) == 5
    assert line_hashes("😀") == line_hashes("\ud83d\ude00")


def test_result_has_the_hash_of_its_own_line(sample: Report) -> None:
    first = run(sample)["results"][0]
    expected = line_hashes(sample.findings[0].place.source.text)[1]
    assert first["partialFingerprints"]["primaryLocationLineHash"] == expected


def test_same_report_gives_the_same_bytes(sample: Report) -> None:
    assert sarif.render(sample) == sarif.render(sample)
    assert sarif.render(sample).isascii()


def blank() -> Report:
    """A report in which all texts that may be empty are."""
    report = about(Span(Source("<stdin>", "\n"), 0, 0))
    empty = RuleInfo("some-rule", "", "", Severity.ERROR, "")
    return replace(report, rules=(empty,), problems=(Problem("", 0, ""), Problem("a", 0, "", "notice")))


@pytest.mark.parametrize("options", [{}, {"include_suppressed": True, "root_uri": "file:///src"}])
def test_log_conforms_to_the_official_schema(
    sample: Report, sarif_schema: dict[str, Any], options: dict[str, Any]
) -> None:
    validator = jsonschema.Draft4Validator(sarif_schema, format_checker=jsonschema.FormatChecker())
    for report in (sample, blank()):
        log = json.loads(sarif.render(report, **options))
        assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["results"][0]["level"] = "info"
    assert list(validator.iter_errors(log))


def test_official_validator_finds_no_error(
    sample: Report, multitool: Callable[[str], list[tuple[str, str, str]]]
) -> None:
    text = sarif.render(sample, include_suppressed=True, root_uri="file:///src")
    found = multitool(text)
    assert [each for each in found if each[0] == "error"] == []
    # What it would like beyond that: message ids, a repository's address, a home page (two rules), a schema that it
    # could download, numeric rule ids, copies of the source (two rules).
    assert {rule for _, rule, _ in found} <= {f"SARIF20{n:02}" for n in (2, 3, 5, 6, 9, 10, 11, 12)}
    assert "error" in {level for level, *_ in multitool(text.replace('"startLine": 5', '"startLine": 0'))}


def test_the_log_of_the_incident_passes_both(
    sarif_schema: dict[str, Any], multitool: Callable[[str], list[tuple[str, str, str]]]
) -> None:
    text = sarif.render(run_stack(stack_files(ROOT / "examples/incident")))
    log = json.loads(text)
    assert len(log["runs"][0]["results"]) == 6
    assert list(jsonschema.Draft4Validator(sarif_schema).iter_errors(log)) == []
    assert [each for each in multitool(text) if each[0] == "error"] == []
