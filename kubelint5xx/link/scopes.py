"""Which objects may meet. Repositories are full of copies: overlays, environments, examples with the same names.

A scope is the largest directory in which kind, namespace and name are unique. Where two children of a directory
hold the same object, each of them is a scope of its own, apart from the rest; so is each directory that is named
after an environment. The same object twice in one file is said, and joined to nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from kubelint5xx.core.node import Mapping, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.link.objects import KubeObject

Key = tuple[str, str, str, str]

# Whole words in a directory's or file's name that tell one environment from another.
_ENVIRONMENT = pattern(
    r"(?:^|[^a-z0-9])(dev|development|stag|staging|stage|prod|production|qa|uat|preprod|preproduction|sandbox|test)(?:$|[^a-z0-9])"
)

_SAME = {"development": "dev", "stag": "staging", "stage": "staging", "production": "prod", "preproduction": "preprod"}


@record(eq=False)
class Scope:
    """Objects that may be joined with each other. ``name`` is the directory or file that holds them all."""

    name: str
    objects: tuple[KubeObject, ...]

    def of(self, *kinds: str) -> list[KubeObject]:
        return [thing for thing in self.objects if thing.kind in kinds]

    def find(self, kind: str, namespace: str, name: str) -> KubeObject | None:
        """The object of that kind and name; unique within a scope."""
        for thing in self.objects:
            if thing.kind == kind and thing.name == name and thing.namespace == namespace:
                return thing
        return None


def nearest(place: str, candidates: Sequence[KubeObject]) -> list[KubeObject]:
    """Those of ``candidates`` that share the longest leading path with the file ``place``.

    Selectors such as ``app: web`` match by accident across directories; the neighbours are meant.
    """
    if len(candidates) < 2:
        return list(candidates)
    ranked = [(_shared(place, thing.path), thing) for thing in candidates]
    best = max(rank for rank, _ in ranked)
    return [thing for rank, thing in ranked if rank == best]


def may_meet(one: str, other: str) -> bool:
    """Whether what stands in two files may belong together: not where their paths name different environments."""
    ours, theirs = one.split("/"), other.split("/")
    shared = 0
    while shared < min(len(ours), len(theirs)) and ours[shared] == theirs[shared]:
        shared += 1
    mine, others = (_environments(path[shared:]) for path in (ours, theirs))
    return not mine or not others or bool(mine & others)


def _environments(names: Sequence[str]) -> set[str]:
    found = (match[1] for name in names for match in _ENVIRONMENT.finditer(name.lower()))
    return {_SAME.get(word, word) for word in found}


def _shared(a: str, b: str) -> int:
    if a == b:
        return 1000
    count = 0
    for mine, theirs in zip(a.split("/")[:-1], b.split("/")[:-1], strict=False):
        if mine != theirs:
            break
        count += 1
    return count


@record(frozen=False)
class _Folder:
    """A directory, or a file as a leaf, with all the objects below it."""

    name: str
    own: list[KubeObject] = field(default_factory=list)
    children: dict[str, _Folder] = field(default_factory=dict)

    def all(self) -> list[KubeObject]:
        found = list(self.own)
        for child in self.children.values():
            found.extend(child.all())
        return found


def scopes_of(objects: Iterable[KubeObject], problems: list[Problem]) -> tuple[Scope, ...]:
    """Objects in their scopes. Patches of overlays are no objects and left out; their bases are marked as patched."""
    root = _Folder("")
    for thing in _without_patches(list(objects)):
        folder, parts = root, thing.path.split("/")
        for depth, part in enumerate(parts):
            folder = folder.children.setdefault(part, _Folder("/".join(parts[: depth + 1])))
        folder.own.append(thing)
    found: list[Scope] = []
    _split(root, found, problems)
    return tuple(found)


def _split(folder: _Folder, found: list[Scope], problems: list[Problem]) -> None:
    if not folder.children:
        objects = _unambiguous(folder.own, problems)
        if objects:
            found.append(Scope(folder.name, tuple(objects)))
        return
    holders: defaultdict[Key, set[str]] = defaultdict(set)
    apart: set[str] = set()
    for name, child in folder.children.items():
        counts = Counter(_key(thing) for thing in child.all())
        if any(count > 1 for count in counts.values()) or _ENVIRONMENT.search(name.lower()):
            apart.add(name)
        for key in counts:
            holders[key].add(name)
    for names in holders.values():
        if len(names) > 1:
            apart |= names
    together: list[KubeObject] = list(folder.own)
    for name, child in folder.children.items():
        if name in apart or _has_boundary(child):
            _split(child, found, problems)
        else:
            together.extend(child.all())
    if together:
        found.append(Scope(folder.name, tuple(together)))


def _has_boundary(folder: _Folder) -> bool:
    return any(
        _ENVIRONMENT.search(name.lower()) is not None or _has_boundary(child) for name, child in folder.children.items()
    )


def _unambiguous(objects: list[KubeObject], problems: list[Problem]) -> list[KubeObject]:
    counts = Counter(_key(thing) for thing in objects)
    seen: set[Key] = set()
    for thing in objects:
        key = _key(thing)
        if counts[key] > 1 and key in seen:
            problems.append(_ambiguous(thing))
        seen.add(key)
    return [thing for thing in objects if counts[_key(thing)] == 1]


def _ambiguous(thing: KubeObject) -> Problem:
    made = thing.root.span.source.inside
    if made is not None and made.product:
        # The file itself is read in full: it is each of the charts that makes such an object.
        here = thing.root.span.in_file()
        message = f"{thing.title} is made by several releases here; none of them is joined"
        return Problem(here.path, here.line, message, "unrendered", here.column)
    message = f"{thing.title} stands in this file twice; neither is joined"
    return Problem(thing.path, thing.span.line, message, column=thing.span.column)


def _key(thing: KubeObject) -> Key:
    # Objects without a name (generateName, kustomization files) never collide.
    name = thing.name or str(thing.span)
    return thing.group, thing.kind, thing.namespace, name


def _without_patches(objects: list[KubeObject]) -> list[KubeObject]:
    """Leaves out what a kustomization uses as a patch, and marks the objects of bases that an overlay changes."""
    patches: set[str] = set()
    patched: dict[str, str] = {}
    for thing in objects:
        if thing.kind not in ("Kustomization", "Component"):
            continue
        here = thing.path.rpartition("/")[0]
        changes = False
        for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
            for item in items(thing.root.get(key)):
                path = text(item.get("path")) if isinstance(item, Mapping) else text(item)
                changes = True
                if path and "\n" not in path:
                    patches.add(_join(here, path))
        changes = changes or any(thing.root.get(key) for key in ("components", "replacements", "images", "helmCharts"))
        if changes:
            for key in ("resources", "bases"):
                for item in items(thing.root.get(key)):
                    if base := text(item):
                        patched[_join(here, base)] = thing.path
    result: list[KubeObject] = []
    for thing in objects:
        if thing.path in patches or thing.kind in ("Kustomization", "Component"):
            continue
        overlay = next(
            (by for base, by in patched.items() if thing.path == base or thing.path.startswith(base + "/")), ""
        )
        result.append(replace(thing, patched_by=overlay) if overlay else thing)
    return result


def _join(directory: str, path: str) -> str:
    parts = directory.split("/") if directory else []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
