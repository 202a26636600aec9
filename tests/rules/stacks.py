"""The stacks under examples/, and the examples of all rule files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from kubelint5xx.config import FILE_NAMES, Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.source import Source
from kubelint5xx.engine.rule import rule_files, rule_text
from kubelint5xx.rule_tests import Example, examples_of, mutated, stack_files

ROOT = Path(__file__).parents[2]
STACKS = tuple(sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir()))
HEALTHY = tuple(name for name in STACKS if name != "incident")
EXAMPLES = tuple(
    (f"{slug}-{number}", example)
    for _, slug, file in rule_files()
    for number, example in enumerate(examples_of(rule_text(file), slug), 1)
)
FIRING = tuple((name, example) for name, example in EXAMPLES if example.finds)


@cache
def files_of(stack: str) -> Mapping[str, str]:
    """The files of a stack, the same ones for all tests, which make their own of them."""
    return MappingProxyType(stack_files(ROOT / "examples" / stack))


def files_with(example: Example) -> dict[str, str]:
    return mutated(example, files_of(example.stack))


def config_of(files: Mapping[str, str]) -> Config:
    (name,) = (name for name in FILE_NAMES if name in files)
    return load_config(Source(name, files[name]))
