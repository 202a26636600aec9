"""No text makes a reader of templates, parameters or descriptions fail."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.same_verdict import report

_FUNCTIONS = ("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::Join", "Fn::Select", "Fn::ImportValue", "Fn::FindInMap")
_TEXTS = ("A", "B", "A.Outputs.X", "${A}", "${B.Outputs.X}-${AWS::StackName}", "t.json", "u.json", "1", "AWS::NoValue")
_KEYS = (
    "Parameters", "Resources", "Outputs", "Conditions", "Type", "Properties", "TemplateURL", "Value", "Export", "Name",
    "Default", "ParameterKey", "ParameterValue", "Attributes", "Key", "LoadBalancerArn", "LoadBalancerName", "Actions",
    "DefaultActions", "ListenerArn", "RuleArn", "TargetGroupArn", "TargetGroupName", "Events", "Timeout", "Manifest",
    "LoadBalancerAttributes", "ConnectionSettings", "ListenerDescriptions", "Integration", "Uri", "EventPattern",
    "artifacts", "properties", "templateFile", "parameters", "files", "destinations", "objectKey", "Config",
    "A", "B", *_FUNCTIONS,
)  # fmt: skip
_TYPES = (
    "AWS::CloudFormation::Stack", "AWS::Serverless::Function", "AWS::ApiGateway::Method", "AWS::Events::Rule",
    "AWS::ElasticLoadBalancingV2::TargetGroup", "Custom::AWSCDK-EKS-KubernetesResource", "AWS::EC2::LaunchTemplate",
    "Custom::AWSCDK-EKS-Cluster", "AWS::ElasticLoadBalancing::LoadBalancer", "AWS::CloudFront::Distribution",
)  # fmt: skip
_LEAVES = st.sampled_from((*_TEXTS, *_TYPES, 0, 60, True, None, "idle_timeout.timeout_seconds", "[{}]"))
_NODES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=20,
)
_RESOURCES = st.dictionaries(
    st.sampled_from(("A", "B", "C")),
    st.fixed_dictionaries({"Type": st.sampled_from(_TYPES), "Properties": _NODES}, optional={"Metadata": _NODES}),
    min_size=1,
)
_TEMPLATES = st.fixed_dictionaries(
    {"Resources": _RESOURCES},
    optional={key: _NODES for key in ("Parameters", "Conditions", "Mappings", "Outputs", "Globals", "Transform")},
)


@settings(max_examples=60, deadline=None)
@given(_TEMPLATES, _TEMPLATES, _NODES, _NODES)
def test_templates_and_what_lies_beside_them_never_raise(one: Any, other: Any, beside: Any, described: Any) -> None:
    tree = {"t.json": one, "u.json": other, "p.json": beside, "manifest.json": {"artifacts": beside}}
    tree |= {"d.json": described, "e.json": {"LoadBalancers": [described, beside]}}
    tree |= {"x.assets.json": {"files": beside, "destinations": 1}}
    report({path: json.dumps(content) for path, content in tree.items()})


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), _NODES)
def test_a_samconfig_never_raises(text: str, node: Any) -> None:
    template = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}, "Parameters": {"A": {"Type": "String"}}}
    tree = {"template.json": json.dumps(template), "samconfig.toml": text}
    report({**tree, "b/samconfig.yaml": json.dumps({"default": {"deploy": {"parameters": node}}})})
