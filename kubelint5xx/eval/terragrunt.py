"""Terragrunt's configurations: recognised, and not analysed. What they give to modules is not known here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import dirname, join, normpath

from kubelint5xx.core.node import Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span

FILE_NAMES = ("terragrunt.hcl", "terragrunt.hcl.json", "terragrunt.stack.hcl")
_REASON = "Terragrunt gives it when it runs Terraform"
_SOURCE = pattern(r'^[ \t]*source[ \t]*=[ \t]*"([^"\n]*)"', re.M)
# What leads to a directory that only Terragrunt knows: a function's value.
_COMPUTED = pattern(r"\$\{.*\}|[a-z][\w.+-]*::.*//|[a-z]+://.*?//")


@record
class Calls:
    """The modules that Terragrunt runs: their directories, and the ends of directories that are known in part."""

    directories: Mapping[str, Span]
    ends: Mapping[str, Span]

    def gives(self, directory: str) -> Unresolved | None:
        """What stands for the variables of the root module in ``directory``; None where Terragrunt does not run it."""
        found = self.directories.get(directory)
        for end, span in self.ends.items():
            if found is None and f"/{directory}".endswith(f"/{end}"):
                found = span
        return Unresolved(found, _REASON) if found is not None else None


def calls_of(sources: Iterable[Source]) -> Calls:
    """What the given configurations run: the modules in their own directories, or those that they name."""
    directories: dict[str, Span] = {}
    ends: dict[str, Span] = {}
    for source in sources:
        here = dirname(source.path)
        directories.setdefault(here, source.span_of_line(1))
        for match in _SOURCE.finditer(source.text):
            span, path = Span(source, match.start(1), match.end(1)), match[1].partition("?")[0]
            end = _COMPUTED.sub("", path).replace("//", "/").strip("/")
            if path.startswith((".", "..")):
                directories.setdefault(normpath(join(here, path.replace("//", "/"))), span)
            elif end and end != path and "$" not in end:
                ends.setdefault(normpath(end), span)
    return Calls(directories, ends)


def problems_of(paths: Iterable[str]) -> Iterator[Problem]:
    """One line for all configurations of a tree: what they are, and the command that would resolve them."""
    found = sorted(paths)
    if found:
        count = f"{len(found)} configurations" if len(found) > 1 else "a configuration"
        command = "`terragrunt plan -out plan && terragrunt show -json plan | kubelint5xx check -`"
        message = f"{count} of Terragrunt, not analysed: run {command}"
        yield Problem(found[0], 1, message, "unrendered")
