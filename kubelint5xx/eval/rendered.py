"""Texts that resources and data sources make of others: archives for cloud-init, and templates."""

from __future__ import annotations

from collections.abc import Callable

from kubelint5xx.core.node import UNKNOWN, Mapping, Node, Scalar, Unresolved, child, entries, text
from kubelint5xx.core.source import Span
from kubelint5xx.eval.expression import Closed, Evaluator
from kubelint5xx.eval.instances import evaluated
from kubelint5xx.eval.operand import made, why_unknown
from kubelint5xx.eval.variables import META
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.formats.hcl import Block
from kubelint5xx.formats.hcl_template import read_template


def _archive(block: Block, evaluator: Evaluator) -> Node:
    """The contents of a multi-part archive, one after the other; a single one as it is."""
    body = evaluated(block.span, block.body, evaluator, META)
    found = [content for part in body.every("part") if (content := child(part, "content")) is not None]
    if len(found) == 1 and not body.open:
        return found[0]
    texts = [text(node) or (node.text if isinstance(node, Unresolved) else "") or UNKNOWN for node in found]
    whole = "\n".join([*texts, *([UNKNOWN] if body.open else [])])
    reason = body.open or next((why for node in found if (why := why_unknown(node))), "")
    return Unresolved(block.span, reason, (), whole) if reason else made(block.span, whole)


def _template_file(block: Block, evaluator: Evaluator) -> Node:
    body = evaluated(block.span, block.body, evaluator, META)
    template, given = body.get("template"), body.get("vars")
    if not isinstance(template, Scalar):
        return Unresolved(block.span, "its template is not known")
    source = template.span.source if template.span.text == template.value else embedded(template)
    span = template.span if template.span.text == template.value else Span(source, 0, len(source.text))
    start = span.start
    bound = {str(entry.key.value): entry.value for entry in entries(given)}
    inner = Evaluator(Closed(given.open if isinstance(given, Mapping) else ""), evaluator.budget, bound)
    return inner.value(read_template(str(template.value), span, lambda at: start + at))


# What each type's attribute ``rendered`` is.
MAKERS: dict[str, Callable[[Block, Evaluator], Node]] = {
    "cloudinit_config": _archive,
    "template_cloudinit_config": _archive,
    "template_file": _template_file,
}
