"""What one Terraform directory declares, with its override files merged in, unevaluated."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TypeVar

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source
from kubelint5xx.formats.hcl import Attribute, Block, Body
from kubelint5xx.formats.hcl_skim import skim

Address = tuple[str, str]
Files = Mapping[str, Source]
K = TypeVar("K")


@record
class Declarations:
    """The blocks of a directory by their names; ``tfvars`` are the bodies of the variable files that Terraform reads
    by itself, the strongest last.

    ``unread`` lists what is wrong with each file, under the reason why declarations may be missing for it (empty:
    none are). Blocks are parsed when they are asked for, so it may grow.
    """

    variables: dict[str, Block] = field(default_factory=dict)
    outputs: dict[str, Block] = field(default_factory=dict)
    resources: dict[Address, Block] = field(default_factory=dict)
    data: dict[Address, Block] = field(default_factory=dict)
    modules: dict[str, Block] = field(default_factory=dict)
    tfvars: tuple[Body, ...] = ()
    unread: tuple[tuple[str, list[Problem]], ...] = ()
    notices: list[Problem] = field(default_factory=list)
    _locals: dict[str, Attribute] = field(default_factory=dict)
    _local_blocks: list[Block] = field(default_factory=list)

    @property
    def locals(self) -> dict[str, Attribute]:
        while self._local_blocks:
            body = self._local_blocks.pop(0).body
            self._locals.update((attribute.name, attribute) for attribute in body.attributes())
        return self._locals

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*(problem for _, found in self.unread for problem in found), *self.notices)

    @property
    def open(self) -> str:
        """Why some declarations may be missing; empty: none are, as far as blocks were read."""
        return next((reason for reason, found in reversed(self.unread) if reason and found), "")


def declarations(files: Files) -> Declarations:
    """The declarations of the files of one directory; names that Terraform does not read are passed over.

    Of ``x.tf`` and ``x.tofu`` (``x.tf.json`` and ``x.tofu.json``) the latter counts, as OpenTofu has it.
    File selection and merging:
    https://developer.hashicorp.com/terraform/language/files/override
    """
    named = {posixpath.basename(name): source for name, source in sorted(files.items())}
    primary: list[Body] = []
    overrides: list[Body] = []
    tfvars: list[tuple[bool, Body]] = []
    unread: list[tuple[str, list[Problem]]] = []
    for name, source in named.items():
        stem, syntax = _divided(name)
        if syntax.startswith(".tf") and stem + syntax.replace("tf", "tofu", 1) in named:
            continue
        if syntax:
            body, found = _json(source) if syntax.endswith("json") else skim(source)
            unread.append((f"a part of {source.path} could not be read", found))
            (overrides if stem == "override" or stem.endswith("_override") else primary).append(body)
        elif name.removesuffix(".json") == "terraform.tfvars" or name.endswith((".auto.tfvars", ".auto.tfvars.json")):
            body, found = _json(source, variables=True) if name.endswith(".json") else skim(source)
            unread.append(("", found))
            tfvars.append((not name.startswith("terraform.tfvars"), body))
    values = tuple(body for _, body in sorted(tfvars, key=lambda item: item[0]))
    result = Declarations(tfvars=values, unread=tuple(unread))
    for body in primary:
        _declare(result, body, override=False)
    for body in overrides:
        _declare(result, body, override=True)
    return result


def _divided(name: str) -> tuple[str, str]:
    """A configuration file's name and its syntax's extension; no extension for any other file."""
    for extension in (".tf", ".tofu", ".tf.json", ".tofu.json"):
        if name.endswith(extension):
            return name.removesuffix(extension), extension
    return name, ""


def _json(source: Source, variables: bool = False) -> tuple[Body, list[Problem]]:
    # Few trees have any.
    from kubelint5xx.formats.hcl_json import parse, parse_variables

    body, problems = parse_variables(source) if variables else parse(source)
    return body, list(problems)


def _declare(into: Declarations, body: Body, override: bool) -> None:
    plain = {"variable": into.variables, "output": into.outputs, "module": into.modules}
    typed = {"resource": into.resources, "data": into.data}
    for block in body.blocks():
        if block.type == "locals":
            into._local_blocks.append(block)
        elif block.type in plain and len(block.labels) == 1:
            _add(plain[block.type], block.labels[0], block, into.notices, override)
        elif block.type in typed and len(block.labels) == 2:
            _add(typed[block.type], (block.labels[0], block.labels[1]), block, into.notices, override)


def _add(table: dict[K, Block], name: K, block: Block, problems: list[Problem], override: bool) -> None:
    former = table.get(name)
    if former is None:
        table[name] = block
    elif override:
        table[name] = former.with_body(_merged(former.body, block.body))
    else:
        span = block.header
        labels = "".join(f' "{label}"' for label in block.labels)
        message = f"{block.type}{labels} is declared a second time (first at {former.header}); Terraform refuses this"
        problems.append(Problem(span.path, span.line, " ".join(message.split()), "notice", span.column))


def _merged(former: Body, override: Body) -> Body:
    """An override replaces attributes one by one, and nested blocks by type."""
    names = {item.name for item in override.attributes()}
    types = {item.type for item in override.blocks()}
    # A dynamic block makes blocks of the type that its label names.
    types |= {item.labels[0] for item in override.blocks("dynamic") if item.labels}
    kept = [item for item in former.items if not _replaced(item, names, types)]
    return Body(former.span, (*kept, *override.items), (*former.unread, *override.unread))


def _replaced(item: Attribute | Block, names: set[str], types: set[str]) -> bool:
    if isinstance(item, Attribute):
        return item.name in names
    made = item.labels[0] if item.type == "dynamic" and item.labels else item.type
    return made in types
