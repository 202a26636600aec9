"""The resources of one Terraform root module, found by type, by reference, by name or by ARN."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kubelint5xx.core.node import Mapping, Node, Reference, Sequence, entries, text
from kubelint5xx.link.attributes import is_set, text_at, why_unknown
from kubelint5xx.model.topology import Undecided

if TYPE_CHECKING:
    from kubelint5xx.eval.cloudformation import Stack
    from kubelint5xx.eval.described import Described
    from kubelint5xx.eval.plan import Plan
    from kubelint5xx.eval.resource import Resource
    from kubelint5xx.eval.terraform import Module

    Declared = Module | Plan | Stack | Described

BALANCERS = ("aws_lb", "aws_alb")
CLASSIC = ("aws_elb",)
DISTRIBUTIONS = ("aws_cloudfront_distribution",)
LISTENERS = ("aws_lb_listener", "aws_alb_listener")
LISTENER_RULES = ("aws_lb_listener_rule", "aws_alb_listener_rule")
TARGET_GROUPS = ("aws_lb_target_group", "aws_alb_target_group")
AUTOSCALING_GROUPS = ("aws_autoscaling_group",)
NODE_GROUPS = ("aws_eks_node_group",)
HOOKS = ("aws_autoscaling_lifecycle_hook",)
SCHEDULES = ("aws_autoscaling_schedule",)
ATTACHMENTS = ("aws_autoscaling_attachment", "aws_autoscaling_traffic_source_attachment")
LAUNCH_TEMPLATES = ("aws_launch_template",)
LAUNCH_CONFIGURATIONS = ("aws_launch_configuration",)
CLUSTERS = ("aws_eks_cluster",)
ADDONS = ("aws_eks_addon",)
HELM_RELEASES = ("helm_release",)
EVENT_RULES = ("aws_cloudwatch_event_rule",)
SERVICES = ("aws_ecs_service",)
TASK_DEFINITIONS = ("aws_ecs_task_definition",)
DEPLOYMENT_GROUPS = ("aws_codedeploy_deployment_group",)
FUNCTIONS, FUNCTION_ALIASES = ("aws_lambda_function",), ("aws_lambda_alias",)
API_INTEGRATIONS, HTTP_INTEGRATIONS = ("aws_api_gateway_integration",), ("aws_apigatewayv2_integration",)
APIS, VPC_LINKS = ("aws_apigatewayv2_api",), ("aws_api_gateway_vpc_link",)
SECURITY_GROUPS = ("aws_security_group",)
SECURITY_GROUP_RULES = ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule")

# What may be described by AWS.
DESCRIBED = (*BALANCERS, *TARGET_GROUPS, *LISTENERS, *LISTENER_RULES, *CLASSIC)

_TYPES = frozenset(
    (
        *(*BALANCERS, *CLASSIC, *LISTENERS, *LISTENER_RULES, *TARGET_GROUPS, *AUTOSCALING_GROUPS, *NODE_GROUPS),
        *(*HOOKS, *SCHEDULES, *ATTACHMENTS, *LAUNCH_TEMPLATES, *LAUNCH_CONFIGURATIONS, *CLUSTERS, *ADDONS),
        *(*HELM_RELEASES, *EVENT_RULES, *DISTRIBUTIONS, *SECURITY_GROUPS, *SECURITY_GROUP_RULES),
        *(*SERVICES, *TASK_DEFINITIONS, *FUNCTIONS, *FUNCTION_ALIASES, *API_INTEGRATIONS, *HTTP_INTEGRATIONS),
        *(*APIS, *VPC_LINKS, *DEPLOYMENT_GROUPS),
    )
)


class Root:
    """A root module's resources of the types that matter to request paths, evaluated once."""

    def __init__(self, directory: str, module: Declared, described: Root | None = None) -> None:
        self.directory, self.module, self.described = directory, module, described
        self._by_type: defaultdict[str, list[Resource]] = defaultdict(list)
        self._by_address: dict[str, Resource] = {}
        for resource in module.resources(_TYPES):
            self._by_type[resource.type].append(resource)
            self._by_address.setdefault(resource.address, resource)

    def of(self, types: Iterable[str]) -> list[Resource]:
        return [resource for kind in types for resource in self._by_type.get(kind, ())]

    def unique(self, resource: Resource) -> str:
        """The resource's address, unique among all roots."""
        owner = self.described if self.described is not None and self.described.holds(resource) else self
        return f"{owner.directory}:{resource.address}"

    def holds(self, resource: Resource) -> bool:
        """Whether it is one of the root's own."""
        return any(one is resource for one in self._by_type.get(resource.type, ()))

    def find(self, node: Node | None, types: tuple[str, ...]) -> Resource | None:
        """The one resource of these types that ``node`` refers to, or whose name or ARN it holds. What AWS describes
        is found where the root itself has no such thing."""
        found = self._find(node, types)
        if found is None and self.described is not None and types[0] in DESCRIBED:
            return self.described.find(self._looked_up(node), types)
        return found

    def _looked_up(self, node: Node | None) -> Node | None:
        """The ARN or name by which a data source looks something up, for a reference to it."""
        if not isinstance(node, Reference) or not node.address.startswith("data."):
            return node
        for resource in self.module.data(DESCRIBED):
            if resource.address == node.address:
                return resource.body.get("arn") or resource.body.get("name")
        return None

    def _find(self, node: Node | None, types: tuple[str, ...]) -> Resource | None:
        if isinstance(node, Reference):
            found = self._by_address.get(node.address) or self._only_instance(node.address)
            return found if found is not None and found.type in types else None
        name = text(node)
        if not name:
            return None
        # A state knows the ARNs and ids of what it holds.
        for resource in self.of(types):
            if name in (text_at(resource.body, "arn"), text_at(resource.body, "id")):
                return resource
        # arn:aws:…:targetgroup/NAME/ID, arn:aws:…:loadbalancer/app/NAME/ID, arn:aws:…:autoScalingGroupName/NAME
        parts = name.split("/")[1:] if name.startswith("arn:") else [name]
        named = [resource for resource in self.of(types) if text_at(resource.body, "name") in parts]
        if name.startswith("arn:"):
            # Names are unique in an account and region only.
            named = [resource for resource in named if text_at(resource.body, "arn") is None]
        return named[0] if len(named) == 1 else None

    def _only_instance(self, address: str) -> Resource | None:
        """The one instance of a resource that plans refer to without its key."""
        found = [own for at, own in self._by_address.items() if at.startswith(address + "[")]
        return found[0] if len(found) == 1 else None

    def find_all(self, node: Node | None, types: tuple[str, ...]) -> tuple[list[Resource], str]:
        """The resources that a list (or one value) refers to, and why there may be more."""
        if node is None or not is_set(node):
            return [], ""
        found: list[Resource] = []
        reason = ""
        for item in node.items if isinstance(node, Sequence) else (node,):
            resource = self.find(item, types)
            if resource is not None:
                found.append(resource)
            else:
                reason = why_unknown(item) or "it names something that is not in the files"
        return found, reason

    def undecided(self) -> list[Undecided]:
        """The parts of the root that were not seen."""
        found = [Undecided(call.address, call.open, call.span) for call in self.module.open_modules]
        if self.module.open:
            noun = getattr(self.module, "noun", "the Terraform root")
            found.append(Undecided(f"{noun} {self.directory or '.'}", self.module.open))
        return found

    def passed_to(self, resource: Resource) -> str:
        """The address of an unseen module that is given this resource, and so may add to it; empty: none is."""
        name = text_at(resource.body, "name")
        for call in self.module.open_modules:
            if _mentions(call.inputs, resource.address, name):
                return call.address
        return ""


def _mentions(root: Mapping, address: str, name: str | None) -> bool:
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Reference):
            if node.address == address or address.startswith(node.address + "["):
                return True
        elif isinstance(node, Mapping):
            waiting.extend(entry.value for entry in entries(node))
        elif isinstance(node, Sequence):
            waiting.extend(node.items)
        elif name and text(node) == name:
            return True
    return False
