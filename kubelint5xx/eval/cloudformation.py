"""The stacks of CloudFormation's templates, with those nested in them and those that they import from.

Their resources come in the shape that Terraform gives the same resources, so whoever joins resources need not know
where they were written. A nested stack's are addressed through its logical ID (``Network.Balancer``).
Templates: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from kubelint5xx.core.node import Entry, Mapping, Node, Reference, Scalar, Unresolved, child, entries, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join
from kubelint5xx.eval.resource import ModuleCall, Resource
from kubelint5xx.eval.template_functions import STACKS, Evaluator, Given
from kubelint5xx.eval.template_resources import NAMING, TYPES, body_of

# Macros of AWS that change none of the resources that are read here, or whose work is known.
_HARMLESS = ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen", "AWS::SecretsManager")
_MAX_DEPTH, _MAX_STACKS = 10, 2_000


def is_template(root: Node) -> bool:
    """Whether a document is a CloudFormation template, also one that SAM or the CDK made."""
    resources = child(root, "Resources")
    return isinstance(resources, Mapping) and any(
        (text(child(entry.value, "Type")) or "").startswith("AWS::") for entry in resources.entries
    )


@record
class Stack:
    """The resources of templates that are deployed together; stands where a ``terraform.Module`` stands.

    ``open`` tells why there may be more resources than are seen.
    """

    instances: tuple[Instance, ...]
    open: str = ""
    problems: tuple[Problem, ...] = ()
    variables: dict[str, Node] = field(default_factory=dict)
    noun: str = "the template"
    _made: list[Resource] = field(default_factory=list)
    _unseen: list[ModuleCall] = field(default_factory=list)

    def resources(self, types: Collection[str]) -> tuple[Resource, ...]:
        """The resources of the given types of Terraform."""
        self._read()
        return tuple(resource for resource in self._made if resource.type in types)

    @property
    def open_modules(self) -> tuple[ModuleCall, ...]:
        """The nested stacks whose templates are not in the files."""
        self._read()
        return tuple(self._unseen)

    def data(self, types: Collection[str]) -> tuple[Resource, ...]:
        """Nothing: templates read no data."""
        return ()

    def declared(self) -> frozenset[str]:
        """The logical IDs of all resources."""
        return frozenset(name for one in self.instances for name in one.declared())

    def modules(self) -> tuple[ModuleCall, ...]:
        """Nothing: what nested stacks make is among the resources."""
        return ()

    def _read(self) -> None:
        if not self._made and not self._unseen:
            for instance in self.instances:
                self._made.extend(instance.resources(self._unseen, False))


class Neighbours:
    """What surrounds the instances of a tree's templates: how they find each other. ``count``: how many there are.

    ``template``: the path and the root of the template that a resource nests, or why it is not known. ``imported``:
    what is exported under a name, with what was assumed to find it.
    """

    def __init__(
        self,
        template: Callable[[Instance, Mapping], tuple[str, Mapping] | str],
        imported: Callable[[Instance, Node, Span], Node],
    ) -> None:
        self.template, self.imported = template, imported
        self.count = 0
        # What was assumed since a resource's evaluation began.
        self.assumed: list[Join] = []


class Instance:
    """One template as one stack uses it."""

    def __init__(
        self,
        path: str,
        root: Mapping,
        given: Given,
        prefix: str = "",
        around: Neighbours | None = None,
        above: tuple[str, ...] = (),
    ) -> None:
        self.path, self.root, self.prefix = path, root, prefix
        self._above = (*above, path)
        self._around = around
        self._nested: dict[str, Instance | str] = {}
        self._doubts: dict[str, tuple[Join, ...]] = {}
        self.evaluator = Evaluator(root, given, prefix, self)

    def declared(self) -> Iterator[str]:
        return (str(entry.key.value) for entry in entries(child(self.root, "Resources")))

    def nested(self, name: str) -> Evaluator | str:
        """See ``Surroundings``."""
        found = self.instance(name)
        if self._around is not None:
            self._around.assumed.extend(self._doubts.get(name, ()))
        return found if isinstance(found, str) else found.evaluator

    def imported(self, name: Node, span: Span) -> Node:
        """See ``Surroundings``."""
        if self._around is None:
            return Unresolved(span, "it is imported from another stack")
        return self._around.imported(self, name, span)

    def instance(self, name: str) -> Instance | str:
        """The nested stack with that logical ID, or why its template is not known."""
        if name not in self._nested:
            self._nested[name] = "it refers to itself"
            self._nested[name] = self._made(name)
        return self._nested[name]

    def _made(self, name: str) -> Instance | str:
        declared, around = child(self.root, "Resources", name), self._around
        if around is None or not isinstance(declared, Mapping):
            return "the templates around it were not read"
        found = around.template(self, declared)
        if isinstance(found, str):
            return found
        around.count += 1
        if found[0] in self._above:
            return f"{found[0]} nests itself"
        if len(self._above) > _MAX_DEPTH or around.count > _MAX_STACKS:
            return "there are too many nested stacks"
        before = len(around.assumed)
        given = self._given(child(declared, "Properties", "Parameters"))
        self._doubts[name] = tuple(around.assumed[before:])
        return Instance(*found, given, f"{self.prefix}{name}.", around, self._above)

    def _given(self, node: Node | None) -> Given:
        value = self.evaluator.value(node) if node is not None else None
        if isinstance(value, Mapping):
            return Given({str(entry.key.value): entry.value for entry in value.entries}, value.open)
        reason = value.reason if isinstance(value, Unresolved) else "its parameters are not readable"
        return Given({}, reason if value is not None else "")

    def resources(self, unseen: list[ModuleCall], doubtful: bool) -> Iterator[Resource]:
        """Its resources and those of the stacks nested in it. Those whose templates are not known go to ``unseen``."""
        for entry in entries(child(self.root, "Resources")):
            condition = text(child(entry.value, "Condition"))
            holds = self.evaluator.condition(condition) if condition else True
            if holds is False:
                continue
            maybe = doubtful or holds is None
            kind = text(child(entry.value, "Type")) or ""
            if kind in STACKS:
                yield from self._below(entry, unseen, maybe)
            elif kind.startswith("AWS::Serverless::"):
                from kubelint5xx.eval.serverless import serverless_resources

                yield from serverless_resources(entry, self.root, self.evaluator, self.prefix, maybe)
            elif kind in TYPES:
                yield self._resource(entry, TYPES[kind], maybe)

    def _below(self, entry: Entry, unseen: list[ModuleCall], maybe: bool) -> Iterator[Resource]:
        name, span = str(entry.key.value), entry.key.span
        found = self.instance(name)
        if isinstance(found, Instance):
            doubts = self._doubts.get(name, ())
            for resource in found.resources(unseen, maybe):
                yield _with_joins(resource, doubts)
            return
        location = child(entry.value, "Properties", "TemplateURL") or child(entry.value, "Properties", "Location")
        node = location or Unresolved(span, "it names no template")
        given = child(entry.value, "Properties", "Parameters")
        value = self.evaluator.value(given) if given is not None else None
        inputs = value if isinstance(value, Mapping) else Mapping(span)
        unseen.append(ModuleCall(self.prefix + name, name, node, span, None, maybe, found, None, [inputs]))

    def _resource(self, entry: Entry, type_: str, maybe: bool) -> Resource:
        assumed = self._around.assumed if self._around else []
        before = len(assumed)
        given, span = child(entry.value, "Properties"), entry.key.span
        value = self.evaluator.value(given) if given is not None else None
        if isinstance(value, Mapping):
            body = body_of(type_, _with_names(self.evaluator, given, value), entry.value)
        elif value is not None:
            body = Mapping(span, (), value.reason if isinstance(value, Unresolved) else "it is not readable")
        else:
            body = Mapping(span)
        name = str(entry.key.value)
        joins = tuple(assumed[before:])
        return Resource(self.prefix + name, type_, name, body, span, None, maybe, False, joins)


def load_template(root: Mapping) -> Stack:
    """The stack of a template by itself."""
    return stack_of((Instance("", root, Given()),))


def stack_of(instances: Collection[Instance]) -> Stack:
    """The stack that these templates make together, with all that is nested in them."""
    return Stack(tuple(instances), next((why for one in instances if (why := _open(one.root))), ""))


def _open(root: Mapping) -> str:
    given = child(root, "Transform")
    macros = [text(macro) or "of an unknown name" for macro in items(given) or ((given,) if given is not None else ())]
    foreign = next((macro for macro in macros if macro not in _HARMLESS), "")
    if foreign:
        return f"the macro {foreign} may change the template"
    keys = (str(entry.key.value) for entry in entries(child(root, "Resources")))
    looped = next((key for key in keys if key.startswith("Fn::")), "")
    return f"{looped} among the resources is not evaluated" if looped else ""


def _with_names(evaluator: Evaluator, raw: Node | None, value: Mapping) -> Mapping:
    """The properties, with the one resource that a text of a kind names in the place of that text."""
    found: list[Entry] = []
    for entry in value.entries:
        key, own = str(entry.key.value), child(raw, str(entry.key.value))
        if key in NAMING and own is not None and not isinstance(entry.value, (Reference, Scalar)):
            named = {one.address: one for one in evaluator.references(own)}
            if len(named) == 1:
                entry = Entry(entry.key, next(iter(named.values())))
        elif key == "Integration" and isinstance(entry.value, Mapping):
            entry = Entry(entry.key, _with_names(evaluator, own, entry.value))
        found.append(entry)
    return Mapping(value.span, tuple(found), value.open)


def _with_joins(resource: Resource, joins: tuple[Join, ...]) -> Resource:
    return replace(resource, joins=(*resource.joins, *joins)) if joins else resource
