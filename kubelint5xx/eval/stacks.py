"""Which templates of a tree nest which, and which import what others export.

``TemplateURL`` is a path relative to the template before ``aws cloudformation package`` ran, and a URL afterwards or
where templates are kept in a bucket; then the end of its path tells the file. The CDK writes the file's name beside it
(``aws:asset:path``). An export's name is unique in an account and region, so that one template can have it only.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html and
cloud-assembly-schema of aws/aws-cdk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import dirname, join, normpath

from kubelint5xx.core.node import ATTRIBUTE, UNKNOWN, Node, Reference, Unresolved, child, entries, items, text
from kubelint5xx.core.node import Mapping as Body
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join
from kubelint5xx.eval.cloudformation import Instance, Neighbours, Stack, stack_of
from kubelint5xx.eval.stack_parameters import parameter_values
from kubelint5xx.eval.template_functions import STACKS, Evaluator, Given

_LOCATIONS = ("TemplateURL", "Location")
_ENOUGH = 3
_MAX_EXPORTS, _MAX_CHAIN, _MAX_NAME = 5_000, 20, 1_000


def load_stacks(
    templates: Mapping[str, Body], documents: Iterable[Node], problems: list[Problem], environment: str = ""
) -> dict[str, Stack]:
    """The stacks of a tree's templates by the path of the first template of each. A template that another one nests is
    a part of that one only. ``documents``: what may give values to parameters, or tell of the CDK's assets;
    ``environment``: whose values count where several are given."""
    known = list(documents)
    assets = dict(asset for root in known for asset in _assets(root))
    alone = _Loader(templates, {}, assets)
    inner = alone.nested()
    tops = {path: root for path, root in templates.items() if path not in inner} or templates
    given = parameter_values(known, tops, problems, environment) if known else {}
    return (_Loader(templates, given, assets) if given else alone).stacks()


def _assets(root: Node) -> Iterator[tuple[str, str]]:
    """The files of a CDK application's assets, by the names under which they are uploaded."""
    for entry in entries(child(root, "files")) if root.span.path.endswith(".assets.json") else ():
        source = text(child(entry.value, "source", "path"))
        for destination in entries(child(entry.value, "destinations")):
            name = text(child(destination.value, "objectKey"))
            if name and source:
                yield name.rpartition("/")[2], normpath(join(dirname(root.span.path), source))


@record
class _Export:
    name: Node
    instance: Instance
    output: str
    place: Span


class _Loader:
    def __init__(self, templates: Mapping[str, Body], given: Mapping[str, Given], assets: Mapping[str, str]) -> None:
        self.templates, self.given, self.assets = templates, given, assets
        self.around = Neighbours(self.nested_in, self.imported_by)
        self.tops: dict[str, Instance] = {}
        self._exports: list[_Export] | None = None
        self._chain = 0

    def stacks(self) -> dict[str, Stack]:
        nested = self.nested()
        paths = [path for path in self.templates if path not in nested] or list(self.templates)
        self.tops = {path: self.top(path, "") for path in paths}
        found: dict[str, Stack] = {}
        groups = self.groups(paths)
        for group in groups:
            for path, prefix in _prefixes(group, self.templates).items():
                if prefix:
                    self.tops[path] = self.top(path, prefix)
        self._exports = None
        self.around.assumed.clear()
        for group in groups:
            found[group[0]] = stack_of([self.tops[path] for path in group])
        return found

    def nested(self) -> set[str]:
        """The paths of the templates that others nest."""
        return {target for path in self.templates for target in self.nests(path) if target != path}

    def top(self, path: str, prefix: str) -> Instance:
        return Instance(path, self.templates[path], self.given.get(path, Given()), prefix, self.around)

    def nests(self, path: str) -> Iterator[str]:
        """The paths of the templates that a template nests."""
        evaluator: Evaluator | None = None
        for entry in entries(child(self.templates[path], "Resources")):
            if text(child(entry.value, "Type")) in STACKS:
                evaluator = evaluator or Evaluator(self.templates[path], self.given.get(path))
                found = self.target(path, entry.value, evaluator)
                if found in self.templates:
                    yield found

    def nested_in(self, instance: Instance, declared: Body) -> tuple[str, Body] | str:
        found = self.target(instance.path, declared, instance.evaluator)
        return (found, self.templates[found]) if found in self.templates else found

    def target(self, path: str, declared: Node, evaluator: Evaluator) -> str:
        """The path of the template that a resource nests, or why that is not known."""
        here = dirname(path)
        asset = text(child(declared, "Metadata", "aws:asset:path"))
        if asset is not None and (found := normpath(join(here, asset))) in self.templates:
            return found
        raw = next((node for key in _LOCATIONS if (node := child(declared, "Properties", key)) is not None), None)
        value = evaluator.value(raw) if raw is not None else None
        said = text(value) or (value.text if isinstance(value, Unresolved) else "")
        if not said:
            return value.reason if isinstance(value, Unresolved) else "it names no template"
        if "://" not in said and (found := normpath(join(here, said))) in self.templates:
            return found
        names = _known_end(said.partition("?")[0])
        if not names:
            return "the name of its template is not known"
        uploaded = self.assets.get(names[-1], "")
        if uploaded in self.templates:
            return uploaded
        ends = [one for one in self.templates if one.rpartition("/")[2] == names[-1] and one != path]
        best = max((_shared_end(one, names) for one in ends), default=0)
        ends = [one for one in ends if _shared_end(one, names) == best]
        near = [one for one in ends if _below(one, here)] if len(ends) > 1 else ends
        if len(near) == 1:
            return near[0]
        return f"{len(ends)} templates are called {names[-1]}" if ends else f"{names[-1]} is not in the files"

    def imported_by(self, importer: Instance, name: Node, span: Span) -> Node:
        """See ``Surroundings``. Where only a part of a name is known, the one export that fits is assumed."""
        found, why = self.exported(importer, name) if self._chain < _MAX_CHAIN else (None, "imports go on and on")
        if found is None:
            return Unresolved(span, f"it is imported from another stack: {why}", text=UNKNOWN)
        self._chain += 1
        value = found.instance.evaluator.output(found.output, span)
        self._chain -= 1
        if why and not isinstance(value, Reference):
            return Unresolved(span, f"it is imported from another stack: {why}", text=UNKNOWN)
        if why:
            self.around.assumed.append(Join(why, found.place, assumed=True))
        return value

    def exported(self, importer: Instance, name: Node) -> tuple[_Export | None, str]:
        """The export of a name, with what is assumed of it; or None, and why it is not known."""
        exact, known = text(name), text(name) or (name.text if isinstance(name, Unresolved) else "")
        fitting = [one for one in self.exports() if exact is not None and text(one.name) == exact]
        if fitting:
            near = _nearest(importer.path, fitting)
            return (near[0], "") if len(near) == 1 else (None, f"{len(fitting)} stacks export {exact}")
        fitting = [one for one in self.exports() if _may_be(known, text(one.name) or _partly(one.name))]
        near = _nearest(importer.path, [one for one in fitting if one.instance is not importer])
        if len(near) == 1:
            output = f"the output {near[0].output} of {near[0].instance.path}"
            return near[0], f"{output} is the only export that the name of the import can mean"
        shown = known.replace(UNKNOWN, "…").replace(ATTRIBUTE, "…")
        return None, f"{len(fitting) or 'no'} stacks in the files export {shown or 'it'}"

    def exports(self) -> list[_Export]:
        if self._exports is None:
            self._exports = []
            waiting = list(self.tops.values())
            while waiting and len(self._exports) < _MAX_EXPORTS:
                instance = waiting.pop(0)
                for entry in entries(child(instance.root, "Outputs")):
                    raw = child(entry.value, "Export", "Name")
                    name = instance.evaluator.value(raw) if raw is not None else None
                    if name is not None:
                        self._exports.append(_Export(name, instance, str(entry.key.value), entry.key.span))
                waiting += _nested_instances(instance)
        return self._exports

    def groups(self, paths: list[str]) -> list[list[str]]:
        """The templates that import from each other, together."""
        group = {path: [path] for path in paths}
        for path in paths:
            waiting = [self.tops[path]]
            while waiting:
                instance = waiting.pop()
                waiting += _nested_instances(instance)
                for exporter in self.imports(instance) if "ImportValue" in instance.root.span.source.text else ():
                    mine, theirs = group[path], group[self.top_of(exporter)]
                    if mine is not theirs:
                        mine.extend(theirs)
                        group.update(dict.fromkeys(theirs, mine))
        return [sorted(one) for one in {id(one): one for one in group.values()}.values()]

    def imports(self, instance: Instance) -> Iterator[Instance]:
        """The instances of which something is imported."""
        for argument in _arguments_of(instance.root, "Fn::ImportValue", 0):
            name = instance.evaluator.value(argument)
            found = self.exported(instance, name)[0] if name is not None else None
            if found is not None:
                yield found.instance

    def top_of(self, instance: Instance) -> str:
        """The path of the template that an instance is nested in, however deep."""
        waiting = [(path, top) for path, top in self.tops.items()]
        while waiting:
            path, one = waiting.pop()
            if one is instance:
                return path
            waiting += [(path, inner) for inner in _nested_instances(one)]
        return instance.path


def _below(path: str, directory: str) -> bool:
    return not directory or path.startswith(directory + "/")


def _nested_instances(instance: Instance) -> list[Instance]:
    found = (
        instance.instance(str(entry.key.value))
        for entry in entries(child(instance.root, "Resources"))
        if text(child(entry.value, "Type")) in STACKS
    )
    return [one for one in found if isinstance(one, Instance)]


def _arguments_of(node: Node, function: str, depth: int) -> Iterator[Node]:
    for entry in entries(node) if depth < 100 else ():
        if entry.key.value == function:
            yield entry.value
        yield from _arguments_of(entry.value, function, depth + 1)
    for item in items(node) if depth < 100 else ():
        yield from _arguments_of(item, function, depth + 1)


def _prefixes(group: list[str], templates: Mapping[str, Body]) -> dict[str, str]:
    """What comes before the logical IDs of each template of a group: its name, where others have the same IDs."""
    seen: dict[str, str] = {}
    shared: set[str] = set()
    for path in group:
        for entry in entries(child(templates[path], "Resources")):
            other = seen.setdefault(str(entry.key.value), path)
            shared |= {path, other} if other != path else set()
    return {path: f"{path.rpartition('.')[0] or path}/" if path in shared else "" for path in group}


def _known_end(said: str) -> list[str]:
    """The whole names at the end of a path that is known in part. A prefix that is not known is taken to end with a
    slash, as those of buckets do."""
    known = re.split(f"[{UNKNOWN}{ATTRIBUTE}]", said)[-1]
    names = [name for name in known.split("/") if name not in ("", ".", "..")]
    return names if names and "." in names[-1] else []


def _shared_end(path: str, names: list[str]) -> int:
    count = 0
    for mine, theirs in zip(reversed(path.split("/")), reversed(names), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _nearest(path: str, found: list[_Export]) -> list[_Export]:
    beside = [one for one in found if dirname(one.instance.path) == dirname(path)]
    return beside if len(found) > 1 and beside else found


def _partly(name: Node) -> str:
    return name.text if isinstance(name, Unresolved) else ""


def _may_be(one: str, other: str) -> bool:
    """Whether two names of which parts are not known can be the same, and enough of them is known to say so."""
    for pattern, name in ((one, other), (other, one)):
        parts = re.split(f"[{UNKNOWN}{ATTRIBUTE}]+", pattern)
        known = sum(character.isalnum() for part in parts for character in part)
        if len(name) > _MAX_NAME or len(parts) > 8:
            return False
        if len(parts) > 1 and known >= _ENOUGH and re.fullmatch(".*".join(map(re.escape, parts)), name, re.S):
            return True
    return False
