"""Environments, as the names of files tell them apart: values files, overlays, variable files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from posixpath import dirname

from kubelint5xx.core.pattern import pattern
from kubelint5xx.propose.lines import Places, Proposal, flow, scalar, texts

# As they are called, and by which of these names.
_KNOWN = {
    "dev": "dev", "develop": "dev", "development": "dev", "stag": "staging", "stage": "staging", "staging": "staging",
    "stg": "staging", "prod": "production", "production": "production", "prd": "production", "live": "production",
    "qa": "qa", "uat": "uat", "preprod": "preprod", "preproduction": "preprod", "sandbox": "sandbox", "test": "test",
    "integration": "integration",
}  # fmt: skip
_ORDER = tuple(dict.fromkeys(_KNOWN.values()))
_WORD = pattern(r"[a-z]+")
_VALUES = pattern(r"(?:values[-._](.+)|(.+)[-._]values)\.ya?ml")
_ASIDE = pattern(r"(?:^|/)(?:tests?|testdata|examples?|e2e|ci|node_modules|vendor|\.terraform)/")
_LISTED = 12


def environments(paths: Sequence[str], places: Places) -> Iterator[Proposal]:
    """One for each environment that files are named after. ``paths``: all files."""
    seen = [path for path in paths if not _ASIDE.search(path)]
    charts = {dirname(path) for path in seen if path.rpartition("/")[2] == "Chart.yaml"}
    by_kind = {"terraform": _variables(seen), "helm": _values(seen, charts), "kustomize": _overlays(seen, charts)}
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for kind, told in by_kind.items():
        for name, directory, path in told:
            found.setdefault(name, {}).setdefault(kind, []).append((directory, path))
    for count, name in enumerate(sorted(found, key=_ORDER.index)):
        lines = [line for kind, told in found[name].items() for line in _lines(kind, told[:_LISTED], places)]
        reason = "" if count else "These are told apart by the names of files:"
        yield Proposal((f"  {scalar(name)}:", *(f"    {line}" for line in lines)), reason)


def _lines(kind: str, told: Sequence[tuple[str, str]], places: Places) -> Iterator[str]:
    if kind == "terraform":
        yield f"terraform: {flow({'var-files': texts(places.path(path) for _, path in told)})}"
    elif kind == "kustomize":
        yield f"kustomize: {texts(places.path(path) for _, path in told)}"
    else:
        yield "helm:"
        for chart in dict.fromkeys(directory for directory, _ in told):
            values = texts(places.path(path) for directory, path in told if directory == chart)
            yield f"  - {flow({'chart': scalar(places.path(chart)), 'values': values})}"


def _name(words: str) -> str:
    """The environment that a name holds, if it holds one; its parts may stand in any order."""
    return next((_KNOWN[word] for word in _WORD.findall(words.lower()) if word in _KNOWN), "")


def _values(paths: Iterable[str], charts: set[str]) -> Iterator[tuple[str, str, str]]:
    for path in paths:
        folder, _, file = path.rpartition("/")
        match = _VALUES.fullmatch(file)
        if match and folder in charts and (name := _name(match[1] or match[2])):
            yield name, folder, path


def _overlays(paths: Iterable[str], charts: set[str]) -> Iterator[tuple[str, str, str]]:
    for path in paths:
        folder, _, file = path.rpartition("/")
        if file in ("kustomization.yaml", "kustomization.yml", "Kustomization") and folder not in charts:
            own = folder.rpartition("/")[2]
            if name := _name(own):
                yield name, "", folder


def _variables(paths: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for path in paths:
        folder, _, file = path.rpartition("/")
        # Terraform reads terraform.tfvars and *.auto.tfvars by itself.
        given = file.endswith(".tfvars") and not file.endswith(".auto.tfvars") and file != "terraform.tfvars"
        if given and (name := _name(file.removesuffix(".tfvars")) or _name(folder.rpartition("/")[2])):
            yield name, "", path
