"""The resources of a CloudFormation template, in the shape that Terraform gives the same resources.

Both describe the same AWS APIs, under other names: a template's properties are CamelCase, its balancers' attributes a
list of keys and values. So whoever joins resources need not know where they were written.
Properties: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

from collections.abc import Collection

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, child, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.eval.resource import ModuleCall, Resource
from kubelint5xx.eval.template_functions import Evaluator

_WORDS = pattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Macros of AWS that change none of the resources that are read here.
_HARMLESS = ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen", "AWS::SecretsManager")
# What a key is called in Terraform where that is not the same in other letters, or below another key.
_NAMES = {
    "TargetGroupARNs": "target_group_arns",
    "LoadBalancerNames": "load_balancers",
    "AutoScalingGroupName": "autoscaling_group_name",
    "LaunchConfigurationName": "launch_configuration",
    "DefaultActions": "default_action",
    "Actions": "action",
    "ForwardConfig": "forward",
    "TargetGroups": "target_group",
    "TargetGroups.TargetGroupArn": "arn",
    "LifecycleHookSpecificationList": "initial_lifecycle_hook",
    "LifecycleHookSpecificationList.LifecycleHookName": "name",
    "TrafficSources": "traffic_source",
    "SecurityGroupIngress": "ingress",
    "IpProtocol": "protocol",
    "CidrIp": "cidr_blocks",
    "CidrIpv6": "ipv6_cidr_blocks",
    "SourcePrefixListId": "prefix_list_ids",
    "SecurityGroupIngress.SourceSecurityGroupId": "security_groups",
    "SecurityGroupIds": "vpc_security_group_ids",
    "NetworkInterfaces.Groups": "security_groups",
    "Taints": "taint",
    "NodegroupName": "node_group_name",
    "LoadBalancers": "load_balancer",
}
_OF_TYPE = {
    "aws_lb": {"Type": "load_balancer_type"},
    "aws_autoscaling_group": {"AutoScalingGroupName": "name"},
    "aws_launch_template": {"LaunchTemplateName": "name"},
    "aws_launch_configuration": {"LaunchConfigurationName": "name"},
    "aws_elb": {"LoadBalancerName": "name", "Listeners": "listener"},
    "aws_ecs_service": {"ServiceName": "name"},
    "aws_security_group_rule": {"GroupId": "security_group_id"},
}
# Their keys are the user's own.
_FREE = ("Labels",)
_TYPES = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "aws_lb",
    "AWS::ElasticLoadBalancingV2::Listener": "aws_lb_listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "aws_lb_listener_rule",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "aws_lb_target_group",
    "AWS::ElasticLoadBalancing::LoadBalancer": "aws_elb",
    "AWS::AutoScaling::AutoScalingGroup": "aws_autoscaling_group",
    "AWS::AutoScaling::LifecycleHook": "aws_autoscaling_lifecycle_hook",
    "AWS::AutoScaling::ScheduledAction": "aws_autoscaling_schedule",
    "AWS::AutoScaling::LaunchConfiguration": "aws_launch_configuration",
    "AWS::EC2::LaunchTemplate": "aws_launch_template",
    "AWS::EC2::SecurityGroup": "aws_security_group",
    "AWS::EC2::SecurityGroupIngress": "aws_security_group_rule",
    "AWS::EKS::Cluster": "aws_eks_cluster",
    "AWS::EKS::Nodegroup": "aws_eks_node_group",
    "AWS::EKS::Addon": "aws_eks_addon",
    "AWS::ECS::Service": "aws_ecs_service",
    "AWS::ECS::TaskDefinition": "aws_ecs_task_definition",
}
_ATTRIBUTES = {
    "idle_timeout.timeout_seconds": "idle_timeout",
    "client_keep_alive.seconds": "client_keep_alive",
    "deregistration_delay.timeout_seconds": "deregistration_delay",
    "deregistration_delay.connection_termination.enabled": "connection_termination",
    "slow_start.duration_seconds": "slow_start",
    "load_balancing.algorithm.type": "load_balancing_algorithm_type",
    "tcp.idle_timeout.seconds": "tcp_idle_timeout_seconds",
}
_ATTRIBUTE_LISTS = ("LoadBalancerAttributes", "TargetGroupAttributes", "ListenerAttributes")
_HEALTH = {
    "HealthCheckIntervalSeconds": "interval",
    "HealthCheckTimeoutSeconds": "timeout",
    "HealthyThresholdCount": "healthy_threshold",
    "UnhealthyThresholdCount": "unhealthy_threshold",
    "HealthCheckPath": "path",
    "HealthCheckPort": "port",
    "HealthCheckProtocol": "protocol",
}


def is_template(root: Node) -> bool:
    """Whether a document is a CloudFormation template, also one that SAM or the CDK made."""
    resources = child(root, "Resources")
    return isinstance(resources, Mapping) and any(
        (text(child(entry.value, "Type")) or "").startswith("AWS::") for entry in resources.entries
    )


@record
class Stack:
    """A template's resources; stands where a ``terraform.Module`` stands. Their addresses are the logical IDs.

    ``open`` tells why there may be more resources than are seen.
    """

    root: Mapping
    open: str = ""
    problems: tuple[Problem, ...] = ()
    open_modules: tuple[ModuleCall, ...] = ()
    variables: dict[str, Node] = field(default_factory=dict)
    _made: list[Resource] = field(default_factory=list)

    def resources(self, types: Collection[str]) -> tuple[Resource, ...]:
        """The resources of the given types of Terraform."""
        if not self._made:
            self._made.extend(_resources(self.root))
        return tuple(resource for resource in self._made if resource.type in types)

    def data(self, types: Collection[str]) -> tuple[Resource, ...]:
        """Nothing: templates read no data."""
        return ()

    def declared(self) -> frozenset[str]:
        """The logical IDs of all resources."""
        return frozenset(str(entry.key.value) for entry in entries(child(self.root, "Resources")))

    def modules(self) -> tuple[ModuleCall, ...]:
        """Nothing: a nested stack is a template of its own."""
        return ()


def load_template(root: Mapping) -> Stack:
    """The stack of a template's document."""
    given = child(root, "Transform")
    macros = [text(macro) or "of an unknown name" for macro in items(given) or ((given,) if given is not None else ())]
    foreign = next((macro for macro in macros if macro not in _HARMLESS), "")
    if not foreign and any(str(entry.key.value).startswith("Fn::") for entry in entries(child(root, "Resources"))):
        foreign = "among the resources"
    return Stack(root, f"the macro {foreign} may change the template" if foreign else "")


def _resources(root: Mapping) -> list[Resource]:
    evaluator = Evaluator(root)
    found: list[Resource] = []
    for entry in entries(child(root, "Resources")):
        type_ = _TYPES.get(text(child(entry.value, "Type")) or "")
        if type_ is None:
            continue
        condition = text(child(entry.value, "Condition"))
        holds = evaluator.condition(condition) if condition else True
        if holds is False:
            continue
        given = child(entry.value, "Properties")
        value = evaluator.value(given) if given is not None else None
        body = _body(type_, value, entry.value) if isinstance(value, Mapping) else Mapping(entry.key.span)
        if value is not None and not isinstance(value, Mapping):
            body = Mapping(entry.key.span, (), value.reason if isinstance(value, Unresolved) else "it is not readable")
        name = str(entry.key.value)
        found.append(
            Resource(name, type_, name, body, entry.key.span, None, holds is None, by_terraform=False)
        )
    return found


def _body(type_: str, properties: Mapping, declared: Node) -> Mapping:
    if type_ == "aws_launch_template":
        data = properties.get("LaunchTemplateData")
        own = tuple(entry for entry in properties.entries if entry.key.value == "LaunchTemplateName")
        open_ = data.reason if isinstance(data, Unresolved) else properties.open
        inner = data if isinstance(data, Mapping) else Mapping(properties.span, (), open_)
        properties = Mapping(properties.span, (*own, *inner.entries), inner.open or open_)
    if type_ == "aws_elb":
        properties = _classic(properties)
    elif type_ == "aws_ecs_task_definition":
        return Mapping(properties.span, tuple(_task_entry(entry) for entry in properties.entries), properties.open)
    found: list[Entry] = []
    open_ = properties.open
    names = _OF_TYPE.get(type_, {})
    for entry in properties.entries:
        key = str(entry.key.value)
        if key in _ATTRIBUTE_LISTS:
            attributes, unseen = _attributes(entry.value)
            found += attributes
            open_ = open_ or unseen
        elif type_ == "aws_lb_target_group" and key in _HEALTH:
            continue
        else:
            found.append(_renamed(entry, "", names, 0))
    if type_ == "aws_lb_target_group":
        checks = [entry for entry in properties.entries if entry.key.value in _HEALTH]
        if checks:
            own = tuple(Entry(_named(entry.key, _HEALTH[str(entry.key.value)]), entry.value) for entry in checks)
            key_ = _named(checks[0].key, "health_check")
            found.append(Entry(key_, Mapping(checks[0].key.span, (*own, *_checked(properties, own)))))
    elif type_ == "aws_security_group_rule":
        found.append(Entry(Scalar(declared.span, "type", "type"), Scalar(declared.span, "ingress", "ingress", True)))
    return Mapping(properties.span, tuple(found), open_)


def _checked(properties: Mapping, own: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """How a target group's health is checked where it does not say so: as AWS does, by TCP unless it speaks HTTP."""
    given = properties.get("Protocol")
    layer7 = (text(given) or "").upper() in ("HTTP", "HTTPS")
    if given is None or layer7 or any(entry.key.value == "protocol" for entry in own):
        return ()
    return (Entry(Scalar(given.span, "protocol", "protocol"), Scalar(given.span, "TCP", "TCP", True)),)


def _renamed(entry: Entry, parent: str, names: dict[str, str], depth: int) -> Entry:
    key = str(entry.key.value)
    name = names.get(key) or _NAMES.get(f"{parent}.{key}") or _NAMES.get(key) or _snake(key)
    value = entry.value if key in _FREE else _inside(entry.value, key, {}, depth + 1)
    return Entry(_named(entry.key, name), value)


def _inside(node: Node, parent: str, names: dict[str, str], depth: int) -> Node:
    if depth > 50:
        return node
    if isinstance(node, Mapping):
        return Mapping(
            node.span, tuple(_renamed(entry, parent, names, depth) for entry in node.entries), node.open
        )
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(_inside(item, parent, names, depth + 1) for item in node.items))
    return node


def _attributes(given: Node) -> tuple[list[Entry], str]:
    """A list of ``{Key, Value}`` as entries, and why there may be more."""
    if not isinstance(given, Sequence):
        return [], given.reason if isinstance(given, Unresolved) else "the attributes are not a list"
    found: list[Entry] = []
    unseen = ""
    for item in given.items:
        key, value = child(item, "Key"), child(item, "Value")
        if isinstance(key, Scalar) and text(key) and value is not None:
            found.append(Entry(_named(key, _ATTRIBUTES.get(str(key.value), str(key.value))), value))
        else:
            unseen = item.reason if isinstance(item, Unresolved) else "an attribute is not known"
    return found, unseen


def _classic(properties: Mapping) -> Mapping:
    """A classic load balancer's policies, which are no attributes there, in one place."""
    moved = {
        "ConnectionDrainingPolicy": {"Enabled": "ConnectionDraining", "Timeout": "ConnectionDrainingTimeout"},
        "ConnectionSettings": {"IdleTimeout": "IdleTimeout"},
    }
    found: list[Entry] = []
    for entry in properties.entries:
        names = moved.get(str(entry.key.value))
        if names is not None and isinstance(entry.value, Mapping):
            found += [
                Entry(_named(inner.key, names[str(inner.key.value)]), inner.value)
                for inner in entry.value.entries
                if str(inner.key.value) in names
            ]
        elif names is not None:
            found += [Entry(_named(entry.key, name), entry.value) for name in names.values()]
        elif entry.key.value == "Listeners" and isinstance(entry.value, Sequence):
            listeners = tuple(_classic_listener(item) for item in entry.value.items)
            found.append(Entry(entry.key, Sequence(entry.value.span, listeners)))
        else:
            found.append(entry)
    return Mapping(properties.span, tuple(found), properties.open)


def _classic_listener(node: Node) -> Node:
    """A listener that does not say what it speaks with instances speaks what it is spoken to."""
    protocol = child(node, "Protocol")
    if not isinstance(node, Mapping) or protocol is None or node.get("InstanceProtocol") is not None:
        return node
    key = Scalar(protocol.span, "InstanceProtocol", "InstanceProtocol")
    return Mapping(node.span, (*node.entries, Entry(key, protocol)), node.open)


def _task_entry(entry: Entry) -> Entry:
    """A task definition's property. Terraform writes the containers as the API's JSON, whose keys begin small."""
    key = str(entry.key.value)
    if key == "ContainerDefinitions":
        return Entry(_named(entry.key, "container_definitions"), _small(entry.value, 0))
    return _renamed(entry, "", {}, 0)


def _small(node: Node, depth: int) -> Node:
    if depth > 50:
        return node
    if isinstance(node, Mapping):
        named = ((_named(one.key, _first_small(str(one.key.value))), one.value) for one in node.entries)
        return Mapping(node.span, tuple(Entry(key, _small(value, depth + 1)) for key, value in named), node.open)
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(_small(item, depth + 1) for item in node.items))
    return node


def _first_small(key: str) -> str:
    return key[:1].lower() + key[1:]


def _snake(key: str) -> str:
    return _WORDS.sub("_", key).lower()


def _named(key: Scalar, name: str) -> Scalar:
    return Scalar(key.span, name, name, key.quoted, key.via)
