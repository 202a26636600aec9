from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from kubelint5xx import config_file
from kubelint5xx.config import Config, Link
from kubelint5xx.config_file import load_config
from kubelint5xx.core.node import Scalar
from kubelint5xx.core.problem import InputError
from kubelint5xx.core.source import Source
from kubelint5xx.core.value import Default, Severity, Written

SCHEMA: dict[str, Any] = json.loads((files("kubelint5xx") / "schemas/config.schema.json").read_text(encoding="utf-8"))
KEYS = list(config_file._DECODE)


def load(text: str, path: str = "kubelint5xx.yaml") -> Config:
    return load_config(Source(path, text))


def error(text: str, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_config(Source("kubelint5xx.yaml", text), **options)
    return str(caught.value.problem)


@pytest.mark.parametrize("text", ["", "# select: [keepalive]\n", "---\n", "{}\n"])
def test_an_empty_configuration_is_the_default(text: str) -> None:
    config = load(text)
    assert (config.include, config.select, config.links, config.budgets) == ((), (), (), {})
    budget = config.budget("idle_margin")
    assert budget.data == 5.0
    assert isinstance(budget.origin, Default)


def test_every_key_is_read() -> None:
    config = load("""
include: ["k8s/*"]
exclude: archive
select: [keepalive]
ignore: [grace-too-short, drain]
per-path-ignore: { "legacy/*": [drain] }
severity: { thin-idle-margin: info }
budgets: { endpoint_propagation: 500ms, deregistration_propagation: 1m, idle_margin: 2.5 }
links: [{ service: shop/api, target_group: api }]
servers: { "Deployment shop/*": node@20 }
complete: [lifecycle-hooks, node-groups]
volatile: ["*-nightly"]
stable: [core]
terraform: { var-files: [infra/prod.tfvars], vars: { region: eu-west-1 } }
helm: [{ chart: charts/web, values: [values.yaml, prod.yaml], set: { replicas: 3 }, release: web, namespace: shop }]
kustomize: overlays/prod
environments: { test: { kustomize: [overlays/test], exclude: ["prod/*"] }, live: }
rules: [house]
assume: { namespaces: { shop: { labels: { team: a } } }, target_groups: [{ name: api }], paths: ../infra.json }
cluster: { kubernetes_version: 1.30, kube_proxy_mode: nftables }
""")
    assert config.var_files == ("infra/prod.tfvars",) and list(config.variables) == ["region"]
    (chart,) = config.charts
    assert (chart.directory, chart.values, chart.release, chart.namespace) == (
        "charts/web",
        ("values.yaml", "prod.yaml"),
        "web",
        "shop",
    )
    assert config.overlays == ("overlays/prod",) and list(config.rules) == ["house"]
    assert list(config.assume) == ["namespaces", "target_groups", "paths"]
    assert list(config.environments) == ["test", "live"]
    test, live = config.within("test"), config.within("live")
    assert (test.overlays, test.exclude) == (("overlays/test",), ("archive", "prod/*"))
    assert (live.overlays, live.exclude) == (("overlays/prod",), ("archive", "overlays/test/*"))
    assert config.include == ("k8s/*",)
    assert config.exclude == ("archive",)
    assert config.select == ("keepalive",)
    assert config.ignore == ("grace-too-short", "drain")
    assert config.per_path_ignore == {"legacy/*": ("drain",)}
    assert config.severity == {"thin-idle-margin": Severity.INFO}
    assert {name: value.data for name, value in config.budgets.items()} == {
        "endpoint_propagation": 0.5,
        "deregistration_propagation": 60.0,
        "idle_margin": 2.5,
    }
    assert [link.ends for link in config.links] == [{"service": "shop/api", "target_group": "api"}]
    assert config.complete == {"lifecycle-hooks", "node-groups"}
    assert (list(config.volatile), list(config.stable)) == (["*-nightly"], ["core"])
    server, version = config.server_of("Deployment shop/api"), config.cluster["kubernetes_version"]
    assert isinstance(server, Scalar)
    assert server.value == "node@20"
    assert config.server_of("Deployment other/api") is None
    assert isinstance(version, Scalar)
    assert version.raw == "1.30"


def test_a_budget_and_a_link_know_their_lines() -> None:
    config = load("budgets:\n  idle_margin: 8s\nlinks:\n  - service: a\n    image: b\n")
    origin = config.budget("idle_margin").origin
    assert isinstance(origin, Written)
    assert (str(origin.span), origin.span.text) == ("kubelint5xx.yaml:2:16", "8s")
    (link,) = config.links
    assert isinstance(link, Link)
    assert link.span.line == 4
    assert config.links_with("service", "image") == (link,)
    assert config.links_with("service", "cluster") == ()


def test_paths_of_a_nested_configuration_are_relative_to_its_own_directory() -> None:
    config = load(
        "include: [k8s]\nexclude: [old]\nper-path-ignore: { a: [drain] }\n"
        "links: [{ manifests: ../k8s, cluster: main }, { image: x/y, build: . }]\n",
        "team/kubelint5xx.yaml",
    )
    assert (config.include, config.exclude) == (("team/k8s",), ("team/old",))
    assert config.per_path_ignore == {"team/a": ("drain",)}
    assert [dict(link.ends) for link in config.links] == [
        {"manifests": "k8s", "cluster": "main"},
        {"image": "x/y", "build": "team"},
    ]


BAD = {
    "- a\n": "kubelint5xx.yaml:1: the configuration is not a mapping",
    "a: [\n": "kubelint5xx.yaml:1: not valid YAML",
    "ignore: []\nselekt: [a]\n": "yaml:2: 'selekt' is not a key of the configuration; did you mean 'select'?",
    "zzz: 1\n": "known are assume, budgets, cluster,",
    "ignore: [a]\nignore: [b]\n": "kubelint5xx.yaml:2: key ignore is given twice",
    "ignore: [a]\n---\nignore: [b]\n": "kubelint5xx.yaml:3: a second document",
    "include: 5\n": "kubelint5xx.yaml:1: a list of texts is needed here",
    "volatile: [a, 5]\n": "a list of texts is needed here; a number is one in quotes",
    "select: { a: b }\n": "a list of texts is needed here",
    "budgets:\n  idle_margn: 5s\n": "kubelint5xx.yaml:2: 'idle_margn' is not a key",
    "budgets: { idle_margn: 5s }\n": "did you mean 'idle_margin'?",
    "budgets: 5\n": "budgets is not a mapping",
    "budgets:\n  idle_margin: soon\n": "kubelint5xx.yaml:2: idle_margin is not a duration such as 5s",
    "budgets: { idle_margin: -1 }\n": "idle_margin is not a duration",
    "budgets: { idle_margin: 5 days }\n": "idle_margin is not a duration",
    "budgets: { idle_margin: true }\n": "idle_margin is not a duration",
    "budgets: { idle_margin: }\n": "idle_margin is not a duration",
    "budgets: { idle_margin: [5] }\n": "idle_margin is not a duration",
    "severity: { thin-idle-margin: fatal }\n": "a severity is one of info, warning, error",
    "severity: [error]\n": "severity is not a mapping",
    "per-path-ignore: [a]\n": "per-path-ignore is not a mapping",
    "per-path-ignore: { a: { b: c } }\n": "a list of texts is needed here",
    "links: { service: a, image: b }\n": "links is not a list",
    "links: [a]\n": "a link is not a mapping",
    "links:\n  - service: a\n": "kubelint5xx.yaml:2: a link joins two things",
    "links: [{ service: a, target-group: b }]\n": "did you mean 'target_group'?",
    "links: [{ service: a, image: [b] }]\n": "image of a link is not a text",
    "links: [{ service: a, image: 5 }]\n": "image of a link is not a text",
    "complete: [hooks]\n": "'hooks' is not a set that can be complete: lifecycle-hooks, termination-handlers,",
    "servers: [node]\n": "servers is not a mapping",
    "servers: { a: [node] }\n": "a server is a text such as node@20",
    "servers: { a: 20 }\n": "a server is a text such as node@20",
    "cluster: { kubernets_version: 1.30 }\n": "did you mean 'kubernetes_version'?",
    "cluster: { kernel: [5] }\n": "kernel is not a text",
    "cluster: { kernel: true }\n": "kernel is not a text",
    "cluster: 1.30\n": "cluster is not a mapping",
    "assume:\n  target_grups: []\n": "yaml:2: 'target_grups' is not a key of the configuration; did you mean",
    "assume: { target_groups: { name: a } }\n": "target_groups is not a list",
    "assume: { target_groups: [a] }\n": "a target group is not a mapping",
    "assume: { target_groups: [{ port: 80 }] }\n": "a target group is known by its name or its arn",
    "assume: { target_groups: [{ name: a, prt: 80 }] }\n": "did you mean 'port'?",
    "assume: { target_groups: [{ name: 5 }] }\n": "name is not a text",
    "assume: { target_groups: [{ name: '' }] }\n": "name is not a text",
    "assume: { target_groups: [{ arn: 'arn:aws:x' }] }\n": "that is not the ARN of a target group",
    "assume: { target_groups: [{ name: a, port: http }] }\n": "a port is a number from 1 to 65535",
    "assume: { target_groups: [{ name: a, port: 70000 }] }\n": "a port is a number from 1 to 65535",
    "assume: { target_groups: [{ name: a, target_type: lambda }] }\n": "target_type is one of instance, ip",
    "assume: { target_groups: [{ name: a, protocol_version: 2 }] }\n": "protocol_version is one of HTTP1,",
    "assume: { target_groups: [{ name: a, deregistration_delay: soon }] }\n": "not a duration such as 5s",
    "assume: { target_groups: [{ name: a, balancer: alb }] }\n": "a balancer is not a mapping",
    "assume: { target_groups: [{ name: a, balancer: { name: b } }] }\n": "a balancer has a type: alb, nlb",
    "assume: { target_groups: [{ name: a, balancer: { type: elb } }] }\n": "type is one of alb, nlb",
    "assume: { target_groups: [{ name: a, balancer: { type: alb, idle_timeout: -1 } }] }\n": "not a duration such as",
    "assume: { namespaces: [shop] }\n": "namespaces is not a mapping",
    "assume: { namespaces: { shop: { label: {} } } }\n": "did you mean 'labels'?",
    "assume: { namespaces: { shop: { labels: { a: true } } } }\n": "a label's value is a text",
    "assume: { paths: [5] }\n": "a list of texts is needed here",
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_used_is_an_error_with_its_line(text: str) -> None:
    assert BAD[text] in error(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("select: [grace-too-shrt]\n", 1),
        ("select:\n  - drain\n  - grace-too-shrt\n", 3),
        ("ignore: grace-too-shrt\n", 1),
        ("severity:\n  grace-too-shrt: info\n", 2),
        ("per-path-ignore:\n  a:\n    - grace-too-shrt\n", 3),
    ],
)
def test_a_rule_that_does_not_exist_is_an_error_with_the_nearest_one(text: str, line: int) -> None:
    said = error(text, rules=lambda config: ["grace-too-short", "drain"])
    assert said == f"kubelint5xx.yaml:{line}: 'grace-too-shrt' is no rule and no group; did you mean 'grace-too-short'?"


# The schema, which editors use, says what the reader does.


def test_the_schema_has_exactly_the_keys_that_are_read() -> None:
    properties = SCHEMA["properties"]
    assert list(properties) == KEYS
    assert tuple(properties["budgets"]["properties"]) == config_file.BUDGETS
    assert tuple(properties["links"]["items"]["properties"]) == config_file.LINK_ENDS
    assert tuple(properties["cluster"]["properties"]) == config_file.CLUSTER
    assert tuple(SCHEMA["$defs"]["set"]["enum"]) == config_file.COMPLETE
    assert tuple(properties["severity"]["additionalProperties"]["enum"]) == tuple(map(str, Severity))
    assert all("description" in each for each in properties.values())


GOOD = [
    "{}",
    "include: a",
    "exclude: []",
    "budgets: { idle_margin: 5 }",
    "budgets: { idle_margin: '1.5 m', endpoint_propagation: 7s }",
    "links: []",
    "links: [{ manifests: k8s, cluster: a, node_group: b }]",
    "servers: { a: gunicorn }",
    "complete: node-groups",
    "cluster: { kubernetes_version: 1.31, kernel: '6.1', kube_proxy_mode: ipvs }",
    "severity: {}",
    "per-path-ignore: { a: b }",
    "assume: {}",
    "assume: { target_groups: [{ name: a, port: 80, target_type: ip, balancer: { type: nlb, idle_timeout: 1.5m } }] }",
    "assume: { target_groups: [{ arn: 'arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/a/b', name: a }] }",
    "assume: { namespaces: { a: {}, b: { labels: { c: d } } }, paths: a.json }",
    "environments: { a: { assume: { paths: [b.json] } } }",
]


def accepted(text: str) -> bool:
    try:
        load(text)
    except InputError:
        return False
    return True


SINGLE = [
    text for text in BAD if "twice" not in BAD[text] and "second" not in BAD[text] and "not valid" not in BAD[text]
]


SHAPES = [f"{key}: {value}" for key in KEYS for value in (5, "x", "[x]", "{x: z}", "")]


@pytest.mark.parametrize("text", [*GOOD, *SINGLE, *SHAPES])
def test_the_schema_and_the_reader_accept_the_same(text: str) -> None:
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text))
    assert accepted(text) is valid


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
