"""Nested stacks, imports and parameter files are judged as the one template that says the same."""

from __future__ import annotations

import json

import pytest

from kubelint5xx.config import Config
from kubelint5xx.core.record import replace
from tests.link.test_cloudformation import CFN, HCL, NAMES
from tests.link.test_ecs import CFN as ECS
from tests.link.test_ecs import node
from tests.same_verdict import report, same_verdict

_BODIES = CFN.partition("Resources:\n")[2]


def part(*names: str) -> str:
    """The resources of these names, as the single template writes them."""
    found, keep = [], False
    for line in _BODIES.splitlines():
        if line[:3].strip():
            keep = line.strip().rstrip(":") in names
        found += [line] if keep else []
    return "\n".join(found) + "\n"


BALANCING = (
    "Parameters:\n  Quick: {Type: String, Default: 'no'}\n"
    "Conditions:\n  Quick: !Equals [!Ref Quick, 'yes']\nResources:\n"
    + part("Balancer", "Http", "Web", "Old")
)
OUTPUTS = "Outputs:\n  Group:\n    Value: !Ref Web\n    Export: {Name: !Sub '${AWS::StackName}-Group'}\n"
NODES = "Parameters:\n  Group: {Type: String}\nResources:\n" + part("Template", "Nodes", "Others").replace(
    "TargetGroupARNs: [!Ref Web]", "TargetGroupARNs: [!Ref Group]"
)


def parent(balancing: str, nodes: str) -> str:
    return f"""
Resources:
  Balancing:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: {balancing}
      Parameters: {{Quick: 'yes'}}
  Nodes:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: {nodes}
      Parameters: {{Group: !GetAtt Balancing.Outputs.Group}}
"""


INNER = {f"Balancing.{name}": name for name in ("Balancer", "Http", "Web", "Old")} | {
    f"Nodes.{name}": name for name in ("Template", "Nodes", "Others")
}
# How the tree with nested stacks calls what the single template names.
NESTED_NAMES = {name: inner for inner, name in INNER.items()}
FILES = {"nested/balancing.yaml": BALANCING + OUTPUTS, "nested/nodes.yaml": NODES}


@pytest.mark.parametrize(
    ("balancing", "nodes"),
    [
        ("nested/balancing.yaml", "./nested/nodes.yaml"),
        ("!Sub 'https://${AWS::AccountId}.s3.amazonaws.com/x/nested/balancing.yaml'",
         "!Join ['/', ['https://s3.amazonaws.com', !Ref AWS::Region, nodes.yaml]]"),
    ],
)  # fmt: skip
def test_nested_stacks_are_judged_as_one_template_and_as_terraform(balancing: str, nodes: str) -> None:
    tree = {"main.yaml": parent(balancing, nodes), **FILES}
    found = report(tree)
    assert {one.place.path for one in found.findings} == {"nested/balancing.yaml", "nested/nodes.yaml"}
    same_verdict({"main.yaml": CFN}, tree, names=NESTED_NAMES)
    names = {f"{NAMED[name]}": inner for inner, name in INNER.items()}
    same_verdict({"infra/main.tf": HCL}, tree, names=names)


NAMED = {name: full for full, name in NAMES.items()}


def test_what_a_parent_passes_stands_where_the_parent_writes_it() -> None:
    delayed = BALANCING.replace('!If [Quick, "0", "60"]', "!Ref Delay").replace(
        "Parameters:\n", "Parameters:\n  Delay: {Type: Number, Default: 60}\n"
    )
    tree = {"main.yaml": parent("nested/balancing.yaml", "nested/nodes.yaml").replace("{Quick: 'yes'}", "{Delay: 0}")}
    tree |= {"nested/balancing.yaml": delayed + OUTPUTS, "nested/nodes.yaml": NODES}
    places = [one.place for one in report(tree).findings if one.rule == "deregistration-cuts-requests"]
    assert ("main.yaml", "0") in [(place.path, place.text) for place in places]


def test_a_nested_template_by_the_cdk_is_found_by_its_asset() -> None:
    nested = {"Fn::Sub": "https://s3.${AWS::Region}.amazonaws.com/cdk-assets/abc123.json"}
    group = {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {"Protocol": "HTTP"}}
    group["Properties"]["TargetGroupAttributes"] = [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]  # type: ignore[index]
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": nested}}
    inner = json.dumps({"Resources": {"Web": group}})
    assets = {"files": {"abc": {"source": {"path": "ShopWeb.nested.template.json", "packaging": "file"},
                                "destinations": {"here": {"objectKey": "abc123.json"}}}}}  # fmt: skip
    other = {"Type": "AWS::SNS::Topic"}
    by_metadata = {**stack, "Metadata": {"aws:asset:path": "ShopWeb.nested.template.json"}}
    by_assets = {"cdk.out/Shop.assets.json": json.dumps(assets)}
    for made, beside in ((stack, by_assets), (by_metadata, {})):
        outer = {"cdk.out/Shop.template.json": json.dumps({"Resources": {"Web": made, "T": other}})}
        (finding,) = report({**outer, "cdk.out/ShopWeb.nested.template.json": inner, **beside}).findings
        assert finding.rule == "deregistration-cuts-requests" and "Web.Web" in finding.key


def test_a_nested_stack_that_is_not_in_the_files_may_make_anything() -> None:
    tree = {"main.yaml": parent("nested/balancing.yaml", "https://s3.amazonaws.com/elsewhere/nodes.yaml")}
    tree["nested/balancing.yaml"] = BALANCING + OUTPUTS
    found = report(tree)
    assert {one.rule for one in found.findings} == {"lb-attribute-invalid", "deregistration-cuts-requests"}
    assert any(one.about == "Nodes" and "nodes.yaml is not in the files" in one.reason for one in found.unknowns)


def test_stacks_that_nest_each_other_come_to_an_end() -> None:
    loop = parent("b.yaml", "a.yaml")
    report({"a.yaml": loop, "b.yaml": loop})
    crossing = parent("nested/balancing.yaml", "nested/nodes.yaml").replace("'yes'", "!GetAtt Nodes.Outputs.X")
    report({"main.yaml": crossing, **FILES})
    imports = "Resources:\n  A: {Type: AWS::EKS::Cluster, Properties: {Name: !ImportValue x}}\n"
    imports += "Outputs:\n  X: {Value: !ImportValue x, Export: {Name: x}}\n"
    report({"a.yaml": imports})


# Imports.


def importing(name: str, more: str = "") -> str:
    own = NODES.replace("!Ref Group", f"!ImportValue {name}")
    return own.replace("  Group: {Type: String}\n", more or "  X: {Type: String}\n")


def test_what_is_imported_by_its_name_is_the_same_as_in_one_template() -> None:
    fixed = OUTPUTS.replace("!Sub '${AWS::StackName}-Group'", "web-group")
    balancing = BALANCING.replace("'no'", "'yes'")
    tree = {"balancing.yaml": balancing + fixed, "nodes.yaml": importing("web-group")}
    same_verdict({"main.yaml": CFN}, tree)
    assert {one.place.path for one in report(tree).findings} == {"balancing.yaml", "nodes.yaml"}


def tasks(name: str) -> dict[str, str]:
    """The template of a service by itself, which imports its target group, and the one that exports it."""
    first, service = ECS.partition("  Service:\n")[::2]
    output = "Outputs:\n  Group: {Value: !Ref Group, Export: {Name: !Sub '${AWS::StackName}-Group'}}\n"
    head = "Parameters:\n  Registry: {Type: String}\n  Stack: {Type: String, Default: web}\nResources:\n  Service:\n"
    own = head + service.replace("!Ref Group,", f"!ImportValue {name},")
    files = {one: text for one, text in node().items() if not one.startswith("infra/")}
    return {**files, "network.yaml": first + output, "service.yaml": own}


def test_a_name_that_is_known_in_part_is_assumed_to_be_the_only_one_that_fits() -> None:
    tree = tasks("{Fn::Sub: '${Stack}-Group'}")
    (finding,) = report(tree).findings
    assert (finding.rule, str(finding.confidence)) == ("server-closes-first", "low")
    assert any("only export" in said for said in finding.assumptions)
    tree["other/network.yaml"] = tree["network.yaml"]
    (finding,) = report(tree).findings  # what stands beside it is nearer
    assert str(finding.confidence) == "low"
    tree["second.yaml"] = tree["network.yaml"]
    found = report(tree)
    assert not found.findings
    assert any("3 stacks in the files export" in one.reason for one in found.unknowns)


def test_a_name_that_is_known_is_sure() -> None:
    tree = tasks("web-Group")
    tree["network.yaml"] = tree["network.yaml"].replace("${AWS::StackName}", "web")
    single = {**node(), "stack.yaml": ECS}
    del single["infra/main.tf"]
    same_verdict(single, tree)
    same_verdict(node(), tree, names={"ALB aws_lb.web": "ALB Balancer"})
    (finding,), (other,) = report(tree).findings, report(single).findings
    assert finding.confidence == other.confidence


def test_templates_with_the_same_logical_ids_stay_apart() -> None:
    fixed = OUTPUTS.replace("!Sub '${AWS::StackName}-Group'", "web-group")
    other = "  Web: {Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {Protocol: HTTP, Port: 1}}\n"
    tree = {
        "balancing.yaml": BALANCING.replace("'no'", "'yes'") + fixed,
        "nodes.yaml": importing("web-group") + other,
    }
    names = {name: f"balancing/{name}" for name in ("Balancer", "Http", "Web", "Old")}
    names |= {name: f"nodes/{name}" for name in ("Nodes", "Template")}
    same_verdict({"main.yaml": CFN}, tree, names=names)


# Values of parameters.


LATE = CFN.replace('Conditions:\n  Quick: !Equals ["1", "1"]', "Parameters:\n  Delay: {Type: Number, Default: 60}")
LATE = LATE.replace("      Listeners: [", "      ConnectionDrainingPolicy: {Enabled: true}\n      Listeners: [")
LATE = LATE.replace('!If [Quick, "0", "60"]', "!Ref Delay")
LIST = json.dumps([{"ParameterKey": "Delay", "ParameterValue": "0"}])
GIVEN = {
    "web-prod.json": LIST,
    "config/pipeline.json": json.dumps({"Parameters": {"Delay": "0"}, "Tags": {"team": "web"}}),
    "input.json": json.dumps({"StackName": "web", "Parameters": json.loads(LIST)}),
    "samconfig.toml": 'version = 0.1\n[default.deploy.parameters]\nstack_name = "web"\n'
    'template_file = "web.yaml"\nparameter_overrides = "Other=\\"a b\\" Delay=\\"0\\""\n',
    "samconfig.yaml": "default: {deploy: {parameters: {template: web.yaml, parameter_overrides: [Delay=0]}}}\n",
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_parameter_file_says_the_same_as_a_default(name: str) -> None:
    default = {"web.yaml": LATE.replace("Default: 60", "Default: 0")}
    tree = {"web.yaml": LATE, name: GIVEN[name]}
    same_verdict(default, tree)
    (finding,) = [one for one in report(tree).findings if one.rule == "deregistration-cuts-requests"]
    assert finding.place.path == name and "0" in finding.place.text
    assert report(tree).findings != report({"web.yaml": LATE}).findings


def test_the_cdk_tells_whose_parameters_they_are() -> None:
    own = {"templateFile": "Web.template.yaml", "parameters": {"Delay": "0"}}
    manifest = {"artifacts": {"Web": {"type": "aws:cloudformation:stack", "properties": own}}}
    tree = {"cdk.out/Web.template.yaml": LATE, "cdk.out/Other.template.yaml": LATE}
    found = report({**tree, "cdk.out/manifest.json": json.dumps(manifest)}).findings
    assert [one.place.path for one in found if one.rule == "deregistration-cuts-requests"] == ["cdk.out/manifest.json"]


def rules(tree: dict[str, str]) -> list[str]:
    return [one.rule for one in report(tree).findings]


def test_a_file_that_fits_several_templates_or_none_is_not_used_and_said() -> None:
    tree = {"a.yaml": LATE, "b.yaml": LATE, "values.json": LIST}
    assert "deregistration-cuts-requests" not in rules(tree)
    assert any("2 templates take them" in one.message for one in report(tree).problems)
    # The name tells.
    assert "deregistration-cuts-requests" in rules({"a.yaml": LATE, "b.yaml": LATE, "a-prod.json": LIST})
    more = json.dumps([*json.loads(LIST), {"ParameterKey": "Stranger", "ParameterValue": "1"}])
    tree = {"web.yaml": LATE, "values.json": more}
    assert "deregistration-cuts-requests" not in rules(tree)
    assert any("no template" in one.message for one in report(tree).problems)
    assert not report({"web.yaml": LATE, "values.json": '{"Parameters": {"colour": "red"}}'}).problems


def test_files_that_differ_leave_it_open() -> None:
    tree = {"web.yaml": LATE, "prod.json": LIST, "staging.json": LIST.replace('"0"', '"60"')}
    found = report(tree)
    assert "deregistration-cuts-requests" not in [one.rule for one in found.findings]
    assert any("different values" in one.reason for one in found.unknowns)
    assert "deregistration-cuts-requests" in rules({"web.yaml": LATE, "prod.json": LIST, "staging.json": LIST})


def test_an_environment_has_its_own_values() -> None:
    sam = "prod: {deploy: {parameters: {template: web.yaml, parameter_overrides: [Delay=0]}}}\n"
    sam += "staging: {deploy: {parameters: {template: web.yaml, parameter_overrides: [Delay=60]}}}\n"
    files = {"params/prod.json": LIST, "params/staging.json": LIST.replace('"0"', '"60"')}
    for given in ({"samconfig.yaml": sam}, files):
        tree = {"web.yaml": LATE, **given}
        found = {
            name: [one.rule for one in report(tree, replace(Config(), environment=name)).findings]
            for name in ("prod", "staging")
        }
        assert "deregistration-cuts-requests" in found["prod"]
        assert "deregistration-cuts-requests" not in found["staging"]


def test_secrets_are_never_shown() -> None:
    secret = LATE.replace("Default: 60", "NoEcho: true")
    given = json.dumps([{"ParameterKey": "Delay", "ParameterValue": "31415"}])
    dynamic = LATE.replace("Default: 60", 'Default: "{{resolve:secretsmanager:web:SecretString:delay}}"')
    for tree in ({"web.yaml": secret, "p.json": given}, {"web.yaml": dynamic}):
        found = report(tree)
        assert "deregistration-cuts-requests" not in [one.rule for one in found.findings]
        assert "31415" not in str([one.reason for one in found.unknowns])
