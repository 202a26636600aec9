"""Resources from ``terraform show -json``: a plan (formats 0.1 to 1.2) or a state.

The bodies look as those of ``eval.terraform``: nested blocks repeat their key, absent means unset. What the plan
leaves open is a ``Reference`` where its configuration names one object, else ``Unresolved``.
Format: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kubelint5xx.core.node import (
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
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.eval.resource import ModuleCall, Resource

_MAX_DEPTH = 50
_SEEN_FORMATS = ("0.", "1.")


def is_plan(root: Node) -> bool:
    """Whether a JSON document is Terraform's plan or state representation."""
    if not isinstance(root, Mapping) or not text(root.get("format_version")):
        return False
    return any(isinstance(root.get(key), Mapping) for key in ("planned_values", "values"))


@record
class Plan:
    """The resources of a plan or a state; stands where a ``terraform.Module`` stands."""

    root: Mapping
    problems: tuple[Problem, ...] = ()
    open: str = ""
    open_modules: tuple[ModuleCall, ...] = ()
    _changes: dict[str, Node] = field(default_factory=dict)

    def resources(self, types: Collection[str]) -> tuple[Resource, ...]:
        """The managed resources of the given types, those of child modules included."""
        return tuple(self._made(types, "managed"))

    def data(self, types: Collection[str]) -> tuple[Resource, ...]:
        """The data sources of the given types that the plan has read."""
        return tuple(self._made(types, "data"))

    @property
    def variables(self) -> dict[str, Node]:
        """The values that the root module's variables had when the plan was made."""
        found = {str(e.key.value): child(e.value, "value") for e in entries(self.root.get("variables"))}
        return {name: value for name, value in found.items() if value is not None}

    def declared(self) -> frozenset[str]:
        """The addresses of the resources and the module calls of the root module, without instance keys."""
        top = child(self.root, "configuration", "root_module")
        found = {text(child(resource, "address")) or "" for resource in items(child(top, "resources"))}
        found |= {f"module.{entry.key.value}" for entry in entries(child(top, "module_calls"))}
        for values in (self.root.get("planned_values"), self.root.get("values")):
            module = child(values, "root_module")
            below = [*items(child(module, "resources")), *items(child(module, "child_modules"))]
            found |= {_parts_without_keys(text(child(item, "address")) or "") for item in below}
        return frozenset(found - {""})

    def modules(self) -> tuple[ModuleCall, ...]:
        """Nothing: a plan holds every module's own resources."""
        return ()

    def _made(self, types: Collection[str], mode: str) -> Iterator[Resource]:
        for values in (self.root.get("planned_values"), self.root.get("values")):
            for resource in _resources(child(values, "root_module"), 0):
                type_, address = text(resource.get("type")), text(resource.get("address"))
                if type_ in types and type_ and address and text(resource.get("mode")) == mode:
                    yield self._resource(resource, type_, address)

    def _resource(self, resource: Mapping, type_: str, address: str) -> Resource:
        name, index = text(resource.get("name")) or "", resource.get("index")
        key = index.value if isinstance(index, Scalar) and isinstance(index.value, (int, str)) else None
        change = child(self._changes.get(address), "change")
        path, local = _split(address)
        configured = _configured(child(self.root, "configuration", "root_module"), path)
        expressions = next(
            (
                child(found, "expressions")
                for found in items(child(configured, "resources"))
                if text(child(found, "address")) == local
            ),
            None,
        )
        place = resource.entry("address")
        span = place.value.span if place else resource.span
        sensitive = (resource.get("sensitive_values"), child(change, "after_sensitive"))
        reader = _Reader(self.root, path)
        body = reader.body(span, resource.get("values"), child(change, "after_unknown"), sensitive, expressions, 0)
        return Resource(address, type_, name, body, span, key)


def load_plan(root: Node) -> Plan:
    """The plan in a JSON document for which ``is_plan`` holds; of any other document a plan without resources."""
    if not isinstance(root, Mapping):
        return Plan(Mapping(root.span))
    problems: list[Problem] = []
    version = root.get("format_version")
    if isinstance(version, Scalar) and not str(version.value).startswith(_SEEN_FORMATS):
        at = version.span
        message = f"this plan has the format {version.value}; formats up to 1.x are known"
        problems.append(Problem(at.path, at.line, message, "notice", at.column))
    open_ = ""
    for key, bad, reason in (
        ("errored", True, "planning ended with an error, so the plan is not complete"),
        ("complete", False, "the plan is not complete; Terraform deferred a part of it"),
    ):
        mark = root.get(key)
        if isinstance(mark, Scalar) and mark.value is bad:
            open_ = reason
    changes = {text(child(change, "address")) or "": change for change in items(root.get("resource_changes"))}
    return Plan(root, tuple(problems), open_, (), changes)


@record
class _Reader:
    """Reads one resource's values. ``path`` is the module that its configuration's references are relative to."""

    root: Mapping
    path: tuple[str, ...]

    def body(
        self,
        span: Span,
        values: Node | None,
        unknown: Node | None,
        sensitive: tuple[Node | None, ...],
        expressions: Node | None,
        depth: int,
    ) -> Mapping:
        """An object as a body: what ``values``, ``unknown`` and ``expressions`` together say of each key."""
        out: list[Entry] = []
        place = values.span if isinstance(values, Mapping) else span
        written = {str(entry.key.value): entry for entry in entries(values)}
        names = [*written, *(str(e.key.value) for e in entries(unknown) if str(e.key.value) not in written)]
        names += [str(e.key.value) for e in entries(expressions) if str(e.key.value) not in names]
        for name in names:
            entry = written.get(name)
            key = entry.key if entry else Scalar(place, name, name)
            expression = child(expressions, name)
            secret = tuple(_under(node, name) for node in sensitive)
            value = entry.value if entry else None
            for node in self._values(place, value, _under(unknown, name), secret, expression, depth):
                out.append(Entry(key, node))
        return Mapping(place, tuple(out))

    def _values(
        self,
        span: Span,
        value: Node | None,
        unknown: Node | None,
        sensitive: tuple[Node | None, ...],
        expression: Node | None,
        depth: int,
    ) -> list[Node]:
        """The nodes that stand under one key: none where it is unset, several where a block repeats."""
        if any(_is_true(node) for node in sensitive):
            return [Unresolved(value.span if value else span, "marked sensitive")]
        if depth > _MAX_DEPTH:
            return [Unresolved(span, "nested too deeply to be read")]
        if value is None or (isinstance(value, Scalar) and value.value is None):
            referring = items(child(expression, "references"))
            if _is_true(unknown) or (value is None and referring and unknown is None):
                return [self._pointer(value.span if value else span, expression)]
            # A list of blocks of which nothing is known but that it exists, or plainly unset.
            return [Unresolved(span, "known only after apply")] if _any_true(unknown) else []
        if isinstance(value, Sequence):
            attribute = isinstance(expression, Mapping) and not _blocks(expression)
            objects = all(isinstance(item, Mapping) for item in value.items)
            if objects and not attribute:
                return [
                    self.body(item.span, item, _at(unknown, i), _each(sensitive, i), _block(expression, i), depth + 1)
                    for i, item in enumerate(value.items)
                ]
            pointers = self._pointers(value.span, expression)
            found: list[Node] = []
            for i, item in enumerate(value.items):
                hole = isinstance(item, Scalar) and item.value is None
                if hole and len(pointers) == len(value.items):
                    found.append(pointers[i])
                elif hole:
                    found.append(Unresolved(item.span, "known only after apply"))
                else:
                    found.extend(self._values(item.span, item, _at(unknown, i), _each(sensitive, i), None, depth + 1))
            return [Sequence(value.span, tuple(found))]
        if isinstance(value, Mapping):
            return [self.body(value.span, value, unknown, sensitive, _block(expression, 0), depth + 1)]
        return [value]

    def _pointer(self, span: Span, expression: Node | None) -> Node:
        found = self._pointers(span, expression)
        if len(found) == 1:
            return found[0]
        kinds = {(to.address.split("[")[0].split(".")[-2:][0], to.attribute) for to in found}
        # Several objects of one kind through one attribute are a list of them.
        return Sequence(span, tuple(found)) if len(kinds) == 1 else Unresolved(span, "known only after apply")

    def _pointers(self, span: Span, expression: Node | None) -> list[Reference]:
        found = dict.fromkeys(_targets(self.root, self.path, expression, 0))
        return [Reference(span, address, attribute) for address, attribute in found]


def _resources(module: Node | None, depth: int) -> Iterator[Mapping]:
    for resource in items(child(module, "resources")):
        if isinstance(resource, Mapping):
            yield resource
    if depth < _MAX_DEPTH:
        for inner in items(child(module, "child_modules")):
            yield from _resources(inner, depth + 1)


def _parts(address: str) -> list[str]:
    """An address at its dots, those within keys kept: ``module.a["x.y"].aws_lb.web`` has four parts."""
    parts, depth, quoted, current = [], 0, False, ""
    for character in address:
        if character == '"':
            quoted = not quoted
        elif not quoted and character in "[]":
            depth += 1 if character == "[" else -1
        if character == "." and not quoted and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current]


def _parts_without_keys(address: str) -> str:
    return ".".join(part.partition("[")[0] for part in _parts(address))


def _split(address: str) -> tuple[tuple[str, ...], str]:
    """The modules that an address passes through, and the resource's own address without its instance key."""
    parts, path = _parts(address), []
    while len(parts) > 2 and parts[0] == "module":
        path.append(parts[1])
        parts = parts[2:]
    return tuple(path), ".".join(part.partition("[")[0] for part in parts)


def _configured(module: Node | None, path: tuple[str, ...]) -> Node | None:
    for name in path:
        module = child(module, "module_calls", name.partition("[")[0], "module")
    return module


def _targets(
    root: Mapping, path: tuple[str, ...], expression: Node | None, depth: int
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The objects that an expression of the module at ``path`` refers to, through variables and outputs."""
    if depth > 10:
        return
    top = child(root, "configuration", "root_module")
    references = [text(reference) or "" for reference in items(child(expression, "references"))]
    for reference in references:
        # Terraform lists ``aws_lb.web`` after ``aws_lb.web.arn``: the shorter one says nothing new.
        if any(other.startswith((f"{reference}.", f"{reference}[")) for other in references):
            continue
        parts = _parts(reference)
        head = parts[0]
        if head == "var" and path and len(parts) > 1:
            call = child(_configured(top, path[:-1]), "module_calls", path[-1].partition("[")[0])
            yield from _targets(root, path[:-1], child(call, "expressions", parts[1]), depth + 1)
        elif head == "module" and len(parts) > 2:
            inner = (*path, parts[1])
            output = child(_configured(top, inner), "outputs", parts[2], "expression")
            yield from _targets(root, inner, output, depth + 1)
        elif head not in ("var", "local", "each", "count", "path", "terraform", "self", "module") and len(parts) > 1:
            cut = 3 if head == "data" else 2
            prefix = "".join(f"module.{name}." for name in path)
            yield prefix + ".".join(parts[:cut]), tuple(parts[cut:])


def _is_true(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.value is True


def _any_true(node: Node | None, depth: int = 0) -> bool:
    inner = (*items(node), *(entry.value for entry in entries(node)))
    return _is_true(node) or (depth < _MAX_DEPTH and any(_any_true(item, depth + 1) for item in inner))


def _under(node: Node | None, name: str) -> Node | None:
    return node if _is_true(node) else child(node, name)


def _at(node: Node | None, index: int) -> Node | None:
    return node if _is_true(node) else child(node, index)


def _each(nodes: tuple[Node | None, ...], index: int) -> tuple[Node | None, ...]:
    return tuple(_at(node, index) for node in nodes)


def _blocks(expression: Mapping) -> bool:
    return expression.get("references") is None and expression.get("constant_value") is None


def _block(expression: Node | None, index: int) -> Node | None:
    """The expressions within a block: a list has one item a block, a mapping is the only block itself."""
    if isinstance(expression, Sequence):
        return child(expression, index)
    return expression if isinstance(expression, Mapping) and _blocks(expression) else None
