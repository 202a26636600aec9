"""Imports run downward only; what stands higher is built from what stands lower."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kubelint5xx"

# Units of the same layer do not import each other either.
LAYERS = (
    ("core",),
    ("formats", "model", "config", "suppress"),
    ("config_nesting", "config_values"),
    ("config_assume", "eval", "hops"),
    ("config_file",),
    ("link",),
    ("engine", "inputs"),
    ("unused",),
    ("check", "report"),
    ("discover", "environments", "output", "propose", "render", "rule_tests"),
    ("configuration",),
    ("arguments",),
    ("initial",),
    ("cli",),
    ("__main__",),
)
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of the package's own modules, also lazy ones and those for the type checker."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.startswith("kubelint5xx"))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            if module == "kubelint5xx":
                yield from ((node.lineno, f"kubelint5xx.{alias.name}") for alias in node.names)
            elif module.startswith("kubelint5xx."):
                yield node.lineno, module


def unit(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_stands_lower(path: Path) -> None:
    own = unit(name_of(path))
    if not own:
        assert not list(imports(path)), "the package itself imports nothing"
        return
    assert own in RANK, f"{own} has no layer yet: give it one in {Path(__file__).name}"
    for line, module in imports(path):
        other = unit(module)
        if other in (own, "__version__"):
            continue
        assert other in RANK, f"{path}:{line}: {other} has no layer"
        assert RANK[other] < RANK[own], f"{path}:{line}: {own} imports {other}"


def test_no_layer_is_made_of_nothing() -> None:
    assert set(RANK) <= {unit(name_of(path)) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_named_after_what_it_holds(path: Path) -> None:
    assert not FORBIDDEN & set(name_of(path).split("."))


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name == "formats"], ids=name_of)
def test_formats_know_nothing_of_the_model(path: Path) -> None:
    assert {unit(module) for _, module in imports(path)} <= {"core", "formats"}
