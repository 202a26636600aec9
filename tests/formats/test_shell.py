from __future__ import annotations

import math

import pytest

from kubelint5xx.core.node import Scalar, Unresolved, text
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import shell


def script(source: str) -> Scalar:
    return Scalar(Span(Source("s", source), 0, len(source)), source, source)


def commands(source: str) -> tuple[shell.Command, ...]:
    found = shell.commands(script(source))
    assert not isinstance(found, Unresolved)
    return found


def listed(source: str) -> list[str]:
    flags = ("background", "conditional", "exec")
    return [
        " ".join([*(text(word) or "?" for word in command.words), *(f"<{f}>" for f in flags if getattr(command, f))])
        for command in commands(source)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a; b && c | d\ne", ["a", "b", "c", "d", "e"]),
        ("a || b; c", ["a", "b <conditional>", "c"]),
        ("[ -f x ] && a; b", ["[ -f x ]", "a <conditional>", "b"]),
        ("! a && b", ["a", "b <conditional>"]),
        ("a &&\n b &\nc", ["a <background>", "b <background>", "c"]),
        ("(a; b) & c", ["a <background>", "b <background>", "c"]),
        ("(echo; touch y; sleep 20) > /proc/1/fd/1 2>&1", ["echo", "touch y", "sleep 20"]),
        ("a 2>/dev/null >>log <in b # c; d", ["a b"]),
        ("a#b c", ["a#b c"]),
        (
            "if a; then b; elif c; then d; else e; fi; f",
            ["a", "b <conditional>", "c <conditional>", "d <conditional>", "e <conditional>", "f"],
        ),
        ("while a; do b; done; c", ["a <conditional>", "b <conditional>", "c"]),
        ("for i in 1 2; do b $i; done; c", ["b ? <conditional>", "c"]),
        ("case $x in a|b) c;; (d) e;; *) f; esac; g", ["c <conditional>", "e <conditional>", "f <conditional>", "g"]),
        ("f() { a; }; function g { b; }; c", ["a <conditional>", "b <conditional>", "c"]),
        ("X=1 Y=2 exec env Z=3 a --b", ["a --b <exec>"]),
        ("cat <<EOF\nsleep 5\nEOF\na", ["cat", "a"]),
        ("a \\\n  b", ["a b"]),
        ("X=`a \\`b\\``; c", ["c"]),
        ("X=5; a $X ${X}", ["a 5 5"]),
        ("if a; then X=5; fi; a $X", ["a", "a ?"]),
        ("{ a; } || { b; }; c", ["a", "b <conditional>", "c"]),
    ],
)
def test_commands_of_a_script(source: str, expected: list[str]) -> None:
    assert listed(source) == expected


@pytest.mark.parametrize(
    ("source", "seconds"),
    [
        ("touch /tmp/drain; sleep 20; nginx -s quit", 20.0),
        ("touch /tmp/drain && sleep 20 && nginx -s quit", 20.0),
        ("/bin/sleep 1m 30s; sleep .5", 90.5),
        ("sh -c 'sleep 15; /bin/bash -ec \"sleep 5\"'", 20.0),
        ("DRAIN=20; sleep $DRAIN", 20.0),
        ("sleep 5 & nginx -s quit", 0.0),
        ("exec nginx; sleep 5", 0.0),
        ("echo sleep 5; curl -X POST localhost/quit", 0.0),
        ("sleep infinity", math.inf),
        ("", 0.0),
    ],
)
def test_seconds_that_a_script_sleeps(source: str, seconds: float) -> None:
    assert shell.sleep_seconds(shell.commands(script(source))) == seconds


@pytest.mark.parametrize(
    "source",
    [
        "sleep $X", "sleep ${X:-20}", "if a; then sleep 5; fi", "while a; do sleep 1; done", "a || sleep 5",
        "[ -f x ] || exit 0; sleep 20", "sleep 5 & wait", "sleep x", "sleep '", "sh -c 'sleep $X'",
        "drain() { sleep 20; }; drain", "timeout 5 sleep 20", "sh -c \"$SCRIPT\"",
    ],
)  # fmt: skip
def test_sleeps_that_cannot_be_known(source: str) -> None:
    assert isinstance(shell.sleep_seconds(shell.commands(script(source))), Unresolved)


def test_words_of_an_inner_script_have_their_places_in_the_source() -> None:
    outer = commands("sh -c 'touch x; sleep 20'")[0]
    inner = shell.script_of(outer.words)
    assert isinstance(inner, Scalar)
    found = shell.commands(inner)
    assert not isinstance(found, Unresolved)
    assert found[1].words[1].span == Span(inner.span.source, 22, 24)


def test_no_nesting_is_too_deep() -> None:
    assert listed("(" * 100_000 + "a" + ")" * 100_000) == ["a"]


def test_words_of_an_indented_block_have_their_places() -> None:
    written = "|\n    touch x\n    sleep 20\n"
    source = Source("a.yaml", written)
    scalar = Scalar(Span(source, 0, len(written)), "touch x\nsleep 20\n", "touch x\nsleep 20\n")
    found = shell.commands(scalar)
    assert not isinstance(found, Unresolved)
    assert str(found[1].words[1].span) == "a.yaml:3:11"
