"""What the program writes: to the two streams of a terminal, and to files that appear only once they are complete."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable

import click

from kubelint5xx.core.problem import Problem

# More lines about files of one kind than this are folded.
LISTED = 10


class Failed(click.ClickException):
    """The run cannot go on, or cannot hand over its result; one line says why."""

    exit_code = 2


def forgiving() -> None:
    """Let both streams print what their encoding cannot hold as escapes, where Python would raise."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def colored(wanted: str) -> bool:
    """Whether to colour, by ``--color``, then ``NO_COLOR`` and ``CLICOLOR_FORCE``, then what stdout is."""
    if wanted != "auto":
        return wanted == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0") or (sys.stdout is not None and sys.stdout.isatty())


def say(text: str) -> None:
    """Print to stdout. A reader that has gone (``| head``) is no error; a full disk raises Failed."""
    try:
        click.echo(text, nl=not text.endswith("\n"), color=True)
    except BrokenPipeError:
        # Python flushes once more at its end, and must not meet the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Failed(f"cannot write to stdout: {error.strerror or error}") from None


def write(path: str, text: str) -> None:
    """Write a file so that nobody ever sees a part of it. Raises Failed where it cannot be written."""
    from pathlib import Path

    data = text.encode("utf-8", "backslashreplace")
    try:
        target = Path(path).resolve()
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            # A device or a pipe: replacing it by a file would be no help.
            target.write_bytes(data)
            return
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_bytes(data)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        raise Failed(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None


def diagnose(problems: Iterable[Problem], everything: bool) -> None:
    """Name on stderr what was not analysed, one line each; of many only the first, unless ``everything`` is asked."""
    from kubelint5xx.report.snippet import visible

    by_kind: dict[str, list[str]] = {"unreadable": [], "unrendered": []}
    for problem in problems:
        if problem.kind in by_kind:
            by_kind[problem.kind].append(visible(str(problem)))
    for kind, said in by_kind.items():
        listed = said if everything else said[:LISTED]
        for line in listed:
            click.echo(line, err=True)
        if len(said) > len(listed):
            click.echo(f"and {len(said) - len(listed)} more are {kind}; --verbose lists them", err=True)
