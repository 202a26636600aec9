"""Rules of the user's own: read from the folders that a configuration names, and refused with file and line."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as MappingOf

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, text
from kubelint5xx.core.problem import InputError, RuleError
from kubelint5xx.core.source import Source
from kubelint5xx.engine.rule import Rule, load_rule, rule_files_in, rule_names
from kubelint5xx.formats import reader

MAX_SIZE = 1_000_000


def own_rules(folders: MappingOf[str, str]) -> list[Rule]:
    """All rules in ``folders``, as ``own_sources`` finds them. Raises InputError at the first that is none."""
    found = own_sources(folders)
    known = {*rule_names(), *(slug for _, slug, _ in found)}
    return [own_rule(source, slug, group, known) for group, slug, source in found]


def own_sources(folders: MappingOf[str, str]) -> list[tuple[str, str, Source]]:
    """Group, slug and file of all rules in ``folders``, which maps what each is called in messages to where it is.

    Raises InputError where one cannot be read, or is called like another rule.
    """
    known = set(rule_names())
    found: list[tuple[str, str, Source]] = []
    for shown, folder in folders.items():
        try:
            files = list(own_files(folder))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", shown) from None
        for group, slug, file in files:
            source = read_rule(file, posixpath.join(shown, os.path.relpath(file, folder).replace(os.sep, "/")))
            if slug in known:
                raise InputError(f"another rule is called {slug}", source.path, 1)
            known.add(slug)
            found.append((group, slug, source))
    return found


def own_files(folder: str) -> Iterator[tuple[str, str, str]]:
    """Group, slug and file of every rule in ``folder``: in its folders, or right in it, where its name is the group.

    Raises OSError where it cannot be listed.
    """
    group = os.path.basename(os.path.abspath(folder))
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".yaml") and os.path.isfile(path):
            yield group, name.removesuffix(".yaml"), path
    yield from rule_files_in(folder)


def own_rule(source: Source, slug: str, group: str, known: Collection[str]) -> Rule:
    """The rule in ``source``. Raises InputError where it is none, with the line.

    ``known``: the slugs that rules may yield to.
    """
    # The reader refuses what could overflow or blow up the loader: nesting without end, bombs of aliases.
    reading = reader("yaml").read(source)
    for problem in reading.problems:
        raise InputError(problem.message, source.path, problem.line, problem.column)
    try:
        rule = load_rule(source.text, slug, group)
        if lost := sorted(set(rule.yields_to) - set(known)):
            raise RuleError(f"yields to {', '.join(lost)}, which is no rule", lost[0])
    except RuleError as error:
        line = _line([document.root for document in reading.documents], error.about)
        raise InputError(str(error), source.path, line) from None
    return rule


def read_rule(file: str, path: str) -> Source:
    """A rule's file, called ``path`` in messages. Raises InputError where it cannot be read."""
    try:
        if os.path.getsize(file) > MAX_SIZE:
            raise InputError(f"larger than {MAX_SIZE // 1_000_000} MB", path)
        with open(file, encoding="utf-8-sig") as opened:
            return Source(path, opened.read())
    except UnicodeDecodeError:
        raise InputError("not valid UTF-8", path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path) from None


def _line(roots: Iterable[Node], about: str) -> int:
    """Where ``about`` stands: the key or the value that is it, else the first value that holds it."""
    wanted = about.strip()
    scalars = [(text(node) or "", node) for root in roots for node in _scalars(root)] if wanted else []
    exact = (node for said, node in scalars if said.strip() == wanted)
    holding = (node for said, node in scalars if wanted in said)
    found = next(exact, None) or next(holding, None)
    return found.span.line if found else 1


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _scalars(item)
    elif isinstance(node, Mapping):
        for entry in node.entries:
            yield entry.key
            yield from _scalars(entry.value)
