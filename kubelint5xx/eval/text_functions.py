"""Terraform's functions that make or test texts. See ``functions`` for what a function is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

from kubelint5xx.core.node import ATTRIBUTE, UNKNOWN, Node, Reference, Scalar, Sequence, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.eval.operand import (
    MAX_DEPTH,
    MAX_TEXT,
    Budget,
    Failure,
    Function,
    Unknown,
    made,
    number,
    object_of,
    one_of_all,
    parsed_number,
    plain,
    sequence,
    string,
    whole,
)

_BASE64 = pattern(rf"[A-Za-z0-9+/=\s{ATTRIBUTE}{UNKNOWN}]*")


def _text(to: Callable[..., str]) -> Function:
    """A function from texts to a text."""

    def convert(span: Span, arguments: list[Node], budget: Budget) -> Node:
        texts = [string(argument) for argument in arguments]
        budget.spend(sum(map(len, texts)) // 50)
        return made(span, to(*texts))

    return convert


def _test(to: Callable[[str, str], bool]) -> Function:
    def test(span: Span, arguments: list[Node], budget: Budget) -> Node:
        text, part = arguments
        return made(span, to(string(text), string(part)))

    return test


def _replace(span: Span, arguments: list[Node], budget: Budget) -> Node:
    text, old, new = (string(argument) for argument in arguments)
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        raise Unknown("the function replace is not evaluated with a regular expression")
    if len(text) + text.count(old) * len(new) > MAX_TEXT:
        raise Unknown("the text is too long to be evaluated")
    return made(span, text.replace(old, new))


_VERB = pattern(r"%(?:%|([-+0 #]*)(\d*)(\.\d+)?([a-zA-Z]))")


def _format(span: Span, arguments: list[Node], budget: Budget) -> Node:
    pattern, values = string(arguments[0]), arguments[1:]
    used = 0

    def shown(match: re.Match[str]) -> str:
        nonlocal used
        flags, width, precision, verb = match.groups()
        if verb is None:
            return "%"
        if len(width) > 3 or len(precision or "") > 4:
            raise Unknown("the text is too long to be evaluated")
        if used >= len(values):
            raise Failure(span, "format() has fewer arguments than its pattern names")
        value, used = values[used], used + 1
        if verb in "sv" and isinstance(value, (Scalar, Unresolved, Reference)):
            return f"%{flags}{width}{precision or ''}s" % string(value)
        if verb == "q":
            return json.dumps(string(value), ensure_ascii=False)
        if verb in "dxXo":
            return f"%{flags}{width}{verb}" % whole(value)
        if verb in "feEgG":
            return f"%{flags}{width}{precision or ''}{verb}" % number(value)
        raise Unknown(f"the function format is not evaluated with %{verb}")

    return made(span, _VERB.sub(shown, pattern))


def _join(span: Span, arguments: list[Node], budget: Budget) -> Node:
    separator = string(arguments[0])
    if len(arguments) == 2 and isinstance(arguments[1], Reference):
        found = one_of_all(arguments[1])
        if found is not arguments[1]:
            return found
    items = [item for argument in arguments[1:] for item in sequence(argument)]
    if len(items) == 1 and isinstance(items[0], Reference):
        return items[0]
    budget.spend(len(items))
    texts = [string(item) for item in items]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_TEXT:
        raise Unknown("the text is too long to be evaluated")
    return made(span, separator.join(texts))


def _split(span: Span, arguments: list[Node], budget: Budget) -> Node:
    separator, text = (string(argument) for argument in arguments)
    parts = text.split(separator) if separator else list(text)
    budget.spend(len(parts))
    return Sequence(span, tuple(made(span, part) for part in parts))


def _substr(span: Span, arguments: list[Node], budget: Budget) -> Node:
    text, offset, length = string(arguments[0]), whole(arguments[1]), whole(arguments[2])
    start = max(0, offset + len(text)) if offset < 0 else offset
    return made(span, text[start:] if length < 0 else text[start : start + length])


def _jsonencode(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    try:
        value = plain(argument)
    except Unknown as unknown:
        return Unresolved(span, unknown.reason, encodes=argument)
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    budget.spend(len(text) // 50)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return replace(made(span, text), encodes=argument)


def _jsondecode(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    text = string(argument)
    budget.spend(len(text) // 10)
    try:
        return node_of(argument.span, json.loads(text))
    except (ValueError, RecursionError):
        raise Failure(span, "jsondecode() of a text that is not JSON") from None


def node_of(span: Span, value: object, depth: int = 0) -> Node:
    """A decoded JSON value as a node, all of it at ``span``."""
    if depth > MAX_DEPTH:
        raise Unknown("the value is nested too deeply to be evaluated")
    if isinstance(value, dict):
        return object_of(span, ((made(span, str(key)), node_of(span, item, depth + 1)) for key, item in value.items()))
    if isinstance(value, list):
        return Sequence(span, tuple(node_of(span, item, depth + 1) for item in value))
    assert value is None or isinstance(value, (str, int, float, bool))
    return made(span, value)


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode()


def _base64decode(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    if isinstance(argument, Unresolved) and not _BASE64.fullmatch(argument.text):
        # What base64encode() was given, of which not all is known.
        return argument
    return _text(_decoded)(span, arguments, budget)


def _base64encode(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    if isinstance(argument, Unresolved) and argument.text:
        return argument
    text = string(argument)
    budget.spend(len(text) // 50)
    encoded = base64.b64encode(text.encode()).decode()
    return made(argument.span if _from_a_file(argument) else span, encoded)


def _from_a_file(node: Node) -> bool:
    return node.span.start == 0 and node.span.end == len(node.span.source.text)


def _encoded(span: Span, arguments: list[Node], budget: Budget) -> Node:
    """base64encode(), and base64gzip(), whose output nobody writes down: the text that it holds stands for it."""
    (argument,) = arguments
    if isinstance(argument, Unresolved) and argument.text:
        return argument
    budget.spend(len(string(argument)) // 50)
    return argument if isinstance(argument, Scalar) else made(span, string(argument))


def _yamlencode(span: Span, arguments: list[Node], budget: Budget) -> Node:
    # JSON is YAML, and nothing here depends on how a text looks.
    return _jsonencode(span, arguments, budget)


def _yamldecode(span: Span, arguments: list[Node], budget: Budget) -> Node:
    (argument,) = arguments
    if not isinstance(argument, Scalar):
        raise Unknown("the text is not known")
    budget.spend(len(string(argument)) // 10)
    from kubelint5xx.formats import yaml
    from kubelint5xx.formats.embedded import embedded

    reading = yaml.read(embedded(argument))
    if len(reading.documents) != 1:
        raise Failure(span, "yamldecode() of a text that is not one YAML document")
    return reading.documents[0].root


def _parseint(span: Span, arguments: list[Node], budget: Budget) -> Node:
    text, radix = string(arguments[0]), whole(arguments[1])
    return made(span, parsed_number(text, span) if radix == 10 else int(text[:100], radix))


TEXT: dict[str, Function] = {
    "base64decode": _base64decode,
    "base64encode": _base64encode,
    "base64gzip": _encoded,
    "chomp": _text(lambda text: text.rstrip("\r\n")),
    "endswith": _test(str.endswith),
    "format": _format,
    "join": _join,
    "jsondecode": _jsondecode,
    "jsonencode": _jsonencode,
    "lower": _text(str.lower),
    "parseint": _parseint,
    "replace": _replace,
    "split": _split,
    "startswith": _test(str.startswith),
    "substr": _substr,
    "trim": _text(lambda text, cut: text.strip(cut)),
    "trimprefix": _text(str.removeprefix),
    "trimspace": _text(str.strip),
    "trimsuffix": _text(str.removesuffix),
    "upper": _text(str.upper),
    "yamldecode": _yamldecode,
    "yamlencode": _yamlencode,
}
