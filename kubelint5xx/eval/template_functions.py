"""CloudFormation's intrinsic functions, as far as a template and its parameters' defaults determine them.

Semantics: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping as Bindings

from kubelint5xx.core.node import (
    ATTRIBUTE,
    UNKNOWN,
    Entry,
    Mapping,
    Node,
    Reference,
    Scalar,
    Sequence,
    Unresolved,
    child,
    items,
    text,
)
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span

_VARIABLE = pattern(r"\$\{(!?)([^}]*)\}")
_CONSTANTS = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
_MAX_DEPTH = 100
_MAX_STEPS = 200_000
_MAX_TEXT = 100_000


class Evaluator:
    """Evaluates the nodes of one template. What the template alone does not determine is ``Unresolved``; what names
    another resource is a ``Reference`` to its logical ID."""

    def __init__(self, root: Mapping) -> None:
        self._parameters, self._mappings = child(root, "Parameters"), child(root, "Mappings")
        self._conditions, self._resources = child(root, "Conditions"), child(root, "Resources")
        self._decided: dict[str, bool | None] = {}
        self._steps = _MAX_STEPS

    def value(self, node: Node, depth: int = 0, given: Bindings[str, Node] | None = None) -> Node | None:
        """The value of ``node``; None for AWS::NoValue, which stands for nothing. ``given``: the variables of Sub."""
        self._steps -= 1
        if depth > _MAX_DEPTH or self._steps < 0:
            return Unresolved(node.span, "the template is too large to be evaluated")
        if isinstance(node, Sequence):
            found = (self.value(item, depth + 1) for item in node.items)
            return Sequence(node.span, tuple(item for item in found if item is not None))
        if not isinstance(node, Mapping):
            return node
        if len(node.entries) == 1:
            name = str(node.entries[0].key.value)
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._call(name, node.entries[0].value, node.span, depth + 1)
        entries: list[Entry] = []
        for entry in node.entries:
            value = self.value(entry.value, depth + 1)
            if value is not None:
                entries.append(Entry(entry.key, value))
        return Mapping(node.span, tuple(entries), node.open)

    def condition(self, name: str) -> bool | None:
        """Whether a condition of the template holds; None where parameters without a default decide."""
        if name not in self._decided:
            # One that refers to itself is refused by CloudFormation.
            self._decided[name] = None
            node = child(self._conditions, name)
            self._decided[name] = self._truth(node, 0) if node is not None else None
        return self._decided[name]

    def _truth(self, node: Node, depth: int) -> bool | None:
        if depth > _MAX_DEPTH or not isinstance(node, Mapping) or len(node.entries) != 1:
            return {"true": True, "false": False}.get((text(node) or "").lower())
        name, argument = str(node.entries[0].key.value), node.entries[0].value
        if name == "Condition":
            return self.condition(text(argument) or "")
        parts = items(argument)
        if name == "Fn::Equals" and len(parts) == 2:
            left, right = (self.value(part, depth + 1) for part in parts)
            if isinstance(left, Scalar) and isinstance(right, Scalar):
                return text(left) == text(right)
            return None
        answers = [self._truth(part, depth + 1) for part in parts]
        if name == "Fn::Not" and len(answers) == 1:
            return None if answers[0] is None else not answers[0]
        if name in ("Fn::And", "Fn::Or") and answers:
            decisive = name == "Fn::Or"
            return decisive if decisive in answers else None if None in answers else not decisive
        return None

    def _call(self, name: str, argument: Node, span: Span, depth: int) -> Node | None:
        match name:
            case "Ref":
                return self._ref(text(argument) or "", span)
            case "Fn::GetAtt":
                return self._attribute(argument, span)
            case "Fn::Sub":
                return self._sub(argument, span, depth)
            case "Fn::Base64":
                return self.value(argument, depth)
            case "Fn::If":
                return self._if(argument, span, depth)
            case "Fn::Join":
                return self._join(argument, span, depth)
            case "Fn::Split":
                return self._split(argument, span, depth)
            case "Fn::Select":
                return self._select(argument, span, depth)
            case "Fn::FindInMap":
                return self._find(argument, span, depth)
            case "Fn::ImportValue":
                return Unresolved(span, "it is imported from another stack", text=UNKNOWN)
        return Unresolved(span, f"{name} is not evaluated", text=UNKNOWN)

    def _ref(self, name: str, span: Span) -> Node | None:
        if name == "AWS::NoValue":
            return None
        if name in _CONSTANTS:
            return Scalar(span, _CONSTANTS[name], _CONSTANTS[name], True)
        if name.startswith("AWS::"):
            return Unresolved(span, f"{name} is known only where the stack is made", text=UNKNOWN)
        parameter = child(self._parameters, name)
        if parameter is None:
            return Reference(span, name) if child(self._resources, name) is not None else _unknown_name(name, span)
        default, kind = child(parameter, "Default"), text(child(parameter, "Type")) or "String"
        if default is None:
            return Unresolved(span, f"the parameter {name} has no default", text=UNKNOWN)
        if kind.startswith("AWS::SSM::"):
            return Unresolved(span, f"the parameter {name} is read from the Parameter Store", text=UNKNOWN)
        if not isinstance(default, Scalar):
            return Unresolved(default.span, f"the default of the parameter {name} is not readable", text=UNKNOWN)
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            parts = (part.strip() for part in (text(default) or "").split(","))
            return Sequence(default.span, tuple(Scalar(default.span, part, part, True, (span,)) for part in parts))
        return Scalar(default.span, default.value, default.raw, default.quoted, (span, *default.via))

    def _attribute(self, argument: Node, span: Span) -> Node:
        parts = [text(item) or "" for item in items(argument)] or (text(argument) or "").split(".")
        if len(parts) < 2 or child(self._resources, parts[0]) is None:
            return _unknown_name(parts[0], span)
        return Reference(span, parts[0], tuple(parts[1:]))

    def _sub(self, argument: Node, span: Span, depth: int) -> Node:
        pieces, given = argument, dict[str, Node]()
        if isinstance(argument, Sequence) and argument.items:
            pieces = argument.items[0]
            for entry in argument.items[1].entries if len(argument.items) > 1 and _is_map(argument.items[1]) else ():  # type: ignore[union-attr]
                value = self.value(entry.value, depth + 1)
                if value is not None:
                    given[str(entry.key.value)] = value
        if not isinstance(pieces, Scalar) or (template := text(pieces)) is None:
            return Unresolved(span, "the text of Fn::Sub is not known", text=UNKNOWN)
        whole = _VARIABLE.fullmatch(template)
        if whole and not whole[1]:
            return self._variable(whole[2].strip(), given, pieces.span) or Scalar(pieces.span, "", "", True)
        parts: list[Node] = []
        at = 0
        for match in _VARIABLE.finditer(template):
            parts.append(_made(pieces.span, template[at : match.start()]))
            literal = _made(pieces.span, f"${{{match[2]}}}")
            found = literal if match[1] else self._variable(match[2].strip(), given, pieces.span)
            parts += [found] if found is not None else []
            at = match.end()
        parts.append(_made(pieces.span, template[at:]))
        return _joined(pieces.span, "", parts, pieces.via)

    def _variable(self, name: str, given: Bindings[str, Node], span: Span) -> Node | None:
        if name in given:
            return given[name]
        if "." in name:
            resource, _, attribute = name.partition(".")
            known = child(self._resources, resource) is not None
            return Reference(span, resource, tuple(attribute.split("."))) if known else _unknown_name(resource, span)
        return self._ref(name, span)

    def _if(self, argument: Node, span: Span, depth: int) -> Node | None:
        parts = items(argument)
        if len(parts) != 3:
            return Unresolved(span, "Fn::If has not three arguments", text=UNKNOWN)
        name = text(parts[0]) or ""
        holds = self.condition(name)
        if holds is not None:
            return self.value(parts[1] if holds else parts[2], depth)
        one, other = (self.value(part, depth) for part in parts[1:])
        if isinstance(one, Scalar) and isinstance(other, Scalar) and text(one) == text(other):
            return one
        return Unresolved(span, f"the condition {name} decides, which is not known", text=UNKNOWN)

    def _join(self, argument: Node, span: Span, depth: int) -> Node:
        parts = items(argument)
        separator = text(parts[0]) if len(parts) == 2 else None
        listed = self.value(parts[1], depth) if separator is not None else None
        if separator is None or not isinstance(listed, Sequence):
            return Unresolved(span, "the list of Fn::Join is not known", text=UNKNOWN)
        if len(listed.items) == 1 and isinstance(listed.items[0], Reference):
            return listed.items[0]
        return _joined(span, separator, listed.items)

    def _split(self, argument: Node, span: Span, depth: int) -> Node:
        parts = items(argument)
        separator = text(parts[0]) if len(parts) == 2 else None
        whole = text(self.value(parts[1], depth)) if separator else None
        if not separator or whole is None:
            return Unresolved(span, "the text of Fn::Split is not known", text=UNKNOWN)
        return Sequence(span, tuple(_made(span, part) for part in whole.split(separator)))

    def _select(self, argument: Node, span: Span, depth: int) -> Node:
        parts = items(argument)
        index, listed = (self.value(part, depth) for part in parts) if len(parts) == 2 else (None, None)
        number = text(index) or ""
        if isinstance(listed, Sequence) and number.isdecimal() and len(number) < 6 and int(number) < len(listed.items):
            return listed.items[int(number)]
        return Unresolved(span, "what Fn::Select chooses is not known", text=UNKNOWN)

    def _find(self, argument: Node, span: Span, depth: int) -> Node | None:
        parts = items(argument)
        keys = [text(self.value(part, depth)) for part in parts[:3]]
        if len(keys) == 3 and all(key is not None for key in keys):
            found = child(self._mappings, *(key for key in keys if key is not None))
            if isinstance(found, Scalar):
                return Scalar(found.span, found.value, found.raw, found.quoted, (span, *found.via))
            if found is not None:
                return found
            default = child(parts[3], "DefaultValue") if len(parts) > 3 else None
            if default is not None:
                return self.value(default, depth)
        return Unresolved(span, "what Fn::FindInMap finds is not known", text=UNKNOWN)


def _is_map(node: Node) -> bool:
    return isinstance(node, Mapping)


def _unknown_name(name: str, span: Span) -> Unresolved:
    return Unresolved(span, f"nothing in the template is called {name}", text=UNKNOWN)


def _made(span: Span, value: str) -> Scalar:
    return Scalar(span, value, value, True)


def _joined(span: Span, separator: str, parts: list[Node] | tuple[Node, ...], via: tuple[Span, ...] = ()) -> Node:
    """The text of ``parts``; where one is not known, what is known of it."""
    known: list[str] = []
    reason = ""
    for part in parts:
        said = text(part)
        if said is None:
            why = part.reason if isinstance(part, Unresolved) else "it holds what is known after deploying"
            reason = reason or why
            said = part.text or UNKNOWN if isinstance(part, Unresolved) else ATTRIBUTE
        known.append(said)
    result = separator.join(known)
    if len(result) > _MAX_TEXT:
        return Unresolved(span, "the text is too long to be evaluated", text=UNKNOWN)
    if reason:
        return Unresolved(span, reason, via, result)
    return Scalar(span, result, result, True, via)
