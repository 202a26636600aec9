"""What a node's kernel does with packets that conntrack calls invalid, in network namespaces."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from lab.catalogue import ROOT, catalogue
from lab.process import NotStarted
from lab.verdict.experiment import Experiment, Setup, Statuses, Tree, example
from lab.verdict.packets import NFTABLES


def experiments() -> Iterator[Experiment]:
    rule = "conntrack-resets-connections"
    yield _experiment(
        rule,
        _setup("invalid packets are forwarded, as by kube-proxy 1.14", "nothing", True, example(rule, 0)),
        _setup("invalid packets are dropped, as by kube-proxy from 1.15 on", "drop", False, example(rule, 2)),
        _setup("`nf_conntrack_tcp_be_liberal=1` on the node", "liberal on the node", False, example(rule, 3)),
    )
    rule, other = "conntrack-setting-ineffective", rule
    yield _experiment(
        rule,
        _setup("`nf_conntrack_tcp_be_liberal=1` in the pod", "liberal in the pod", True, example(rule, 1)),
        _setup("`nf_conntrack_tcp_be_liberal=1` on the node", "liberal on the node", False, example(other, 3)),
    )


def _experiment(rule: str, *setups: Setup) -> Experiment:
    servers = (*catalogue("uvicorn", "nginx"), NFTABLES)
    who = "uvicorn {uvicorn} behind nginx, a pod that sends packets out of the window, a node with nftables {nftables}"
    return Experiment(rule, who, servers, setups)


def _setup(configuration: str, arm: str, accused: bool, files: Tree | None = None) -> Setup:
    def count() -> Statuses:
        command = ["unshare", "--map-root-user", "--net", "--", sys.executable, "-m", "lab.verdict.packets", arm]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise NotStarted(f"no network namespace: {done.stderr[-400:]}")
        return Statuses({int(status): number for status, number in json.loads(done.stdout).items()})

    return Setup(configuration, accused, count, files or {})
