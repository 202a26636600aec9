from __future__ import annotations

import base64

import pytest

from kubelint5xx.config import Config
from kubelint5xx.config_file import load_config
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source
from kubelint5xx.core.value import Confidence
from kubelint5xx.link.node_labels import EXCLUSION_LABEL, LEGACY_EXCLUSION_LABEL
from tests.link.infra import group, line, members, nodes, setting, terraform


def asg(attributes: str = "", more: str = "") -> str:
    return f"""
        resource "aws_autoscaling_group" "workers" {{
          name     = "workers"
          min_size = 3
          {attributes}
          tag {{
            key                 = "kubernetes.io/cluster/main"
            value               = "owned"
            propagate_at_launch = true
          }}
        }}
        {more}
    """


def test_an_autoscaling_group_with_the_clusters_tag_is_a_node_group():
    found = group(terraform(asg()))
    assert (found.cluster, found.scope) == ("main", "infra")
    assert found.values["volatile"].data is False
    assert found.values["managed"].data is False
    assert found.values["excluded"].data is False
    assert found.values["excluded"].confidence is Confidence.MEDIUM


def test_a_group_whose_user_data_makes_no_node_is_none():
    text = """
        resource "aws_launch_template" "t" { user_data = "yum install -y nginx" }
        resource "aws_autoscaling_group" "bastion" {
          min_size = 1
          launch_template { id = aws_launch_template.t.id }
        }
    """
    assert terraform(text).node_groups == ()
    assert len(terraform(text.replace("yum install -y nginx", "/etc/eks/bootstrap.sh main")).node_groups) == 1


MIXED = "mixed_instances_policy {\n instances_distribution {\n on_demand_percentage_above_base_capacity = %d\n }\n }"


@pytest.mark.parametrize(
    ("attributes", "decided_by"),
    [
        ("desired_capacity = 0", "desired_capacity = 0"),
        ("capacity_rebalance = true", "capacity_rebalance = true"),
        ("max_instance_lifetime = 86400", "max_instance_lifetime = 86400"),
        (
            MIXED % 20,
            "on_demand_percentage_above_base_capacity = 20",
        ),
        ('name_prefix = "x"\n tag {\n key = "Name"\n value = "ci-runners"\n }', 'value = "ci-runners"'),
    ],
)
def test_what_makes_nodes_come_and_go_makes_a_group_volatile(attributes, decided_by):
    volatile = group(terraform(asg(attributes))).values["volatile"]
    assert volatile.data is True
    assert line(volatile) == decided_by


def test_a_smallest_size_of_zero_and_a_scheduled_scale_in_are_volatile():
    assert group(terraform(asg().replace("min_size = 3", "min_size = 0"))).values["volatile"].data is True
    schedule = """resource "aws_autoscaling_schedule" "night" {
          autoscaling_group_name = aws_autoscaling_group.workers.name
          min_size               = 0
        }"""
    assert group(terraform(asg(more=schedule))).values["volatile"].data is True


@pytest.mark.parametrize("name", ["bulk-workers", "workers_spot", "batchWorkers", "ingest"])
def test_a_whole_word_of_the_name_marks_a_group(name):
    assert group(terraform(asg().replace('"workers"', f'"{name}"'))).values["volatile"].data is True


@pytest.mark.parametrize("name", ["civic", "spotless", "social", "jobless"])
def test_a_part_of_a_word_does_not(name):
    assert group(terraform(asg().replace('"workers"', f'"{name}"'))).values["volatile"].data is False


def test_an_unknown_size_leaves_it_open_unless_something_else_decides():
    text = 'variable "min" {}\n' + asg().replace("min_size = 3", "min_size = var.min")
    assert not group(terraform(text)).values["volatile"].known
    assert group(terraform(text.replace("min_size", "capacity_rebalance = true\n min_size"))).values["volatile"].data


def test_the_configuration_overrules_every_sign():
    zero = asg().replace("min_size = 3", "min_size = 0")
    said = load_config(Source("kubelint5xx.yaml", "stable: [work*]"))
    assert group(terraform(zero, said)).values["volatile"].data is False
    said = load_config(Source("kubelint5xx.yaml", "volatile: [aws_autoscaling_group.workers]"))
    assert group(terraform(asg(), said)).values["volatile"].data is True


def test_a_dynamic_block_that_is_not_known_hides_blocks_of_its_own_name_only():
    dynamic = 'dynamic "%s" {\n for_each = var.x\n content {}\n }'
    tags = group(terraform('variable "x" {}\n' + asg(dynamic % "tag")))
    assert tags.values["volatile"].data is False and members(tags.values["hooks"]).open == ""
    assert members(group(terraform('variable "x" {}\n' + asg(dynamic % "initial_lifecycle_hook"))).values["hooks"]).open
    policy = group(terraform('variable "x" {}\n' + asg(dynamic % "mixed_instances_policy")))
    assert not policy.values["volatile"].known


HOOK = """resource "aws_autoscaling_lifecycle_hook" "drain" {
          autoscaling_group_name = GROUP
          lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
          heartbeat_timeout      = 600
        }"""


@pytest.mark.parametrize(
    "named", ["aws_autoscaling_group.workers.name", '"workers"', "aws_autoscaling_group.workers.id"]
)
def test_a_hook_belongs_to_the_group_that_it_names(named):
    hooks = members(group(terraform(asg(more=HOOK.replace("GROUP", named)))).values["hooks"])
    (hook,) = hooks.items
    assert hooks.open == ""
    assert (hook.read("transition").data, hook.read("heartbeat").data) == ("terminating", 600.0)


def test_a_hook_of_the_group_itself_waits_an_hour_by_default():
    block = 'initial_lifecycle_hook {\n name = "up"\n lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"\n }'
    (hook,) = members(group(terraform(asg(block))).values["hooks"]).items
    assert (hook.read("transition").data, hook.read("heartbeat").data) == ("launching", 3600.0)
    assert hook.place is not None and hook.place.text.startswith("initial_lifecycle_hook")


def test_hooks_are_closed_where_the_root_was_read_whole():
    assert members(group(terraform(asg())).values["hooks"]).open == ""


@pytest.mark.parametrize(
    "more",
    [
        'module "drain" {\n source = "registry/drain/aws"\n group = aws_autoscaling_group.workers.name\n}',
        'variable "g" {}\n' + HOOK.replace("GROUP", "var.g"),
    ],
)
def test_hooks_are_open_where_one_may_be_added_unseen(more):
    assert members(group(terraform(asg(more=more))).values["hooks"]).open
    closed = terraform(asg(more=more), Config(complete=frozenset({"lifecycle-hooks"})))
    assert members(group(closed).values["hooks"]).open == ""


def test_a_module_that_is_not_given_the_group_adds_no_hooks():
    assert members(group(terraform(asg(more='module "vpc" {\n source = "x/vpc/aws"\n}'))).values["hooks"]).open == ""


TARGETS = 'resource "aws_lb_target_group" "web" { name = "web" }\n'


@pytest.mark.parametrize(
    ("attributes", "more"),
    [
        ("target_group_arns = [aws_lb_target_group.web.arn]", ""),
        ('target_group_arns = ["arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/73e2"]', ""),
        ("traffic_source {\n identifier = aws_lb_target_group.web.arn\n }", ""),
        (
            "",
            'resource "aws_autoscaling_attachment" "a" {\n autoscaling_group_name = aws_autoscaling_group.workers.id\n'
            " lb_target_group_arn = aws_lb_target_group.web.arn\n}",
        ),
        (
            "",
            'resource "aws_autoscaling_traffic_source_attachment" "a" {\n'
            ' autoscaling_group_name = "workers"\n traffic_source {\n identifier = aws_lb_target_group.web.arn\n }\n}',
        ),
    ],
)
def test_a_group_is_attached_to_target_groups(attributes, more):
    assert list(group(terraform(asg(attributes, TARGETS + more))).attached_to) == ["infra:aws_lb_target_group.web"]


def test_an_attachment_to_what_is_not_there_is_undecided():
    layer = terraform('variable "arn" {}\n' + asg("target_group_arns = [var.arn]"))
    assert group(layer).attached_to == {}
    assert len(layer.undecided) == 1


def test_a_group_behind_a_classic_balancer_is_attached_to_each_of_its_ports():
    elb = 'resource "aws_elb" "old" {\n name = "old"\n listener {\n instance_port = 31000\n }\n}'
    layer = terraform(asg("load_balancers = [aws_elb.old.name]", elb))
    assert list(group(layer).attached_to) == [layer.target_groups[0].address]


def launched(user_data: str) -> str:
    template = f'resource "aws_launch_template" "t" {{\n user_data = {user_data}\n}}'
    return asg("launch_template {\n id = aws_launch_template.t.id\n }", template)


SCRIPT = "/etc/eks/bootstrap.sh main --kubelet-extra-args '--node-labels=a=b,%s=true --v=2'"


@pytest.mark.parametrize(
    "user_data",
    [
        f'"{SCRIPT % EXCLUSION_LABEL}"',
        f'base64encode("{SCRIPT % EXCLUSION_LABEL}")',
        f'"{base64.b64encode((SCRIPT % EXCLUSION_LABEL).encode()).decode()}"',
        f"base64encode(<<-EOT\n    #!/bin/bash\n    {SCRIPT % EXCLUSION_LABEL}\n  EOT\n  )",
        f"<<EOT\napiVersion: node.eks.aws/v1alpha1\nkubelet:\n  flags: [--node-labels={EXCLUSION_LABEL}=true]\nEOT",
        f'<<EOT\n[settings.kubernetes.node-labels]\n"{EXCLUSION_LABEL}" = "true"\nEOT',
        f"<<EOT\n/etc/eks/bootstrap.sh ${{aws_eks_cluster.x.id}} --node-labels={EXCLUSION_LABEL}=true\nEOT",
    ],
)
def test_labels_are_found_in_user_data(user_data):
    found = group(terraform(launched(user_data)))
    assert found.values["excluded"].data is True


def test_the_label_in_a_script_is_shown_where_it_is_written():
    layer = terraform(launched(f"base64encode(<<-EOT\n    #!/bin/bash\n    {SCRIPT % EXCLUSION_LABEL}\n  EOT\n  )"))
    (setting,) = layer.settings
    assert setting.subject.place is not None
    assert setting.subject.place.in_file().text == EXCLUSION_LABEL
    assert line(setting.subject.read("text")) == SCRIPT % EXCLUSION_LABEL


@pytest.mark.parametrize(
    "user_data", ['templatefile("boot.sh", {})', '"x --node-labels=$LABELS"', "base64encode(var.script)"]
)
def test_user_data_that_is_not_known_leaves_the_labels_open(user_data):
    found = group(terraform('variable "script" {}\n' + launched(user_data)))
    assert found.labels is None and found.labels_unknown
    assert not found.values["excluded"].known


def test_what_attributes_of_resources_bring_into_a_script_is_no_label():
    found = group(terraform(launched("<<EOT\n/etc/eks/bootstrap.sh ${aws_eks_cluster.x.endpoint}\nEOT")))
    assert found.values["excluded"].data is False


def managed(attributes: str) -> str:
    return f"""resource "aws_eks_node_group" "m" {{
      cluster_name = "main"
      {attributes}
      scaling_config {{
        min_size = 2
      }}
    }}"""


def test_managed_groups_drain_by_themselves():
    found = group(terraform(managed('capacity_type = "SPOT"')))
    assert found.cluster == "main"
    assert [found.values[key].data for key in ("managed", "volatile", "interruptions_handled")] == [True, True, True]


def test_the_presence_of_the_label_excludes_whatever_its_value():
    for value in ("true", "false"):
        found = group(terraform(managed(f'labels = {{ "{EXCLUSION_LABEL}" = "{value}" }}')))
        assert found.values["excluded"].data is True
    assert group(terraform(managed("labels = { a = 1 }"))).values["excluded"].data is False
    assert not group(terraform('variable "l" {}\n' + managed("labels = var.l"))).values["excluded"].known


def test_the_alpha_label_excludes_where_the_aws_controller_is_in_use():
    infra = managed(f'labels = {{ "{LEGACY_EXCLUSION_LABEL}" = "true" }}')
    assert not group(nodes(infra=infra)).values["excluded"].known
    ingress_class = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nspec: {controller: ingress.k8s.aws/alb}\n"
    assert group(nodes(ingress_class, infra)).values["excluded"].data is True


# Termination handlers

HANDLER = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: nth, namespace: kube-system}
    spec:
      template:
        spec:
          containers:
            - name: nth
              image: public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.22.0
              env:
                - {name: ENABLE_SQS_TERMINATION_DRAINING, value: "true"}
                - {name: HEARTBEAT_INTERVAL, value: "60"}
"""
RELEASE = """
    resource "helm_release" "nth" {
      name  = "nth"
      chart = "aws-node-termination-handler"
      set {
        name  = "enableSqsTerminationDraining"
        value = "true"
      }
    }
"""
RULE = """
    resource "aws_cloudwatch_event_rule" "spot" {
      event_pattern = jsonencode({ "detail-type" = ["EC2 Spot Instance Interruption Warning"] })
    }
"""
SPOT = asg(MIXED % 0)
HOOKED = asg(more=HOOK.replace("GROUP", '"workers"'))


def test_no_handler_can_hear_of_a_group_without_a_hook():
    handlers = members(group(nodes(HANDLER, asg() + RELEASE + RULE)).values["handlers"])
    assert (handlers.items, handlers.open, handlers.assumed) == ((), "", "")


def test_a_handler_hears_of_a_hook():
    found = group(nodes(HANDLER, HOOKED))
    assert [handler.read("queue_mode").data for handler in members(found.values["handlers"]).items] == [True]
    assert [hook.read("extended").data for hook in members(found.values["hooks"]).items] == [True]
    found = group(nodes("", HOOKED + RELEASE))
    assert len(members(found.values["handlers"]).items) == 1
    assert [hook.read("extended").data for hook in members(found.values["hooks"]).items] == [False]


def test_without_a_handler_in_sight_a_hook_is_assumed_to_have_none():
    assert members(group(nodes("", HOOKED)).values["handlers"]).assumed
    complete = replace(Config(), complete=frozenset({"termination-handlers"}))
    assert members(group(nodes("", HOOKED, complete)).values["handlers"]).assumed == ""


def test_a_handler_hears_of_spot_instances_by_the_rule_that_sends_their_notices():
    assert len(members(group(nodes(HANDLER, SPOT + RULE)).values["handlers"]).items) == 1
    assert members(group(nodes(HANDLER, SPOT)).values["handlers"]).open
    assert members(group(nodes("", SPOT)).values["handlers"]).assumed


def test_a_handler_that_reads_instance_metadata_hears_no_hook():
    daemon = HANDLER.replace('"true"', '"false"')
    assert members(group(nodes(daemon, HOOKED)).values["handlers"]).items == ()


def test_what_stands_in_a_heredoc_with_known_values_has_its_own_place():
    found = setting(
        terraform(
            """
            variable "name" { default = "c" }
            resource "aws_launch_template" "t" {
              user_data = base64encode(<<-EOT
                /etc/eks/bootstrap.sh ${var.name} --kubelet-extra-args '--node-labels=a=${var.name},LABEL=no'
              EOT
              )
            }
            resource "aws_autoscaling_group" "g" {
              min_size = 1
              launch_template { id = aws_launch_template.t.id }
            }
            """.replace("LABEL", EXCLUSION_LABEL)
        )
    )
    assert found.place is not None and found.place.text == EXCLUSION_LABEL
    assert found.read("text").data == "no" and "--node-labels" in line(found.read("text"))


@pytest.mark.parametrize(("price", "spot"), [('""', False), ('"0.10"', True)])
def test_an_empty_bid_asks_for_no_spot_instance(price: str, spot: bool) -> None:
    text = f"""
    resource "aws_launch_configuration" "web" {{
      spot_price = {price}
      user_data  = "/etc/eks/bootstrap.sh main"
    }}
    resource "aws_autoscaling_group" "web" {{
      min_size             = 2
      launch_configuration = aws_launch_configuration.web.name
    }}
    """
    found = group(terraform(text))
    assert found.spot is spot and found.values["volatile"].data is spot
