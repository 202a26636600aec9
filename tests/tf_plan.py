"""Plans and states of Terraform's files, as ``terraform show -json`` writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubelint5xx.core import node as nodes
from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.eval.declarations import declarations
from kubelint5xx.eval.root_module import load_module
from kubelint5xx.eval.terraform import Module
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats.hcl import Block, Body

Json = dict[str, Any]


def plan_of(files: Mapping[str, str], root: str = "infra", version: str = "1.2") -> str:
    """The plan of the configuration in ``root``, before anything of it exists."""
    module, blocks = _module(files, root)
    made, changes = _made(module, blocks)
    variables = {str(e.key.value): {"value": _known(e.value)} for e in module.variables.entries}
    return json.dumps(
        {
            "format_version": version,
            "terraform_version": "1.9.8",
            "variables": {name: it for name, it in variables.items() if it["value"] is not None},
            "planned_values": {"root_module": {"resources": made}},
            "resource_changes": changes,
            "configuration": {"root_module": {"resources": [_configured(block) for block in blocks]}},
        }
    )


def state_of(files: Mapping[str, str], root: str = "infra") -> str:
    """The state after the configuration was applied: every ARN, id and name is known."""
    module, blocks = _module(files, root)
    made, _ = _made(module, blocks, applied=True)
    return json.dumps(
        {"format_version": "1.0", "terraform_version": "1.9.8", "values": {"root_module": {"resources": made}}}
    )


def _module(files: Mapping[str, str], root: str) -> tuple[Module, list[Block]]:
    own = {path: Source(path, text) for path, text in files.items() if path.rpartition("/")[0] == root}
    return load_module(root, own), list(declarations(own).resources.values())


def _made(module: Module, blocks: list[Block], applied: bool = False) -> tuple[list[Json], list[Json]]:
    made, changes = [], []
    for resource in module.resources({block.labels[0] for block in blocks}):
        values, unknown = _object(resource.body, applied)
        common = {"address": resource.address, "mode": "managed", "type": resource.type, "name": resource.name}
        if resource.key is not None:
            common["index"] = resource.key
        values |= {"timeouts": None}
        if applied:
            values |= {attribute: f"{resource.address}.{attribute}" for attribute in ("arn", "id")}
        made.append({**common, "schema_version": 0, "values": values, "sensitive_values": {}})
        change = {"actions": ["create"], "before": None, "after": values, "after_unknown": unknown | {"arn": True}}
        changes.append({**common, "change": change})
    return made, changes


def _object(body: nodes.Mapping, applied: bool = False) -> tuple[Json, Json]:
    """The known values and the unknown ones. A block is a list, whether it repeats or not."""
    values: Json = {}
    unknown: Json = {}
    for entry in body.entries:
        key, node = str(entry.key.value), entry.value
        if isinstance(node, nodes.Mapping) and entry.key.span.text == key and node.span.text.startswith(key):
            inner, hidden = _object(node, applied)
            values.setdefault(key, []).append(inner)
            unknown.setdefault(key, []).append(hidden)
        elif applied and isinstance(node, nodes.Reference):
            values[key] = ".".join((node.address, *node.attribute))
        elif _known(node) is None:
            unknown[key] = True
        else:
            values[key] = _known(node)
    return values, unknown


def _known(node: Node) -> Any:
    match node:
        case Scalar(_, value):
            return value
        case nodes.Sequence(_, items):
            found = [_known(item) for item in items]
            return None if None in found else found
        case nodes.Mapping(_, entries):
            return {str(entry.key.value): _known(entry.value) for entry in entries}
        case Unresolved() | nodes.Reference():
            return None


def _configured(block: Block) -> Json:
    type_, name = block.labels
    return {
        "address": f"{type_}.{name}",
        "mode": "managed",
        "type": type_,
        "name": name,
        "expressions": _expressions(block.body),
    }


def _expressions(body: Body) -> Json:
    found: Json = {}
    for attribute in body.attributes():
        expression = attribute.expression
        if isinstance(expression, ast.Literal):
            found[attribute.name] = {"constant_value": expression.value}
        else:
            found[attribute.name] = {"references": list(dict.fromkeys(_references(expression)))}
    for block in body.blocks():
        found.setdefault(block.type, []).append(_expressions(block.body))
    return found


def _references(expression: object) -> Iterator[str]:
    """Every prefix of each reference, the longest first, as Terraform lists them."""
    if isinstance(expression, ast.Traversal) and isinstance(expression.root, ast.Name):
        parts = [expression.root.name]
        for step in expression.steps:
            if not isinstance(step, ast.Attr):
                break
            parts.append(step.name)
        least = 3 if parts[0] == "data" else 2
        yield from (".".join(parts[:cut]) for cut in range(len(parts), least - 1, -1))
        return
    for name in getattr(expression, "__match_args__", ()):
        inner = getattr(expression, name)
        for item in inner if isinstance(inner, tuple) else (inner,):
            for part in item if isinstance(item, tuple) else (item,):
                if hasattr(part, "__match_args__"):
                    yield from _references(part)
