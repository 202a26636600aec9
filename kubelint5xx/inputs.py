"""Which files of a tree hold what, and what they say: the documents, Terraform roots and builds of one check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Node, Scalar, entries
from kubelint5xx.core.pattern import byte_pattern, pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.tree import Tree
from kubelint5xx.formats import reader
from kubelint5xx.suppress import MARK, Suppression, comments_of

if TYPE_CHECKING:
    from kubelint5xx.eval.terraform import Module

STREAM = "<stdin>"
COMMAND_LINE = "<command line>"

# A document whose bytes name none of these kinds is not parsed: CRDs, roles and dashboards are most of all YAML.
_KINDS = (
    "Ingress|IngressClass|IngressClassParams|Service|TargetGroupBinding|Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod"
    "|Rollout|ConfigMap|Namespace|Node|NodePool|EC2NodeClass|Provisioner|ClusterConfig|Cluster|InstanceGroup"
    "|ClusterConfiguration|KubeProxyConfiguration|NodeConfig|Kustomization|Component|[A-Za-z]*List"
)
_WANTED = pattern(rf"""kind["']?[ \t]*:[ \t]*["']?(?:{_KINDS})["']?[ \t]*(?:[\r\n,}}#]|$)""", re.M)
# A Terraform directory that mentions none of these has nothing to say about a request's path.
_INFRASTRUCTURE = byte_pattern(
    rb'"(?:aws_(?:lb|alb|elb|autoscaling|launch|eks|security_group)|kubernetes_|kubectl_manifest|helm_release)'
    rb"|load.?balancer|autoscaling|node_group|\beks\b|\balb\b"
)
_PLAN = byte_pattern(rb'"(?:planned_values|terraform_version)"\s*:')
# Those in JSON are not evaluated: that they are there makes what is missing unknown.
_TERRAFORM = (".tf", ".tofu", ".tfvars", ".tf.json", ".tofu.json", ".tfvars.json")


@record(frozen=False)
class Inputs:
    """Everything that was read of a tree. The files of ``analysed`` were, and each problem says what was not."""

    tree: Tree
    config: Config
    documents: list[Document] = field(default_factory=list)
    modules: dict[str, Module] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    analysed: set[str] = field(default_factory=set)

    @property
    def files(self) -> int:
        """How many files were analysed so far; modules are read when something in them is asked for."""
        return len(self.analysed)


def read_inputs(tree: Tree, config: Config) -> Inputs:
    """Read what matters of ``tree``. A file that cannot be read is a problem; the others are still read."""
    inputs = Inputs(tree, config)
    paths = [path for path in tree.paths() if _included(path, config)]
    charts = {dirname(path) for path in paths if path.rpartition("/")[2] in ("Chart.yaml", "Chart.yml")}
    _name_charts(charts, paths, inputs)
    terraform: dict[str, list[str]] = {}
    plans: list[str] = []
    for path in paths:
        name = path.rpartition("/")[2].lower()
        if name.endswith((".yaml", ".yml")):
            if not _in_chart(path, charts):
                _read_documents(path, "yaml", inputs)
        elif path == STREAM:
            _read_stream(path, inputs, plans)
        elif name.endswith(_TERRAFORM):
            terraform.setdefault(dirname(path), []).append(path)
        elif name.endswith(".json"):
            _read_json(path, inputs, plans)
    _read_terraform(terraform, inputs)
    _read_plans(plans, inputs)
    return inputs


def argument(name: str, value: str, at: int) -> Scalar:
    """A value that the command line gives, as text. ``at`` counts such values from 0: each has a line of its own."""
    before = "\n" * at + f"{name} = "
    source = Source(COMMAND_LINE, before + value)
    return Scalar(Span(source, len(before), len(source.text)), value, value)


def _included(path: str, config: Config) -> bool:
    if path == STREAM:
        return True
    if config.include and not any(_matches(path, pattern) for pattern in config.include):
        return False
    return not any(_matches(path, pattern) for pattern in config.exclude)


def _matches(path: str, pattern: str) -> bool:
    pattern = pattern.rstrip("/")
    if pattern.startswith("**/") and _matches(path, pattern[3:]):
        return True
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern + "/*") or path == pattern


def _name_charts(charts: set[str], paths: list[str], inputs: Inputs) -> None:
    """One line for each outermost chart that has templates: what it is, and the command that would render it."""
    from shlex import quote

    for chart in sorted(charts):
        if any(chart != other and (not other or chart.startswith(other + "/")) for other in charts):
            continue
        prefix = f"{chart}/templates/" if chart else "templates/"
        count = sum(1 for path in paths if path.startswith(prefix))
        if count:
            where = quote(chart or ".")
            inputs.problems.append(
                Problem(
                    join(chart, "Chart.yaml"),
                    1,
                    f"a Helm chart with {count} templates, not analysed: "
                    f"run `helm template {where} | kubelint5xx check -`",
                    "unrendered",
                )
            )


def _in_chart(path: str, charts: set[str]) -> bool:
    """Whether ``path`` is a part of a chart: a template, or values that only templates read."""
    folder = dirname(path)
    while True:
        if folder in charts:
            return True
        if not folder:
            return False
        folder = dirname(folder)


def _load(path: str, inputs: Inputs) -> bytes | None:
    try:
        data = inputs.tree.read(path)
    except OSError as error:
        inputs.problems.append(Problem(path, 0, f"cannot be read: {error.strerror or error}"))
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        inputs.problems.append(Problem(path, 1, "not valid UTF-8, but UTF-16"))
        return None
    return data


def _decode(path: str, data: bytes, inputs: Inputs, wanted: re.Pattern[str] | None = None) -> Source | None:
    """The text of a file; None where it is not valid UTF-8, or where ``wanted`` does not find anything in it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if wanted is None or wanted.search(data.decode("utf-8", "replace")):
            line = data.count(b"\n", 0, error.start) + 1
            inputs.problems.append(Problem(path, line, "not valid UTF-8"))
        return None
    source = Source(path, text)
    if MARK in text:
        inputs.suppressions.extend(comments_of(source))
    return source


def _read_documents(path: str, syntax: str, inputs: Inputs, data: bytes | None = None) -> None:
    if data is None:
        data = _load(path, inputs)
    # Nothing without the word can be an object; most files need no decoding for that.
    if data is None or b"kind" not in data:
        return
    source = _decode(path, data, inputs, _WANTED)
    if source is None or not _WANTED.search(source.text):
        return
    if syntax == "yaml":
        from kubelint5xx.formats import yaml

        reading = yaml.read(source, _WANTED)
    else:
        reading = reader(syntax).read(source)
    if reading.documents:
        inputs.analysed.add(path)
    inputs.documents.extend(reading.documents)
    inputs.problems.extend(reading.problems)


def _read_stream(path: str, inputs: Inputs, plans: list[str]) -> None:
    data = _load(path, inputs)
    if data is None:
        return
    if _PLAN.search(data[:4096]):
        plans.append(path)
    else:
        first = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        _read_documents(path, "json" if first in (b"{", b"[") else "yaml", inputs, data)


def _read_json(path: str, inputs: Inputs, plans: list[str]) -> None:
    data = _load(path, inputs)
    if data is None:
        return
    if _PLAN.search(data[:4096]):
        plans.append(path)
    elif b'"apiVersion"' in data:
        _read_documents(path, "json", inputs, data)


def _read_plans(paths: list[str], inputs: Inputs) -> None:
    if not paths:
        return
    from kubelint5xx.eval.plan import is_plan, load_plan

    for path in paths:
        data = _load(path, inputs)
        source = _decode(path, data, inputs) if data is not None else None
        if source is None:
            continue
        if dirname(path) in inputs.modules:
            message = "a plan beside the configuration that it was made from; the configuration is analysed"
            inputs.problems.append(Problem(path, 1, message, "notice"))
            continue
        reading = reader("json").read(source)
        inputs.problems.extend(reading.problems)
        if reading.documents:
            inputs.analysed.add(path)
        for document in reading.documents:
            if not is_plan(document.root):
                inputs.documents.append(document)
            else:
                plan = load_plan(document.root)
                inputs.modules[path] = plan  # type: ignore[assignment]  # a plan stands where a module stands
                inputs.problems.extend(plan.problems)


class _Directory:
    """The Terraform files of one directory, read when they are asked for."""

    def __init__(self, paths: tuple[str, ...], load: Callable[[str], Source | None]) -> None:
        self.paths, self._load = paths, load

    @cached_property
    def sources(self) -> dict[str, Source]:
        return {
            path.rpartition("/")[2]: source
            for path in self.paths
            if not path.endswith(".tfvars.json") and (source := self._load(path)) is not None
        }


def _read_terraform(by_directory: Mapping[str, Iterable[str]], inputs: Inputs) -> None:
    if not by_directory:
        return
    from kubelint5xx.eval.terraform import load_module

    raw: dict[str, bytes] = {}
    for paths in by_directory.values():
        for path in paths:
            data = _load(path, inputs)
            if data is not None:
                raw[path] = data

    texts: dict[str, Source | None] = {}

    def load(path: str) -> Source | None:
        if path not in texts:
            texts[path] = _decode(path, raw[path], inputs) if path in raw else None
            if texts[path] is not None:
                inputs.analysed.add(path)
        return texts[path]

    directories = {
        directory: _Directory(tuple(path for path in paths if path in raw), load)
        for directory, paths in by_directory.items()
    }
    roots = [
        directory
        for directory in _roots(directories, raw)
        if any(_INFRASTRUCTURE.search(raw[path]) for path in directories[directory].paths)
        and any(not path.endswith((".tfvars", ".tfvars.json")) for path in directories[directory].paths)
    ]
    for path in inputs.config.var_files:
        if path not in raw and (data := _load(path, inputs)) is not None:
            raw[path] = data
    for directory in roots:
        var_files = [
            source
            for path in inputs.config.var_files
            if directory in _meant(path, roots) and (source := load(path)) is not None
        ]
        inputs.modules[directory] = load_module(
            directory,
            directories[directory].sources,
            var_files,
            {**_json_variables(directories[directory].paths, load, inputs), **inputs.config.variables},
            child_modules=lambda path: directories[path].sources if path in directories else None,
        )


def _json_variables(
    paths: Iterable[str], load: Callable[[str], Source | None], inputs: Inputs
) -> dict[str, Node]:
    """The values in the variable files in JSON that Terraform reads by itself."""
    found: dict[str, Node] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        if name != "terraform.tfvars.json" and not name.endswith(".auto.tfvars.json"):
            continue
        if (source := load(path)) is None:
            continue
        reading = reader("json").read(source)
        inputs.problems.extend(reading.problems)
        for document in reading.documents:
            found.update((str(entry.key.value), entry.value) for entry in entries(document.root))
    return found


def _meant(var_file: str, roots: list[str]) -> list[str]:
    """The roots that a variable file is for: the nearest one around it, else all of them."""
    around = [root for root in roots if not root or var_file.startswith(root + "/")]
    return [max(around, key=len)] if around else roots


_LOCAL_SOURCE = byte_pattern(rb'^[ \t]*source\s*=\s*"(\.{1,2}/[^"]*)"', re.M)


def _roots(directories: Mapping[str, _Directory], raw: Mapping[str, bytes]) -> list[str]:
    """The directories that no other calls as a module: those are analysed with their callers' inputs only.

    Of directories that call each other in a circle the first one counts as a root.
    """
    calls = {name: _calls(name, content, raw) & set(directories) for name, content in directories.items()}
    called = {target for directory, targets in calls.items() for target in targets if target != directory}
    roots = sorted(set(directories) - called)
    reached: set[str] = set()
    for directory in (*roots, *sorted(called)):
        if directory in reached:
            continue
        if directory in called:
            roots.append(directory)
        waiting = [directory]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting.extend(calls[at])
    return sorted(roots)


def _calls(directory: str, content: _Directory, raw: Mapping[str, bytes]) -> set[str]:
    found: set[str] = set()
    for path in content.paths:
        for match in _LOCAL_SOURCE.finditer(raw[path]):
            target = normpath(join(directory, match[1].decode("utf-8", "replace")))
            found.add("" if target == "." else target)
    return found
