from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Scalar, Unresolved, items
from kubelint5xx.core.source import Source
from kubelint5xx.formats import gradle


def calls(written: str) -> list[tuple[str, list[str]]]:
    root = gradle.read(Source("build.gradle", written)).documents[0].root
    assert isinstance(root, Mapping)
    return [(str(e.key.value), [f"?{w.span.text}" if isinstance(w, Unresolved) else str(getattr(w, "value", w))
                                for w in items(e.value)]) for e in root.entries]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("implementation 'g:a:1'", [("implementation", ["g:a:1"])]),
        ('implementation("g:a:1") // old: "g:b"', [("implementation", ["g:a:1"])]),
        ('implementation "g:a:${v}"', [("implementation", ["?g:a:${v}"])]),
        ("implementation 'g:a:$v'", [("implementation", ["g:a:$v"])]),
        ("a group: 'g',\n  name: 'n'\nb", [("a", ["group", "g", "name", "n"]), ("b", [])]),
        ("p { id 'x' version '1'; id(\"y\") }", [("p", []), ("p/id", ["x", "version", "1"]), ("p/id", ["y"])]),
        ("d { i('g:a') { exclude(module = \"m\") } }\nz", [
            ("d", []), ("d/i", ["g:a"]), ("d/i/exclude", ["module", "m"]), ("z", []),
        ]),
        ("/* a 'b' */ c libs.x.y", [("c", ["libs.x.y"])]),
    ],
)  # fmt: skip
def test_calls_are_read_with_the_way_to_them(written: str, expected: list[tuple[str, list[str]]]) -> None:
    assert calls(written) == expected


def test_a_string_s_place_is_between_its_quotes() -> None:
    root = gradle.read(Source("build.gradle", "id 'org.x' version \"3.2.0\"")).documents[0].root
    assert isinstance(root, Mapping)
    assert [w.span.text for w in items(root.entries[0].value) if isinstance(w, Scalar)] == ["org.x", "version", "3.2.0"]


def test_a_block_that_stays_open_is_noticed_and_its_calls_are_there() -> None:
    reading = gradle.read(Source("build.gradle", "\ndependencies {\n  implementation 'g:a'\n"))
    assert [(problem.line, problem.kind) for problem in reading.problems] == [(2, "notice")]
    assert "dependencies/implementation" in str(reading.documents[0].root.entries[-1].key.value)  # type: ignore[union-attr]
