"""Infrastructure in one repository, the apps in another: checked apart, each with what the other one printed, they are
judged as if they were one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubelint5xx.check import check, tell
from kubelint5xx.config import FILE_NAMES, Config
from kubelint5xx.config_assume import with_files
from kubelint5xx.config_file import load_config
from kubelint5xx.core.finding import Coverage, Finding, Report
from kubelint5xx.core.problem import InputError
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.core.value import Confidence, Derived, Value
from kubelint5xx.report import json as json_report
from kubelint5xx.report import path_json, sarif
from kubelint5xx.report import text as text_report
from tests.render.trees import needs_helm, tree_of, written
from tests.rules.stacks import EXAMPLES, STACKS, files_of, files_with

SCHEMA: dict[str, Any] = json.loads((files("kubelint5xx") / "schemas/path.schema.json").read_text(encoding="utf-8"))
Files = dict[str, str]
Verdicts = dict[tuple[str, str], Finding]


def is_infra(path: str) -> bool:
    return path.endswith((".tf", ".tfvars"))


def parted(tree: Files, mine: Callable[[str], bool] = is_infra) -> tuple[Files, Files]:
    """The Terraform of a tree, and all else of it; or another part, and all else."""
    return (
        {path: text for path, text in tree.items() if mine(path)},
        {path: text for path, text in tree.items() if not mine(path)},
    )


def of_platform(path: str) -> bool:
    """What a platform's repository holds where the clusters and their controllers are one team's."""
    return is_infra(path) or path == "cluster.yaml" or "kube-system" in path or "k8s/ingress-nginx" in path


WHOLE = {name: files_of(name) for name in STACKS} | {name: files_with(one) for name, one in EXAMPLES}
BOTH = tuple(name for name, tree in WHOLE.items() if any(map(is_infra, tree)))


def config(text: str, **documents: str) -> Config:
    assume = "".join(f"\n    - ../{name}.json" for name in documents)
    source = Source("kubelint5xx.yaml", text + (f"\nassume:\n  paths:{assume}\n" if documents else ""))
    return with_files(load_config(source), lambda path: documents[path[3:].removesuffix(".json")].encode())


def configured(tree: Files) -> str:
    return next((tree[name] for name in FILE_NAMES if name in tree), "")


def printed(tree: Files, own: Config | None = None) -> str:
    text = path_json.render({"": tell(MemoryTree(tree), own or Config())})
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    return text


def verdicts(report: Report) -> Verdicts:
    """The findings by what they say, whatever lies nearest to it in this repository."""
    return {(one.key.replace(one.place.path, "", 1), f"{one.severity}: {one.text}"): one for one in report.findings}


@cache
def judged(name: str, mine: Callable[[str], bool] = is_infra) -> tuple[Verdicts, Verdicts, Verdicts]:
    """The verdicts on the tree, on its Terraform (or another part) and on all else."""
    tree = WHOLE[name]
    own = configured(tree)
    infra, apps = parted(tree, mine)
    told = {"infra": printed(infra, config(own)), "apps": printed(apps, config(own))}
    return (
        verdicts(check(MemoryTree(tree), config(own))),
        verdicts(check(MemoryTree(infra), config(own, apps=told["apps"]))),
        verdicts(check(MemoryTree(apps), config(own, infra=told["infra"]))),
    )


@pytest.mark.parametrize("name", BOTH)
def test_two_repositories_find_together_what_one_tree_does(name: str) -> None:
    whole, infra, apps = judged(name)
    assert {*infra, *apps} == set(whole)
    for verdict, finding in whole.items():
        # Each finds what is to be changed in it, as surely and at the same place.
        there = (infra if is_infra(finding.place.path) else apps)[verdict]
        assert (str(there.place), there.confidence) == (str(finding.place), finding.confidence)


@pytest.mark.parametrize("name", [name for name in WHOLE if name in STACKS or name.endswith("-1")])
def test_controllers_and_clusters_may_be_in_the_other_repository(name: str) -> None:
    whole, platform, apps = judged(name, of_platform)
    assert {*platform, *apps} == set(whole)


def test_the_incident_shows_in_both_repositories() -> None:
    _, infra, apps = judged("incident")
    rules = [sorted({finding.rule for finding in found.values()}) for found in (infra, apps)]
    assert rules[0] == [
        "kept-connections-survive-drain",
        "node-removed-abruptly",
        "server-closes-first",
        "transient-nodes-in-rotation",
    ]
    # What the conntrack bug rests on is in the manifests alone, and so is the readiness of the pods.
    assert rules[1] == sorted([*rules[0], "conntrack-resets-connections", "drain-shorter-than-readiness"])


def test_the_split_tells_of_more_than_the_repositories_alone() -> None:
    """So that the equality above is none of two trees that know nothing of each other."""
    tree = WHOLE["incident"]
    own = config(configured(tree))
    alone = [verdicts(check(MemoryTree(part), own)) for part in parted(tree)]
    rules = {finding.rule for found in alone for finding in found.values()}
    assert not rules & {"server-closes-first", "node-removed-abruptly", "transient-nodes-in-rotation"}
    firing = [name for name in BOTH if judged(name)[0]]
    assert len(BOTH) > 100 and len(firing) > 40


def values_of(value: Value) -> list[Value]:
    inner = value.origin.inputs if isinstance(value.origin, Derived) else ()
    return [value, *(part for one in inner for part in values_of(one))]


def test_evidence_names_the_file_and_line_of_the_other_repository() -> None:
    _, _, apps = judged("incident")
    (finding,) = (one for one in apps.values() if one.rule == "server-closes-first")
    places = {str(part.place) for cited in finding.evidence for part in values_of(cited.value)}
    assert "../infra.json:infra/load_balancer.tf:1:1" in places and finding.place.path == "k8s/jetty-config.yaml"
    (said,) = finding.assumptions
    assert said.startswith("another repository sets it at infra/load_balancer.tf:1")
    assert said.endswith("as ../infra.json says (kubelint5xx.yaml:12)")
    shown = text_report.render(Report((finding,), (), (), (), Coverage(), ()), color=False, show_unknown=False)
    assert 'would be set in ../infra.json:infra/load_balancer.tf:1:1 · resource "aws_lb" "catalog"' in shown


@pytest.mark.parametrize("side", [0, 1])
def test_sarif_has_no_location_that_cannot_be_opened_and_tells_of_it_in_words(side: int) -> None:
    parts = parted(WHOLE["incident"])
    own, names = configured(WHOLE["incident"]), ("infra", "apps")
    other = {names[1 - side]: printed(parts[1 - side], config(own))}
    text = sarif.render(check(MemoryTree(parts[side]), config(own, **other)))
    uris = {line.split('"')[3] for line in text.splitlines() if '"uri":' in line}
    assert uris <= {*parts[side], "kubelint5xx.yaml"} and len(uris) > 2
    (result,) = [one for one in json.loads(text)["runs"][0]["results"] if one["ruleId"] == "server-closes-first"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    told = [one["location"]["message"]["text"] for one in steps] + [result["message"]["text"]]
    assert all(f"../{names[1 - side]}.json" in part for part in (told[0] if side else told[-2], told[-1]))


def test_the_json_report_tells_where_the_configuration_names_the_other_repository() -> None:
    infra, apps = parted(WHOLE["incident"])
    own = configured(WHOLE["incident"])
    report = json.loads(json_report.render(check(MemoryTree(apps), config(own, infra=printed(infra, config(own))))))
    schema = json.loads((files("kubelint5xx") / "schemas/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)
    (finding,) = (one for one in report["findings"] if one["rule"] == "server-closes-first")
    (place,) = [step["place"] for step in finding["route"] if step["label"] == "the ALB aws_lb.catalog"]
    assert (place["path"], place["line"]) == ("../infra.json:infra/load_balancer.tf", 1)
    assert (place["statedAt"]["path"], place["statedAt"]["line"]) == ("kubelint5xx.yaml", 12)


@pytest.mark.parametrize("name", ["incident", "alb-spot-nodes"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_repository_that_is_told_of_itself_does_not_tell_it_again(name: str, side: int) -> None:
    parts = parted(WHOLE[name])
    own = configured(WHOLE[name])
    other = printed(parts[1 - side], config(own))
    assert printed(parts[side], config(own, other=other)) == printed(parts[side], config(own))


def test_a_root_directory_holds_nothing_of_the_other_repository() -> None:
    infra, apps = parted(WHOLE["incident"])
    infra = {path.removeprefix("infra/"): text for path, text in infra.items()}
    own = "complete: [node-groups, lifecycle-hooks, termination-handlers]\n"
    sides = (
        check(MemoryTree(infra), config(own, apps=printed(apps, config(own)))),
        check(MemoryTree(apps), config(own, infra=printed(infra, config(own)))),
    )
    for report in sides:
        (finding,) = (one for one in report.findings if one.rule == "node-removed-abruptly")
        # One cluster is all that is in sight; that the manifests run in it is assumed.
        assert finding.confidence is Confidence.LOW
        assert any("the only cluster" in said for said in finding.assumptions)


def test_what_rests_on_the_other_repository_alone_is_its_own_finding() -> None:
    apps = {"k8s/app.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n"}
    infra, _ = parted(WHOLE["incident"])
    cutting = infra["infra/load_balancer.tf"].replace("deregistration_delay = 30", "deregistration_delay = 0")
    infra = {**infra, "infra/load_balancer.tf": cutting}
    own = verdicts(check(MemoryTree(infra), Config()))
    assert {finding.rule for finding in own.values()} >= {"deregistration-cuts-requests"}
    assert not check(MemoryTree(apps), config("", infra=printed(infra))).findings


# What is told and what is not.

SECRET = "hunter2"


def test_no_text_but_values_names_and_keys_is_printed() -> None:
    infra = f"""
variable "idle" {{
  default   = 61
  sensitive = true
}}
resource "aws_lb" "shop" {{ # {SECRET}
  idle_timeout = var.idle
  tags         = {{ password = "{SECRET}" }}
}}
resource "aws_launch_template" "nodes" {{
  user_data = base64encode("export TOKEN={SECRET} /etc/eks/bootstrap.sh shop --kubelet-extra-args --node-labels=a=b")
}}
resource "aws_autoscaling_group" "nodes" {{
  launch_template {{ id = aws_launch_template.nodes.id }}
  min_size = 1
}}
resource "aws_lb_target_group" "shop" {{ port = 31080 }}
resource "aws_lb_listener" "shop" {{
  load_balancer_arn = aws_lb.shop.arn
  default_action {{ target_group_arn = aws_lb_target_group.shop.arn }}
}}
"""
    app = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: api}}
spec:
  template:
    metadata: {{labels: {{app: api}}}}
    spec:
      containers:
        - {{name: web, command: [gunicorn, --keep-alive, "5", "--password={SECRET}", app:app], ports: [{{name: a}}]}}
          # {SECRET}
---
apiVersion: v1
kind: Service
metadata: {{name: api, annotations: {{token: {SECRET}}}}}
spec:
  type: NodePort
  selector: {{app: api}}
  ports: [{{port: 80, targetPort: 1, nodePort: 31080}}]
"""
    text = printed({"infra/main.tf": infra, "k8s/app.yaml": app})
    assert not [word for word in (SECRET, "password", "TOKEN", ": 61", '"61') if word in text]
    lines = json.loads(text)["environments"][0]["lines"]
    assert lines["infra/main.tf"]["6"].startswith('resource "aws_lb" "shop"')
    (container,) = (line for line in lines["k8s/app.yaml"].values() if '"5"' in line)
    assert container.count("·") > 30 and container.endswith('"5"')


def test_of_a_controller_only_its_known_settings_are_printed() -> None:
    tree = dict(WHOLE["nlb-ingress-nginx-node"])
    path = "k8s/ingress-nginx/configmap.yaml"
    tree[path] = tree[path].replace("data:", f"data:\n  http-snippet: {SECRET}", 1)
    deployment = "k8s/ingress-nginx/deployment.yaml"
    flag = "- --configmap="
    tree[deployment] = tree[deployment].replace(flag, f"- --default-ssl-certificate={SECRET}\n            {flag}", 1)
    text = printed(tree)
    assert all(SECRET in tree[name] for name in (path, deployment)) and SECRET not in text
    assert "upstream-keepalive-timeout" in text and '"--configmap=' in text


@needs_helm
def test_of_a_chart_the_values_file_is_told_and_not_what_it_renders_to(tmp_path: Path) -> None:
    manifest = APP["app.yaml"].replace('"75"', "{{ .Values.keepAlive | quote }}")
    chart = {
        "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
        "chart/values.yaml": "keepAlive: 75\n",
        "chart/templates/app.yaml": manifest,
    }
    told = path_json.render({"": tell(tree_of(written(tmp_path, chart)), Config())})
    live = check(MemoryTree(TREE), replace(OF_INFRA.within("live"), assume=config("", apps=told).assume))
    (finding,) = (one for one in live.findings if one.rule == "server-closes-first")
    assert "../apps.json:chart/values.yaml:1:12" in {str(cited.value.place) for cited in finding.evidence}
    # What the variable is set to there.
    assert str(finding.place) == "kubelint5xx.yaml:2:38"


# Environments.

TREE = {
    "main.tf": 'variable "idle" {}\nresource "aws_lb" "shop" {\n  idle_timeout = var.idle\n}\n'
    'resource "aws_lb_target_group" "shop" {\n  port = 31080\n}\n'
    'resource "aws_lb_listener" "shop" {\n  load_balancer_arn = aws_lb.shop.arn\n'
    "  default_action { target_group_arn = aws_lb_target_group.shop.arn }\n}\n"
}
APP = {
    "app.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    metadata: {labels: {app: api}}
    spec:
      containers: [{name: web, command: [gunicorn, -k, gthread, --keep-alive, "75", a:a], ports: [{containerPort: 1}]}]
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {type: NodePort, selector: {app: api}, ports: [{port: 80, targetPort: 1, nodePort: 31080}]}
"""
}
OF_INFRA = config(
    "environments:\n  live: { terraform: { vars: { idle: 120 } } }\n  test: { terraform: { vars: { idle: 60 } } }\n"
)


def of_environments(*names: str) -> str:
    return path_json.render({name: tell(MemoryTree(TREE), OF_INFRA.within(name)) for name in names})


@pytest.mark.parametrize(
    ("told", "mine", "closes_first"),
    [
        (("live", "test"), "live", True),
        (("live", "test"), "test", False),
        (("live", "test"), "qa", None),
        (("live", "test"), "", None),
        (("live",), "qa", True),
        (("live",), "", True),
    ],
)
def test_an_environment_takes_what_is_told_of_its_own_or_of_the_only_one(
    told: tuple[str, ...], mine: str, closes_first: bool | None
) -> None:
    own = config(f"environments: {{ {mine}: }}\n" if mine else "", infra=of_environments(*told))
    report = check(MemoryTree(APP), own.within(mine) if mine else own)
    found = "server-closes-first" in {finding.rule for finding in report.findings}
    assert found is (closes_first is True)
    notices = [problem.message for problem in report.problems]
    assert [("live, test" in notice and "none is used" in notice) for notice in notices] == (
        [True] if closes_first is None else []
    )


# Documents that nobody printed, or another version.


@cache
def sample() -> Any:
    infra, _ = parted(WHOLE["incident"])
    return json.loads(printed(infra, config(configured(WHOLE["incident"]))))


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 2**70), st.floats(), st.text(max_size=8),
    st.sampled_from([[], {}, [[]], [{}], {"": {}}, {"place": {"file": "a", "line": 10**9}}, 10**400]),
)  # fmt: skip


def changed(node: Any, data: st.DataObject) -> Any:
    """The document with something else somewhere in it."""
    if isinstance(node, (dict, list)) and node and data.draw(st.integers(0, 7)):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        copy = dict(node) if isinstance(node, dict) else list(node)
        if data.draw(st.integers(0, 9)):
            copy[key] = changed(node[key], data)
        else:
            del copy[key]
        return copy
    return data.draw(JUNK)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_changed_document_is_a_problem_or_is_read(data: st.DataObject) -> None:
    apps = {path: text for path, text in WHOLE["incident"].items() if path.startswith("k8s/")}
    document = sample()
    for _ in range(data.draw(st.integers(1, 4))):
        document = changed(document, data)
    try:
        own = config(configured(WHOLE["incident"]), infra=json.dumps(document))
    except InputError as error:
        assert error.problem.path == "kubelint5xx.yaml" and error.problem.line == 12
        assert "../infra.json" in error.problem.message
        return
    report = check(MemoryTree(apps), own)
    text_report.render(report, color=False, show_unknown=True)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='{}[]":,0123456789.eE-+truefalsnv \n\\u', max_size=60))
def test_any_text_is_a_problem_or_is_read(text: str) -> None:
    try:
        check(MemoryTree(APP), config("", infra='{"version": 2, "environments": [' + text))
    except InputError as error:
        assert str(error.problem).startswith("kubelint5xx.yaml:4")
