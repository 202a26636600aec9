"""Evaluates one HCL expression to a node, in Terraform's semantics."""

from __future__ import annotations

from collections.abc import Mapping as Bindings
from typing import Protocol

from kubelint5xx.core.node import ATTRIBUTE, UNKNOWN, Mapping, Node, Reference, Scalar, Sequence, Unresolved
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.eval import functions
from kubelint5xx.eval.operand import (
    MAX_DEPTH,
    MAX_NODES,
    Budget,
    Exhausted,
    Failure,
    Unknown,
    boolean,
    equal,
    is_null,
    known,
    made,
    mapping,
    number,
    object_of,
    ordered,
    sequence,
    size,
    string,
    why_unknown,
    written,
)
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats.hcl_expression import Expression

# A step of a traversal whose index is evaluated: the key's node stands for the index.
Step = ast.Attr | ast.Splat | Node

_MAX_VIA = 20
_MAX_STEPS = 100
_MAX_ADDRESS = 10_000


class Scope(Protocol):
    """What a module knows about names."""

    def resolve(self, name: str, steps: list[Step], span: Span, evaluator: Evaluator) -> tuple[Node, int]:
        """The value of a root name with as many steps as the scope itself takes, and how many these are."""
        ...

    def written(self, reference: Reference, attribute: str) -> Node | None:
        """The value that the configuration of the object at ``reference`` gives its attribute, if it does."""
        ...

    def file(self, path: str) -> Source | None:
        """The text file at a path as expressions give it, from the root module; None where it is not in the tree."""
        ...


@record
class Evaluator:
    """Evaluates in a scope; ``bound`` holds the names that an iteration adds (``each``, ``count``, ``for``'s)."""

    scope: Scope
    budget: Budget
    bound: Bindings[str, Node] = field(default_factory=dict)

    def bind(self, names: Bindings[str, Node]) -> Evaluator:
        return Evaluator(self.scope, self.budget, {**self.bound, **names})

    def value(self, expression: Expression) -> Node:
        """The expression's value. Never raises: what fails or does not end is unresolved, with the reason."""
        try:
            result = self.evaluate(expression)
        except Failure as failure:
            return Unresolved(expression.span, failure.reason)
        except Exhausted:
            return Unresolved(expression.span, "the configuration takes too many steps to evaluate")
        except RecursionError:
            return Unresolved(expression.span, "the expression is nested too deeply to be evaluated")
        if isinstance(result, (Sequence, Mapping)) and size(result) >= MAX_NODES:
            return Unresolved(expression.span, "the value is too large to be evaluated")
        return result

    def evaluate(self, expression: Expression) -> Node:
        """The expression's value. Raises Failure where Terraform would refuse it, and Exhausted."""
        self.budget.spend()
        self.budget.depth += 1
        try:
            if self.budget.depth > MAX_DEPTH:
                raise Unknown("the expression is nested too deeply to be evaluated")
            return self._evaluate(expression)
        except Unknown as unknown:
            return Unresolved(expression.span, unknown.reason)
        finally:
            self.budget.depth -= 1

    def _evaluate(self, expression: Expression) -> Node:
        match expression:
            case ast.Literal(span, value, raw, quoted):
                return Scalar(span, value, raw, quoted)
            case ast.Traversal(span, root, steps):
                return self._traversal(span, root, steps)
            case ast.Name(span):
                return self._traversal(span, expression, ())
            case ast.Template():
                return self._template(expression)
            case ast.TupleOf(span, items):
                return Sequence(span, tuple(self.evaluate(item) for item in items))
            case ast.ObjectOf(span, pairs):
                return self._object(span, pairs)
            case ast.Call(span, name, arguments, expand):
                return self._call(span, name, arguments, expand)
            case ast.Conditional():
                return self._conditional(expression)
            case ast.Binary(span, operator, left, right):
                return self._binary(span, operator, left, right)
            case ast.Unary(span, operator, operand):
                node = self.evaluate(operand)
                return made(span, not boolean(node)) if operator == "!" else made(span, -number(node))
            case ast.For():
                return self._for(expression)
            case ast.Unreadable(span, reason):
                return Unresolved(span, reason)

    # Traversals

    def _traversal(self, span: Span, root: Expression, steps: tuple[ast.Step, ...]) -> Node:
        taken: list[Step] = [self.evaluate(step.key) if isinstance(step, ast.Index) else step for step in steps]
        if not isinstance(root, ast.Name):
            return self.follow(self.evaluate(root), taken, span)
        if root.name in self.bound:
            node, consumed = self.bound[root.name], 0
        else:
            node, consumed = self.scope.resolve(root.name, taken, span, self)
        return through(self.follow(node, taken[consumed:], span), span)

    def follow(self, node: Node, steps: list[Step], span: Span) -> Node:
        """The node that ``steps`` lead to. Raises Failure where there is none."""
        for step in steps:
            node = self._step(node, step, span)
        return node

    def _step(self, node: Node, step: Step, span: Span) -> Node:
        self.budget.spend()
        if isinstance(node, Unresolved):
            return node
        if isinstance(step, ast.Splat):
            return self._splat(node, list(step.steps), span)
        if isinstance(node, Reference):
            return self._into(node, step, span)
        if isinstance(step, ast.Attr):
            return _member(node, step.name, span)
        if isinstance(node, Sequence):
            at = number(step)
            if at != int(at) or not 0 <= at < len(node.items):
                raise Failure(span, f"the list has no item {written(at)}")
            return node.items[int(at)]
        return _member(node, string(step), span)

    def _into(self, reference: Reference, step: Step, span: Span) -> Node:
        if len(reference.attribute) >= _MAX_STEPS or len(reference.address) >= _MAX_ADDRESS:
            raise Failure(span, "the reference is too long")
        if isinstance(step, ast.Attr):
            found = None if reference.attribute else self.scope.written(reference, step.name)
            return found or replace(reference, attribute=(*reference.attribute, step.name))
        if not isinstance(step, Scalar):
            # Some instance of it: the object without its key is what can be said.
            return reference
        key = f"[{written(step.value)}]" if type(step.value) is int else f'["{step.value}"]'
        if reference.attribute:
            return replace(reference, attribute=(*reference.attribute, key))
        return replace(reference, address=reference.address + key)

    def _splat(self, node: Node, steps: list[ast.Step], span: Span) -> Node:
        taken: list[Step] = [self.evaluate(step.key) if isinstance(step, ast.Index) else step for step in steps]
        if is_null(node):
            return Sequence(span)
        found = node.items if isinstance(node, Sequence) else (node,)
        return Sequence(span, tuple(self.follow(item, taken, span) for item in found))

    # Constructors

    def _object(self, span: Span, pairs: tuple[tuple[Expression, Expression], ...]) -> Mapping:
        entries: list[tuple[Scalar, Node]] = []
        unknown = ""
        for key_expression, value in pairs:
            key = self.evaluate(key_expression)
            reason = why_unknown(key)
            if reason:
                unknown = reason
                continue
            entries.append((made(key.span, string(key), key), self.evaluate(value)))
        return object_of(span, entries, unknown)

    def _for(self, loop: ast.For) -> Node:
        entries: list[tuple[Scalar, Node]] = []
        groups: dict[str, list[Node]] = {}
        items: list[Node] = []
        unknown = ""
        for key, item in self._pairs(self.evaluate(loop.collection)):
            inner = self.bind({loop.key: key, loop.item: item} if loop.key else {loop.item: item})
            if loop.condition:
                kept = inner.evaluate(loop.condition)
                if (reason := why_unknown(kept)) and loop.result_key:
                    unknown = reason
                    continue
                if not boolean(kept):
                    continue
            if loop.result_key is None:
                items.append(inner.evaluate(loop.value))
                continue
            name = inner.evaluate(loop.result_key)
            if reason := why_unknown(name):
                unknown = reason
                continue
            value = inner.evaluate(loop.value)
            entry_key = made(name.span, string(name), name)
            if loop.grouping:
                group = groups.setdefault(string(name), [])
                group.append(value)
                value = Sequence(value.span, tuple(group)) if len(group) < 1000 else Unresolved(loop.span, "too many")
            entries.append((entry_key, value))
        if loop.result_key is None:
            return Sequence(loop.span, tuple(items))
        return object_of(loop.span, entries, unknown)

    def _pairs(self, collection: Node) -> list[tuple[Node, Node]]:
        found = known(collection)
        if isinstance(found, Mapping):
            return [(entry.key, entry.value) for entry in ordered(found)]
        return [(made(found.span, index), item) for index, item in enumerate(sequence(found))]

    # Operators

    def _conditional(self, conditional: ast.Conditional) -> Node:
        condition = self.evaluate(conditional.condition)
        reason = why_unknown(condition)
        if not reason:
            return self.evaluate(conditional.then if boolean(condition) else conditional.otherwise)
        then, otherwise = self._attempt(conditional.then), self._attempt(conditional.otherwise)
        if then and otherwise and equal(then, otherwise):
            return then
        raise Unknown(reason)

    def _attempt(self, expression: Expression) -> Node | None:
        try:
            return self.evaluate(expression)
        except Failure:
            return None

    def _binary(self, span: Span, operator: str, left_side: Expression, right_side: Expression) -> Node:
        left = self.evaluate(left_side)
        if operator in ("&&", "||"):
            decides = operator == "||"
            if not why_unknown(left) and boolean(left) is decides:
                return made(span, decides)
            if boolean(self.evaluate(right_side)) is decides:
                return made(span, decides)
            return made(span, boolean(left))
        right = self.evaluate(right_side)
        if operator in ("==", "!="):
            same = equal(left, right)
            if same is None:
                raise Unknown(why_unknown(left) or why_unknown(right) or "a part of the value is not known")
            return made(span, same == (operator == "=="))
        a, b = number(left), number(right)
        if operator in ("/", "%") and b == 0:
            raise Failure(span, "a division by zero")
        return made(span, _computed(operator, a, b))

    # Templates and calls

    def _template(self, template: ast.Template) -> Node:
        parts = template.parts
        if len(parts) == 1 and not isinstance(parts[0], (str, ast.TemplateIf, ast.TemplateFor)):
            # A lone interpolation is its value, not its text.
            return self.evaluate(parts[0])
        try:
            return made(template.span, self._rendered(template), self._own_part(template))
        except Unknown as unknown:
            # A part of it may tell enough: most of what an instance boots with does not depend on its unknown parts.
            return Unresolved(template.span, unknown.reason, (), self._rendered(template, partly=True))

    def _own_part(self, template: ast.Template) -> Node | None:
        """In a sketch of what others wrote: the part of a text that stands in the user's own files."""
        inside = template.span.source.inside
        if inside is None or not inside.product:
            return None
        plain = [part for part in template.parts if not isinstance(part, (str, ast.TemplateIf, ast.TemplateFor))]
        parts = [self.evaluate(part) for part in plain]
        return next((part for part in reversed(parts) if part.span.source.inside is not inside), None)

    def _rendered(self, template: ast.Template, partly: bool = False) -> str:
        out: list[str] = []
        for part in template.parts:
            self.budget.spend()
            match part:
                case str():
                    out.append(part)
                case ast.TemplateIf(condition, then, otherwise):
                    chosen = self.evaluate(condition)
                    if partly and why_unknown(chosen):
                        out.append(UNKNOWN)
                    else:
                        out.append(self._rendered(then if boolean(chosen) else otherwise, partly))
                case ast.TemplateFor(key_name, item_name, collection, body):
                    items = self.evaluate(collection)
                    if partly and why_unknown(items):
                        out.append(UNKNOWN)
                        continue
                    for key, item in self._pairs(items):
                        inner = self.bind({key_name: key, item_name: item} if key_name else {item_name: item})
                        out.append(inner._rendered(body, partly))
                case _:
                    node = self.evaluate(part)
                    out.append(_known_part(node) if partly and why_unknown(node) else string(node))
        self.budget.spend(sum(map(len, out)) // 50)
        return "".join(out)

    def _call(self, span: Span, name: str, arguments: tuple[Expression, ...], expand: bool) -> Node:
        if name in ("try", "can"):
            for argument in arguments:
                try:
                    value = self.evaluate(argument)
                except Failure:
                    continue
                if name == "try" or isinstance(value, Unresolved):
                    return value
                return made(span, True)
            if name == "can":
                return made(span, False)
            raise Failure(span, "no argument of try() can be evaluated")
        if name in ("file", "templatefile"):
            return self._file(span, arguments, name)
        function = functions.FUNCTIONS.get(name)
        if function is None:
            raise Unknown(f"the function {name} is not evaluated")
        values = [self.evaluate(argument) for argument in arguments]
        if expand and values:
            values.extend(sequence(values.pop()))
        try:
            return function(span, values, self.budget)
        except (IndexError, TypeError, ValueError):
            raise Failure(span, f"{name}() is called with wrong arguments") from None


    def _file(self, span: Span, arguments: tuple[Expression, ...], name: str) -> Node:
        """``file(path)``, or ``templatefile(path, variables)``: the text with its places in the file."""
        path = string(self.evaluate(arguments[0]))
        source = self.scope.file(path)
        if source is None:
            raise Unknown(f"the file {path} is not in the tree")
        whole = Span(source, 0, len(source.text))
        self.budget.spend(len(source.text) // 50)
        if name == "file" or len(arguments) < 2:
            return Scalar(whole, source.text, source.text, True, (span,))
        from kubelint5xx.formats.hcl_template import read_template

        given = known(self.evaluate(arguments[1]))
        if not isinstance(given, Mapping):
            raise Failure(span, "templatefile() needs an object of variables")
        bound = {str(entry.key.value): entry.value for entry in given.entries}
        inner = Evaluator(Closed(given.open), self.budget, bound)
        return inner.evaluate(read_template(source.text, whole, lambda at: at))


@record
class Closed:
    """The scope of a template file: its variables are all that there is, unless ``open`` says why there may be more."""

    open: str

    def resolve(self, name: str, steps: list[Step], span: Span, evaluator: Evaluator) -> tuple[Node, int]:
        if self.open:
            return Unresolved(span, self.open), 0
        raise Failure(span, f"the template is given no {name}")

    def written(self, reference: Reference, attribute: str) -> Node | None:
        return None

    def file(self, path: str) -> Source | None:
        return None


def _known_part(node: Node) -> str:
    if isinstance(node, Unresolved):
        return node.text or UNKNOWN
    return ATTRIBUTE if isinstance(node, Reference) else UNKNOWN


def through(node: Node, use: Span) -> Node:
    """The node with ``use`` as the nearest place that it came through."""
    if isinstance(node, (Sequence, Mapping)) or node.span is use or len(node.via) >= _MAX_VIA:
        return node
    via = (use, *node.via)
    if isinstance(node, Scalar):
        return Scalar(node.span, node.value, node.raw, node.quoted, via, node.encodes)
    if isinstance(node, Reference):
        return node if node.span == use else Reference(node.span, node.address, node.attribute, via)
    return node if node.span == use else Unresolved(node.span, node.reason, via, node.text, node.encodes)


def _member(node: Node, key: str, span: Span) -> Node:
    if isinstance(node, Mapping):
        found = node.get(key)
        if found is not None:
            return found
        if node.open:
            raise Unknown(node.open)
        raise Failure(span, f"there is no {key} in this map")
    if isinstance(node, Sequence) and key.isdigit() and len(key) < 7 and int(key) < len(node.items):
        return node.items[int(key)]
    mapping(node)
    raise Failure(span, f"there is no {key} here")


def _computed(operator: str, a: int | float, b: int | float) -> int | float | bool:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            quotient = a / b
            return int(quotient) if quotient.is_integer() else quotient
        case "%":
            # The sign follows the dividend, unlike Python's.
            remainder = abs(a) % abs(b)
            return remainder if a >= 0 else -remainder
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
        case ">=":
            return a >= b
    raise Unknown(f"the operator {operator} is not evaluated")
