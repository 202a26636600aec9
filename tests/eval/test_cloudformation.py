"""CloudFormation templates: their functions, and their resources in Terraform's shape."""

from __future__ import annotations

import textwrap

import pytest

from kubelint5xx.core.node import Mapping, Node, Reference, Unresolved, child, text
from kubelint5xx.core.source import Source
from kubelint5xx.eval.cloudformation import Stack, is_template, load_template
from kubelint5xx.formats import yaml
from kubelint5xx.link.attributes import blocks

HEAD = """
Parameters:
  Timeout: {Type: Number, Default: 90}
  Name: {Type: String}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /web/timeout}
  Secret: {Type: String, NoEcho: true, Default: hunter2}
  Looked: {Type: String, Default: "{{resolve:ssm:/web/timeout:1}}"}
Rules:
  Prod:
    RuleCondition: !Equals [!Ref Name, prod]
    Assertions: [{Assert: {"Fn::Contains": [[a], !Ref Name]}, AssertDescription: no}]
Mappings:
  Sizes:
    prod: {min: "3", sizes: ["1", "2"]}
Conditions:
  Long: !Equals [!Ref Timeout, "90"]
  Short: !Not [!Condition Long]
  Unknown: !Equals [!Ref Name, prod]
  Either: !Or [!Condition Unknown, !Condition Long]
"""


def stack(body: str) -> Stack:
    source = Source("template.yaml", HEAD + textwrap.dedent(body))
    (document,) = yaml.read(source, functions=True).documents
    assert isinstance(document.root, Mapping) and is_template(document.root)
    return load_template(document.root)


def value(expression: str) -> Node | None:
    group = "Resources:\n  Other: {Type: AWS::EC2::SecurityGroup}\n  Web:\n    Type: AWS::EKS::Cluster\n"
    (cluster,) = stack(f"{group}    Properties: {{Name: {expression}}}\n").resources(("aws_eks_cluster",))
    return cluster.body.get("name")


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("!Ref Timeout", "90"),
        ('!Sub "t-${Timeout}-${!Literal}"', "t-90-${Literal}"),
        ('!Sub ["${A}-x", {A: !Ref Timeout}]', "90-x"),
        ('!Join ["-", [web, !Ref Timeout]]', "web-90"),
        ("!FindInMap [Sizes, prod, min]", "3"),
        ("!Select [1, !Ref Names]", "b"),
        ('!Select [0, !Split ["/", x/y]]', "x"),
        ('!Select ["1", !FindInMap [Sizes, prod, sizes]]', "2"),
        ("!FindInMap [Sizes, dev, min, {DefaultValue: 7}]", "7"),
        ('!Join ["", [a, !If [Short, b, !Ref AWS::NoValue], c]]', "ac"),
        ('!Select [1, !Split [",", !Sub "x,${Timeout}"]]', "90"),
        ('!Sub ["${A}", {A: !FindInMap [Sizes, prod, min]}]', "3"),
        ("!If [Long, long, short]", "long"),
        ("!If [Short, long, short]", "short"),
        ("!If [Either, long, short]", "long"),
        ("!If [Unknown, same, same]", "same"),
        ("{Fn::Base64: {Ref: Timeout}}", "90"),
    ],
)
def test_what_the_template_determines_is_known(expression: str, result: str) -> None:
    assert text(value(expression)) == result


@pytest.mark.parametrize(
    "expression",
    ["!Ref Name", "!Ref Stored", "!If [Unknown, a, b]", "!ImportValue x", "!Ref AWS::Region", '!Sub "${Name}-x"',
     "!FindInMap [Sizes, dev, min]", "!Ref Nobody",
     "!Ref Secret", "!Ref Looked", '!Sub "x-${Secret}"',
     '"{{resolve:secretsmanager:web:SecretString:key}}"', '!Sub "a{{resolve:ssm-secure:${Name}}}b"',
     '{"Fn::ForEach::X": [A, [a], {}]}', '!Split [",", !Ref Name]', "!GetAtt Other", '!Select [9, !Ref Names]',
     "!GetAtt Nobody.Arn", "!Transform {Name: x}"],
)  # fmt: skip
def test_what_it_leaves_open_is_unknown(expression: str) -> None:
    assert isinstance(value(expression), Unresolved)


def test_another_resource_is_a_reference() -> None:
    for expression in ("!GetAtt Other.GroupId", '!Sub "${Other.GroupId}"', '{Fn::GetAtt: [Other, GroupId]}'):
        found = value(expression)
        assert isinstance(found, Reference) and (found.address, found.attribute) == ("Other", ("GroupId",))
    assert value("!Ref AWS::NoValue") is None


def test_resources_follow_their_conditions() -> None:
    found = stack(
        """
        Resources:
          A: {Type: AWS::EKS::Cluster, Condition: Long}
          B: {Type: AWS::EKS::Cluster, Condition: Short}
          C: {Type: AWS::EKS::Cluster, Condition: Unknown}
        """
    ).resources(("aws_eks_cluster",))
    assert [(one.address, one.count_unknown) for one in found] == [("A", False), ("C", True)]


def test_properties_have_the_names_of_terraform() -> None:
    made = stack(
        """
        Resources:
          Web:
            Type: AWS::ElasticLoadBalancingV2::TargetGroup
            Properties:
              HealthCheckPath: /healthz
              TargetGroupAttributes:
                - {Key: deregistration_delay.timeout_seconds, Value: !Ref Timeout}
          Rule:
            Type: AWS::ElasticLoadBalancingV2::ListenerRule
            Properties:
              Actions: [{Type: forward, ForwardConfig: {TargetGroups: [{TargetGroupArn: !Ref Web}]}}]
        """
    )
    (group,) = made.resources(("aws_lb_target_group",))
    assert text(group.body.get("deregistration_delay")) == "90" and not group.by_terraform
    assert text(child(group.body, "health_check", "path")) == "/healthz"
    (rule,) = made.resources(("aws_lb_listener_rule",))
    (target,) = blocks(rule.body, "action", "forward", "target_group")
    assert isinstance(target.get("arn"), Reference)


def test_a_macro_of_ones_own_leaves_the_stack_open() -> None:
    assert not stack("Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::EKS::Cluster}}\n").open
    assert "Mine" in stack("Transform: [Mine]\nResources: {A: {Type: AWS::EKS::Cluster}}\n").open


def test_endless_templates_come_to_an_end() -> None:
    hostile = "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n"
    deep = "[" * 150 + "]" * 150
    hostile += f"Resources:\n  W: {{Type: AWS::EKS::Cluster, Condition: A, Properties: {{Name: {deep}}}}}\n"
    (document,) = yaml.read(Source("t.yaml", hostile), functions=True).documents
    assert isinstance(document.root, Mapping)
    assert len(load_template(document.root).resources(("aws_eks_cluster",))) == 1


def test_secrets_are_in_no_reason() -> None:
    for expression in ("!Ref Secret", '!Sub "x-${Secret}"', "!Ref Looked", '"{{resolve:secretsmanager:web:key}}"'):
        found = value(expression)
        assert isinstance(found, Unresolved)
        assert not any(part in found.reason + found.text for part in ("hunter2", "resolve", "/web"))


def test_loops_and_includes_leave_a_mapping_open() -> None:
    for loop in ("'Fn::ForEach::Size': [Size, [a], {x: y}]", "'Fn::Transform': {Name: AWS::Include}"):
        found = stack(f"Resources:\n  Web: {{Type: AWS::EKS::Cluster, Properties: {{Name: web, {loop}}}}}\n")
        (cluster,) = found.resources(("aws_eks_cluster",))
        assert text(cluster.body.get("name")) == "web" and cluster.body.open and len(cluster.body.entries) == 1
    looped = stack("Resources:\n  'Fn::ForEach::Web': [A, [a], {}]\n  Web: {Type: AWS::EKS::Cluster}\n")
    assert "Fn::ForEach::Web" in looped.open
