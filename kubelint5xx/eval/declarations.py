"""What one Terraform directory declares, with its override files merged in, unevaluated."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TypeVar

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source
from kubelint5xx.formats.hcl import Attribute, Block, Body, parse

Address = tuple[str, str]
K = TypeVar("K")


@record
class Declarations:
    """The blocks of a directory by their names. ``open`` tells why some may be missing; ``tfvars`` are the bodies of
    the variable files that Terraform reads by itself, the strongest last."""

    variables: dict[str, Block] = field(default_factory=dict)
    locals: dict[str, Attribute] = field(default_factory=dict)
    outputs: dict[str, Block] = field(default_factory=dict)
    resources: dict[Address, Block] = field(default_factory=dict)
    data: dict[Address, Block] = field(default_factory=dict)
    modules: dict[str, Block] = field(default_factory=dict)
    tfvars: tuple[Body, ...] = ()
    problems: tuple[Problem, ...] = ()
    open: str = ""


def declarations(files: Mapping[str, Source]) -> Declarations:
    """The declarations of the files of one directory; names that Terraform does not read are passed over.

    Of ``x.tf`` and ``x.tofu`` the latter counts, as OpenTofu has it. File selection and merging:
    https://developer.hashicorp.com/terraform/language/files/override
    """
    named = {posixpath.basename(name): source for name, source in sorted(files.items())}
    primary: list[Body] = []
    overrides: list[Body] = []
    tfvars: list[tuple[bool, Body]] = []
    problems: list[Problem] = []
    open_ = ""
    for name, source in named.items():
        stem, dot, extension = name.rpartition(".")
        if not dot or (extension == "tf" and f"{stem}.tofu" in named):
            continue
        if extension in ("tf", "tofu"):
            body, found = parse(source)
            problems.extend(found)
            if body.unread:
                open_ = f"a part of {source.path} could not be read"
            (overrides if stem == "override" or stem.endswith("_override") else primary).append(body)
        elif name.endswith((".tf.json", ".tofu.json")):
            open_ = f"{source.path} is Terraform in JSON syntax, which is not analysed"
            problems.append(Problem(source.path, 1, "Terraform in JSON syntax is not analysed"))
        elif name == "terraform.tfvars" or name.endswith(".auto.tfvars"):
            body, found = parse(source)
            problems.extend(found)
            tfvars.append((name != "terraform.tfvars", body))
    result = Declarations(tfvars=tuple(body for _, body in sorted(tfvars, key=lambda item: item[0])))
    for body in primary:
        _declare(result, body, problems, override=False)
    for body in overrides:
        _declare(result, body, problems, override=True)
    return Declarations(
        result.variables,
        result.locals,
        result.outputs,
        result.resources,
        result.data,
        result.modules,
        result.tfvars,
        tuple(problems),
        open_,
    )


def _declare(into: Declarations, body: Body, problems: list[Problem], override: bool) -> None:
    plain = {"variable": into.variables, "output": into.outputs, "module": into.modules}
    typed = {"resource": into.resources, "data": into.data}
    for block in body.blocks():
        if block.type == "locals":
            into.locals.update((attribute.name, attribute) for attribute in block.body.attributes())
        elif block.type in plain and len(block.labels) == 1:
            _add(plain[block.type], block.labels[0], block, problems, override)
        elif block.type in typed and len(block.labels) == 2:
            _add(typed[block.type], (block.labels[0], block.labels[1]), block, problems, override)


def _add(table: dict[K, Block], name: K, block: Block, problems: list[Problem], override: bool) -> None:
    former = table.get(name)
    if former is None:
        table[name] = block
    elif override:
        table[name] = former.with_body(_merged(former.body, block.body))
    else:
        span = block.header
        message = f"{span.text} is declared a second time (first at {former.header}); Terraform refuses this"
        problems.append(Problem(span.path, span.line, message, "notice", span.column))


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
