"""What a program's own sources set on the server that it starts, and by what they show which server that is."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Protocol, cast

from kubelint5xx import formats
from kubelint5xx.core.document import Reading
from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Unresolved, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source
from kubelint5xx.formats.code import leaves, port_of
from kubelint5xx.formats.literals import settle
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.resolve import Settings
from kubelint5xx.hops.table import Table

# What the sources of a language are called.
LANGUAGES = {
    "javascript": (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"),
    "go_source": (".go",),
    "java_source": (".java",),
    "kotlin_source": (".kt",),
    "python_source": (".py",),
    "ruby_source": (".rb",),
    "csharp_source": (".cs",),
}
# The fact that the sources start a server. A table that asks for it does not trust sources that start none.
LISTENS = "listens"
_CODE = tuple(end for ends in LANGUAGES.values() for end in ends)
_MAX_IMPORTS = 20
_NOT_SERVED = pattern(
    r"(^|/)(node_modules|tests?|__tests__|spec|e2e|dist-test|coverage)/"
    r"|\.(test|spec|d)\.[cm]?[jt]s$|_test\.go$|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$|Tests?\.(java|kt|cs)$"
)


class Language(Protocol):
    """A reader whose files may name constants of each other."""

    def modules(self, path: str, module: str) -> tuple[str, ...]:
        """Patterns of the paths that ``module`` may stand for in the file at ``path``."""
        ...

    def constant(self, source: Source, name: str) -> Node | None: ...


def of_sources(known: Table, form: str, label: str, launch: Launch) -> Iterator[Settings]:
    """The settings in the sources of one language, all files together, since nobody follows which run."""
    if launch.files.sources is None:
        yield Settings(form, None, label, "it was not seen")
        return
    roots, unread, problems = _read(form, launch)
    entries = tuple(entry for root in roots for entry in root.entries)
    asks = form == "python_source" or any(
        LISTENS in row.keys.get(form, ()) for row in (*known.own.values(), *known.knobs.values())
    )
    if entries:
        open_ = next((root.open for root in roots if root.open), "")
        settled = leaves(Mapping(launch.place, entries, open_), _Settling(form, launch).settled)
        yield Settings(form, settled, label, problems=problems)
    else:
        yield Settings(form, None, label)
    if unread or (asks and not any(entry.key.value == LISTENS for entry in entries)):
        yield Settings(form, None, label, unread or "nothing in it starts a server that is known", problems=problems)


def settled(found: Settings, launch: Launch) -> Settings:
    """Settings of a file in a programming language, with what it leaves to the environment."""
    if found.root is None:
        return found
    settling = _Settling(found.format, launch)
    settle_one = settling.settled if found.format in LANGUAGES else settling.of_environment
    return replace(found, root=leaves(found.root, settle_one))


def makers(form: str, launch: Launch, port: int | None = None) -> set[str]:
    """What the sources of one language use to make or start servers, as tables name it; with ``port``, what is seen to
    make those that listen to it."""
    entries = (entry for root in _read(form, launch)[0] for entry in root.entries)
    return {str(entry.key.value) for entry in entries if port is None or port_of(entry.value) == port}


def _read(form: str, launch: Launch) -> tuple[list[Mapping], str, tuple[Problem, ...]]:
    """The sources' documents, why some were not read, and what is wrong with them."""
    roots: list[Mapping] = []
    problems: list[Problem] = []
    unread = ""
    for path, source in sorted((launch.files.sources or {}).items()):
        if path.endswith(LANGUAGES[form]) and not _NOT_SERVED.search(path):
            reading = _reading(form, source)
            roots += [document.root for document in reading.documents if isinstance(document.root, Mapping)]
            if not reading.documents and reading.problems:
                unread = unread or reading.problems[0].message
            problems += [problem for problem in reading.problems if problem.kind != "notice"]
    return roots, unread, tuple(problems)


@lru_cache(maxsize=4096)
def _reading(form: str, source: Source) -> Reading:
    """Read once, however many containers start from one build."""
    return formats.reader(form).read(source)


class _Settling:
    """Settles what a program's files leave to the environment, and to each other."""

    def __init__(self, form: str, launch: Launch) -> None:
        self.language = cast(Language, formats.reader(form))
        self.launch = launch
        self.imports = 0

    def settled(self, node: Node) -> Node:
        self.imports = 0
        return settle(node, self.variable, self.named)

    def of_environment(self, node: Node) -> Node:
        """``node`` of a file whose names do not lead into others."""
        waits = isinstance(node, Mapping) and isinstance(node.get("env"), Scalar)
        return settle(node, self.variable, lambda _path, use: use) if waits else node

    def variable(self, name: str) -> Node | None:
        """The value of an environment variable; None where it is certainly not set."""
        place, env = self.launch.place, self.launch.env
        node = env.get(name) if env else None
        if isinstance(node, Reference):
            return Unresolved(place, f"it is set from {node.address}")
        if node is not None:
            return node if isinstance(node, (Scalar, Unresolved)) else Unresolved(place, "it has no plain value")
        if env is None or env.open:
            return Unresolved(place, env.open if env else "the environment is not known")
        if self.elsewhere(name):
            return Unresolved(place, f"{name} may be set where the program starts")
        return None

    def elsewhere(self, name: str) -> bool:
        """Whether a script, or a file that the program loads into its environment, may set the variable."""
        written = f"{name}="
        words = [text(word) or word.span.text for word in items(self.launch.argv)]
        if any(written in word or "env-file" in word for word in words):
            return True
        files = self.launch.files
        if any(written in source.text for source in files.seen.values() if not source.path.endswith(_CODE)):
            return True
        for path, source in (files.sources or {}).items():
            manifest = path.endswith(("package.json", "Gemfile"))
            # Lock files name dotenv too, where some package merely could use it.
            if "dotenv" in source.text and (manifest or path.endswith(_CODE)):
                return True
            if manifest and ("env-file" in source.text or written in source.text):
                return True
        return False

    def named(self, path: str, use: Mapping) -> Node:
        module, name = text(use.get("module")) or "", text(use.get("name")) or ""
        self.imports += 1
        if self.imports <= _MAX_IMPORTS:
            for source in self.files(path, module):
                found = self.language.constant(source, name)
                if found is not None:
                    return found
        place = use.span
        return Unresolved(place, f"{name} is no constant that is understood")

    def files(self, path: str, module: str) -> Iterator[Source]:
        known = self.launch.files.sources or {}
        for wanted in self.language.modules(path, module):
            if wanted in known:
                yield known[wanted]
            elif "*" in wanted:
                others = (other for other in sorted(known) if other != path and fnmatchcase(other, wanted))
                yield from (known[other] for other in others)
