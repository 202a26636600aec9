"""The request paths as JSON, for other programs and for the checks of other repositories.

``schemas/path.schema.json`` describes it. Within a version fields are only added. Durations are in seconds. Of texts
nothing is given but the values of the vocabulary and the names of things, so that no secret comes along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from kubelint5xx import __version__
from kubelint5xx.config_assume import VERSION
from kubelint5xx.core.node import items
from kubelint5xx.core.value import Subject
from kubelint5xx.link.clusters import Evidence
from kubelint5xx.link.handlers import Handler
from kubelint5xx.link.nodes import NodeFacts
from kubelint5xx.link.objects import KubeObject
from kubelint5xx.link.parts import NodeGroup, TargetGroup
from kubelint5xx.link.receivers import Receiver
from kubelint5xx.link.told import Told
from kubelint5xx.model.topology import Edge, Model, Setting
from kubelint5xx.report.path_values import Json, Where, Writer

Telling = tuple[Model, Told, Where]


def render(environments: Mapping[str, Telling]) -> str:
    """What each environment (by its name; empty without any) comes to, as a JSON text that ends with a line break.
    The same paths give the same text."""
    document = {
        "version": VERSION,
        "tool": {"name": "kubelint5xx", "version": __version__},
        "environments": [_environment(name, *found) for name, found in environments.items()],
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _environment(name: str, model: Model, told: Told, where: Where) -> Json:
    writer = Writer(where)
    numbers = {group.subject: at for at, group in enumerate(told.target_groups)}
    found = {
        "name": name or None,
        "complete": sorted(told.complete),
        "target_groups": [_target_group(group, writer) for group in told.target_groups],
        "edges": [_edge(edge, numbers, writer) for edge in told.edges],
        "clusters": [
            {**writer.subject(cluster), "names": sorted(names)}
            for cluster, names in zip(model.clusters, model.cluster_names, strict=True)
        ],
        "nodes": _nodes(told, writer),
        "scopes": [
            {"name": scope.name, "objects": [_object(thing, told, writer) for thing in scope.objects]}
            for scope in told.scopes
        ],
    }
    return {**found, "hops": writer.hops, "pods": writer.pods, "lines": writer.lines()}


def _target_group(group: TargetGroup, writer: Writer) -> Json:
    senders = group.senders
    return {
        **writer.subject(group.subject),
        "address": group.address,
        "name": group.name,
        "arn": group.arn,
        "port": group.port,
        "protocol_version": group.protocol_version,
        "registered": group.registered,
        "served": group.served,
        "cluster": group.cluster,
        "route": writer.steps(group.route),
        "balancers": [writer.hop(hop) for hop in group.balancers],
        "node_selector": dict(group.node_selector) if group.node_selector else None,
        "selector_unknown": group.selector_unknown,
        "senders": {"groups": sorted(senders.groups), "unknown": senders.unknown} if senders else None,
    }


def _edge(edge: Edge, numbers: Mapping[Subject, int], writer: Writer) -> Json:
    return {
        "called": edge.subject.name,
        "sender": writer.hop(edge.sender),
        "receiver": writer.hop(edge.receiver),
        "pod": writer.pod(edge.pod) if edge.pod else None,
        "target_group": numbers.get(edge.target_group) if edge.target_group else None,
        "cluster": edge.cluster.name if edge.cluster else None,
        "route": writer.steps(edge.route),
        "joins": writer.joins(edge.subject.joins),
        "values": writer.values(edge.subject.values),
    }


def _nodes(told: Told, writer: Writer) -> Json:
    facts = told.nodes or NodeFacts()
    single = {
        "spot_events": facts.spot_events,
        "hook_events": facts.hook_events,
        "removal_delay": facts.removal_delay,
        "interruption_queue": facts.queue,
    }
    return {
        "groups": [_node_group(group, writer) for group in facts.groups],
        "settings": [_setting(setting, writer) for setting in facts.settings],
        "clusters": [_cluster(cluster, writer) for cluster in facts.clusters],
        "scopes": [
            {
                "name": scope.name,
                "groups": [_node_group(group, writer) for group in scope.groups],
                "settings": [_setting(setting, writer) for setting in scope.settings],
                "clusters": [_cluster(cluster, writer) for cluster in scope.clusters],
                "controller": writer.value(scope.controller) if scope.controller else None,
            }
            for scope in facts.scopes
        ],
        "handlers": [_handler(handler, writer) for handler in facts.handlers],
        **{name: writer.value(value) if value is not None else None for name, value in single.items()},
        "more": {"open": told.node_groups.open, "assumed": told.node_groups.assumed},
    }


def _node_group(group: NodeGroup, writer: Writer) -> Json:
    guard = group.guard
    return {
        "called": group.name,
        "place": writer.place(group.place, True),
        "values": writer.values(group.values),
        "labels": {key: writer.node(node) for key, node in group.labels.items()} if group.labels is not None else None,
        "labels_unknown": group.labels_unknown,
        "attached_to": [{"address": at, **writer.joins([join])[0]} for at, join in group.attached_to.items()],
        "cluster": group.cluster,
        "scope": group.scope,
        "spot": group.spot,
        "inside": group.inside,
        "guard": None
        if guard is None
        else {
            "place": writer.place(guard.place, True),
            "unknown": guard.unknown,
            "openings": [
                {"first": one.first, "last": one.last, "sources": sorted(one.sources), "anyone": one.anyone}
                for one in guard.openings
            ],
        },
    }


def _setting(setting: Setting, writer: Writer) -> Json:
    return writer.subject(setting.subject)


def _cluster(cluster: Evidence, writer: Writer) -> Json:
    proxy = cluster.proxy
    values = {
        "kubernetes_version": cluster.kubernetes_version,
        "aws_controller": cluster.aws_controller,
        "kube_proxy_version": proxy.version,
        "kube_proxy_mode": proxy.mode,
        "kube_proxy_replaced": proxy.replaced,
    }
    return {
        "called": cluster.name,
        "place": writer.place(cluster.place, True),
        "names": sorted(cluster.names),
        "scope": cluster.scope,
        "values": writer.values({name: value for name, value in values.items() if value is not None}),
        "kube_proxy": {
            "place": writer.place(proxy.place, True),
            "unseen": list(proxy.unseen),
            "liberal": [
                {
                    "key": one.key,
                    "where": one.where,
                    "place": writer.place(one.place, True),
                    "is": writer.node(one.node),
                    "beside_config": writer.value(one.beside_config) if one.beside_config else None,
                }
                for one in proxy.liberal
            ],
        },
    }


def _handler(handler: Handler, writer: Writer) -> Json:
    extends = writer.value(handler.extends) if handler.extends else None
    return {**writer.subject(handler.subject), "extends": extends}


def _object(thing: KubeObject, told: Told, writer: Writer) -> Json:
    found = {
        "kind": thing.kind,
        "api": thing.api,
        "namespace": thing.namespace,
        "name": thing.name,
        "place": writer.place(thing.span, True),
        "patched_by": thing.patched_by,
        "root": writer.node(thing.root),
    }
    if thing.kind != "Service":
        return found
    receivers = [told.receivers.get(id(port), ()) for port in items(thing.at("spec", "ports"))]
    return {**found, "receivers": [[_receiver(one, writer) for one in some] for some in receivers]}


def _receiver(receiver: Receiver, writer: Writer) -> Json:
    owner = receiver.container.workload.owner
    optional = {"speaks": receiver.speaks, "transport": receiver.transport}
    return {
        "hop": writer.hop(receiver.hop),
        "pod": writer.pod(receiver.pod),
        "port": receiver.port,
        "place": writer.place(receiver.container.place, True),
        "owner": {
            "kind": owner.kind,
            "namespace": owner.namespace,
            "name": owner.name,
            "place": writer.place(owner.span, True),
        },
        "joins": writer.joins(receiver.joins),
        "behind": [_receiver(inner, writer) for inner in receiver.behind],
        **{name: writer.value(value) if value is not None else None for name, value in optional.items()},
    }
