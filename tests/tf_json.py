"""Terraform's files, said in its JSON syntax."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kubelint5xx.core.source import Source
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats.hcl import Body, parse

Json = dict[str, object]


def in_json(files: Mapping[str, str]) -> dict[str, str]:
    """The tree with each ``.tf`` file as ``.tf.json``, and each ``.tfvars`` as ``.tfvars.json``."""
    return {
        path + ".json" if path.endswith((".tf", ".tfvars")) else path: (
            json.dumps(_body(parse(Source(path, text))[0], path.endswith(".tfvars")), indent=2)
            if path.endswith((".tf", ".tfvars"))
            else text
        )
        for path, text in files.items()
    }


def _body(body: Body, plain: bool = False, names: bool = False) -> Json:
    found: Json = {}
    for attribute in body.attributes():
        text = attribute.expression.span.text
        as_text = text if attribute.name in ("type", "provider") and names else None
        found[attribute.name] = as_text or _value(attribute.expression, plain or names)
    for block in body.blocks():
        inner: Any = found
        *outer, last = (block.type, *block.labels)
        for label in outer:
            inner = inner.setdefault(label, {})
        inner.setdefault(last, []).append(_body(block.body, plain, block.type == "variable"))
    return found


def _value(expression: ast.Expression, plain: bool) -> object:
    match expression:
        case ast.Literal(_, str() as value):
            return value if plain else value.replace("${", "$${").replace("%{", "%%{")
        case ast.Literal(_, value):
            return value
        case ast.TupleOf(_, items):
            return [_value(item, plain) for item in items]
        case ast.ObjectOf(_, entries) if all(isinstance(key, ast.Literal) for key, _ in entries):
            return {str(_value(key, plain)): _value(item, plain) for key, item in entries}
        case ast.Template(span) if span.text.startswith('"'):
            return json.loads(span.text)
    return f"${{{expression.span.text}}}"
