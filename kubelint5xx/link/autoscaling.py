"""Node groups that Terraform declares: autoscaling groups, and the managed groups of EKS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubelint5xx.config import Config
from kubelint5xx.core.node import Entry, Node, Reference, Scalar, text
from kubelint5xx.core.node import Mapping as Body
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join, Members, Value, Written
from kubelint5xx.eval.resource import Resource
from kubelint5xx.link.attributes import blocks, is_set, text_at, truth, whole, why_hidden, why_unknown, written
from kubelint5xx.link.boot_script import BootScript, read_boot_script
from kubelint5xx.link.kernels import kernel_not_known, kernel_of
from kubelint5xx.link.lifecycle_hooks import hooks_of
from kubelint5xx.link.node_labels import excluded, label_settings
from kubelint5xx.link.parts import NodeGroup
from kubelint5xx.link.security_groups import guard_of
from kubelint5xx.link.sysctls import sysctl_settings
from kubelint5xx.link.terraform_root import (
    ATTACHMENTS,
    AUTOSCALING_GROUPS,
    CLASSIC,
    CLUSTERS,
    LAUNCH_CONFIGURATIONS,
    LAUNCH_TEMPLATES,
    NODE_GROUPS,
    SCHEDULES,
    TARGET_GROUPS,
    Root,
)
from kubelint5xx.link.volatility import any_spot, at_least_one, configured, decide, marked
from kubelint5xx.model.topology import Setting, Undecided

_CLUSTER_TAGS = ("kubernetes.io/cluster/", "k8s.io/cluster-autoscaler/")
_NOT_LOOKED_FOR = "termination handlers were not looked for"


def terraform_node_groups(root: Root, config: Config) -> tuple[list[NodeGroup], list[Setting], list[Undecided]]:
    """The node groups of a root, the settings in their labels and user data, and what could not be joined."""
    groups: list[NodeGroup] = []
    settings: list[Setting] = []
    undecided: list[Undecided] = []
    attachments = _attachments(root, undecided)
    for resource in root.of(AUTOSCALING_GROUPS):
        template = _template_of(root, resource)
        found = _AutoscalingGroup(root, config, resource, template, attachments.get(resource.address, {}))
        group = found.node_group(undecided)
        if group is not None:
            groups.append(group)
            settings += found.settings(group.name)
    for resource in root.of(NODE_GROUPS):
        managed = _ManagedGroup(root, config, resource, _template_of(root, resource))
        groups.append(managed.node_group())
        settings += managed.settings(groups[-1].name)
    return groups, settings, undecided


@record
class _Template:
    """What a group's instances are launched from. ``unknown`` tells why it is not seen."""

    body: Body | None = None
    script: BootScript = field(default_factory=BootScript)
    unknown: str = ""

    @property
    def labels_unknown(self) -> str:
        return self.unknown or (f"its user data is not known: {self.script.unknown}" if self.script.unknown else "")

    def spot(self) -> Value | None:
        """Whether its instances are spot instances."""
        if self.unknown:
            return Value.unknown(self.unknown)
        if self.body is None:
            return None
        for options in blocks(self.body, "instance_market_options"):
            kind = options.get("market_type")
            if kind is not None:
                said = text(kind)
                return written(said == "spot", kind.span, "market_type") if said else _unknown(kind, "market_type")
        price = self.body.get("spot_price")
        if price is not None and is_set(price):
            bid = isinstance(price, Scalar)
            return written(bool(text(price)), price.span, "spot_price") if bid else _unknown(price, "spot_price")
        return None


def _template_of(root: Root, group: Resource) -> _Template:
    references = [
        (block.get("id") or block.get("name") or block.get("launch_template_id") or block.get("launch_template_name"))
        for path in (
            ("launch_template",),
            ("mixed_instances_policy", "launch_template", "launch_template_specification"),
        )
        for block in blocks(group.body, *path)
    ]
    references.append(group.body.get("launch_configuration"))
    for reference in references:
        if reference is None or not is_set(reference):
            continue
        found = root.find(reference, (*LAUNCH_TEMPLATES, *LAUNCH_CONFIGURATIONS))
        if found is None:
            named = why_unknown(reference) or text(reference)
            return _Template(unknown=f"its launch template is not in the files ({named})")
        data = found.body.get("user_data") or found.body.get("user_data_base64")
        script = read_boot_script(data)
        if data is None and (hidden := why_hidden(found.body, "user_data")):
            script = BootScript(unknown=hidden)
        return _Template(found.body, script)
    return _Template()


@record
class _AutoscalingGroup:
    root: Root
    config: Config
    resource: Resource
    template: _Template
    attached: Mapping[str, Join]

    def node_group(self, undecided: list[Undecided]) -> NodeGroup | None:
        """The group, or None where its user data is read and makes no nodes of its instances."""
        resource, place = self.resource, self.resource.span
        tags = list(_tags(resource.body))
        cluster, tagged = _cluster_of(tags)
        attached = {**self.own_attachments(undecided), **self.attached}
        script = self.template.script
        data = self.template.body.get("user_data") if self.template.body is not None else None
        no_node = is_set(data) and not script.unknown and not script.joins_cluster
        if no_node and not tagged and not attached and not resource.body.open:
            return None
        labels, keys = _labels(script)
        name = f"the autoscaling group {resource.address}"
        unknown = self.template.labels_unknown
        values = {
            "volatile": self.volatile(keys, tags),
            "managed": written(False, place, "aws_autoscaling_group"),
            "excluded": excluded(labels, unknown, place, keys),
            "provisioner": written("autoscaling", place, "aws_autoscaling_group"),
            "interruptions_handled": written(False, place, "aws_autoscaling_group"),
            "hooks": hooks_of(self.root, resource, self.config),
            "kernel": self.kernel() or kernel_not_known(place),
            "handlers": Value(Members((), _NOT_LOOKED_FOR), Written(place)),
        }
        directory, known = self.root.directory, None if unknown else labels
        spot = any_spot(self.spot(), why_hidden(resource.body, "mixed_instances_policy"))
        guard = guard_of(self.root, self.template.body) if self.template.body is not None else None
        return NodeGroup(name, place, values, known, unknown, attached, cluster, directory, spot, guard=guard)

    def settings(self, name: str) -> list[Setting]:
        return _settings(self.template, name, self.config, self.kernel())

    def kernel(self) -> Value | None:
        image = self.template.body.get("image_id") if self.template.body is not None else None
        return kernel_of(image, self.root.module)

    def volatile(self, keys: Mapping[str, Span], tags: list[tuple[str, Node]]) -> Value:
        body, place = self.resource.body, self.resource.span
        if said := configured((self.resource.address, self.resource.name, text_at(body, "name")), self.config, place):
            return said
        named = body.get("name") or body.get("name_prefix")
        words = [(self.resource.name, place), *((key, span) for key, span in keys.items())]
        if isinstance(self.resource.key, str):
            words.append((self.resource.key, place))
        if isinstance(named, Scalar) and text(named):
            words.append((text(named) or "", named.span))
        words += [(f"{label.key.value}={label.value.value}", label.key.span) for label in self.template.script.labels]
        words += [(text(value) or "", value.span) for key, value in tags if key == "Name"]
        signs = (
            *self.spot(),
            at_least_one(body.get("min_size"), "min_size"),
            _zero(body.get("desired_capacity"), "desired_capacity"),
            self.scheduled(),
            _switch(body, "capacity_rebalance"),
            _switch(body, "max_instance_lifetime"),
            marked(words),
        )
        return decide(signs, place, why_hidden(body, "mixed_instances_policy"))

    def spot(self) -> tuple[Value | None, Value | None]:
        return self.mixed_spot(), self.template.spot()

    def mixed_spot(self) -> Value | None:
        for policy in blocks(self.resource.body, "mixed_instances_policy", "instances_distribution"):
            share = policy.get("on_demand_percentage_above_base_capacity")
            if share is not None and is_set(share):
                percent = whole(share)
                setting = "on_demand_percentage_above_base_capacity"
                return _unknown(share, setting) if percent is None else written(percent < 100, share.span, setting)
        return None

    def scheduled(self) -> Value | None:
        for schedule in self.root.of(SCHEDULES):
            named = schedule.body.get("autoscaling_group_name")
            owner = self.root.find(named, AUTOSCALING_GROUPS)
            if owner is None or owner.address != self.resource.address:
                continue
            for key in ("min_size", "desired_capacity", "max_size"):
                size = schedule.body.get(key)
                if size is not None and whole(size) == 0:
                    return written(True, size.span, key)
        return None

    def own_attachments(self, undecided: list[Undecided]) -> dict[str, Join]:
        body, found = self.resource.body, dict[str, Join]()
        nodes = [(body.get("target_group_arns"), "target_group_arns"), (body.get("load_balancers"), "load_balancers")]
        nodes += [(block.get("identifier"), "traffic_source") for block in blocks(body, "traffic_source")]
        for node, setting in nodes:
            if node is not None:
                found |= _joined(self.root, self.resource.address, node, setting, undecided)
        doubts = self.resource.joins
        return {address: _doubted(join, doubts[0]) for address, join in found.items()} if doubts else found


@record
class _ManagedGroup:
    root: Root
    config: Config
    resource: Resource
    template: _Template

    def node_group(self) -> NodeGroup:
        resource, place = self.resource, self.resource.span
        labels, keys = _labels(self.template.script)
        written_labels, unknown = self.labels()
        labels |= {str(entry.key.value): entry.value for entry in written_labels}
        keys |= {str(entry.key.value): entry.key.span for entry in written_labels}
        unknown = unknown or self.template.labels_unknown
        values = {
            "volatile": self.volatile(labels, keys),
            "managed": written(True, place, "aws_eks_node_group"),
            "excluded": excluded(labels, unknown, place, keys),
            "provisioner": written("autoscaling", place, "aws_eks_node_group"),
            "interruptions_handled": written(True, place, "aws_eks_node_group"),
            "hooks": Value(Members((), "EKS adds hooks of its own"), Written(place)),
            "kernel": kernel_of(resource.body.get("ami_type")) or kernel_not_known(place),
            "handlers": Value(Members((), _NOT_LOOKED_FOR), Written(place)),
        }
        return NodeGroup(
            f"the managed node group {resource.address}",
            place,
            values,
            None if unknown else labels,
            unknown,
            {},
            self.cluster(),
            self.root.directory,
            any_spot([self.spot()]),
        )

    def cluster(self) -> str | None:
        named = self.resource.body.get("cluster_name")
        owner = self.root.find(named, CLUSTERS)
        if owner is not None:
            return text_at(owner.body, "name") or self.root.unique(owner)
        return text(named) or (f"{self.root.directory}:{named.address}" if isinstance(named, Reference) else None)

    def labels(self) -> tuple[list[Entry], str]:
        node = self.resource.body.get("labels")
        if node is None or not is_set(node):
            return [], why_hidden(self.resource.body, "labels")
        if isinstance(node, Body):
            return list({entry.key.value: entry for entry in node.entries}.values()), node.open
        return [], why_unknown(node) or "labels is not a map"

    def spot(self) -> Value | None:
        capacity = self.resource.body.get("capacity_type")
        if capacity is None or not is_set(capacity):
            return self.template.spot()
        said = text(capacity)
        return written(said == "SPOT", capacity.span, "capacity_type") if said else _unknown(capacity, "capacity_type")

    def settings(self, name: str) -> list[Setting]:
        pairs = [(entry.key, entry.value) for entry in self.labels()[0]]
        kernel = kernel_of(self.resource.body.get("ami_type"))
        return [*label_settings(pairs, name), *_settings(self.template, name, self.config, kernel)]

    def volatile(self, labels: Mapping[str, Node], keys: Mapping[str, Span]) -> Value:
        body, place = self.resource.body, self.resource.span
        name = text_at(body, "node_group_name")
        if said := configured((self.resource.address, self.resource.name, name), self.config, place):
            return said
        words = [(self.resource.name, place), *((f"{key}={text(value)}", keys[key]) for key, value in labels.items())]
        named = body.get("node_group_name") or body.get("node_group_name_prefix")
        if named is not None:
            words.append((text(named) or "", named.span))
        for taint in blocks(body, "taint"):
            key = taint.get("key")
            if key is not None:
                words.append((f"{text(key)}={text(taint.get('value'))}", key.span))
        signs = [self.spot()]
        for scaling in blocks(body, "scaling_config"):
            signs.append(at_least_one(scaling.get("min_size"), "min_size"))
            signs.append(_zero(scaling.get("desired_size"), "desired_size"))
        return decide([*signs, marked(words)], place, why_hidden(body, "scaling_config"))


def _attachments(root: Root, undecided: list[Undecided]) -> dict[str, dict[str, Join]]:
    """What resources of their own attach to each autoscaling group, by the group's address."""
    found: dict[str, dict[str, Join]] = {}
    for resource in root.of(ATTACHMENTS):
        body = resource.body
        owner = root.find(body.get("autoscaling_group_name"), AUTOSCALING_GROUPS)
        if owner is None:
            named = body.get("autoscaling_group_name")
            reason = (why_unknown(named) if named else "") or "its autoscaling group is not in the files"
            undecided.append(Undecided(resource.address, reason, resource.span))
            continue
        nodes = [body.get(key) for key in ("lb_target_group_arn", "alb_target_group_arn", "elb")]
        nodes += [block.get("identifier") for block in blocks(body, "traffic_source")]
        for node in nodes:
            if node is not None and is_set(node):
                joins = _joined(root, owner.address, node, resource.address, undecided)
                found.setdefault(owner.address, {}).update(joins)
    return found


def _joined(root: Root, group: str, node: Node, setting: str, undecided: list[Undecided]) -> dict[str, Join]:
    """The target groups that ``node`` names, by their unique addresses."""
    targets, reason = root.find_all(node, (*TARGET_GROUPS, *CLASSIC))
    if reason:
        undecided.append(Undecided(f"what {group} is attached to by {setting}", reason, node.span))
    found: dict[str, Join] = {}
    for target in targets:
        join = Join(f"{setting} attaches {group} to {target.address}", node.span)
        if target.type in CLASSIC:
            ports = {whole(listener.get("instance_port")) for listener in blocks(target.body, "listener")}
            found |= {f"{root.unique(target)}#{port if port else ''}": join for port in ports}
        else:
            found[root.unique(target)] = join
    return found


def _doubted(join: Join, by: Join) -> Join:
    return Join(f"{join.said}: {by.said}", join.place, assumed=True)


def _tags(body: Body) -> Iterator[tuple[str, Node]]:
    for tag in [*blocks(body, "tag"), *(item for node in body.every("tags") for item in blocks(node))]:
        key, value = tag.get("key"), tag.get("value")
        if key is not None and value is not None:
            yield text(key) or (key.span.text if why_unknown(key) else ""), value
        else:
            yield from ((str(entry.key.value), entry.value) for entry in tag.entries)


def _cluster_of(tags: list[tuple[str, Node]]) -> tuple[str | None, bool]:
    """The cluster's name in the tags, and whether any tag speaks of Kubernetes."""
    tagged = False
    for key, value in tags:
        for prefix in _CLUSTER_TAGS:
            if prefix in key:
                tagged = True
                name = key.removeprefix(prefix)
                if key.startswith(prefix) and name and "$" not in name and name not in ("enabled", "disabled"):
                    return name, True
        if key == "KubernetesCluster":
            return text(value), True
    return None, tagged or any("k8s.io/" in key or "eks:" in key for key, _ in tags)


def _labels(script: BootScript) -> tuple[dict[str, Node], dict[str, Span]]:
    labels: dict[str, Node] = {str(label.key.value): label.value for label in script.labels}
    return labels, {str(label.key.value): label.key.span for label in script.labels}


def _settings(template: _Template, name: str, config: Config, kernel: Value | None) -> list[Setting]:
    labels = label_settings([(label.key, label.value) for label in template.script.labels], name)
    return [*labels, *sysctl_settings(template.script.sysctls, f"the user data of {name}", config, kernel)]


def _switch(body: Body, key: str) -> Value | None:
    """An attribute that makes nodes come and go where it is switched on, or set to more than 0."""
    node = body.get(key)
    if node is None or not is_set(node):
        return None
    on = truth(node)
    number = whole(node)
    if on is None and number is None:
        return _unknown(node, key)
    return written(on if on is not None else bool(number), node.span, key)


def _zero(node: Node | None, setting: str) -> Value | None:
    return written(True, node.span, setting) if node is not None and whole(node) == 0 else None


def _unknown(node: Node, setting: str) -> Value:
    return Value.unknown(why_unknown(node) or f"{setting} is not readable", node.span)
