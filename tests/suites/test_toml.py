"""toml-test, for TOML 1.1: values are read as the suite says, and whatever it calls invalid is refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from kubelint5xx.core.source import Source
from kubelint5xx.formats import toml
from tests.suites import folder, plain, refused


@cache
def files(kind: str) -> list[Path]:
    tests = folder("toml", "tomlkit-0.15.2/tests/toml-test/tests")
    named = (tests / "files-toml-1.1.0").read_text("utf-8").split()
    return [tests / name for name in named if name.startswith(kind) and name.endswith(".toml")]


def agrees(said: Any, found: Any) -> bool:
    """Whether ``found`` is what the suite says, whose leaves have types. Moments, infinities and NaN are texts here."""
    if isinstance(said, list):
        return isinstance(found, list) and len(said) == len(found) and all(map(agrees, said, found))
    if set(said) != {"type", "value"}:
        return isinstance(found, dict) and said.keys() == found.keys() and all(agrees(said[k], found[k]) for k in said)
    match said["type"], said["value"]:
        case "string", text:
            return bool(found == text)
        case "integer", digits:
            return type(found) is int and found == int(digits)
        case "bool", word:
            return found is (word == "true")
        case "float", number if number.lstrip("+-") not in ("inf", "nan"):
            return type(found) is float and found == float(number)
    return isinstance(found, str)


def test_valid_files_are_read_as_the_suite_says() -> None:
    assert len(files("valid")) == 214
    for path in files("valid"):
        reading = toml.read(Source(path.name, path.read_bytes().decode()))
        assert not refused(reading), path
        assert agrees(json.loads(path.with_suffix(".json").read_text("utf-8")), plain(reading.documents[0].root)), path


def test_invalid_files_are_refused_in_one_line() -> None:
    assert len(files("invalid")) == 466
    for path in files("invalid"):
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue  # refused before any reader sees it
        (problem,) = refused(toml.read(Source(path.name, text)))
        assert problem.message.startswith("not valid TOML: "), path
