"""Which files of a tree hold what, and what they say: the documents, Terraform roots and builds of one check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from posixpath import dirname, join
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.document import Document
from kubelint5xx.core.node import Mapping as Object
from kubelint5xx.core.node import Node, Scalar
from kubelint5xx.core.pattern import byte_pattern, pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.tree import Tree, listed
from kubelint5xx.formats import reader
from kubelint5xx.suppress import MARK, Suppression, comments_of

if TYPE_CHECKING:
    from kubelint5xx.eval.cloudformation import Stack
    from kubelint5xx.eval.described import Described
    from kubelint5xx.eval.plan import Plan
    from kubelint5xx.eval.terraform import Module

STREAM = "<stdin>"
COMMAND_LINE = "<command line>"
ENVIRONMENT = "<environment>"

# A document whose bytes name none of these kinds is not parsed: CRDs, roles and dashboards are most of all YAML.
_KINDS = (
    "Ingress|IngressClass|IngressClassParams|Service|TargetGroupBinding|Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod"
    "|ReplicationController"
    "|Rollout|ConfigMap|Namespace|Node|NodePool|EC2NodeClass|Provisioner|ClusterConfig|Cluster|InstanceGroup"
    "|ClusterConfiguration|KubeProxyConfiguration|NodeConfig|Kustomization|Component|PodDisruptionBudget"
    "|HorizontalPodAutoscaler|ScaledObject|IstioOperator|[A-Za-z]*List"
    # Gateways and routes of all makes, and what says something of them.
    "|Gateway|GatewayClass|HTTPRoute|GRPCRoute|TCPRoute|TLSRoute|LoadBalancerConfiguration|TargetGroupConfiguration"
    "|BackendTrafficPolicy|VirtualService|DestinationRule|IngressRoute|TraefikService|ServersTransport|HTTPProxy|Route"
    "|Template|DeploymentConfig|ClusterPolicy|Policy"
    "|ListenerSet|XListenerSet|ReferenceGrant|ClientTrafficPolicy|EnvoyProxy|ContourConfiguration|IngressController"
    "|Mapping|Module|Kubernetes(?:Endpoint|Service)Resolver|BackendConfig|GCPBackendPolicy|HealthCheckPolicy"
    # Cluster API's, kubeadm's, and EKS Auto Mode's.
    "|Machine(?:Deployment|Pool)|AWS(?:Managed)?Machine(?:Pool|Template)|AWSManagedControlPlane|KubeadmControlPlane"
    "|(?:EKS|Kubeadm|Nodeadm)Config(?:Template)?|(?:Join|Init)Configuration|NodeClass"
)
_OBJECT = rf"""kind["']?[ \t]*:[ \t]*(?:[&!]\S+[ \t]+)*+["']?(?:{_KINDS})["']?[ \t]*(?:[\r\n,}}#]|$)"""
_WANTED = pattern(_OBJECT, re.M)
# Talos' configuration of a machine has no kind.
_MACHINE = pattern(rf"{_OBJECT}|^machine:", re.M)
_PLAN = byte_pattern(rb'"(?:planned_values|terraform_version)"\s*:')
_AWS = byte_pattern(rb"""["']?Type["']?\s*:\s*["']?AWS::[A-Z]""")
# What gives values to a stack's parameters, or says where the CDK put its nested templates.
_BESIDE_TEMPLATES = byte_pattern(rb'"(?:ParameterKey|Parameters|artifacts|destinations)"\s*:')
# What `aws elbv2 describe-…` and `aws elb describe-…` print.
_DESCRIBED = byte_pattern(
    rb'"(?:LoadBalancerArn|TargetGroupArn|RuleArn|LoadBalancerAttributes|LoadBalancerDescriptions|TargetHealthDescriptions'
    rb'|Attributes)"\s*:|"Key"\s*:\s*"(?:idle_timeout|deregistration_delay|tcp\.idle_timeout)\.'
)
_TERRAFORM = (".tf", ".tofu", ".tfvars", ".tf.json", ".tofu.json", ".tfvars.json")


@record(frozen=False)
class Inputs:
    """Everything that was read of a tree. The files of ``analysed`` were, and each problem says what was not."""

    tree: Tree
    config: Config
    documents: list[Document] = field(default_factory=list)
    modules: dict[str, Module | Plan | Stack | Described] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    analysed: set[str] = field(default_factory=set)
    _templates: dict[str, Object] = field(default_factory=dict)
    _beside_templates: dict[str, bytes] = field(default_factory=dict)
    _described: dict[str, bytes] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """How many files were analysed so far; modules are read when something in them is asked for."""
        return len(self.analysed)


def read_inputs(tree: Tree, config: Config) -> Inputs:
    """Read what matters of ``tree``. A file that cannot be read is a problem; the others are still read."""
    inputs = Inputs(tree, config)
    paths = [path for path in tree.paths() if included(path, config)]
    charts = {dirname(path) for path in paths if path.rpartition("/")[2] in ("Chart.yaml", "Chart.yml")}
    _name_charts(charts, paths, inputs)
    terraform: dict[str, list[str]] = {}
    plans: list[str] = []
    terragrunt: list[str] = []
    for path in paths:
        name = path.rpartition("/")[2].lower()
        if name in ("samconfig.toml", "samconfig.yaml", "samconfig.yml"):
            if (data := _load(path, inputs)) is not None:
                inputs._beside_templates[path] = data
        elif name.endswith((".yaml", ".yml")):
            if not _in_chart(path, charts):
                _read_yaml(path, inputs)
        elif name.endswith(".template"):
            _read_template(path, _load(path, inputs), inputs)
        elif path == STREAM:
            _read_stream(path, inputs, plans)
        elif "/.terraform/" in f"/{path}":
            # What others wrote: read where a module calls it.
            continue
        elif name.endswith(_TERRAFORM):
            terraform.setdefault(dirname(path), []).append(path)
        elif name.startswith("terragrunt.") and name.endswith((".hcl", ".hcl.json")):
            terragrunt.append(path)
        elif name.endswith(".json"):
            _read_json(path, inputs, plans)
    if inputs._templates:
        _read_stacks(inputs)
    if inputs._described:
        _read_descriptions(inputs)
    _read_terraform(terraform, _read_plans(plans, inputs), terragrunt, inputs)
    # Objects of known charts, which stand in no file.
    inputs.documents.extend(getattr(tree, "documents", ()))
    return inputs


def argument(name: str, value: str, at: int = 0, path: str = COMMAND_LINE) -> Scalar:
    """A value that the command line, or what ``path`` says, gives as text. ``at`` counts such values from 0: each has a
    line of its own."""
    before = "\n" * at + f"{name} = "
    source = Source(path, before + value)
    return Scalar(Span(source, len(before), len(source.text)), value, value)


def included(path: str, config: Config) -> bool:
    if path == STREAM:
        return True
    config = config.at(path)
    if config.include and not any(_matches(path, pattern) for pattern in config.include):
        return False
    return not excluded(path, config)


def excluded(path: str, config: Config) -> bool:
    """Whether a pattern of ``config`` itself leaves the file out."""
    return any(_matches(path, pattern) for pattern in config.exclude)


def _matches(path: str, pattern: str) -> bool:
    pattern = pattern.rstrip("/")
    if pattern.startswith("**/") and _matches(path, pattern[3:]):
        return True
    # In the configuration of a directory it begins with that directory.
    if "/**/" in pattern and _matches(path, pattern.replace("/**/", "/", 1)):
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
    if data is None:
        return
    machine = data.startswith(b"machine:") or b"\nmachine:" in data
    # Nothing without the word can be an object; most files need no decoding for that.
    if b"kind" not in data and not machine:
        return
    wanted = _MACHINE if machine else _WANTED
    source = _decode(path, data, inputs, wanted)
    if source is None or not wanted.search(source.text):
        return
    if syntax == "yaml":
        from kubelint5xx.formats import yaml

        reading = yaml.read(source, wanted)
    else:
        reading = reader(syntax).read(source)
    if reading.documents:
        inputs.analysed.add(path)
    namespace_of = getattr(inputs.tree, "namespace_of", None)
    namespace = namespace_of(path) if namespace_of else ""
    documents = (replace(one, namespace=namespace) for one in reading.documents) if namespace else reading.documents
    inputs.documents.extend(documents)
    inputs.problems.extend(reading.problems)


def _read_yaml(path: str, inputs: Inputs) -> None:
    data = _load(path, inputs)
    if data is not None and not _read_template(path, data, inputs):
        _read_documents(path, "yaml", inputs, data)


def _read_template(path: str, data: bytes | None, inputs: Inputs) -> bool:
    """Reads a CloudFormation template; says whether the file is one."""
    if data is None or b"AWS::" not in data or b"Resources" not in data or not _AWS.search(data):
        return False
    from kubelint5xx.eval.cloudformation import is_template

    source = _decode(path, data, inputs)
    if source is None:
        return True
    if source.text.lstrip().startswith("{"):
        reading = reader("json").read(source)
    else:
        from kubelint5xx.formats import yaml

        reading = yaml.read(source, functions=True)
    roots = [document.root for document in reading.documents]
    if reading.documents and not any(is_template(root) for root in roots):
        return False
    inputs.problems.extend(reading.problems)
    for root in roots[:1]:
        if isinstance(root, Object):
            inputs._templates[path] = root
            inputs.analysed.add(path)
    return True


def _read_stream(path: str, inputs: Inputs, plans: list[str]) -> None:
    data = _load(path, inputs)
    if data is None:
        return
    if _PLAN.search(data[:4096]):
        plans.append(path)
    elif not _read_template(path, data, inputs):
        first = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        _read_documents(path, "json" if first in (b"{", b"[") else "yaml", inputs, data)


def _read_json(path: str, inputs: Inputs, plans: list[str]) -> None:
    data = _load(path, inputs)
    if data is None:
        return
    if _PLAN.search(data[:4096]):
        plans.append(path)
    elif not _read_template(path, data, inputs):
        if b'"apiVersion"' in data:
            _read_documents(path, "json", inputs, data)
            return
        if _BESIDE_TEMPLATES.search(data):
            inputs._beside_templates[path] = data
        if _DESCRIBED.search(data):
            inputs._described[path] = data


def _read_descriptions(inputs: Inputs) -> None:
    """What AWS prints of load balancers. Of files that look like it and are not, nothing is said."""
    from kubelint5xx.eval.described import is_description, load_descriptions

    found: list[Node] = []
    for path, data in inputs._described.items():
        source = _decode(path, data, inputs)
        reading = reader("json").read(source) if source is not None else None
        for document in reading.documents if reading is not None else ():
            if is_description(document.root):
                found.append(document.root)
                inputs.analysed.add(path)
    if found:
        described = load_descriptions(found)
        if described.made or described.problems:
            inputs.modules[found[0].span.path] = described


def _read_stacks(inputs: Inputs) -> None:
    """The stacks of all templates, with what other files say of their parameters and of the files that they nest."""
    from kubelint5xx.eval.stacks import load_stacks

    known: list[Node] = []
    for path, data in sorted(inputs._beside_templates.items()):
        source = _decode(path, data, inputs)
        if source is not None:
            syntax = path.rpartition(".")[2]
            known += [one.root for one in reader("yaml" if syntax == "yml" else syntax).read(source).documents]
    inputs.modules.update(load_stacks(inputs._templates, known, inputs.problems, inputs.config.environment))


def _read_plans(paths: list[str], inputs: Inputs) -> dict[str, Plan]:
    found: dict[str, Plan] = {}
    for path in paths:
        from kubelint5xx.eval.plan import is_plan, load_plan

        data = _load(path, inputs)
        source = _decode(path, data, inputs) if data is not None else None
        if source is None:
            continue
        reading = reader("json").read(source)
        inputs.problems.extend(reading.problems)
        if reading.documents:
            inputs.analysed.add(path)
        for document in reading.documents:
            if not is_plan(document.root):
                inputs.documents.append(document)
            else:
                found[path] = load_plan(document.root)
    return found


def _read_terraform(
    by_directory: Mapping[str, Iterable[str]], plans: Mapping[str, Plan], terragrunt: list[str], inputs: Inputs
) -> None:
    if terragrunt:
        from kubelint5xx.eval.terragrunt import problems_of

        inputs.problems.extend(problems_of(terragrunt))
    if not by_directory:
        # A plan by itself needs no reader of configurations.
        inputs.modules.update(plans)
        return
    from kubelint5xx.eval.roots import Files, load_roots

    raw: dict[str, bytes | None] = {}
    texts: dict[str, Source | None] = {}

    def read(path: str) -> bytes | None:
        if path not in raw:
            raw[path] = _load(path, inputs)
        return raw[path]

    def load(path: str) -> Source | None:
        if path not in texts:
            data = read(path)
            texts[path] = _decode(path, data, inputs) if data is not None else None
            if texts[path] is not None:
                inputs.analysed.add(path)
        return texts[path]

    def text(path: str) -> Source | None:
        try:
            return Source(path, inputs.tree.read(path).decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            return None

    files = Files(read, load, text, lambda directory: listed(inputs.tree, directory))
    config = inputs.config

    def given(root: str) -> tuple[Iterable[str], Mapping[str, Node], Mapping[str, Node]]:
        own = config.at(f"{root}/")
        return own.var_files, own.variables, config.ambient

    inputs.modules.update(load_roots(by_directory, files, given, plans, terragrunt, inputs.problems))
