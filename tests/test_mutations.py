"""Whole trees whose files were damaged: every report is written, and what was not read is said in one line each."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Report
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.report import json, sarif, text
from kubelint5xx.report.snippet import visible
from tests.incidents.case_files import FOLDER

Files = Mapping[str, bytes]
CONFIG = "kubelint5xx.yaml"
_NUMBER = re.compile(rb"(?<![\w.])\d+(?:\.\d+)?")
_NAME = re.compile(rb"(name\w*[\"']?[ ]*[:=][ ]*)[\"']?[\w-]+[\"']?")


@cache
def trees() -> dict[str, Files]:
    """The stacks of examples, and the files of every fifth incident."""
    incidents = sorted(case / "files" for case in (FOLDER / "cases").iterdir())[::5]
    folders = [*(path for path in (FOLDER.parents[1] / "examples").iterdir() if path.is_dir()), *incidents]
    return {
        str(folder.relative_to(FOLDER.parents[1])): {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }
        for folder in sorted(folders)
    }


def checked(files: Files) -> Report:
    """The report, after every format has written it: none may fail, and each problem is one line of its file."""
    written = files.get(CONFIG, b"").decode()
    report = check(MemoryTree(files), load_config(Source(CONFIG, written)) if written else Config())
    for page in (
        text.render(report, color=True, show_unknown=True, verbose=True),
        json.render(report),
        sarif.render(report, include_suppressed=True),
    ):
        page.encode()
    for problem in report.problems:
        assert visible(str(problem)).isprintable() and len(problem.message.splitlines()) == 1, problem
        lines = files.get(problem.path, b"").count(b"\n") + 1
        assert problem.line <= lines, problem
    return report


def numbers(new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: _NUMBER.sub(new, data)


def names(new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: _NAME.sub(lambda found: found[1] + b'"' + new + b'"', data)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "numbers that no integer holds": numbers(b"9" * 5000),
    "numbers that no float holds": numbers(b"9" * 400),
    "numbers with a huge exponent": numbers(b"1e400"),
    "numbers at the edge of floats": numbers(b"1e308"),
    "negative numbers": numbers(b"-1"),
    "infinities": numbers(b".inf"),
    "fractions": numbers(b"1.5"),
    "digits of another script": numbers("٣²".encode()),
    "texts for numbers": numbers(b'"5s"'),
    "names with what terminals obey": names(b"\xe2\x80\xaea\\u0000\\n\\u001b[2J"),
    "names with half of a surrogate pair": names(b"\\ud800"),
    "names of many lines": names(b"a\\n\n\r\n  b"),
    "very long names": names(b"n" * 5_000),
    "half of each file": lambda data: data[: len(data) // 2],
    "nothing": lambda data: b"",
    "a NUL byte": lambda data: data[: len(data) // 2] + b"\0" + data[len(data) // 2 :],
    "UTF-16": lambda data: data.decode("utf-8").encode("utf-16"),
    "UTF-16 without a mark": lambda data: data.decode("utf-8").encode("utf-16-le"),
    "not UTF-8": lambda data: data + b"# \xff\n",
    "line ends of old Macs": lambda data: data.replace(b"\n", b"\r"),
    "one line": lambda data: data.replace(b"\n", b" "),
    "tabs": lambda data: data.replace(b"  ", b"\t"),
    "brackets that never close": lambda data: data + b"\n" + b"[{(" * 5000,
    "everything ten times": lambda data: data * 10,
    "template expressions": lambda data: data.replace(b": ", b": {{ .Values.x }} ").replace(b"= ", b"= ${"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_every_file_of_a_tree_raises_nothing(damage: str) -> None:
    for name, files in trees().items():
        started = time.process_time()
        checked({path: data if path == CONFIG else DAMAGE[damage](data) for path, data in files.items()})
        assert time.process_time() - started < 5, name


LARGE: dict[str, Callable[[bytes], bytes]] = {
    "a line of 10 MB": lambda data: data + b"a" * 10_000_000,
    "a comment of 10 MB": lambda data: b"# " + b"a" * 10_000_000 + b"\n" + data,
    "100,000 documents": lambda data: data + b"\n---\na: 1\n" * 100_000,
}


@pytest.mark.parametrize("damage", LARGE)
def test_a_large_file_costs_seconds_and_no_more(damage: str) -> None:
    files = trees()["examples/incident"]
    for suffix in (".tf", ".yaml"):
        large = min(path for path in files if path.endswith(suffix) and path != CONFIG)
        started = time.process_time()
        checked({**files, large: LARGE[damage](files[large])})
        assert time.process_time() - started < 8, large


PIECES = [
    *(b"{", b"}", b"[", b"]", b'"', b"'", b":", b"=", b"\n", b"\r", b"\0", b"\t", b"${", b"%{", b"{{", b"}}", b"<<"),
    *(b"&a ", b"*a", b"!x ", b"\xff", b"\xef\xbb\xbf", "é".encode(), "\u2028".encode(), b"\x85", b"- ", b"---\n"),
    *(b"# ", b"/*", b"\\", b"\\\n", b"1e999", b"-1", b"null", b"~", b"|", b"<<-E\n", b"[*]", b"...", b"for x in y : "),
]


@st.composite
def damaged(draw: st.DrawFn) -> Files:
    files = dict(trees()[draw(st.sampled_from(sorted(trees())))])
    path = draw(st.sampled_from(sorted(files.keys() - {CONFIG})))
    data = files[path]
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.sampled_from([0, 0, 1, 3, 20]))
        new = draw(st.sampled_from([b"", *PIECES]) | st.sampled_from(data.split(b"\n")))
        data = data[:at] + new + data[at + length :]
    return {**files, path: data}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_damage_anywhere_in_a_file_raises_nothing(files: Files) -> None:
    checked(files)
