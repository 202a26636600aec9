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
    Knob(
        "hop", "tcp_keepalive", DURATION, "After how long without traffic it sends TCP keep-alive probes.",
        "time until TCP keep-alive probes",
    ),
    Knob("hop", "header_timeout", DURATION, "How long the headers of a request may take to arrive."),
    Knob("hop", "idle_counts_for_headers", BOOL, "That time begins as soon as the response before has ended."),
    Knob("hop", "response_timeout", DURATION, "How long this hop waits for the response, or for its next byte."),
    Knob("hop", "usual_response_timeout", DURATION, "The response timeout of this product where nobody sets it."),
    Knob("hop", "streams", BOOL, "What passes is marked as WebSockets or streams, which may last.", "mark of streams"),
    Knob("hop", "one_timeout", BOOL, "One setting is both its idle timeout and its response timeout."),
    Knob(
        "hop", "kills_workers", BOOL, "It kills a worker that is busy for longer than the response timeout.",
        "killing of slow workers",
    ),
    Knob(
        "hop", "ends_requests", BOOL, "It ends a request by itself that takes longer than the response timeout.",
        "ending of slow requests",
    ),
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
    Knob("hop", "prior_knowledge", BOOL, "It takes HTTP/2 without TLS.", "HTTP/2 without TLS"),
    Knob("hop", "protocol", TEXT, "The one protocol that it takes, where it takes no other: grpc or fastcgi."),
    Knob(
        "hop", "max_requests", NUMBER, "After how many requests a worker ends and another takes its place.",
        "requests until a worker ends",
    ),
    Knob(
        "hop", "max_requests_jitter", NUMBER, "By how many requests that differs between workers, at most.",
        "spread of the requests until a worker ends",
    ),
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
    Knob(
        "edge", "flow_idle", DURATION,
        "How long a balancer of connections on the way remembers an idle one; unlimited where none is on the way.",
        "idle timeout of flows",
    ),
    Knob("edge", "of_task", BOOL, "The receiver runs in a task of Amazon ECS.", "running in a task"),
    Knob("edge", "port", TEXT, "The pod's port that receives the requests."),
    Knob("edge", "spoken", TEXT, "What the sender speaks, whatever the receiver takes: http1, http2 or grpc."),
    Knob("edge", "transport", TEXT, "What the sender speaks it over: tls, plain, or empty where it passes all on."),
    Knob(
        "edge", "port_transport", TEXT, "What the pod's port takes: tls, plain, or empty where nothing tells.",
        "transport of the port",
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
        "pod", "prestop_stops", BOOL, "The preStop hook itself tells the server to end gracefully, and waits.",
        "graceful end by the preStop hook",
    ),
    Knob(
        "pod", "prestop_program", TEXT, "The program that an exec preStop hook starts.",
        "program of the preStop hook",
    ),
    Knob("pod", "shell", BOOL, "The image holds a shell and the usual programs beside it.", "shell in the image"),
    Knob(
        "pod", "passes_signals", BOOL, "Its first process is the server, or hands the signal that stops it on to it.",
        "passing on of signals",
    ),
    Knob("pod", "first_process", TEXT, "What its first process is, where that is not the server."),
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
    Knob("pod", "mesh", TEXT, "The service mesh whose proxy runs beside the app, or none."),
    Knob(
        "pod", "sidecar_drain", DURATION, "How long the mesh's proxy goes on taking requests once the pod is deleted.",
        "drain of the sidecar",
    ),
    Knob(
        "pod", "sidecar_waits", BOOL, "The mesh's proxy goes on until no connection is left.",
        "waiting of the sidecar",
    ),
    Knob(
        "pod", "sidecar_native", BOOL, "The mesh's proxy is a native sidecar, stopped after the app.", "native sidecar",
    ),
    Knob("pod", "replicas", NUMBER, "How many pods serve at least."),
    Knob(
        "pod", "strategy", TEXT, "RollingUpdate, Recreate, OnDelete or none: how pods are replaced.",
        "rollout strategy",
    ),
    Knob(
        "pod", "max_unavailable", NUMBER, "How many of the pods a rollout may take away at once.",
        "pods that a rollout may take away",
    ),
    Knob(
        "pod", "chooses_nodes", BOOL, "A node selector or an affinity limits on which nodes it runs.",
        "choice of nodes",
    ),
    Knob("pod", "disruption_budget", BOOL, "A PodDisruptionBudget selects it."),
    Knob("pod", "evictable", NUMBER, "How many pods the strictest of its budgets lets be evicted while all are there."),
    Knob("pod", "readiness_gate", BOOL, "It names the readiness gate of a target group itself."),
    Knob("pod", "readiness_check", TEXT, "How readiness is probed: httpGet, tcpSocket, exec, grpc or none."),
    Knob("pod", "readiness_path", TEXT, "The path that the readiness probe asks for."),
    Knob("pod", "readiness_port", TEXT, "The number of the port that the readiness probe asks."),
    # A target group: what a load balancer sends to, with what it does when a target leaves.
    Knob("target_group", "deregistration_delay", DURATION, "How long requests to a leaving target may still take."),
    Knob("target_group", "target_type", TEXT, "instance, ip, or none where the sender needs no target group."),
    Knob("target_group", "traffic_policy", TEXT, "externalTrafficPolicy of the Service: Cluster or Local."),
    Knob("target_group", "reset_status", NUMBER, "The HTTP status that its balancer answers on a reset."),
    Knob("target_group", "timeout_status", NUMBER, "The HTTP status that its balancer answers on a timeout."),
    Knob("target_group", "no_target_status", NUMBER, "The HTTP status that its balancer answers without a target."),
    Knob("target_group", "health_interval", DURATION, "How long from one health check of a target to the next."),
    Knob("target_group", "health_timeout", DURATION, "After how long without an answer a health check has failed."),
    Knob("target_group", "healthy_threshold", NUMBER, "How many health checks must succeed until a target is back."),
    Knob("target_group", "unhealthy_threshold", NUMBER, "How many must fail in a row until it gets no requests."),
    Knob("target_group", "health_protocol", TEXT, "How a target's health is checked: http or tcp."),
    Knob("target_group", "health_path", TEXT, "The path that the health check asks for."),
    Knob("target_group", "health_port", TEXT, "The port that it asks: traffic-port or a number."),
    Knob(
        "target_group", "readiness_gate", TEXT,
        "Whether new pods wait for their target: injected, absent, or ineffective (asked for in a form nothing reads).",
        "request for readiness gates",
    ),
    Knob(
        "target_group", "pods_choose_nodes", BOOL, "Pods behind it run on some nodes only.",
        "choice of nodes by its pods",
    ),
    Knob(
        "target_group", "connection_termination", BOOL,
        "Its balancer closes the connections that are left when the deregistration delay is over.",
        "closing of connections after the deregistration delay",
    ),
    Knob(
        "target_group", "request_time", DURATION,
        "How long requests to it may take: the smallest response timeout on the way, where it was raised.",
        "time that requests may take",
    ),
    Knob("target_group", "request_time_raised", BOOL, "Somebody raised the smallest response timeout on the way."),
    Knob("target_group", "stop_time", DURATION, "How long the pods behind it take to stop, at most.", "time to stop"),
    Knob("target_group", "pods_grace", DURATION, "The longest grace period of the pods behind it."),
    Knob("target_group", "sends_to_nodes", BOOL, "Its targets are nodes.", "sending to nodes"),
    Knob("target_group", "node_port", BOOL, "The Service behind it opens a port on every node.", "port on every node"),
    Knob("target_group", "slow_start", DURATION, "How long a new target gets less than its share; 0: no slow start."),
    Knob("target_group", "algorithm", TEXT, "How targets are chosen: round_robin, least_outstanding_requests, …"),
    Knob("target_group", "transport", TEXT, "What is spoken with its targets: tls, plain, or whatever comes (empty)."),
    Knob("target_group", "balancer", TEXT, "What sends to it: alb, nlb, classic or google."),
    Knob("target_group", "node_groups", "set of node_group", "The node groups whose nodes may be its targets."),
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
    Knob(
        "node_group", "admits_balancer", BOOL,
        "The nodes' security groups let the balancer of the target group through to the target port.",
        "openness for the balancer",
    ),
    Knob(
        "node_group", "provisioner", TEXT,
        "What starts its nodes: autoscaling (a group of instances), karpenter or cluster-api.",
    ),
    Knob("node_group", "interruptions_handled", BOOL, "Its provisioner drains a node before an interruption ends it."),
    Knob("node_group", "hooks", "set of hook", "The lifecycle hooks of its autoscaling group.", "lifecycle hooks"),
    Knob(
        "node_group", "handlers", "set of handler", "The termination handlers that receive its events.",
        "termination handlers",
    ),
    Knob("node_group", "kernel", VERSION, "At least which kernel its nodes have."),
    Knob("node_group", "tainted", BOOL, "A taint keeps pods that do not tolerate it off its nodes.", "taint"),
    Knob(
        "node_group", "drain_limit", DURATION,
        "After how long Karpenter or Cluster API ends the drain of a node by force.",
    ),
    Knob(
        "node_group", "removal_delay", DURATION,
        "How long the cluster autoscaler waits between tainting a node and terminating it.",
    ),
    Knob("hook", "told", BOOL, "A queue, a topic or an event rule is told when it begins.", "anything that acts on it"),
    Knob("hook", "transition", TEXT, "terminating or launching."),
    Knob("hook", "heartbeat", DURATION, "How long the instance waits before the transition goes on."),
    Knob(
        "hook", "extended", BOOL, "Who acts on the hook extends its heartbeat while it works.",
        "extension of the heartbeat",
    ),
    Knob("handler", "queue_mode", BOOL, "It reads the events of autoscaling groups from a queue."),
    Knob(
        "handler", "excludes", BOOL, "It labels a node that it drains, so that load balancers leave it out.",
        "exclusion of drained nodes from load balancers",
    ),
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
    Knob("cluster", "kernel", VERSION, "The oldest kernel among its nodes."),
    Knob("cluster", "aws_controller", BOOL, "The AWS Load Balancer Controller registers its targets."),
    # What the configuration allows for, with defaults that are choices and no facts.
    Knob("budget", "endpoint_propagation", DURATION, "Until a pod's removal has reached kube-proxy and proxies."),
    Knob("budget", "deregistration_propagation", DURATION, "Until an ALB sends nothing more to a leaving ip target."),
    Knob("budget", "idle_margin", DURATION, "By how much an idle timeout should clear the other side's."),
    # A setting, judged where it stands.
    Knob("setting", "key", TEXT, "The setting's name."),
    Knob("setting", "text", TEXT, "Its value, as written."),
    Knob(
        "setting", "where", TEXT,
        "node-label, pod-sysctl, host-sysctl, kube-proxy-config, kube-proxy-flag, lb-attribute or lb-annotation.",
    ),
    Knob("setting", "holder", TEXT, "For an attribute: what has it, a load balancer, a target group or a listener."),
    Knob("setting", "length", DURATION, "For an attribute that is a length of time: how long."),
    Knob("setting", "fault", TEXT, "For an implausible setting: short, long, or unit where only a bare number counts."),
    Knob("setting", "unit", TEXT, "For an implausible setting: what a bare number counts there, such as milliseconds."),
    Knob("setting", "taken", DURATION, "For an implausible setting: how long it comes to.", "length"),
    Knob(
        "setting", "meant", DURATION, "For an implausible setting: how long it would be in the other unit.",
        "length in the other unit",
    ),
    Knob("setting", "host_network", BOOL, "For a pod's sysctl: the pod shares the host's network."),
    Knob("setting", "kernel", VERSION, "The kernel of the nodes that it is meant for."),
    Knob("setting", "beside_config", BOOL, "For a kube-proxy flag: --config is given too, so that flags do not count."),
    # Something that names a port of something else.
    Knob("reference", "wanted", TEXT, "The port that is named, by its name or number.", "port"),
    Knob("reference", "where", TEXT, "Whose port it is: service or container."),
    Knob("reference", "owner", TEXT, "What should have the port: the Service, or the workload."),
    Knob("reference", "found", BOOL, "The port is there."),
    # All that set one attribute of one load balancer.
    Knob("attribute", "key", TEXT, "The attribute's key."),
    Knob("attribute", "value", TEXT, "What the first of them sets it to."),
    Knob("attribute", "other", TEXT, "What the first that differs sets it to; else what the last one does.", "value"),
    Knob("attribute", "setter", TEXT, "Who sets it to value."),
    Knob("attribute", "other_setter", TEXT, "Who sets it to other."),
    Knob("attribute", "of_class", BOOL, "The class's parameters set it, for all of them.", "decision by the class"),
)

# What a rule is about, and the names that its expressions may use, with their kinds. The first name is the focus:
# findings yield to other findings about the same focus.
OVER: dict[str, dict[str, str]] = {
    "edge": {
        "edge": "edge", "sender": "hop", "receiver": "hop", "target_group": "target_group", "budget": "budget",
    },
    # What one hop does before it answers, and how long the hop before it waits for that: `inner` is the face that the
    # receiver sends requests on with, or the server's own where nothing follows.
    "relay": {"edge": "edge", "sender": "hop", "inner": "hop", "budget": "budget"},
    "serving": {
        "pod": "pod", "server": "hop", "edge": "edge", "sender": "hop", "target_group": "target_group",
        "cluster": "cluster", "budget": "budget",
    },
    "membership": {
        "group": "node_group", "target_group": "target_group", "cluster": "cluster", "budget": "budget",
    },
    "cluster": {"cluster": "cluster", "budget": "budget"},
    "setting": {"setting": "setting", "cluster": "cluster", "budget": "budget"},
    "target_group": {"target_group": "target_group", "budget": "budget"},
    "reference": {"reference": "reference", "budget": "budget"},
    "attribute": {"attribute": "attribute", "budget": "budget"},
}


@cache
def knobs_of(kind: str) -> dict[str, Knob]:
    """The vocabulary of one kind of subject, by name."""
    return {knob.name: knob for knob in KNOBS if knob.kind == kind}


@cache
def vocabulary(kind: str) -> dict[str, str]:
    """The types of the quantities of one kind of subject, by name, as expressions are checked against them."""
    return {name: knob.type for name, knob in knobs_of(kind).items()}
