"""The root modules among a tree's Terraform directories, loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from posixpath import dirname, join, normpath

from kubelint5xx.core.node import Node, Unresolved
from kubelint5xx.core.pattern import byte_pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source
from kubelint5xx.eval.installed import MANIFEST, Installed, directories, installed_modules
from kubelint5xx.eval.operand import equal
from kubelint5xx.eval.plan import Plan
from kubelint5xx.eval.root_module import load_module
from kubelint5xx.eval.terraform import Module
from kubelint5xx.eval.terragrunt import calls_of

# A Terraform directory that mentions none of these has nothing to say about a request's path.
_INFRASTRUCTURE = byte_pattern(
    rb'"(?:aws_(?:lb|alb|elb|autoscaling|launch|eks|ecs|cloudfront|cloudwatch_event|codedeploy|lambda)|kubernetes_'
    rb"|aws_(?:vpc_)?security_group|kubectl_manifest|helm_release)"
    rb"|load.?balancer|autoscaling|node_group|\be[kc]s\b|\b[ae]lb\b|cloudfront|security-group|aws_api_?gateway"
)
_LOCAL_SOURCE = byte_pattern(rb'(?:^[ \t]*source\s*=|"source"\s*:)\s*"(\.{1,2}/[^"]*)"', re.M)
_VALUES = (".tfvars", ".tfvars.json")
EXTENSIONS = (".tf", ".tofu", ".tf.json", ".tofu.json", *_VALUES)


@record
class Files:
    """How files are read: their bytes, and their texts; None for a file that is not there or not text.

    ``text`` is any other file's, which may not be there. ``listed`` gives the files of one
    directory, those included that the tree leaves out of its own list.
    """

    read: Callable[[str], bytes | None]
    load: Callable[[str], Source | None]
    text: Callable[[str], Source | None]
    listed: Callable[[str], Iterable[str]]


def load_roots(
    by_directory: Mapping[str, Iterable[str]],
    files: Files,
    given: Callable[[str], tuple[Iterable[str], Mapping[str, Node], Mapping[str, Node]]],
    plans: Mapping[str, Plan],
    terragrunt: Iterable[str],
    notices: list[Problem],
) -> Iterator[tuple[str, Module | Plan]]:
    """The root modules that may say something of a request's path, by their directories. ``by_directory``: the paths
    of Terraform's files; ``given``: the variable files and variables that the configuration names for a root, and the
    variables that anything else wins over; ``terragrunt``: the paths of Terragrunt's files, which may give any value to
    the modules that they run.

    A plan or a state stands for itself, under its path, where no root is the one that it was made of. Else each
    thing is said once: by the configuration, with the values of variables that the plan was made with, or, where
    modules of the configuration are not in the files, by the plan. ``notices`` tells which of these it was.
    """
    found = {directory: _Directory(tuple(paths), files) for directory, paths in by_directory.items()}
    reached = _roots(found)
    roots = [root for root in reached if found[root].configured]
    roots = [root for root in roots if any(found[part].matters for part in reached[root]) or found[root].installed]
    left = dict(plans)
    run = calls_of(source for path in terragrunt if (source := files.text(path)) is not None)
    for root in roots:
        var_files, variables, ambient = given(root)
        named = (path for path in var_files if root in _meant(path, roots))
        meant = [source for path in named if (source := files.load(path)) is not None]
        others = run.gives(root)
        module = _loaded(root, found, files, meant, variables, {}, others, ambient)
        made = _plans_of(root, module, left)
        own = {path: left.pop(path) for path in made}
        path, plan = next(iter(own.items()), ("", None))
        notices += [Problem(other, 1, _ANOTHER, "notice") for other in made[1:]]
        if plan is None:
            yield root, module
        elif (module.open or module.open_modules) and not plan.open:
            notices.append(Problem(path, 1, f"{_INSTEAD} {root or 'the configuration'}", "notice"))
            yield root, plan
        else:
            notices.append(Problem(path, 1, _VARIABLES, "notice"))
            known = module.variables
            planned = {name: value for name, value in plan.variables.items() if not _same(known.get(name), value)}
            yield root, _loaded(root, found, files, meant, variables, planned, others, ambient) if planned else module
    yield from left.items()


_INSTEAD = "analysed, since modules are missing, in place of"
_VARIABLES = "a plan or state beside its configuration, which is analysed with the plan's values of variables"
_ANOTHER = "another plan or state of the same configuration; it is not analysed"


def _plans_of(root: str, module: Module, plans: Mapping[str, Plan]) -> list[str]:
    """The plans and states that were made of a root module, those first that say most: they declare what it does."""
    declared = module.declared()
    alike = [
        path
        for path, plan in plans.items()
        if dirname(path) == root or ((own := plan.declared()) and own <= declared and 2 * len(own) >= len(declared))
    ]
    return sorted(alike, key=lambda path: (dirname(path) != root, not plans[path].variables, path))


def _same(ours: Node | None, theirs: Node) -> bool:
    return ours is not None and equal(ours, theirs) is True


def _loaded(
    root: str,
    found: Mapping[str, _Directory],
    files: Files,
    var_files: list[Source],
    variables: Mapping[str, Node],
    planned: Mapping[str, Node],
    others: Unresolved | None,
    ambient: Mapping[str, Node],
) -> Module:
    installed = found[root].installed
    allowed = directories(installed)

    def child_modules(path: str) -> Mapping[str, Source] | None:
        if path in found:
            return found[path].sources
        if path in allowed:
            paths = [name for name in files.listed(path) if name.endswith(EXTENSIONS) and not name.endswith(_VALUES)]
            return {name.rpartition("/")[2]: source for name in paths if (source := files.load(name)) is not None}
        return None

    return load_module(
        root, found[root].sources, var_files, variables, child_modules, installed, planned, files.text, others, ambient
    )


class _Directory:
    """The Terraform files of one directory, read when they are asked for."""

    def __init__(self, paths: tuple[str, ...], files: Files) -> None:
        self._paths, self._files = paths, files

    @cached_property
    def _raw(self) -> dict[str, bytes]:
        return {path: data for path in self._paths if (data := self._files.read(path)) is not None}

    @property
    def configured(self) -> bool:
        """Whether there is more than values of variables."""
        return any(not path.endswith(_VALUES) for path in self._raw)

    @property
    def matters(self) -> bool:
        return any(_INFRASTRUCTURE.search(data) for data in self._raw.values())

    @cached_property
    def sources(self) -> dict[str, Source]:
        return {path.rpartition("/")[2]: text for path in self._raw if (text := self._files.load(path)) is not None}

    @cached_property
    def calls(self) -> set[str]:
        """The directories that it calls as modules."""
        found: set[str] = set()
        for path, data in self._raw.items():
            for match in _LOCAL_SOURCE.finditer(data):
                target = normpath(join(dirname(path), match[1].decode("utf-8", "replace")))
                found.add("" if target == "." else target)
        return found

    @cached_property
    def installed(self) -> dict[str, Installed]:
        """The modules that were installed for it as a root."""
        directory = dirname(self._paths[0]) if self._paths else ""
        path = join(directory, MANIFEST)
        if not any(b"module" in data for data in self._raw.values()) or path not in set(
            self._files.listed(dirname(path))
        ):
            return {}
        manifest = self._files.load(path)
        return installed_modules(manifest, directory) if manifest is not None else {}


def _meant(var_file: str, roots: list[str]) -> list[str]:
    """The roots that a variable file is for: the nearest one around it, else all of them."""
    around = [root for root in roots if not root or var_file.startswith(root + "/")]
    return [max(around, key=len)] if around else roots


def _roots(found: Mapping[str, _Directory]) -> dict[str, set[str]]:
    """The directories that no other calls as a module, each with all that it calls: those are analysed with their
    callers' inputs only.

    Of directories that call each other in a circle the first one counts as a root.
    """
    calls = {name: content.calls & set(found) for name, content in found.items()}
    called = {target for directory, targets in calls.items() for target in targets if target != directory}
    roots: dict[str, set[str]] = {}
    seen: set[str] = set()
    for directory in (*sorted(set(found) - called), *sorted(called)):
        if directory in seen and directory in called:
            continue
        reached: set[str] = set()
        waiting = [directory]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting.extend(calls[at])
        seen |= reached
        roots[directory] = reached
    return dict(sorted(roots.items()))
