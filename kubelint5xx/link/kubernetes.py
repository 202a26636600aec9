"""The joins of Kubernetes objects: from what lets requests in to the servers that answer them."""

from __future__ import annotations

from kubelint5xx.config import Config
from kubelint5xx.link.ingress_classes import classes_of
from kubelint5xx.link.ingresses import join_ingresses
from kubelint5xx.link.lb_attributes import all_manifest_attributes
from kubelint5xx.link.load_balancers import join_load_balancers, join_node_ports
from kubelint5xx.link.parts import Layer, TargetGroup
from kubelint5xx.link.paths import Paths
from kubelint5xx.link.receivers import Receivers
from kubelint5xx.link.routes import join_routes
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.target_bindings import join_target_groups


def link_kubernetes(
    scopes: tuple[Scope, ...],
    receivers: Receivers,
    terraform: tuple[TargetGroup, ...],
    config: Config,
    told: tuple[Scope, ...] = (),
) -> Layer:
    """All edges that end in a pod, and all target groups: those that controllers make of Ingresses and Services, and
    those that Terraform makes (``terraform``, each with its balancers), completed with what Services and bindings tell.

    ``told``: scopes of other repositories, whose Services may be behind target groups.
    """
    paths = Paths(receivers, config)
    classes = classes_of((*scopes, *told))
    groups: list[TargetGroup] = []
    for scope in scopes:
        groups += join_ingresses(scope, classes, paths)
        groups += join_load_balancers(scope, paths)
        groups += join_routes(scope, paths)
    groups += join_target_groups((*scopes, *told), [one for one in terraform if not one.served], paths)
    groups += [one for one in terraform if one.served]
    for scope in scopes:
        join_node_ports(scope, paths)
    undecided = (*paths.undecided, *paths.receivers.undecided)
    return Layer(
        edges=tuple(paths.edges),
        target_groups=tuple(groups),
        undecided=undecided,
        settings=(*all_manifest_attributes(scopes), *paths.implausible.values()),
        references=tuple(paths.references.values()),
        attributes=tuple(paths.attributes),
    )
