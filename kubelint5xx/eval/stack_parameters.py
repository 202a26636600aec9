"""The values that files give to the parameters of CloudFormation's stacks, and to which template each file belongs.

The forms: the command line's list of ``ParameterKey`` and ``ParameterValue``, CodePipeline's ``{"Parameters": {…}}``,
the ``parameter_overrides`` of a samconfig, and a stack's ``parameters`` in the CDK's manifest.json. The last two say
which template they are for. Of the others one belongs to the template that it fits: CloudFormation refuses parameters
that a template does not declare, and asks for those without a default.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html and
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import dirname, join, normpath

from kubelint5xx.core.node import Mapping as Body
from kubelint5xx.core.node import Node, Scalar, Unresolved, child, entries, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.eval.template_functions import Given

_OVERRIDE = re.compile(
    r"(?:ParameterKey=(?P<long>[A-Za-z0-9]+)\s*,\s*ParameterValue=|(?P<short>[A-Za-z0-9]+)=)"
    r"(?:\\?\"(?P<quoted>(?:[^\"\\]|\\[^\"])*)\\?\"|'(?P<single>[^']*)'|(?P<bare>[^\s\"']*))"
)
_COMMANDS = ("deploy", "global")
_TEMPLATES = ("template.yaml", "template.yml", "template.json")


@record
class _File:
    """Values of parameters in one file. ``template``: whose they are, where the file says it."""

    place: Span
    values: dict[str, Node]
    template: str = ""


def parameter_values(
    documents: Iterable[Node], templates: Mapping[str, Body], problems: list[Problem], environment: str = ""
) -> dict[str, Given]:
    """What the documents give to the parameters of ``templates``, by the templates' paths. A document that gives
    parameters and belongs to none of them, or to several, is told. ``environment``: where several documents belong to
    one template, those whose paths name it count."""
    found: dict[str, list[_File]] = {}
    for root in documents:
        for file in _files(root, templates, problems, environment):
            target = file.template or _meant(file, templates, problems)
            if target in templates:
                found.setdefault(target, []).append(file)
            elif target:
                place = file.place
                said = f"values of the parameters of {target}, which is no template in the files"
                problems.append(Problem(place.path, place.line, said, "notice"))
    given: dict[str, Given] = {}
    for path, files in found.items():
        certain = [file for file in files if file.template] or files
        certain = [file for file in certain if _names(file.place.path, environment)] or certain
        given[path] = Given(_agreed(certain, templates[path]))
    return given


def _files(
    root: Node, templates: Mapping[str, Body], problems: list[Problem], environment: str
) -> Iterator[_File]:
    name = root.span.path.rpartition("/")[2].lower()
    if name.startswith("samconfig."):
        found = _of_sam(root, templates, problems, environment)
        if found is not None:
            yield found
    elif name == "manifest.json" and isinstance(child(root, "artifacts"), Body):
        yield from _of_cdk(root)
    else:
        given = child(root, "Parameters") if isinstance(root, Body) and root.get("Resources") is None else root
        if isinstance(given, Body) and isinstance(root, Body):
            yield _File(root.span.first_line(), {str(entry.key.value): entry.value for entry in given.entries})
        elif items(given) and all(child(item, "ParameterKey") is not None for item in items(given)):
            yield _File(root.span.first_line(), dict(_listed(items(given))))


def _listed(given: Iterable[Node]) -> Iterator[tuple[str, Node]]:
    for item in given:
        key, value = child(item, "ParameterKey"), child(item, "ParameterValue")
        if (name := text(key)) is not None:
            yield name, value if value is not None else Unresolved(item.span, "the value that it had before is kept")


def _of_cdk(root: Node) -> Iterator[_File]:
    for entry in entries(child(root, "artifacts")):
        own = child(entry.value, "properties")
        template, given = text(child(own, "templateFile")), child(own, "parameters")
        if template and isinstance(given, Body) and given.entries:
            path = normpath(join(dirname(root.span.path), template))
            values = {str(one.key.value): one.value for one in given.entries}
            yield _File(entry.key.span, values, path)


def _of_sam(
    root: Node, templates: Mapping[str, Body], problems: list[Problem], environment: str
) -> _File | None:
    """What ``sam deploy`` is given in the environment; else that of ``default``, or of the only one that there is."""
    environments = {str(entry.key.value): entry.value for entry in entries(root) if isinstance(entry.value, Body)}
    chosen = environments.get(environment) or environments.get("default")
    chosen = chosen or (next(iter(environments.values())) if len(environments) == 1 else None)
    if chosen is None:
        if environments:
            said = f"parameters for {', '.join(sorted(environments))}, and none is the default: they are not used"
            problems.append(Problem(root.span.path, 1, said, "notice"))
        return None
    given = template = None
    for command in _COMMANDS:
        own = child(chosen, command, "parameters")
        given = given or child(own, "parameter_overrides")
        template = template or child(own, "template_file") or child(own, "template")
    if given is None:
        return None
    here = dirname(root.span.path)
    # The file that ``sam`` looks for by itself has one of three names.
    named = text(template)
    paths = [normpath(join(here, name)) for name in ((named,) if named else _TEMPLATES)]
    path = next((one for one in paths if one in templates), paths[0])
    parts = items(given) or (given,)
    values = {name: value for part in parts for name, value in _overrides(part)}
    return _File(given.span.first_line(), values, path)


def _overrides(given: Node) -> Iterator[tuple[str, Node]]:
    """The values of ``Key=Value Other="A value"``, each at its place."""
    if not isinstance(given, Scalar):
        return
    span = given.span
    for match in _OVERRIDE.finditer(span.text):
        value = next((match[name] for name in ("quoted", "single", "bare") if match[name] is not None), "")
        place = Span(span.source, span.start + match.start(), span.start + match.end())
        yield match["long"] or match["short"], Scalar(place, value, value, True)


def _meant(file: _File, templates: Mapping[str, Body], problems: list[Problem]) -> str:
    """The one template that the file fits; its name may tell it among several."""
    fitting = [path for path, root in templates.items() if _fits(file, root)]
    if len(fitting) > 1:
        name = _stem(file.place.path)
        named = [path for path in fitting if re.match(rf"{re.escape(_stem(path))}(?![a-z0-9])", name)]
        fitting = named if len(named) == 1 else fitting
    if len(fitting) == 1:
        return fitting[0]
    alike = any(child(root, "Parameters", name) is not None for root in templates.values() for name in file.values)
    if alike:
        why = f"{len(fitting)} templates take them" if fitting else "no template in the files takes all of them"
        said = f"values of a stack's parameters, which are not used: {why}"
        problems.append(Problem(file.place.path, file.place.line, said, "notice"))
    return ""


def _fits(file: _File, root: Body) -> bool:
    declared = {str(entry.key.value): entry.value for entry in entries(child(root, "Parameters"))}
    needed = {name for name, one in declared.items() if child(one, "Default") is None}
    return bool(file.values) and set(file.values) <= set(declared) and needed <= set(file.values)


def _names(path: str, environment: str) -> bool:
    return bool(environment and re.search(rf"(?<![a-z0-9]){re.escape(environment.lower())}(?![a-z0-9])", path.lower()))


def _stem(path: str) -> str:
    return path.rpartition("/")[2].lower().partition(".")[0]


def _agreed(files: list[_File], root: Body) -> dict[str, Node | None]:
    """The values in which all files agree; the others are not known."""
    found: dict[str, Node | None] = {}
    for name in dict.fromkeys(name for file in files for name in file.values):
        default = child(root, "Parameters", name, "Default")
        values = [value for file in files if (value := file.values.get(name, default)) is not None]
        first = values[0]
        if len({text(value) for value in values}) == 1 and len(values) == len(files):
            found[name] = first
        else:
            others = next((file.place.path for file in files[1:] if file.values.get(name) is not first), "")
            reason = f"{first.span.path} and {others} give the parameter {name} different values"
            found[name] = Unresolved(first.span, reason)
    return found
