"""Terraform modules: the resources that a directory's files make, with their expressions evaluated.

Nothing is evaluated before it is asked for. A default that could be overridden when Terraform runs is still the
variable's value: it is what Terraform takes without other input.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property, partial

from kubelint5xx.core import node as nodes
from kubelint5xx.core.node import Entry, Node, Reference, Scalar, Unresolved
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.eval.declarations import Address, Declarations
from kubelint5xx.eval.expression import Evaluator, Step
from kubelint5xx.eval.instances import Instance, evaluated, instances
from kubelint5xx.eval.module_files import ModuleFiles, Place
from kubelint5xx.eval.operand import Failure, is_null, written
from kubelint5xx.eval.rendered import MAKERS
from kubelint5xx.eval.resource import ModuleCall, Resource
from kubelint5xx.eval.type_constraint import converted
from kubelint5xx.eval.variables import META, MODULE_META, Inputs
from kubelint5xx.formats import hcl_expression as ast
from kubelint5xx.formats.hcl import Attribute, Block, constant

_MAX_MODULE_DEPTH = 10
_MAX_MODULES = 500
_NO_CONFIGURATION = (*META, "provisioner", "connection")
_RUNTIME = {
    "path": "the paths of the modules are known only when Terraform runs",
    "terraform": "the workspace is chosen when Terraform runs",
    "self": "self is known only when the resource exists",
    "each": "each is used outside of for_each",
    "count": "count is used outside of count",
}


class Module:
    """A module's resources, names and calls, its local child modules included. See ``load_module``, which makes root
    modules."""

    def __init__(
        self,
        place: Place,
        address: str,
        declared: Declarations,
        inputs: Callable[[str], Node | None],
        tree: ModuleFiles,
        problems: tuple[Problem, ...] = (),
        unknown: str = "",
        depth: int = 0,
    ) -> None:
        self.directory, self.address = place.directory, address
        self._place = place
        self._declared, self._inputs, self._tree = declared, inputs, tree
        self._own_problems = problems
        self._unknown, self._depth = unknown, depth
        self._evaluator = Evaluator(self, tree.budget)
        self._names: dict[str, Node] = {}
        self._active: set[str] = set()
        self._calls: dict[str, tuple[_Child, ...]] = {}
        self._instances: dict[tuple[str, Address], tuple[Instance, ...]] = {}

    def declared(self) -> frozenset[str]:
        """The addresses of its resources, data sources and module calls, without instance keys."""
        own = self._declared
        found = [".".join(address) for address in own.resources]
        found += [f"data.{type_}.{name}" for type_, name in own.data]
        return frozenset([*found, *(f"module.{name}" for name in own.modules)])

    # What the module makes

    def resources(self, types: Collection[str]) -> tuple[Resource, ...]:
        """The resources of the given types, in the order of the files, then those of the child modules."""
        return tuple(self._made(types, "resource"))

    def data(self, types: Collection[str]) -> tuple[Resource, ...]:
        """The data sources of the given types."""
        return tuple(self._made(types, "data"))

    def modules(self) -> tuple[ModuleCall, ...]:
        """All module calls, those within loaded modules included."""
        calls: list[ModuleCall] = []
        for child in self._children:
            calls.append(
                ModuleCall(
                    child.address,
                    child.block.labels[0],
                    child.source,
                    child.block.header,
                    child.instance.key,
                    bool(child.instance.unknown or self._unknown),
                    child.open,
                    partial(self._arguments, child),
                )
            )
            if child.module:
                calls.extend(child.module.modules())
        return tuple(calls)

    def _arguments(self, child: _Child) -> nodes.Mapping:
        evaluator = self._evaluator.bind(child.instance.bound)
        return evaluated(child.block.span, child.block.body, evaluator, MODULE_META)

    @cached_property
    def open_modules(self) -> tuple[ModuleCall, ...]:
        """The module calls whose resources are not seen."""
        return tuple(call for call in self.modules() if call.open)

    @cached_property
    def open(self) -> str:
        """Why there may be resources that are not seen, beside those of ``open_modules``; empty: there are none."""
        return self._declared.open or next((child.open for child in self._loaded() if child.open), "")

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files, those of the loaded child modules included, each problem once."""
        found = dict.fromkeys((*self._declared.problems, *self._own_problems))
        for child in self._loaded():
            found.update(dict.fromkeys(child.problems))
        return tuple(found)

    # The module's names

    @property
    def locals(self) -> nodes.Mapping:
        entries = [_entry(a.name, a.name_span, self._local(a.name)) for a in self._declared.locals.values()]
        return nodes.Mapping(_whole(entries), tuple(entries)) if entries else _EMPTY

    @property
    def variables(self) -> nodes.Mapping:
        entries = [
            _entry(name, b.header, self._variable(name, b.header)) for name, b in self._declared.variables.items()
        ]
        return nodes.Mapping(_whole(entries), tuple(entries)) if entries else _EMPTY

    @property
    def outputs(self) -> nodes.Mapping:
        entries = [_entry(name, b.header, self.output(name, b.header)) for name, b in self._declared.outputs.items()]
        return nodes.Mapping(_whole(entries), tuple(entries)) if entries else _EMPTY

    @property
    def missing(self) -> str:
        """Why there may be outputs that are not declared here; empty: there are none."""
        return self._place.missing if self._place.source else self._declared.open

    def output(self, name: str, use: Span) -> Node:
        """The output's value. Raises Failure where the module has no such output."""
        block = self._declared.outputs.get(name)
        value = block.attribute("value") if block else None
        if block is None or value is None:
            if self._declared.open:
                return Unresolved(use, self._declared.open)
            if self._place.source:
                # Of a module that is not in the files, not all outputs are known.
                return Reference(use, self.address, (name,))
            raise Failure(use, f"the module has no output {name}")
        return self._named(f"output.{name}", value, lambda: self._evaluator.value(value.expression))

    # Scope: what expressions refer to

    def resolve(self, name: str, steps: list[Step], span: Span, evaluator: Evaluator) -> tuple[Node, int]:
        first = steps[0] if steps else None
        own = name == "path" and not self._place.source
        if own and isinstance(first, ast.Attr) and first.name in ("module", "root"):
            path = self._tree.path_of(self._place) if first.name == "module" else "."
            return Scalar(span, path, path, True), 1
        if name in _RUNTIME:
            return Unresolved(span, _RUNTIME[name]), 0
        if not isinstance(first, ast.Attr):
            raise Failure(span, f"{name} is not declared")
        if name == "var":
            return self._variable(first.name, span), 1
        if name == "local":
            return self._local(first.name, span), 1
        if name == "module":
            return self._module_output(first.name, steps, span, evaluator)
        if name == "data":
            second = steps[1] if len(steps) > 1 else None
            if not isinstance(second, ast.Attr):
                raise Failure(span, "a data source is referred to by type and name")
            return self._pointer("data", (first.name, second.name), steps, 2, span)
        return self._pointer("resource", (name, first.name), steps, 1, span)

    def file(self, path: str) -> Source | None:
        return self._tree.file(path, self._place.header)

    def written(self, reference: Reference, attribute: str) -> Node | None:
        if attribute == "rendered":
            return self._rendered(reference.address)
        found = self._at(reference.address)
        if found is None:
            return None
        block, instance = found
        item = block.attribute(attribute)
        if item is None or attribute in META:
            return None
        evaluator, key = self._evaluator.bind(instance.bound), f"{reference.address}.{attribute}"
        value = self._named(key, item, lambda: evaluator.value(item.expression))
        # The reference itself says more than that the value is not known.
        return None if isinstance(value, Unresolved) or is_null(value) else value

    def _rendered(self, address: str) -> Node | None:
        """What a ``cloudinit_config`` (data source or resource) or a ``template_file`` comes to: a text."""
        kind = "data" if address.startswith(f"{self._prefix}data.") else "resource"
        found = self._at(address, kind)
        if found is None:
            return None
        block, instance = found
        evaluator, key = self._evaluator.bind(instance.bound), f"{address}.rendered"
        make = MAKERS.get(block.labels[0])
        return self._named(key, block, lambda: make(block, evaluator)) if make else None

    def _pointer(self, kind: str, address: Address, steps: list[Step], consumed: int, span: Span) -> tuple[Node, int]:
        block = (self._declared.resources if kind == "resource" else self._declared.data).get(address)
        prefix = self._prefix + ("data." if kind == "data" else "")
        base = Reference(span, f"{prefix}{address[0]}.{address[1]}")
        if block is None:
            return base, consumed
        found = self._instances_of(kind, address, block)
        if any(instance.unknown for instance in found):
            after = steps[consumed] if len(steps) > consumed else None
            if isinstance(after, ast.Splat):
                names = [step.name for step in after.steps if isinstance(step, ast.Attr)]
                return Reference(span, base.address, ("[*]", *names)), consumed + 1
            return base, consumed
        pointers = [Reference(span, base.address + instance.suffix()) for instance in found]
        if block.attribute("count"):
            return nodes.Sequence(span, tuple(pointers)), consumed
        if block.attribute("for_each"):
            entries = [_entry(str(i.key), span, to) for i, to in zip(found, pointers, strict=True)]
            return nodes.Mapping(span, tuple(entries)), consumed
        return base, consumed

    def _module_output(self, name: str, steps: list[Step], span: Span, evaluator: Evaluator) -> tuple[Node, int]:
        base = Reference(span, f"{self._prefix}module.{name}")
        children = self._children_of(name)
        known = all(child.module and not child.instance.unknown for child in children)
        if known and children and len(steps) < 2 and children[0].instance.key is not None:
            return _by_key(children, span), 1
        if not children or not known or len(steps) < 2:
            return base, 1
        second = steps[1]
        if isinstance(second, ast.Attr) and children[0].instance.key is None and children[0].module:
            return children[0].module.output(second.name, span), 2
        if isinstance(second, ast.Splat) and second.steps and isinstance(second.steps[0], ast.Attr):
            rest = ast.Splat(second.span, second.steps[1:])
            found = tuple(child.module.output(second.steps[0].name, span) for child in children if child.module)
            return evaluator.follow(nodes.Sequence(span, found), [rest], span), 2
        third = steps[2] if len(steps) > 2 else None
        if isinstance(second, Scalar) and isinstance(third, ast.Attr):
            for child in children:
                if second.value is not None and str(child.instance.key) == written(second.value) and child.module:
                    return child.module.output(third.name, span), 3
            raise Failure(span, f"module.{name} has no such instance")
        return base, 1

    def _variable(self, name: str, use: Span) -> Node:
        block = self._declared.variables.get(name)
        if block is None:
            if self._declared.open:
                return Unresolved(use, self._declared.open)
            raise Failure(use, f"the variable {name} is not declared")
        return self._named(f"var.{name}", block, lambda: self._variable_value(name, block))

    def _variable_value(self, name: str, block: Block) -> Node:
        for mark in ("sensitive", "ephemeral"):
            attribute = block.attribute(mark)
            value = self._evaluator.value(attribute.expression) if attribute else None
            if value and not (isinstance(value, Scalar) and value.value is False):
                return Unresolved(block.header, f"the variable {name} is marked {mark}")
        default, nullable = block.attribute("default"), block.attribute("nullable")
        node = self._inputs(name)
        if node and is_null(node) and nullable and nullable.expression.span.text == "false":
            node = None
        if node is None and default:
            node = self._evaluator.value(default.expression)
        if node is None:
            where = "in the call of its module" if self.address else "in the files (it is given when Terraform runs)"
            return Unresolved(block.header, f"the variable {name} has no value {where}")
        constraint = block.attribute("type")
        return converted(node, constraint.expression) if constraint else node

    def _local(self, name: str, use: Span | None = None) -> Node:
        attribute = self._declared.locals.get(name)
        if attribute is None:
            if self._declared.open and use:
                return Unresolved(use, self._declared.open)
            raise Failure(use or _EMPTY.span, f"local.{name} is not declared")
        return self._named(f"local.{name}", attribute, lambda: self._evaluator.value(attribute.expression))

    def _named(self, key: str, declared: Block | Attribute, value: Callable[[], Node]) -> Node:
        if key in self._names:
            return self._names[key]
        if key in self._active:
            return Unresolved(declared.span, f"{key} refers to itself")
        self._active.add(key)
        try:
            self._names[key] = value()
        finally:
            self._active.discard(key)
        return self._names[key]

    # Instances and children

    @property
    def _prefix(self) -> str:
        return f"{self.address}." if self.address else ""

    def _instances_of(self, kind: str, address: Address, block: Block) -> tuple[Instance, ...]:
        key = (kind, address)
        if key not in self._instances:
            # What its own count or for_each refers back to counts as unknown.
            self._instances[key] = (Instance(None, {}, "it refers to itself"),)
            self._instances[key] = instances(block, self._evaluator)
        return self._instances[key]

    def _at(self, address: str, kind: str = "resource") -> tuple[Block, Instance] | None:
        prefix = self._prefix + ("data." if kind == "data" else "")
        if not address.startswith(prefix):
            return None
        local, _, key = address[len(prefix) :].partition("[")
        type_, _, name = local.partition(".")
        block = (self._declared.data if kind == "data" else self._declared.resources).get((type_, name))
        if block is None:
            return None
        found = self._instances_of(kind, (type_, name), block)
        suffix = f"[{key}" if key else ""
        return next(((block, instance) for instance in found if instance.suffix() == suffix), None)

    def _made(self, types: Collection[str], kind: str) -> Iterator[Resource]:
        prefix = self._prefix + ("data." if kind == "data" else "")
        for (type_, name), block in (self._declared.resources if kind == "resource" else self._declared.data).items():
            if type_ not in types:
                continue
            for instance in self._instances_of(kind, (type_, name), block):
                body = evaluated(block.span, block.body, self._evaluator.bind(instance.bound), _NO_CONFIGURATION)
                address = f"{prefix}{type_}.{name}{instance.suffix()}"
                unknown = bool(instance.unknown or self._unknown)
                yield Resource(address, type_, name, body, block.header, instance.key, unknown)
        for child in self._loaded():
            yield from child._made(types, kind)

    def _loaded(self) -> Iterator[Module]:
        return (child.module for child in self._children if child.module)

    @cached_property
    def _children(self) -> tuple[_Child, ...]:
        return tuple(child for name in self._declared.modules for child in self._children_of(name))

    def _children_of(self, name: str) -> tuple[_Child, ...]:
        block = self._declared.modules.get(name)
        if block is None or name in self._calls:
            return self._calls.get(name, ())
        # What its own count or for_each refers back to stays a reference.
        self._calls[name] = ()
        try:
            self._calls[name] = tuple(self._calls_of(name, block))
        except RecursionError:
            # A long chain of modules is followed anew from where the stack is shorter.
            del self._calls[name]
            raise
        return self._calls[name]

    def _calls_of(self, name: str, block: Block) -> Iterator[_Child]:
        source = block.attribute("source")
        node: Node = Unresolved(block.header, "it has no source")
        if source:
            # A constant is known however deep the evaluation stands that asks for it.
            literal = isinstance(source.expression, ast.Literal)
            node = constant(source.expression) if literal else self._evaluator.value(source.expression)
        for instance in instances(block, self._evaluator):
            address = f"{self._prefix}module.{name}{instance.suffix()}"
            yield _Child(block, instance, address, node, *self._load(address, block, instance, node))

    def _load(self, address: str, block: Block, instance: Instance, source: Node) -> tuple[Module | None, str]:
        if not isinstance(source, Scalar) or not isinstance(source.value, str):
            return None, f"the source of {address} is not known"
        if self._depth >= _MAX_MODULE_DEPTH or self._tree.modules >= _MAX_MODULES:
            return None, "there are too many modules in modules"
        called = self._place.called(block, source.value)
        inputs = Inputs(block, self._evaluator.bind(instance.bound))
        found = self._tree.find(called)
        if found is not None:
            place, declared = found
        else:
            version = block.attribute("version")
            wanted = self._evaluator.value(version.expression) if version else None
            sketch = self._tree.known(called, block, wanted)
            if sketch is None:
                return None, called.missing
            place, declared = called, sketch.declared
            # A sketch that calls another one says of which version it is itself.
            if block.attribute("major") is None:
                inputs = Inputs(block, inputs.evaluator, {"major": sketch.major})
        self._tree.modules += 1
        unknown = instance.unknown or self._unknown
        return Module(place, address, declared, inputs.value, self._tree, (), unknown, self._depth + 1), ""


@record
class _Child:
    block: Block
    instance: Instance
    address: str
    source: Node
    module: Module | None
    open: str


def _by_key(children: Sequence[_Child], span: Span) -> Node:
    """All instances of a module, each with its outputs, as expressions go through them."""
    found: dict[str, Node] = {}
    for child in children:
        entries, unknown = ((), "") if child.module is None else (child.module.outputs.entries, child.module.missing)
        found[str(child.instance.key)] = nodes.Mapping(span, entries, unknown)
    if isinstance(children[0].instance.key, int):
        return nodes.Sequence(span, tuple(found.values()))
    return nodes.Mapping(span, tuple(_entry(key, span, outputs) for key, outputs in found.items()))


def _entry(name: str, span: Span, value: Node) -> Entry:
    return Entry(Scalar(span, name, name), value)


_EMPTY = nodes.Mapping(Span(Source("", ""), 0, 0))


def _whole(entries: list[Entry]) -> Span:
    return entries[0].key.span
