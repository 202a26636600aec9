"""Responses that take longer than somebody on their way waits."""

from __future__ import annotations

from collections.abc import Iterator

from lab.catalogue import Run, catalogue
from lab.process import started
from lab.verdict.balancers import haproxy, nginx
from lab.verdict.experiment import Experiment, Setup, Statuses, advised
from lab.verdict.load import Load, counted
from lab.verdict.relay import Relay
from lab.verdict.trees import container, tree

_PROXY = """\
events {}
http {
  upstream app {
    server 127.0.0.1:8000;
    keepalive 32;
  }
  server {
    listen 8080;
    keepalive_timeout 400s;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout %gs;
    }
  }
}
"""
_UVICORN = "uvicorn", "--timeout-keep-alive", "75", "--port", "8000", "pod:app"


def experiments() -> Iterator[Experiment]:
    yield _two_waits("outer-timeout-first", 65, 90, 60)
    yield _two_waits("idle-lowered-below-work", 15, 60, 10)
    yield _worker()
    busy, resting = Load(40, 100, (0.01, 0.05)), Load(50, 20, (1.97, 2.03), together=True)
    most, jitter = "--max-requests 60", "--max-requests 60 --max-requests-jitter 30"
    yield _recycling(
        "uvicorn {uvicorn} behind nginx", busy, "uvicorn --timeout-keep-alive 75", "pod:app",
        ("--limit-max-requests 500", True), ("", False),
    )  # fmt: skip
    yield _recycling(
        "gunicorn {gunicorn}, gthread, behind nginx, clients that rest for 2 s", resting,
        "gunicorn -k gthread --threads 32 --keep-alive 75", "pod:wsgi", (most, True), (jitter, True), ("", False),
    )  # fmt: skip
    yield _recycling(
        "gunicorn {gunicorn}, sync, behind nginx", busy, "gunicorn -k sync", "pod:wsgi", (most, True), (jitter, False)
    )


def _two_waits(rule: str, work: int, inner: float, outer: int) -> Experiment:
    """The balancer before nginx before the app, each with a time for which it waits for the response."""
    servers = catalogue("uvicorn", "nginx", "haproxy")
    run = Run("uvicorn", "pod", "uvicorn --timeout-keep-alive 75 --port @PORT@ pod:app", cwd="python")

    def setup(balancer: int, accused: bool) -> Setup:
        def count() -> Statuses:
            load = Load(50, 4 if work < 60 else 1, (0.0, 0.1), path=f"/work/{work}", patience=200)
            with (
                started(servers[0], run) as pod,
                nginx(pod.port, response=inner) as proxy,
                haproxy([proxy], response=balancer) as front,
            ):
                return counted(front.port, load)

        proxy = container(
            ["nginx", "-g", "daemon off;"], name="nginx", image="nginx:1.22.1", port=8080, prestop=20.0,
            mounts={"/etc/nginx/nginx.conf": "nginx.conf"},
        )  # fmt: skip
        files = tree(
            proxy, container(_UVICORN, prestop=20.0), idle=balancer, port=8080, grace=200,
            files={"nginx.conf": _PROXY % inner},
        )  # fmt: skip
        said = f"the balancer waits {balancer} s, nginx behind it {inner:g} s; responses take {work} s"
        return Setup(said, accused, count, files)

    who = "haproxy {haproxy} before nginx {nginx} and uvicorn {uvicorn}"
    accused = setup(outer, True)
    return Experiment(rule, who, servers, (accused, setup(int(advised(rule, accused.files)), False)))


def _worker() -> Experiment:
    (server,) = catalogue("gunicorn")

    def setup(seconds: int, accused: bool) -> Setup:
        words = ["gunicorn", "--workers", "4", "--timeout", str(seconds)]
        run = Run("gunicorn", "sync", f"{' '.join(words)} -b 127.0.0.1:@PORT@ pod:wsgi", cwd="python")

        def count() -> Statuses:
            with started(server, run) as pod, haproxy([pod.port]) as front:
                return counted(front.port, Load(4, 15, (0.0, 0.1), path="/work/4"))

        files = tree(container([*words, "pod:wsgi"], prestop=15.0), grace=60)
        return Setup(f"`--timeout {seconds}`, responses take 4 s", accused, count, files)

    rule, accused = "worker-timeout-first", setup(2, True)
    setups = accused, setup(int(advised(rule, accused.files)), False)
    return Experiment(rule, "gunicorn {gunicorn} behind haproxy", (server, *catalogue("haproxy")), setups)


def _recycling(who: str, load: Load, command: str, app: str, *setups: tuple[str, bool]) -> Experiment:
    """A balancer that keeps connections, before two workers that are replaced after so many requests."""
    (server,) = catalogue(command.split()[0])

    def setup(flags: str, accused: bool) -> Setup:
        words = [*command.split(), "--workers", "2", *flags.split()]
        real = "--port @PORT@" if server.name == "uvicorn" else "-b 127.0.0.1:@PORT@"
        run = Run(server.name, "recycling", f"{' '.join(words)} {real} {app}", cwd="python")

        def count() -> Statuses:
            with started(server, run) as pod, Relay(pod.port) as relay, nginx(relay.port) as port:
                return counted(port, load)

        files = tree(container([*words, app], prestop=15.0), grace=60)
        return Setup(f"`{flags}`" if flags else "no limit", accused, count, files)

    servers = server, *catalogue("nginx")
    return Experiment("worker-recycling", who, servers, tuple(setup(*each) for each in setups))
