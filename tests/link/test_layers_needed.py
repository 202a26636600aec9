"""Layers that a tree has nothing for are left out, and would have said nothing."""

from __future__ import annotations

import pytest

from kubelint5xx.config import Config
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml
from kubelint5xx.link.assemble import BEHIND, RUNS
from kubelint5xx.link.nodes import link_nodes
from kubelint5xx.link.objects import objects_of
from kubelint5xx.link.parts import Layer
from kubelint5xx.link.scopes import scopes_of

from .manifests import WEB, joined

TEMPLATED = ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")


def manifest(kind: str) -> str:
    if kind in TEMPLATED:
        return WEB.replace("kind: Deployment", f"kind: {kind}")
    own = {
        "Pod": "spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80, hostPort: 80}]}]}",
        "ConfigMap": "data: {nginx.conf: 'events {}'}",
    }
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {kind.lower()}, namespace: shop}}\n{own.get(kind, '')}\n"


@pytest.mark.parametrize("kinds", [*([kind] for kind in sorted(BEHIND)), sorted(BEHIND)], ids=" ".join)
def test_nothing_leads_to_what_only_runs(kinds: list[str]) -> None:
    assert joined("---\n".join(manifest(kind) for kind in kinds)) == Layer()


@pytest.mark.parametrize("kinds", [*([kind] for kind in sorted(RUNS)), sorted(RUNS)], ids=" ".join)
def test_what_only_runs_says_nothing_of_nodes_and_clusters(kinds: list[str]) -> None:
    source = Source("all.yaml", "---\n".join(manifest(kind) for kind in kinds))
    scopes = scopes_of(objects_of(yaml.read(source).documents, []), [])
    assert link_nodes(scopes, [], Layer(), Config()) == Layer()
