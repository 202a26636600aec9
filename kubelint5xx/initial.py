"""``kubelint5xx init``: the first configuration file of a directory, written where there is none."""

from __future__ import annotations

import os
from typing import Any

from kubelint5xx.arguments import prepare
from kubelint5xx.config import FILE_NAMES
from kubelint5xx.discover import config_file_in, relative
from kubelint5xx.output import Failed, diagnose, say, write
from kubelint5xx.propose.configuration import Draft, draft


def write_draft(directory: str, output: str | None, render: str) -> None:
    """Write what ``draft`` proposes for ``directory`` into its configuration file, or to ``output`` (``-`` is stdout).

    Raises Failed where that file, or any configuration of the directory, is there already.
    """
    target = output or os.path.join(directory, FILE_NAMES[0])
    there = config_file_in(directory) if output is None else output if os.path.lexists(output) else None
    if there is not None and output != "-":
        hint = "; `kubelint5xx init --output -` prints what could be added" if output is None else ""
        raise Failed(f"{os.path.normpath(there)} is there already, and is not overwritten{hint}")
    made = _draft(directory, render)
    if output == "-":
        say(made.text)
        return
    write(target, made.text)
    say(f"{os.path.normpath(target)}: {_told(made)}")


def _draft(directory: str, render: str) -> Draft:
    none: dict[str, Any] = {"config_file": None, "no_config": False, "kube_version": None}
    run = prepare((directory,), {**none, "variables": (), "var_files": (), "render": render})
    tree, config = run.within(*run.environments[:1])
    base = relative(os.path.realpath(directory), run.root)
    made = draft(tree, config, "" if base == "." else base)
    diagnose(getattr(tree, "problems", ()), everything=False)
    return made


def _told(made: Draft) -> str:
    counted = [f"{count} for {key}" for key, count in made.counts.items()]
    return f"proposed {', '.join(counted)}; all of it is commented out" if counted else "nothing to propose"
