"""Layers that a tree has nothing for are left out, and would have said nothing."""

from __future__ import annotations

import pytest

from kubelint5xx.link.assemble import BEHIND
from kubelint5xx.link.parts import Layer

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
