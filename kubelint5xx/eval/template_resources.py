"""A template's resources in the words of Terraform.

Both describe the same AWS APIs, under other names: a template's properties are CamelCase, its balancers' attributes a
list of keys and values.
Properties: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, child, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.eval.encoded_json import decoded

_WORDS = pattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
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
    "LoadBalancers.LoadBalancerName": "elb_name",
    "ServiceConnectConfiguration.Services": "service",
    "Origins": "origin",
    "IntegrationUri": "integration_uri",
    "TimeoutInMillis": "timeout_milliseconds",
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
TYPES = {
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
    "AWS::CloudFront::Distribution": "aws_cloudfront_distribution",
    "AWS::Events::Rule": "aws_cloudwatch_event_rule",
    "AWS::Lambda::Function": "aws_lambda_function",
    "AWS::Lambda::Alias": "aws_lambda_alias",
    "AWS::ApiGateway::Method": "aws_api_gateway_integration",
    "AWS::ApiGateway::VpcLink": "aws_api_gateway_vpc_link",
    "AWS::ApiGatewayV2::Api": "aws_apigatewayv2_api",
    "AWS::ApiGatewayV2::Integration": "aws_apigatewayv2_integration",
    # The CDK's own, whose properties are what its handlers are given (aws-eks/lib of aws/aws-cdk).
    "Custom::AWSCDK-EKS-Cluster": "aws_eks_cluster",
    "Custom::AWSCDK-EKS-HelmChart": "helm_release",
    "Custom::AWSCDK-EKS-KubernetesResource": "kubectl_manifest",
    # Those of AWS's quick starts, in its registry of extensions (quickstart-helm-resource-provider and its siblings).
    "AWSQS::EKS::Cluster": "aws_eks_cluster",
    "AWSQS::Kubernetes::Helm": "helm_release",
    "AWSQS::Kubernetes::Resource": "kubectl_manifest",
}
# Where a type's properties stand that matter, below its own.
_INSIDE = {
    "aws_api_gateway_integration": "Integration",
    "aws_cloudfront_distribution": "DistributionConfig",
    "aws_eks_cluster": "Config",
}
# What names other resources in the middle of a text.
NAMING = ("Uri", "IntegrationUri", "Target")
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
HEALTH = {
    "HealthCheckIntervalSeconds": "interval",
    "HealthCheckTimeoutSeconds": "timeout",
    "HealthyThresholdCount": "healthy_threshold",
    "UnhealthyThresholdCount": "unhealthy_threshold",
    "HealthCheckPath": "path",
    "HealthCheckPort": "port",
    "HealthCheckProtocol": "protocol",
}


def body_of(type_: str, properties: Mapping, declared: Node) -> Mapping:
    """A resource's evaluated properties as the body of Terraform's resource of that type."""
    if type_ in _INSIDE and (type_ != "aws_eks_cluster" or properties.get("Config") is not None):
        inner = properties.get(_INSIDE[type_])
        open_ = inner.reason if isinstance(inner, Unresolved) else properties.open
        properties = inner if isinstance(inner, Mapping) else Mapping(properties.span, (), open_)
    if type_ == "aws_cloudwatch_event_rule":
        return Mapping(properties.span, tuple(_rule_entry(entry) for entry in properties.entries), properties.open)
    if type_ in ("helm_release", "kubectl_manifest"):
        return _installed(properties)
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
            attributes, unseen = attribute_entries(entry.value)
            found += attributes
            open_ = open_ or unseen
        elif type_ == "aws_lb_target_group" and key in HEALTH:
            continue
        else:
            found.append(_renamed(entry, "", names, 0))
    if type_ == "aws_lb_target_group":
        checks = [entry for entry in properties.entries if entry.key.value in HEALTH]
        if checks:
            own = tuple(Entry(_named(entry.key, HEALTH[str(entry.key.value)]), entry.value) for entry in checks)
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
    name = names.get(key) or _NAMES.get(f"{parent}.{key}") or _NAMES.get(key) or snake_case(key)
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


def attribute_entries(given: Node) -> tuple[list[Entry], str]:
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


def _installed(properties: Mapping) -> Mapping:
    """What is installed in a cluster. The CDK writes manifests and a chart's values as JSON; the quick starts write
    YAML (``ValueYaml``), and single values by their names (``Values``)."""
    found: list[Entry] = []
    open_ = properties.open
    for entry in properties.entries:
        key, value = str(entry.key.value), entry.value
        if key == "Manifest":
            known = text(value) or (value.text if isinstance(value, Unresolved) else "")
            as_json = isinstance(value, (Scalar, Unresolved)) and known.lstrip()[:1] in ("[", "{")
            own = decoded(value) if as_json and isinstance(value, (Scalar, Unresolved)) else value
            found.append(Entry(_named(entry.key, "yaml_body"), own))
        elif key == "Values" and isinstance(value, Mapping):
            for one in value.entries:
                name = Entry(_named(one.key, "name"), one.key)
                found.append(Entry(_named(entry.key, "set"), Mapping(one.key.span, (name, _valued(one)))))
        elif key in ("Values", "ValueYaml"):
            found.append(Entry(_named(entry.key, "values"), Sequence(value.span, (value,))))
        elif key == "ValueOverrideURL":
            open_ = open_ or "values of its release stand in a file elsewhere"
        else:
            found.append(Entry(_named(entry.key, {"Release": "name"}.get(key) or snake_case(key)), value))
    return Mapping(properties.span, tuple(found), open_)


def _valued(entry: Entry) -> Entry:
    return Entry(_named(entry.key, "value"), entry.value)


def _rule_entry(entry: Entry) -> Entry:
    """An event rule's property. Terraform writes the pattern as JSON; of it the words count, so the file's own will do
    where all of them are known."""
    if entry.key.value != "EventPattern":
        return _renamed(entry, "", {}, 0)
    value = entry.value
    if isinstance(value, Mapping):
        said = value.span.text
        reason = _unknown_inside(value, 0)
        value = Unresolved(value.span, reason) if reason else Scalar(value.span, said, said, True)
    return Entry(_named(entry.key, "event_pattern"), value)


def _unknown_inside(node: Node, depth: int) -> str:
    """Why something in a node is not known; empty where all is."""
    if isinstance(node, Unresolved):
        return node.reason
    inner = (*items(node), *(entry.value for entry in entries(node)))
    return next((why for one in inner if depth < 50 and (why := _unknown_inside(one, depth + 1))), "")


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


def snake_case(key: str) -> str:
    return _WORDS.sub("_", key).lower()


def _named(key: Scalar, name: str) -> Scalar:
    return Scalar(key.span, name, name, key.quoted, key.via)
