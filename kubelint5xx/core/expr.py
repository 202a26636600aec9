"""The expressions of rules and hop tables: a restricted subset of Python's, checked at load, evaluated on unknowns.

An expression is parsed with ``ast``, type-checked against the names that it may use, and turned into closures (see
``logic``). What is not in the grammar is refused before anything runs. Every evaluation is traced: the outcome holds
exactly the values that decided it.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping

from kubelint5xx.core import logic
from kubelint5xx.core.logic import Bindings, Code, Outcome, Read
from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.record import record
from kubelint5xx.core.value import Subject, Value, Version

__all__ = ["Bindings", "Expression", "Function", "Outcome", "Read", "Vocabulary", "compile_expression"]

Vocabulary = Callable[[str], Mapping[str, str]]  # a kind of subject → its quantities with their types

LITERAL = "literal number"  # takes the unit of what it meets: `idle_timeout + 15` adds seconds
MAX_LENGTH, MAX_NODES = 2000, 300


@record
class Function:
    """A fact that is computed outside of the expression. ``takes``: the types of its arguments."""

    takes: tuple[str, ...]
    gives: str
    call: Callable[..., Value]


@record
class Expression:
    """A checked expression. ``type`` is the type of what it comes to."""

    text: str
    type: str
    _run: Code

    def trace(self, bindings: Bindings) -> Outcome:
        """The outcome with the values that decided it."""
        return self._run(bindings)

    def evaluate(self, bindings: Bindings) -> Value:
        """The outcome as a value that is derived from what was read."""
        return self._run(bindings).as_value(self.text)


_Typed = tuple[str, Code]

_COMPARE: dict[type[ast.cmpop], Callable[[int], bool]] = {
    ast.Lt: lambda order: order < 0,
    ast.LtE: lambda order: order <= 0,
    ast.Gt: lambda order: order > 0,
    ast.GtE: lambda order: order >= 0,
    ast.Eq: lambda order: order == 0,
    ast.NotEq: lambda order: order != 0,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_NUMERIC = frozenset({"duration", "number", LITERAL})
_COMPARABLE = _NUMERIC | {"bool", "text", "version"}
_BUILT_IN = ("any", "all", "none", "min", "max", "written")


def compile_expression(
    text: str,
    names: Mapping[str, str],
    vocabulary: Vocabulary,
    functions: Mapping[str, Function] | None = None,
    gives: str = "",
) -> Expression:
    """Check ``text`` and make it runnable. ``names``: what it may use, each a kind of subject or a type of data.

    Raises RuleError where it leaves the grammar, names what is not there, mixes units, or does not come to ``gives``.
    """
    if len(text) > MAX_LENGTH:
        raise RuleError(f"the expression is longer than {MAX_LENGTH} characters", text)
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RuleError(f"not an expression: {text!r} ({getattr(error, 'msg', error)})", text) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise RuleError(f"the expression has more than {MAX_NODES} parts", text)
    kind, code = _Compiler(text, dict(names), vocabulary, functions or {}).compile(tree.body)
    if gives and kind != gives and not (kind == LITERAL and gives in _NUMERIC):
        raise RuleError(f"{text!r} comes to a {kind}, and a {gives} is needed", text)
    return Expression(text, gives if kind == LITERAL and gives else kind, code)


class _Compiler:
    def __init__(
        self, text: str, names: dict[str, str], vocabulary: Vocabulary, functions: Mapping[str, Function]
    ) -> None:
        self.text, self.names, self.vocabulary, self.functions = text, names, vocabulary, functions

    def error(self, node: ast.AST, message: str) -> RuleError:
        column = getattr(node, "col_offset", 0) + 1
        return RuleError(f"{message}, in column {column} of {self.text!r}", self.text)

    def compile(self, node: ast.expr) -> _Typed:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() as value):
                return self.constant(node, value)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.Attribute(value=ast.Name(id=name), attr=quantity):
                return self.quantity(node, name, quantity)
            case ast.BoolOp(op=op, values=values):
                return "bool", logic.junction([self.truth(value) for value in values], isinstance(op, ast.Or))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return "bool", logic.negate(self.truth(operand))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return self.constant(node, -value)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                operands = [left, *comparators]
                pairs = [self.comparison(node, a, op, b) for a, op, b in zip(operands, ops, comparators, strict=False)]
                return "bool", pairs[0] if len(pairs) == 1 else logic.junction(pairs, False)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return self.arithmetic(node, left, op, right)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self.call(node, name, args)
        raise self.error(node, f"{ast.unparse(node)!r} is not part of the grammar")

    def constant(self, node: ast.expr, value: bool | int | float | str) -> _Typed:
        if isinstance(value, bool):
            return "bool", logic.constant(value)
        if isinstance(value, str):
            return "text", logic.constant(value)
        try:
            return LITERAL, logic.constant(float(value))
        except OverflowError:
            raise self.error(node, "a number is too large") from None

    def name(self, node: ast.expr, name: str) -> _Typed:
        if name == "unlimited":
            return LITERAL, logic.constant(math.inf)
        return self.kind(node, name), logic.bound(name)

    def kind(self, node: ast.expr, name: str) -> str:
        found = self.names.get(name)
        if found is None:
            raise self.error(node, f"{name!r} is not known here{_nearest(name, self.names)}")
        return found

    def quantity(self, node: ast.expr, name: str, quantity: str) -> _Typed:
        known = self.vocabulary(self.kind(node, name))
        if quantity not in known:
            raise self.error(node, f"{name} has no {quantity!r}{_nearest(quantity, known)}")
        return known[quantity], logic.quantity(name, quantity)

    def truth(self, node: ast.expr) -> Code:
        kind, code = self.compile(node)
        if kind != "bool":
            raise self.error(node, f"{ast.unparse(node)!r} is a {kind}, and a yes or no is needed")
        return code

    def comparison(self, node: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Code:
        if isinstance(op, (ast.In, ast.NotIn)):
            return self.containment(node, left, right, isinstance(op, ast.In))
        test = _COMPARE.get(type(op))
        if test is None:
            raise self.error(node, "only <, <=, >, >=, ==, !=, in and not in compare")
        (left_type, left_code), (right_type, right_code) = self.compile(left), self.compile(right)
        self.check_pair(node, left_type, right_type)
        if left_type == "version" and right_type == "text":
            right_code = self.version(right)
        elif left_type in ("bool", "text") and not isinstance(op, (ast.Eq, ast.NotEq)):
            raise self.error(node, f"a {left_type} has no order")
        return logic.compare(left_code, right_code, test)

    def check_pair(self, node: ast.expr, left: str, right: str) -> None:
        if left == right and left in _COMPARABLE:
            return
        if left == "version" and right == "text":
            return
        if left in _NUMERIC and right in _NUMERIC and LITERAL in (left, right):
            return
        raise self.error(node, f"a {left} does not compare with a {right}")

    def version(self, node: ast.expr) -> Code:
        parsed = Version.parse(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
        if parsed is None:
            raise self.error(node, f"{ast.unparse(node)} is not a version")
        return logic.constant(parsed)

    def containment(self, node: ast.expr, left: ast.expr, right: ast.expr, wanted: bool) -> Code:
        kind, code = self.compile(left)
        options = [e.value if isinstance(e, ast.Constant) else None for e in getattr(right, "elts", ())]
        texts = [option for option in options if isinstance(option, str)]
        if kind != "text" or not isinstance(right, ast.Tuple) or len(texts) < len(options):
            raise self.error(node, "`in` takes a text on its left and a tuple of texts on its right")
        return logic.contained(code, frozenset(texts), wanted)

    def arithmetic(self, node: ast.expr, left: ast.expr, op: ast.operator, right: ast.expr) -> _Typed:
        (left_type, left_code), (right_type, right_code) = self.compile(left), self.compile(right)
        if left_type not in _NUMERIC or right_type not in _NUMERIC:
            raise self.error(node, f"a {left_type} and a {right_type} do not add or multiply")
        if isinstance(op, ast.Mult):
            if "duration" == left_type == right_type:
                raise self.error(node, "two durations do not multiply")
        elif left_type != right_type and LITERAL not in (left_type, right_type):
            raise self.error(node, f"a {left_type} and a {right_type} do not add")
        apply = _ARITHMETIC[type(op)]
        kinds = {left_type, right_type}
        kind = next((kind for kind in ("duration", "number") if kind in kinds), LITERAL)
        return kind, logic.combine([left_code, right_code], lambda a: apply(a[0], a[1]))

    def call(self, node: ast.expr, name: str, args: list[ast.expr]) -> _Typed:
        if name in ("any", "all", "none"):
            return "bool", self.quantifier(node, name, args)
        if name in ("min", "max"):
            return self.extreme(node, name, args)
        if name == "written":
            return "bool", self.written(node, args)
        function = self.functions.get(name)
        if function is None:
            raise self.error(node, f"there is no function {name!r}{_nearest(name, (*self.functions, *_BUILT_IN))}")
        return function.gives, self.fact(node, name, function, args)

    def extreme(self, node: ast.expr, name: str, args: list[ast.expr]) -> _Typed:
        typed = [self.compile(arg) for arg in args]
        kinds = {kind for kind, _ in typed}
        if len(typed) < 2 or not kinds <= _NUMERIC or len(kinds - {LITERAL}) > 1:
            raise self.error(node, f"{name} takes two or more numbers of one unit")
        pick: Callable[[list[float]], float] = max if name == "max" else min
        return next(iter(kinds - {LITERAL}), LITERAL), logic.combine([code for _, code in typed], pick)

    def written(self, node: ast.expr, args: list[ast.expr]) -> Code:
        if len(args) != 1 or not isinstance(args[0], ast.Attribute):
            raise self.error(node, "written takes one quantity, such as written(server.shutdown_timeout)")
        return logic.is_written(self.compile(args[0])[1])

    def fact(self, node: ast.expr, name: str, function: Function, args: list[ast.expr]) -> Code:
        if len(args) != len(function.takes):
            raise self.error(node, f"{name} takes {len(function.takes)} arguments")
        getters = [self.argument(arg, name, wanted) for arg, wanted in zip(args, function.takes, strict=True)]

        def run(bindings: Bindings) -> Outcome:
            value = function.call(*(get(bindings) for get in getters))
            return Outcome(value.data, (Read(name, value),), value.reason)

        return run

    def argument(self, arg: ast.expr, function: str, wanted: str) -> Callable[[Bindings], Subject | Value]:
        if isinstance(arg, ast.Name) and self.names.get(arg.id) == wanted:
            name = arg.id
            return lambda bindings: bindings[name]
        kind, code = self.compile(arg)
        if kind != wanted and not (kind == LITERAL and wanted in _NUMERIC):
            raise self.error(arg, f"{function} takes a {wanted} here, not a {kind}")
        text = ast.unparse(arg)
        return lambda bindings: code(bindings).as_value(text)

    def quantifier(self, node: ast.expr, name: str, args: list[ast.expr]) -> Code:
        match args:
            case [ast.GeneratorExp(elt=element, generators=[generator])]:
                pass
            case _:
                raise self.error(node, f"{name} is written {name}(… for item in some.set)")
        if not isinstance(generator.target, ast.Name) or generator.ifs or generator.is_async:
            raise self.error(node, f"{name} is written {name}(… for item in some.set)")
        item = generator.target.id
        kind, code = self.compile(generator.iter)
        if not kind.startswith("set of "):
            raise self.error(node, f"{ast.unparse(generator.iter)!r} is a {kind}, not a set")
        if item in self.names or item == "unlimited":
            raise self.error(node, f"{item!r} already has a meaning here")
        names = {**self.names, item: kind.removeprefix("set of ")}
        test = _Compiler(self.text, names, self.vocabulary, self.functions).truth(element)
        return logic.quantify(code, test, item, decisive=name != "all", negated=name == "none")


def _nearest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
