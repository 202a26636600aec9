from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, Unresolved, items, text
from kubelint5xx.core.source import Source
from kubelint5xx.formats import dockerfile


def root(source: str) -> Mapping:
    reading = dockerfile.read(Source("Dockerfile", source))
    assert not reading.problems
    node = reading.documents[0].root
    assert isinstance(node, Mapping)
    return node


def stage(source: str) -> dockerfile.Stage:
    found = dockerfile.final_stage(root(source))
    assert found
    return found


def words(node: Node | None) -> list[str | None] | None:
    return None if node is None else [text(item) for item in items(node)]


def test_instructions_have_places_over_continuations_and_comments() -> None:
    tree = root('# syntax=docker/dockerfile:1\nFROM a\ncmd ["gunicorn", \\\n  # why\n\n  "--keep-alive", "75"]\n')
    assert tree.keys() == ["FROM", "CMD"]
    cmd = tree.get("CMD")
    assert isinstance(cmd, Sequence)
    assert [(item.span.text, item.span.line) for item in cmd.items] == [
        ('"gunicorn"', 3), ('"--keep-alive"', 6), ('"75"', 6)
    ]  # fmt: skip


def test_escape_directive_and_heredocs() -> None:
    tree = root(
        "# escape=`\nFROM a\nRUN x `\n  y\nCOPY C:\\ d\nRUN <<EOF cat <<-'B'\nCMD no\nEOF\n\tFROM x\n\tB\nUSER u\n"
    )
    assert tree.keys() == ["FROM", "RUN", "COPY", "RUN", "USER"]


@pytest.mark.parametrize(
    ("source", "argv"),
    [
        ('FROM a\nENTRYPOINT ["x"]\nCMD ["y"]', ["x", "y"]),
        ('FROM a\nCMD ["y"]\nENTRYPOINT ["x"]', ["x", "y"]),
        ('FROM a AS b\nCMD ["y"]\nFROM B\nENTRYPOINT ["x"]', ["x"]),
        ('FROM a AS b\nENTRYPOINT ["x"]\nCMD ["y"]\nFROM b\nCMD ["z"]', ["x", "z"]),
        ("FROM a\nCMD gunicorn --keep-alive 75", ["/bin/sh", "-c", "gunicorn --keep-alive 75"]),
        ('FROM a\nENTRYPOINT run it\nCMD ["y"]', ["/bin/sh", "-c", "run it"]),
        ('FROM a\nSHELL ["/bin/bash", "-ec"]\nCMD x', ["/bin/bash", "-ec", "x"]),
        ('FROM a\nCMD x\nSHELL ["/bin/bash", "-c"]', ["/bin/sh", "-c", "x"]),
        ('FROM a\nENTRYPOINT ["x"]\nCMD y z', ["x", "/bin/sh", "-c", "y z"]),
        ("FROM a\nCMD ['x']", ["/bin/sh", "-c", "['x']"]),
        ('FROM a\nENTRYPOINT ["x"]\nENTRYPOINT []\nCMD ["y"]', ["y"]),
        ("FROM a", None),
        ('FROM a\nCMD ["x"]\nFROM b', None),
    ],
)
def test_command_line_follows_dockers_rules(source: str, argv: list[str] | None) -> None:
    assert words(stage(source).argv) == argv


def test_base_image_is_at_the_root_of_the_chain_with_arguments_substituted() -> None:
    found = stage("ARG TAG=3.11\nFROM --platform=x python:${TAG}-slim AS base\nFROM base AS dev\nFROM other\nFROM dev")
    assert text(found.base) == "python:3.11-slim"
    unknown = stage("ARG IMAGE\nFROM $IMAGE").base
    assert isinstance(unknown, Unresolved)
    assert "IMAGE" in unknown.reason
    default = stage("ARG IMAGE=nginx:1\nFROM $IMAGE").base
    assert (text(default), default.span.text, default.span.line) == ("nginx:1", "nginx:1", 1)


def test_environment_is_inherited_and_substituted() -> None:
    found = stage(
        'FROM a AS b\nARG P=8\nENV KA=75 OPTS="--keep-alive 75" PORT=${P}\nFROM b\nENV OLD a b\nENV X=$KA Y=$NO'
    )
    assert {name: text(node) for name, node in found.env.items()} == {
        "KA": "75", "OPTS": "--keep-alive 75", "PORT": "8", "OLD": "a b", "X": "75", "Y": None
    }  # fmt: skip
    assert isinstance(found.env["Y"], Unresolved)
    assert found.env["KA"].span.text == "75"
    assert isinstance(found.env["X"], Scalar)
    assert found.env["X"].span == found.env["KA"].span


def test_the_rest_of_a_stage() -> None:
    found = stage(
        "FROM a AS build\nFROM b\nWORKDIR /app\nWORKDIR sub\nSTOPSIGNAL SIGQUIT\nEXPOSE 80/tcp 8080\n"
        'COPY --from=build --chown=1 x y ./\nADD ["nginx conf", "/etc/nginx/"]\n'
    )
    assert found.workdir == "/app/sub"
    assert text(found.stopsignal) == "SIGQUIT"
    assert [text(port) for port in found.exposed] == ["80/tcp", "8080"]
    copies = [([text(source) for source in copy.sources], text(copy.dest), copy.from_stage) for copy in found.copies]
    assert copies == [(["x", "y"], "./", "build"), (["nginx conf"], "/etc/nginx/", "")]


def test_what_is_no_instruction_is_a_problem_and_the_rest_is_read() -> None:
    reading = dockerfile.read(Source("Dockerfile", "FROM a\nnonsense here\n{{ if x }}\nUSER b"))
    assert [(problem.line, problem.kind) for problem in reading.problems] == [(2, "unreadable"), (3, "unrendered")]
    root = reading.documents[0].root
    assert isinstance(root, Mapping)
    assert root.keys() == ["FROM", "USER"]


def test_no_stage_without_from() -> None:
    assert dockerfile.final_stage(root("# nothing\nARG x=1\n")) is None
