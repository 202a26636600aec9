"""The vocabulary: every quantity that hop tables and joins write and rules read, with its unit and its meaning.

Neither rules nor hop tables know each other; both know these names. A name belongs to one or more kinds of subject.
"""

from __future__ import annotations

from functools import cache

from kubelint5xx.core.record import record

# The types of data. A duration is a float in seconds, infinity where there is no limit.
DURATION, BOOL, NUMBER, TEXT, VERSION = "duration", "bool", "number", "text", "version"


@record
class Knob:
    """One quantity. ``kind``: the kind of subject that has it; ``type``: its data type, or ``set of KIND``.

    ``words`` is how reports call it, where that is not its name with blanks.
    """

    kind: str
    name: str
    type: str
    meaning: str
    words: str = ""


KNOBS = (
    # A hop has two faces: inbound (towards who sends to it) and outbound (towards what it sends to).
    # In a rule, `receiver` is an inbound face and `sender` an outbound one.
    Knob(
        "hop", "keepalive", BOOL, "Inbound: a connection stays open after a response. Outbound: it is reused.",
        "keeping of connections",
    ),
    Knob("hop", "idle_timeout", DURATION, "How long a connection without a request in progress stays open."),
    Knob("hop", "header_timeout", DURATION, "How long the headers of a request may take to arrive."),
    Knob("hop", "response_timeout", DURATION, "How long this hop waits for the response, or for its next byte."),
    Knob("hop", "connect_timeout", DURATION, "How long this hop waits for a connection to the next one."),
    Knob(
        "hop", "resends", BOOL, "Sends an idempotent request again by itself when its connection was reset.",
        "resending of idempotent requests",
    ),
    Knob("hop", "reset_status", NUMBER, "The HTTP status that this hop answers when the next one resets."),
    Knob("hop", "timeout_status", NUMBER, "The HTTP status that this hop answers when the next one does not."),
    Knob("hop", "no_target_status", NUMBER, "The HTTP status that this hop answers when it has no target."),
    Knob(
        "hop", "closes_in_drain", BOOL, "While draining, answers kept connections with Connection: close.",
        "closing of kept connections in the drain",
    ),
    Knob("hop", "drain_delay", DURATION, "How long it goes on serving after SIGTERM before it refuses connections."),
    Knob("hop", "shutdown_timeout", DURATION, "How long requests in progress may take to end after SIGTERM."),
    Knob("hop", "graceful", BOOL, "Lets requests in progress end on the signal that stops it."),
    Knob("hop", "version", VERSION, "The product's version."),
    # An edge joins the outbound face of one hop to the inbound face of the next.
    Knob("edge", "protocol", TEXT, "http1, http2 or grpc: what is spoken on this edge."),
    Knob(
        "edge", "pinned", BOOL, "The sender's kept connections end at a pod that the sender cannot see.",
        "pinning of connections to pods",
    ),
    Knob("edge", "target_type", TEXT, "instance (by way of nodes), ip (pods directly) or service (a ClusterIP)."),
    Knob(
        "edge", "through_kube_proxy", BOOL, "Connections reach the pod by way of kube-proxy.",
        "passage through kube-proxy",
    ),
    Knob("edge", "inside_pod", BOOL, "Sender and receiver run in one pod.", "passage inside one pod"),
    Knob(
        "edge", "propagation", DURATION, "How long it takes until a pod's removal has reached this sender.",
        "time until removal has spread",
    ),
    # A pod, by the container that receives the requests of an edge.
    Knob(
        "pod", "grace", DURATION, "terminationGracePeriodSeconds: from deletion to SIGKILL, preStop included.",
        "grace period",
    ),
    Knob(
        "pod", "prestop_delay", DURATION, "How long the preStop hook holds SIGTERM back; 0 without a hook.",
        "preStop delay",
    ),
    Knob("pod", "prestop", TEXT, "What the preStop hook is: none, exec, sleep or httpGet.", "preStop hook"),
    Knob(
        "pod", "prestop_program", TEXT, "The program that an exec preStop hook starts.",
        "program of the preStop hook",
    ),
    Knob("pod", "shell", BOOL, "The image holds a shell and the usual programs beside it.", "shell in the image"),
    Knob("pod", "readiness_probe", BOOL, "The container has a readiness probe."),
    Knob(
        "pod", "readiness", DURATION, "How long it takes until a failing readiness probe counts.",
        "time until failing readiness counts",
    ),
    Knob(
        "pod", "drains_by_readiness", BOOL, "It drains by failing its readiness while it goes on serving.",
        "drain by failing readiness",
    ),
    Knob(
        "pod", "drain_period", DURATION, "How long it goes on serving once its readiness fails.",
        "time of serving in the drain",
    ),
    Knob(
        "pod", "drains_before_deletion", BOOL, "That drain begins before the pod is deleted.",
        "drain before deletion",
    ),
    Knob("pod", "serves_in_sidecar", BOOL, "The container is a native sidecar, stopped after the others."),
    # A target group: what a load balancer sends to, with what it does when a target leaves.
    Knob("target_group", "deregistration_delay", DURATION, "How long requests to a leaving target may still take."),
    Knob("target_group", "target_type", TEXT, "instance or ip."),
    Knob("target_group", "traffic_policy", TEXT, "externalTrafficPolicy of the Service: Cluster or Local."),
    Knob("target_group", "reset_status", NUMBER, "The HTTP status that its balancer answers on a reset."),
    Knob("target_group", "timeout_status", NUMBER, "The HTTP status that its balancer answers on a timeout."),
    Knob("target_group", "no_target_status", NUMBER, "The HTTP status that its balancer answers without a target."),
    Knob("target_group", "pods_grace", DURATION, "The longest grace period of the pods behind it."),
    # A node group: instances that come and go together.
    Knob("node_group", "volatile", BOOL, "Its nodes come and go in ordinary operation.", "volatility"),
    Knob(
        "node_group", "managed", BOOL, "A managed service drains its nodes before it terminates them.",
        "management by a service",
    ),
    Knob(
        "node_group", "attached", BOOL, "Its autoscaling group is attached to this target group itself.",
        "attachment to the target group",
    ),
    Knob(
        "node_group", "excluded", BOOL, "Its nodes carry the label that keeps them out of load balancers.",
        "exclusion from load balancers",
    ),
    Knob(
        "node_group", "selected", BOOL, "The target group takes its nodes; no node selector leaves them out.",
        "selection as targets",
    ),
    Knob("node_group", "provisioner", TEXT, "What starts its nodes: autoscaling (a group of instances) or karpenter."),
    Knob("node_group", "interruptions_handled", BOOL, "Its provisioner drains a node before an interruption ends it."),
    Knob("node_group", "hooks", "set of hook", "The lifecycle hooks of its autoscaling group.", "lifecycle hooks"),
    Knob(
        "node_group", "handlers", "set of handler", "The termination handlers that receive its events.",
        "termination handlers",
    ),
    Knob("hook", "transition", TEXT, "terminating or launching."),
    Knob("hook", "heartbeat", DURATION, "How long the instance waits before the transition goes on."),
    Knob(
        "hook", "extended", BOOL, "Who acts on the hook extends its heartbeat while it works.",
        "extension of the heartbeat",
    ),
    Knob("handler", "queue_mode", BOOL, "It reads the events of autoscaling groups from a queue."),
    Knob("handler", "spot_events", BOOL, "Interruption notices of spot instances are sent to its queue."),
    # A cluster, as far as it decides what happens to packets.
    Knob("cluster", "kubernetes_version", VERSION, "The version of the control plane.", "Kubernetes version"),
    Knob("cluster", "kube_proxy_version", VERSION, "The version of kube-proxy.", "kube-proxy version"),
    Knob("cluster", "kube_proxy_mode", TEXT, "iptables, ipvs or nftables."),
    Knob("cluster", "kube_proxy_replaced", BOOL, "Another program does kube-proxy's work."),
    Knob(
        "cluster", "liberal_conntrack", BOOL, "The nodes run with nf_conntrack_tcp_be_liberal=1 on the host.",
        "liberal conntrack on the hosts",
    ),
    Knob("cluster", "aws_controller", BOOL, "The AWS Load Balancer Controller registers its targets."),
    # What the configuration allows for, with defaults that are choices and no facts.
    Knob("budget", "endpoint_propagation", DURATION, "Until a pod's removal has reached kube-proxy and proxies."),
    Knob("budget", "deregistration_propagation", DURATION, "Until an ALB sends nothing more to a leaving ip target."),
    Knob("budget", "idle_margin", DURATION, "By how much an idle timeout should clear the other side's."),
    # A setting, judged where it stands.
    Knob("setting", "key", TEXT, "The setting's name."),
    Knob("setting", "text", TEXT, "Its value, as written."),
    Knob("setting", "where", TEXT, "node-label, pod-sysctl, host-sysctl, kube-proxy-config or kube-proxy-flag."),
    Knob("setting", "host_network", BOOL, "For a pod's sysctl: the pod shares the host's network."),
    Knob("setting", "kernel", VERSION, "The kernel of the nodes that it is meant for."),
    Knob("setting", "beside_config", BOOL, "For a kube-proxy flag: --config is given too, so that flags do not count."),
)

# What a rule is about, and the names that its expressions may use, with their kinds. The first name is the focus:
# findings yield to other findings about the same focus.
OVER: dict[str, dict[str, str]] = {
    "edge": {"edge": "edge", "sender": "hop", "receiver": "hop", "budget": "budget"},
    "serving": {
        "pod": "pod", "server": "hop", "edge": "edge", "sender": "hop", "cluster": "cluster", "budget": "budget",
    },
    "membership": {
        "group": "node_group", "target_group": "target_group", "cluster": "cluster", "budget": "budget",
    },
    "cluster": {"cluster": "cluster", "budget": "budget"},
    "setting": {"setting": "setting", "cluster": "cluster", "budget": "budget"},
}


@cache
def knobs_of(kind: str) -> dict[str, Knob]:
    """The vocabulary of one kind of subject, by name."""
    return {knob.name: knob for knob in KNOBS if knob.kind == kind}


@cache
def vocabulary(kind: str) -> dict[str, str]:
    """The types of the quantities of one kind of subject, by name, as expressions are checked against them."""
    return {name: knob.type for name, knob in knobs_of(kind).items()}
