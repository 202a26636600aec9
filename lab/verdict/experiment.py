"""What an experiment is: one rule, and the same load over setups that the rule accuses and that it does not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache

from kubelint5xx.core.finding import Finding
from kubelint5xx.core.record import field, record
from kubelint5xx.engine.rule import rule_files, rule_names, rule_text
from kubelint5xx.rule_tests import examples_of, mutated, run_stack, stack_files
from lab.__main__ import version
from lab.catalogue import ROOT, Server

Tree = Mapping[str, str]
Statuses = Counter[int]
"""How many requests came to which HTTP status; 0 where the connection ended without a response."""


@record(eq=False)
class Setup:
    """One configuration. ``files`` are what the linter reads of it, empty where a rule is about more than files.

    ``accused``: whether the rule must find something in them. ``count`` runs the setup and counts.
    """

    configuration: str
    accused: bool
    count: Callable[[], Statuses]
    files: Tree = field(default_factory=dict)


@record(eq=False)
class Experiment:
    """The setups of one ``rule``, the accused one first and the mended one last.

    ``servers``: what has to be installed; ``who`` is the text about them, in which {NAME} is replaced by the version.
    """

    rule: str
    who: str
    servers: tuple[Server, ...]
    setups: tuple[Setup, ...]

    @property
    def named(self) -> str:
        """``who`` with versions."""
        return self.who.format(**{_word(server.name): version(server) for server in self.servers})


def _word(name: str) -> str:
    return name.replace("-", "_")


@record
class Row:
    """What came of one setup.

    ``kind``: the servers without their versions. ``linted``: whether the linter itself judged the configuration.
    """

    rule: str
    kind: str
    who: str
    configuration: str
    accused: bool
    linted: bool
    requests: int
    statuses: Mapping[int, int]

    @property
    def failed(self) -> int:
        """Responses of 5xx, and requests without a response."""
        return sum(count for status, count in self.statuses.items() if status >= 500 or status == 0)


def ran(experiment: Experiment, setup: Setup) -> Row:
    """Runs one setup. Raises NotStarted where a server does not."""
    statuses = setup.count()
    return Row(
        rule=experiment.rule,
        kind=experiment.who,
        who=experiment.named,
        configuration=setup.configuration,
        accused=setup.accused,
        linted=bool(setup.files) and experiment.rule in shipped(),
        requests=statuses.total(),
        statuses=dict(sorted(statuses.items())),
    )


@cache
def shipped() -> frozenset[str]:
    """The rules that there are."""
    return frozenset(rule_names())


def accusations(rule: str, files: Tree) -> list[Finding]:
    """What the linter finds in ``files`` under this rule."""
    return [finding for finding in run_stack(files).findings if finding.rule == rule]


def misjudged(rule: str, setup: Setup) -> str:
    """In which way the linter says something else of a setup than the experiment takes for granted; empty if not."""
    if not setup.files or rule not in shipped():
        return ""
    found = accusations(rule, setup.files)
    if bool(found) == setup.accused:
        return ""
    return f"{rule} {'finds nothing' if setup.accused else f'finds {found[0].text!r}'} in {setup.configuration}"


def advised(rule: str, files: Tree) -> float:
    """The seconds that the rule's own fix names first for ``files``. Raises ValueError where it names none."""
    for finding in accusations(rule, files):
        if finding.advice and (value := re.search(r"\b([\d.]+) s\b", finding.advice.title)):
            return float(value[1])
    raise ValueError(f"{rule} advises no time")


def example(rule: str, at: int | None) -> Tree:
    """The files of a rule's own example, counted from 0; None: the stack of the first as it is.

    Empty where there is no such rule.
    """
    for _, slug, file in rule_files():
        if slug == rule:
            examples = list(examples_of(rule_text(file), slug))
            chosen = examples[at or 0]
            files = stack_files(ROOT / "examples" / chosen.stack)
            return files if at is None else mutated(chosen, files)
    return {}
