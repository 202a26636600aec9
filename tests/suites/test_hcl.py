"""The specification suite of HCL 2, and the seeds of its fuzz tests: structure, values of expressions, and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from json import loads
from pathlib import Path
from typing import Any

from kubelint5xx.core.node import Node
from kubelint5xx.core.source import Source
from kubelint5xx.eval.expression import Closed, Evaluator
from kubelint5xx.eval.operand import Budget
from kubelint5xx.formats import hcl, hcl_json
from kubelint5xx.formats.hcl import Body, parse
from tests.suites import folder, plain, refused

ROOT = "root/usr/share/gocode/src/github.com/hashicorp/hcl/v2"
# These are errors of a schema, which the reader has none of: what a body may hold is its user's matter.
SCHEMA = {"attributes/unexpected", "blocks/single_expected", "blocks/single_empty_oneline"}

# This seed's quote stays open.
UNSOUND = "function-call-tmpl.hcl"


@cache
def cases() -> dict[str, Path]:
    tests = folder("hcl", f"{ROOT}/specsuite/tests")
    found = {"/".join(path.with_suffix("").parts[-2:]): path.with_suffix("") for path in sorted(tests.rglob("*.t"))}
    assert len(found) == 15
    return found


def body_of(path: Path) -> Body:
    body, problems = parse(Source(path.name, path.read_text("utf-8")))
    assert not problems, path
    return body


def values(body: Body, bound: Mapping[str, Node]) -> dict[str, Any]:
    """The attributes of a body, and its blocks below their types and labels."""
    evaluator = Evaluator(Closed(""), Budget(), bound)
    found: dict[str, Any] = {one.name: plain(evaluator.value(one.expression)) for one in body.attributes()}
    for block in body.blocks():
        *labels, last = block.type, *block.labels
        below = found
        for label in labels:
            below = below.setdefault(label, {})
        below[last] = values(block.body, bound)
    return found


def rounded(value: Any) -> Any:
    """Numbers are binary fractions here, and decimal ones in the suite."""
    if isinstance(value, dict):
        return {key: rounded(below) for key, below in value.items()}
    return round(value, 12) if isinstance(value, float) else value


def variables(specification: Path) -> dict[str, Node]:
    evaluator = Evaluator(Closed(""), Budget())
    return {
        one.name: evaluator.value(one.expression)
        for block in body_of(specification).blocks("variables")
        for one in block.body.attributes()
    }


def test_what_the_suite_says_of_values_is_what_is_evaluated() -> None:
    compared = set()
    for name, path in cases().items():
        wanted = body_of(path.with_suffix(".t"))
        result = values(wanted, {}).get("result")
        if result in (None, "ok") or name in SCHEMA:
            continue
        found = values(body_of(path.with_suffix(".hcl")), variables(path.with_suffix(".hcldec")))
        assert rounded(found) == rounded(result) or list(found.values()) == [result], name
        compared.add(name)
    assert compared == {
        "attributes/expected", "blocks/single_oneline", "expressions/heredoc", "expressions/operators",
        "expressions/primitive_literals",
    }  # fmt: skip


def test_what_the_suite_calls_an_error_is_refused_at_its_line() -> None:
    refusing = set()
    for name, path in cases().items():
        wanted = body_of(path.with_suffix(".t"))
        text = path.with_suffix(".hcl").read_text("utf-8")
        problems = refused(hcl.read(Source("a.hcl", text)))
        errors = [error for diagnostics in wanted.blocks("diagnostics") for error in diagnostics.body.blocks("error")]
        if not errors or name in SCHEMA:
            assert not problems, name
            continue
        lines = [values(error.body, {})["from"]["line"] for error in errors]
        assert [problem.line for problem in problems] == lines[:1], name
        refusing.add(name)
    assert refusing == {"attributes/singleline_bad", "blocks/single_oneline_invalid", "blocks/single_unclosed"}


def test_the_seeds_of_fuzz_tests_are_read() -> None:
    seeds = [path for path in sorted(folder("hcl", ROOT).rglob("testdata/fuzz/*/*")) if path.is_file()]
    assert len(seeds) == 70
    for path in seeds:
        (written,) = re.findall(r"\[]byte\((\".*\")\)", path.read_text("utf-8"))
        text = loads(written)
        kind = path.parent.name
        if kind == "FuzzParse":
            assert not hcl_json.parse(Source("a.tf.json", text))[1], path
            continue
        if kind != "FuzzParseConfig":
            text = f"x = <<E\n{text}\nE\n" if kind == "FuzzParseTemplate" else f"x = {text.strip()}\n"
        reading = hcl.read(Source("a.tf", text))
        assert bool(refused(reading)) == (path.name == UNSOUND), path
        assert path.name == UNSOUND or "could not be read" not in str(plain(reading.documents[0].root)), path
