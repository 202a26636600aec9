"""Which packages a program is built from, as far as the manifests in its build context name them.

Names have their ecosystem before them: ``maven:GROUP:ARTIFACT`` (``!maven:…`` where a manifest takes it out again),
``gradle:PLUGIN``, ``npm:``, ``pypi:``, ``go:``, ``gem:``, ``nuget:``, ``hex:`` and ``crates:``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from kubelint5xx.core.node import Entry, Mapping, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Value, Version, Written
from kubelint5xx.hops.launch import Files

# Files that name packages; who collects a build's files keeps these.
MANIFEST = pattern(
    r"(?:^|/)(?:pom\.xml|(?:build|settings)\.gradle(?:\.kts)?|libs\.versions\.toml|package\.json|requirements\.txt|"
    r"pyproject\.toml|Pipfile|poetry\.lock|uv\.lock|go\.mod|Gemfile(?:\.lock)?|[^/]+\.csproj|mix\.(?:exs|lock)|"
    r"Cargo\.(?:toml|lock))$"
)

_WORKSPACE = pattern(r"\"workspaces\"\s*:|^\[workspace\]|^\[tool\.uv\.workspace\]", re.MULTILINE)
_MANY = 200


@record
class Packages:
    """``direct`` maps the names of packages that the program asks for to their versions, as far as these are fixed
    (else empty). It is open where there may be others. ``locked`` has those that lock files name, wanted or not."""

    direct: Mapping
    locked: Mapping

    def version(self, name: str) -> Value | None:
        """The version of a package: the locked one, else the one that is asked for."""
        for place in (self.locked, self.direct):
            for node in place.every(name):
                if parsed := Version.parse(text(node) or ""):
                    return Value(parsed, Written(node.span, name.partition(":")[2]))
        return None


def packages_of(files: Files, place: Span) -> Packages | None:
    """The packages of the program in ``files``; None where no manifest was seen. ``place``: the container's block."""
    sources = files.sources if any(map(MANIFEST.search, files.sources or ())) else files.seen
    named = {path: source for path, source in (sources or {}).items() if MANIFEST.search(path)}
    if not named:
        return None
    direct: list[Entry] = []
    locked: list[Entry] = []
    unseen: list[str] = []
    for ecosystem in _ECOSYSTEMS:
        own = {path: source for path, source in named.items() if ecosystem.reads(path)}
        chosen, why = _of_one_program(own, ecosystem)
        if why:
            unseen.append(why)
        direct += ecosystem.direct(chosen)
        locked += ecosystem.locked(chosen)
    return Packages(
        Mapping(place, tuple(direct), "; ".join(unseen)), Mapping(place, tuple(locked), "only what is locked is here")
    )


@record
class _Ecosystem:
    """The manifests of one package manager. ``direct`` and ``locked`` read those of one program."""

    names: tuple[str, ...]
    direct: Callable[[dict[str, Source]], Iterable[Entry]]
    locked: Callable[[dict[str, Source]], Iterable[Entry]]

    def reads(self, path: str) -> bool:
        return path.rpartition("/")[2].endswith(self.names)


def _of_one_program(found: dict[str, Source], ecosystem: _Ecosystem) -> tuple[dict[str, Source], str]:
    """The manifests nearest to the root of the build, with those that belong to them; or why they are not known."""
    if not found or len(found) > _MANY:
        return {}, "there are too many manifests" if found else ""
    beside = ("libs.versions.toml", "settings.gradle", "settings.gradle.kts")
    main = {path for path in found if not path.endswith(beside)}
    folders = {path.rpartition("/")[0] for path in main}
    if not folders:
        return {}, ""
    nearest = [folder for folder in folders if _depth(folder) == min(map(_depth, folders))]
    if len(nearest) > 1:
        return {}, f"{' and '.join(sorted(main)[:2])} may both build it"
    root = nearest[0]
    chosen = {path: source for path, source in found.items() if path.rpartition("/")[0] == root}
    below = folders - {root}
    if below and any(map(_is_shared, chosen.values())):
        if len(below) > 1:
            return {}, f"{min(chosen)} builds several programs"
        chosen |= {path: source for path, source in found.items() if path.rpartition("/")[0] in below}
    chosen |= {path: source for path, source in found.items() if path.endswith("libs.versions.toml")}
    parent = next((why for path, source in chosen.items() if path.endswith("pom.xml") and (why := _parent(source))), "")
    return chosen, parent


def _depth(folder: str) -> int:
    return folder.strip("/").count("/") + 1 if folder.strip("/") else 0


def _is_shared(source: Source) -> bool:
    """Whether a manifest gathers several programs of the folders below it."""
    if source.path.endswith("pom.xml"):
        from kubelint5xx.hops.jvm_manifests import has_modules

        return has_modules(source)
    name = source.path.rpartition("/")[2]
    return name.startswith(("build.gradle", "settings.gradle")) or bool(_WORKSPACE.search(source.text))


def _parent(source: Source) -> str:
    from kubelint5xx.hops.jvm_manifests import unseen_parent

    return unseen_parent(source)


def _jvm(found: dict[str, Source]) -> Iterator[Entry]:
    from kubelint5xx.hops import jvm_manifests as manifests

    named: dict[str, tuple[Entry, ...]] = {}
    for path, source in found.items():
        if path.endswith(".toml"):
            named |= manifests.catalog(source)
    for path, source in found.items():
        if path.endswith("pom.xml"):
            yield from manifests.pom(source)
        elif not path.endswith(".toml"):
            yield from manifests.gradle(source, named)


def _by_name(**readers: str) -> Callable[[dict[str, Source]], Iterator[Entry]]:
    """A reading of manifests by the ends of their names, where ``_`` stands for a dot."""

    def read(found: dict[str, Source]) -> Iterator[Entry]:
        from kubelint5xx.hops import manifests

        for end, reader in readers.items():
            for path, source in found.items():
                if path.lower().endswith(end.replace("_", ".")):
                    yield from getattr(manifests, reader)(source)

    return read


def _none(found: dict[str, Source]) -> Iterator[Entry]:
    return iter(())


_GRADLE = ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "libs.versions.toml")
_ECOSYSTEMS = (
    _Ecosystem(("pom.xml", *_GRADLE), _jvm, _none),
    _Ecosystem(("package.json",), _by_name(package_json="package_json"), _none),
    _Ecosystem(
        ("requirements.txt", "pyproject.toml", "Pipfile", "poetry.lock", "uv.lock"),
        _by_name(requirements_txt="requirements", pyproject_toml="pyproject", pipfile="pyproject"),
        _by_name(poetry_lock="locked_pypi", uv_lock="locked_pypi"),
    ),
    _Ecosystem(("go.mod",), _by_name(go_mod="go_mod"), _none),
    _Ecosystem(
        ("Gemfile", "Gemfile.lock"),
        _by_name(gemfile="gemfile", gemfile_lock="gemfile_lock_direct"),
        _by_name(gemfile_lock="gemfile_lock"),
    ),
    _Ecosystem((".csproj",), _by_name(_csproj="csproj"), _none),
    _Ecosystem(("mix.exs", "mix.lock"), _by_name(mix_exs="mix_exs"), _by_name(mix_lock="mix_lock")),
    _Ecosystem(("Cargo.toml", "Cargo.lock"), _by_name(cargo_toml="cargo_toml"), _by_name(cargo_lock="locked_crates")),
)
