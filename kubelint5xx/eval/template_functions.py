"""CloudFormation's intrinsic functions, as far as a template, its parameters and the stacks around it determine them.

Semantics: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Bindings
from typing import Protocol

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
    entries,
    items,
    text,
)
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span

_VARIABLE = pattern(r"\$\{(!?)([^}]*)\}")
# What is looked up when the stack is made: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
_DYNAMIC = pattern(r"\{\{resolve:([^:}]*)[^}]*\}\}")
_LOOKED_UP = "it is looked up in {} when the stack is made"
_STORES = {"ssm": "the Parameter Store", "ssm-secure": "the Parameter Store", "secretsmanager": "the Secrets Manager"}
STACKS = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")
_CONSTANTS = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
_MAX_DEPTH = 100
_MAX_STEPS = 200_000
_MAX_TEXT = 100_000


class Surroundings(Protocol):
    """The stacks around a template."""

    def nested(self, name: str) -> Evaluator | str:
        """The evaluator of the nested stack with that logical ID, or why it is not known."""
        ...

    def imported(self, name: Node, span: Span) -> Node:
        """What another stack exports under ``name``, which is a text or unresolved."""
        ...


@record
class Given:
    """The values of parameters where the stack is made; a value of None stands for the default. ``unknown``: why
    others may be given as well."""

    values: Bindings[str, Node | None] = field(default_factory=dict)
    unknown: str = ""


class Evaluator:
    """Evaluates the nodes of one template. What is not determined is ``Unresolved``; what names another resource is a
    ``Reference`` to its logical ID, after ``prefix``."""

    def __init__(
        self, root: Mapping, given: Given | None = None, prefix: str = "", around: Surroundings | None = None
    ) -> None:
        self._parameters, self._mappings = child(root, "Parameters"), child(root, "Mappings")
        self._conditions, self._resources = child(root, "Conditions"), child(root, "Resources")
        self._outputs = child(root, "Outputs")
        self._given, self._prefix, self._around = given or Given(), prefix, around
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
        if isinstance(node, Scalar):
            return _looked_up(node)
        if not isinstance(node, Mapping):
            return node
        if len(node.entries) == 1:
            name = str(node.entries[0].key.value)
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._call(name, node.entries[0].value, node.span, depth + 1)
        kept: list[Entry] = []
        open_ = node.open
        for entry in node.entries:
            if str(entry.key.value).startswith("Fn::"):
                # A loop or a macro, which makes entries of its own.
                open_ = open_ or f"{entry.key.value} is not evaluated"
                continue
            value = self.value(entry.value, depth + 1)
            if value is not None:
                kept.append(Entry(entry.key, value))
        return Mapping(node.span, tuple(kept), open_)

    def output(self, name: str, span: Span) -> Node:
        """The value of one of the template's outputs, as it is used at ``span``."""
        declared = child(self._outputs, name)
        given = child(declared, "Value")
        condition = text(child(declared, "Condition"))
        if given is None or (condition and self.condition(condition) is not True):
            return Unresolved(span, f"the output {name} of the stack is not known", text=UNKNOWN)
        return used_at(self.value(given), span)

    def references(self, node: Node, depth: int = 0) -> Iterator[Reference]:
        """The resources that the evaluation of a node meets: those that stand in the middle of a text, too."""
        value = self.value(node) if depth < _MAX_DEPTH else None
        if isinstance(value, Reference):
            yield value
            return
        for item in (*items(node), *(entry.value for entry in entries(node))):
            yield from self.references(item, depth + 1)
        for entry in entries(node):
            written = text(entry.value) or text(child(entry.value, 0)) or ""
            for match in _VARIABLE.finditer(written) if entry.key.value == "Fn::Sub" else ():
                found = self._variable(match[2].strip(), {}, entry.value.span) if not match[1] else None
                if isinstance(found, Reference):
                    yield found

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
                named = self.value(argument, depth)
                if self._around is None or named is None:
                    return Unresolved(span, "it is imported from another stack", text=UNKNOWN)
                return self._around.imported(named, span)
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
            known = child(self._resources, name) is not None
            return Reference(span, self._prefix + name) if known else _unknown_name(name, span)
        default, kind = child(parameter, "Default"), text(child(parameter, "Type")) or "String"
        if kind.startswith("AWS::SSM::"):
            return Unresolved(span, f"the parameter {name} is read from the Parameter Store", text=UNKNOWN)
        if (text(child(parameter, "NoEcho")) or "").lower() == "true":
            return Unresolved(span, f"the parameter {name} is a secret", text=UNKNOWN)
        given = self._given.values.get(name)
        if given is not None and not isinstance(given, Scalar):
            return used_at(given, span)
        if given is None and self._given.unknown and name not in self._given.values:
            return Unresolved(span, self._given.unknown, text=UNKNOWN)
        default = given or default
        if default is None:
            return Unresolved(span, f"the parameter {name} has no default", text=UNKNOWN)
        if not isinstance(default, Scalar):
            return Unresolved(default.span, f"the default of the parameter {name} is not readable", text=UNKNOWN)
        if isinstance(found := _looked_up(default), Unresolved):
            return used_at(found, span)
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            parts = (part.strip() for part in (text(default) or "").split(","))
            return Sequence(default.span, tuple(Scalar(default.span, part, part, True, (span,)) for part in parts))
        return Scalar(default.span, default.value, default.raw, default.quoted, (span, *default.via))

    def _attribute(self, argument: Node, span: Span) -> Node:
        parts = ".".join(text(item) or "" for item in items(argument)) or text(argument) or ""
        return self._of_resource(*parts.partition(".")[::2], span)

    def _of_resource(self, name: str, attribute: str, span: Span) -> Node:
        declared = child(self._resources, name)
        if declared is None or not attribute:
            return _unknown_name(name, span)
        section, _, output = attribute.partition(".")
        if section == "Outputs" and text(child(declared, "Type")) in STACKS:
            inner = self._around.nested(name) if self._around else "its template was not looked for"
            if isinstance(inner, str):
                return Unresolved(span, f"the nested stack {name} is not known: {inner}", text=UNKNOWN)
            return inner.output(output, span)
        return Reference(span, self._prefix + name, tuple(attribute.split(".")))

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
            return self._of_resource(*name.partition(".")[::2], span)
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


def used_at(node: Node | None, span: Span) -> Node:
    """A value that stands elsewhere, as it is used at ``span``."""
    match node:
        case None:
            return Unresolved(span, "nothing is given", text=UNKNOWN)
        case Reference():
            return Reference(span, node.address, node.attribute)
        case Scalar():
            return Scalar(node.span, node.value, node.raw, node.quoted, (span, *node.via), node.encodes)
        case Unresolved():
            return Unresolved(span, node.reason, node.via, node.text, node.encodes)
    return node


def _looked_up(node: Scalar) -> Node:
    """The text, or what is known of it where a part is a dynamic reference."""
    if not isinstance(node.value, str) or "{{resolve:" not in node.value:
        return node
    found = _DYNAMIC.search(node.value)
    store = _STORES.get(found[1] if found else "", "another service")
    return Unresolved(node.span, _LOOKED_UP.format(store), node.via, _DYNAMIC.sub(UNKNOWN, node.value))


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
        return Unresolved(span, reason, via, _DYNAMIC.sub(UNKNOWN, result))
    return _looked_up(Scalar(span, result, result, True, via))
