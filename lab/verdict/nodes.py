"""Nodes that join and leave: forwarders between the balancer and a pod, which swallow what they are sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from lab.catalogue import Run, catalogue
from lab.process import started
from lab.verdict.balancers import HAProxy, haproxy
from lab.verdict.experiment import Experiment, Setup, Statuses, Tree, example
from lab.verdict.load import Load, counted
from lab.verdict.relay import Relay

_RUN = Run("uvicorn", "pod", "uvicorn --timeout-keep-alive 75 --port @PORT@ pod:app", cwd="python")


def experiments() -> Iterator[Experiment]:
    rule = "node-removed-abruptly"
    yield _experiment(
        rule, "nodes 2 and 3 go",
        _setup("no termination hook: the node goes", True, _gone, example(rule, 0)),
        _setup("a termination hook: deregistered, and gone 4 s later", False, _held(4), example(rule, None)),
    )
    rule = "transient-nodes-in-rotation"
    yield _experiment(
        rule, "nodes 2 and 3 come, and forward nothing for 3 s",
        _setup("targets as soon as they have joined", True, _come, example(rule, 0), out=(1, 2)),
        _setup("excluded from the balancer", False, _stay_out, example(rule, None), out=(1, 2)),
    )
    rule = "termination-hook-too-short"
    yield _experiment(
        rule, "nodes 2 and 3 go, requests of 2 s",
        _setup("the hook holds the node for 1 s", True, _held(1), path="/work/2"),
        _setup("the hook holds the node for 4 s", False, _held(4), path="/work/2"),
    )


def _experiment(rule: str, how: str, *setups: Setup) -> Experiment:
    who = f"3 nodes before uvicorn {{uvicorn}}, behind haproxy, {how}"
    return Experiment(rule, who, catalogue("uvicorn", "haproxy"), setups)


def _setup(
    configuration: str,
    accused: bool,
    happens: Callable[[Relay, HAProxy, int], None],
    files: Tree | None = None,
    out: Sequence[int] = (),
    path: str = "/",
) -> Setup:
    """What ``happens`` to the second and the third of three nodes. Health checks are 5 s apart, and two must fail."""

    def count() -> Statuses:
        (server,) = catalogue("uvicorn")
        with ExitStack() as stack:
            pod = stack.enter_context(started(server, _RUN))
            nodes = [stack.enter_context(Relay(pod.port)) for _ in range(3)]
            ports = [one.port for one in nodes]
            balancer = stack.enter_context(
                haproxy(ports, response=3.0, health="inter 5s fall 2 rise 2", check="/ready", out=out)
            )

            def pass_by() -> None:
                for at in (1, 2):
                    time.sleep(2)
                    happens(nodes[at], balancer, at)
                    time.sleep(2)

            load = Load(20, 8 if path != "/" else 75, (0.05, 0.3), path=path)
            return counted(balancer.port, load, pass_by)

    return Setup(configuration, accused, count, files or {})


def _gone(node: Relay, _: HAProxy, __: int) -> None:
    node.dead = True


def _held(seconds: float) -> Callable[[Relay, HAProxy, int], None]:
    def leaves(node: Relay, balancer: HAProxy, at: int) -> None:
        balancer.deregister(at)
        time.sleep(seconds)
        node.dead = True

    return leaves


def _come(node: Relay, balancer: HAProxy, at: int) -> None:
    node.dead = True
    balancer.register(at)
    time.sleep(3)
    node.dead = False


def _stay_out(node: Relay, _: HAProxy, __: int) -> None:
    node.dead = True
    time.sleep(3)
    node.dead = False
