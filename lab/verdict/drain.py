"""Pods that leave while requests arrive: what they do, and when their balancer hears of it."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import pairwise

from kubelint5xx.core.record import record
from lab.catalogue import Run, Server, catalogue
from lab.measure import Connection
from lab.process import Started, started
from lab.verdict.balancers import HAProxy, haproxy, nginx
from lab.verdict.experiment import Experiment, Setup, Statuses, advised
from lab.verdict.load import Load, counted
from lab.verdict.relay import Relay
from lab.verdict.trees import container, tree

_UVICORN = "uvicorn", "--timeout-keep-alive", "75", "--port", "8000", "pod:app"
_RUN = Run("uvicorn", "pod", "uvicorn --timeout-keep-alive 75 --port @PORT@ pod:app", cwd="python")
_SPREAD = 1.5
"""So many seconds pass until the balancer hears of a pod's removal. The budget in the configurations is 2 s."""


def experiments() -> Iterator[Experiment]:
    yield _no_delay()
    yield _hook_that_fails()
    yield _readiness()
    yield _health_checks()
    yield _grace()
    yield _kept_connections()
    yield _lost_signal()
    yield _deregistration()


@record(eq=False)
class Pod:
    """One replica that is a target of a balancer, as number ``at``."""

    process: Started
    balancer: HAProxy
    at: int

    def deregistered_after(self, seconds: float) -> None:
        threading.Timer(seconds, self.balancer.deregister, [self.at]).start()

    def ask(self, path: str) -> int:
        """The status of one request to the pod itself; 0 without a response."""
        with suppress(OSError), Connection(self.process.port, 2.0) as connection:
            return connection.get(path, 2.0).status
        return 0

    def terminated(self, grace: float, sign: str = "TERM") -> None:
        """The signal, and SIGKILL for all of its processes ``grace`` seconds later, where it has not ended."""
        self.process.signal(sign)
        if not self.process.exited(grace):
            self.process.kill()


def removed(
    server: Server,
    run: Run,
    load: Load,
    remove: Callable[[Pod], None],
    *,
    times: int = 3,
    pause: float = 1.0,
    health: str = "",
    upstream: int = 0,
    response: float = 60.0,
) -> Statuses:
    """Pods behind HAProxy that know each other's place are removed one after the other; one stays."""
    with ExitStack() as stack:
        pods = [stack.enter_context(started(server, run, upstream)) for _ in range(times + 1)]
        ports = [pod.port for pod in pods]
        balancer = stack.enter_context(haproxy(ports, response, health, "/ready"))

        def roll() -> None:
            for at, process in enumerate(pods[1:], 1):
                time.sleep(pause)
                remove(Pod(process, balancer, at))

        return counted(balancer.port, load, roll)


def _no_delay() -> Experiment:
    (server,) = catalogue("uvicorn")

    def setup(delay: float, accused: bool) -> Setup:
        def remove(pod: Pod) -> None:
            pod.deregistered_after(_SPREAD)
            time.sleep(delay)
            pod.terminated(10)
            time.sleep(max(0.0, 2.5 - delay))

        files = tree(container(_UVICORN, prestop=delay), budgets={"deregistration_propagation": 2})
        load = Load(25, 75, (0.05, 0.3))
        return Setup(f"preStop sleep of {delay:g} s", accused, lambda: removed(server, _RUN, load, remove), files)

    accused = setup(0.0, True)
    return _of("no-drain-delay", server, accused, setup(advised("no-drain-delay", accused.files), False))


def _of(rule: str, server: Server, *setups: Setup, more: str = "haproxy", how: str = "3 removals") -> Experiment:
    who = f"{server.product} {{{server.name.replace('-', '_')}}} behind {more}, {how}"
    return Experiment(rule, who, (server, *catalogue(more)), setups)


def _hook_that_fails() -> Experiment:
    """The hook is run as in an image that holds nothing else: its program is not there."""
    (server,) = catalogue("uvicorn")
    image = {
        "Dockerfile": "FROM gcr.io/distroless/python3-debian12\nCOPY . /srv\nWORKDIR /srv\n"
        'ENTRYPOINT ["python3", "-m", "uvicorn", "--timeout-keep-alive", "75", "--port", "8000", "pod:app"]\n'
    }

    def setup(hook: Callable[[], object], prestop: float | Sequence[str], said: str, accused: bool) -> Setup:
        def remove(pod: Pod) -> None:
            pod.deregistered_after(_SPREAD)
            began = time.monotonic()
            hook()
            pod.terminated(10)
            time.sleep(max(0.0, began + 2.5 - time.monotonic()))

        files = tree(container(_UVICORN, prestop=prestop), budgets={"deregistration_propagation": 2}, build=image)
        load = Load(25, 75, (0.05, 0.3))
        return Setup(said, accused, lambda: removed(server, _RUN, load, remove), files)

    def in_an_empty_root() -> None:
        with tempfile.TemporaryDirectory(prefix="lab-") as root:
            subprocess.run(["unshare", "-r", "chroot", root, "sleep", "2"], capture_output=True, check=False)

    return _of(
        "prestop-cannot-run", server,
        setup(in_an_empty_root, ("sleep", "2"), 'preStop `exec: ["sleep", "2"]` in an image without programs', True),
        setup(lambda: time.sleep(2), 2.0, "preStop `sleep: 2`, done by the kubelet", False),
    )  # fmt: skip


def _readiness() -> Experiment:
    """Readiness is asked for every second, three failures count, and then the endpoint takes 1 s to go."""
    (server,) = catalogue("uvicorn")

    def setup(delay: float, accused: bool) -> Setup:
        def remove(pod: Pod) -> None:
            pod.ask("/drain")

            def probe() -> None:
                for _ in range(3):
                    time.sleep(1)
                    pod.ask("/ready")
                time.sleep(1)
                pod.balancer.deregister(pod.at)

            probing = threading.Thread(target=probe)
            probing.start()
            time.sleep(delay)
            pod.terminated(10)
            probing.join()

        files = tree(
            container(_UVICORN, ready="periodSeconds: 1, failureThreshold: 3, timeoutSeconds: 1"),
            budgets={"deregistration_propagation": 2, "endpoint_propagation": 1},
            annotations={"kubelint5xx.io/drain-begins": "readiness", "kubelint5xx.io/drain-delay": f"{delay:g}s"},
        )
        load = Load(25, 110, (0.05, 0.3))
        return Setup(f"serves on for {delay:g} s", accused, lambda: removed(server, _RUN, load, remove), files)

    accused = setup(2.0, True)
    mended = setup(advised("drain-shorter-than-readiness", accused.files), False)
    return _of("drain-shorter-than-readiness", server, accused, mended)


def _health_checks() -> Experiment:
    """Nothing but its health checks tells the balancer: every 5 s, and two failures count."""
    (server,) = catalogue("uvicorn")

    def setup(delay: float, accused: bool) -> Setup:
        def remove(pod: Pod) -> None:
            pod.ask("/drain")
            time.sleep(delay)
            pod.terminated(10)
            time.sleep(max(0.0, 13 - delay))

        checks = {
            "healthcheck-interval-seconds": "5",
            "healthcheck-timeout-seconds": "2",
            "unhealthy-threshold-count": "2",
            "healthcheck-path": "/ready",
        }
        files = tree(
            container(_UVICORN, prestop=delay), target="instance", policy="Local", ingress=checks,
            annotations={"kubelint5xx.io/drain-closes-connections": "true"}, budgets={"endpoint_propagation": 2},
        )  # fmt: skip
        load = Load(25, 130, (0.1, 0.4))

        def count() -> Statuses:
            return removed(server, _RUN, load, remove, times=2, health="inter 5s fall 2 rise 1")

        return Setup(f"checks every 5 s, 2 failures count; preStop sleep of {delay:g} s", accused, count, files)

    return _of("health-window-outlasts-drain", server, setup(4.0, True), setup(13.0, False), how="2 removals")


def _grace() -> Experiment:
    """Requests of 2 s, and pods that get none once their removal has spread."""
    (server,) = catalogue("gunicorn")
    words = "gunicorn", "-k", "gthread", "--threads", "32", "--keep-alive", "75", "--graceful-timeout", "4"
    run = Run("gunicorn", "pod", f"{' '.join(words)} -b 127.0.0.1:@PORT@ pod:wsgi", cwd="python")

    def setup(grace: float, accused: bool) -> Setup:
        def remove(pod: Pod) -> None:
            pod.deregistered_after(0.5)
            time.sleep(1)
            pod.terminated(grace - 1)

        files = tree(
            container([*words, "pod:wsgi"], prestop=1.0), grace=grace, budgets={"deregistration_propagation": 1}
        )
        load = Load(40, 12, (0.0, 0.2), path="/work/2")
        return Setup(
            f"`terminationGracePeriodSeconds: {grace:g}`, preStop sleep of 1 s, `--graceful-timeout 4`",
            accused, lambda: removed(server, run, load, remove), files,
        )  # fmt: skip

    accused = setup(2.0, True)
    return _of("grace-too-short", server, accused, setup(advised("grace-too-short", accused.files), False))


def pinned(server: Server, runs: Run, load: Load, leave: Callable[[Started], None], restarts: int = 4) -> Statuses:
    """Pods behind a node that goes on leading established connections to the pod that they began with."""
    with ExitStack() as stack:
        pods = [stack.enter_context(started(server, runs)) for _ in range(restarts + 1)]
        relay = stack.enter_context(Relay(pods[0].port))
        port = stack.enter_context(nginx(relay.port))

        def roll() -> None:
            for old, new in pairwise(pods):
                time.sleep(1.5)
                threading.Timer(0.5, setattr, [relay, "target", new.port]).start()
                leave(old)

        return counted(port, load, roll)


def _kept_connections() -> Experiment:
    (server,) = catalogue("uvicorn")
    run = Run("uvicorn", "pod", _RUN.command, cwd="python", env={"CLOSES": "1"})
    load = Load(40, 90, (0.05, 0.3))

    def setup(configuration: str, pause: float, tells: bool) -> Setup:
        def leave(pod: Started) -> None:
            if tells:
                with Connection(pod.port) as connection:
                    connection.get("/drain")
            time.sleep(pause)
            pod.signal("TERM")
            time.sleep(2.5 - pause)

        said = {"kubelint5xx.io/drain-closes-connections": "true"} if tells else {}
        files = tree(
            container(_UVICORN, prestop=pause), target="instance", annotations=said,
            budgets={"endpoint_propagation": 1},
        )  # fmt: skip
        return Setup(configuration, not tells, lambda: pinned(server, run, load, leave), files)

    return _of(
        "kept-connections-survive-drain", server,
        setup("SIGTERM at once; new connections go elsewhere 0.5 s later", 0.0, False),
        setup("preStop sleep of 2 s", 2.0, False),
        setup("2 s of serving with `Connection: close`, then SIGTERM", 2.0, True),
        more="nginx", how="4 restarts",
    )  # fmt: skip


def _lost_signal() -> Experiment:
    """From SIGTERM on the app closes its connections, and ends 2 s later. The shell is Debian's dash, as process 1."""
    (server,) = catalogue("node-18")
    image = {"Dockerfile": "FROM node:18-slim\nWORKDIR /srv\nCOPY . .\n", "package.json": "{}\n"}

    def setup(script: str, accused: bool) -> Setup:
        run = Run(
            "node-18", "draining", f"/usr/bin/dash -c '{script}'", cwd="node", env={"PORT": "@PORT@"}, as_pid_1=True
        )

        def leave(pod: Started) -> None:
            pod.signal("TERM")
            if not pod.exited(4):
                pod.kill()

        files = tree(container(["sh", "-c", script], prestop=15.0), build=image, grace=60)
        load = Load(40, 100, (0.05, 0.3))
        return Setup(f'`["sh", "-c", "{script}"]`', accused, lambda: pinned(server, run, load, leave), files)

    return _of(
        "sigterm-lost", server, setup("node draining.js", True), setup("exec node draining.js", False),
        more="nginx", how="4 restarts, SIGKILL after 4 s",
    )  # fmt: skip


def _deregistration() -> Experiment:
    """Requests of 2 s; the balancer ends those that a leaving target has not answered when the delay is over."""
    (server,) = catalogue("gunicorn")
    words = "gunicorn", "-k", "gthread", "--threads", "32", "--keep-alive", "75"
    run = Run("gunicorn", "pod", f"{' '.join(words)} -b 127.0.0.1:@PORT@ pod:wsgi", cwd="python")

    def setup(delay: float, accused: bool) -> Setup:
        def remove(pod: Pod) -> None:
            pod.balancer.deregister(pod.at)
            time.sleep(delay)
            pod.balancer.cut(pod.at)
            time.sleep(max(0.0, 3 - delay))
            pod.terminated(10)

        attributes = f"deregistration_delay.timeout_seconds={delay:g}"
        files = tree(container([*words, "pod:wsgi"], prestop=15.0), grace=60, attributes=attributes)
        load = Load(40, 12, (0.0, 0.2), path="/work/2")
        return Setup(f"`{attributes}`", accused, lambda: removed(server, run, load, remove), files)

    return _of("deregistration-cuts-requests", server, setup(0.0, True), setup(5.0, False))
