"""Pods that join: what they are sent before they listen, and what is left while they start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from lab.catalogue import Run, catalogue
from lab.process import free_port, started
from lab.verdict.balancers import haproxy
from lab.verdict.experiment import Experiment, Setup, Statuses
from lab.verdict.load import Load, counted
from lab.verdict.trees import container, tree

_COMMAND = "uvicorn", "--timeout-keep-alive", "75", "--port", "8000", "pod:app"
_RUN = Run(
    "uvicorn", "pod", "uvicorn --timeout-keep-alive 75 --port @PORT@ pod:app", cwd="python", env={"STARTS": "2"}
)


def experiments() -> Iterator[Experiment]:
    yield _experiment(
        "no-readiness-probe",
        _setup("no readiness probe: a target as soon as it starts", True, probed=False, surge=True),
        _setup("a readiness probe: a target once it answers", False, probed=True, surge=True),
    )
    yield _experiment(
        "rollout-takes-all-pods",
        _setup("`strategy: Recreate`", True, probed=True, surge=False, strategy="Recreate"),
        _setup("`strategy: RollingUpdate`, `maxUnavailable: 0`", False, probed=True, surge=True),
    )


def _experiment(rule: str, *setups: Setup) -> Experiment:
    who = "uvicorn {uvicorn} behind haproxy, one pod after another, a start takes 2 s"
    return Experiment(rule, who, catalogue("uvicorn", "haproxy"), setups)


def _setup(configuration: str, accused: bool, *, probed: bool, surge: bool, strategy: str = "") -> Setup:
    """Two pods in the place of two others. ``surge``: the old ones leave when the new ones are targets."""
    (server,) = catalogue("uvicorn")

    def count() -> Statuses:
        with ExitStack() as stack:
            old = [stack.enter_context(started(server, _RUN)) for _ in range(2)]
            ports = [free_port() for _ in range(2)]
            balancer = stack.enter_context(haproxy([*(pod.port for pod in old), *ports], out=(2, 3)))

            def leave(at: int) -> None:
                balancer.deregister(at)
                time.sleep(0.5)
                old[at].signal("TERM")

            def join(at: int) -> None:
                if not probed:
                    balancer.register(2 + at)
                stack.enter_context(started(server, _RUN, port=ports[at]))
                balancer.register(2 + at)

            def roll() -> None:
                time.sleep(1)
                steps = [(join, 0), (leave, 0), (join, 1), (leave, 1)]
                for step, at in steps if surge else [(leave, 0), (leave, 1), (join, 0), (join, 1)]:
                    step(at)

            return counted(balancer.port, Load(20, 75, (0.05, 0.3)), roll)

    files = dict(tree(container(_COMMAND, prestop=15.0, ready="periodSeconds: 1" if probed else ""), grace=60))
    if strategy:
        files["k8s/pods.yaml"] = files["k8s/pods.yaml"].replace(
            "  replicas: 2\n", f"  replicas: 2\n  strategy: {{type: {strategy}}}\n"
        )
    return Setup(configuration, accused, count, files)
