"""Containers and settings for the tests, from plain texts."""

from __future__ import annotations

from collections.abc import Mapping as Texts
from typing import Any

from kubelint5xx.core.node import Entry, Mapping, Node, Reference, Scalar, Sequence, Unresolved
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import argv
from kubelint5xx.hops.launch import Files, Launch


def scalar(value: Any, path: str = "web.yaml") -> Scalar:
    source = Source(path, str(value))
    return Scalar(Span(source, 0, len(source.text)), value, source.text)


def mapping(values: Texts[str, Any], unseen: str = "") -> Mapping:
    entries = tuple(Entry(scalar(key), node(value)) for key, value in values.items())
    return Mapping(scalar("").span, entries, unseen)


def node(value: Any) -> Node:
    if isinstance(value, dict):
        return mapping(value)
    return value if isinstance(value, (Scalar, Sequence, Mapping, Reference, Unresolved)) else scalar(value)


def launch(
    command: str | None = None,
    image: str | None = None,
    env: Texts[str, Any] | None = None,
    files: Texts[str, str] | None = None,
    sources: Texts[str, str] | None = None,
    declared: str | None = None,
    unseen: str = "",
    argv_unseen: str = "",
    env_open: str = "",
    annotations: Texts[str, Any] | None = None,
    port: int | None = None,
    stop_signal: str | None = None,
) -> Launch:
    words = argv.split(scalar(command)) if command is not None else None
    assert not isinstance(words, Unresolved)
    return Launch(
        name="container web of Deployment shop/api",
        place=scalar("- name: web").span,
        image=scalar(image) if image else None,
        argv=Sequence(scalar(command).span, words) if words is not None else None,
        argv_unseen=argv_unseen,
        env=mapping(env or {}, env_open),
        files=Files(
            {path: Source(path, text) for path, text in (files or {}).items()},
            unseen,
            None if sources is None else {path: Source(path, text) for path, text in sources.items()},
        ),
        port=port,
        annotations=mapping(annotations or {}),
        declared=scalar(declared) if declared else None,
        stop_signal=scalar(stop_signal) if stop_signal else None,
    )
