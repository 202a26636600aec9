"""Servers that cut requests on the signal that stops them, and the way in which each lets them end."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping

from kubelint5xx.core.record import replace
from lab.catalogue import LAB, Run, Server, catalogue
from lab.process import Started, app
from lab.verdict.drain import Pod, pinned, removed
from lab.verdict.experiment import Experiment, Setup, Statuses, Tree
from lab.verdict.load import Load
from lab.verdict.trees import container, tree


def experiments() -> Iterator[Experiment]:
    nginx, httpd, haproxy, uwsgi, node, spring, jetty = catalogue(
        "nginx", "httpd", "haproxy", "uwsgi", "node-18", "spring-boot-tomcat", "jetty-9"
    )
    yield _of(
        nginx, _signalled(_run(nginx, "default"), "TERM", True, _proxy("debian:12", "nginx", "nginx", "-g")),
        _signalled(_run(nginx, "QUIT"), "QUIT", False, _proxy("nginx:1.22.1", "nginx", "nginx", "-g")),
    )  # fmt: skip
    yield _of(
        httpd, _signalled(_run(httpd, "default"), "TERM", True, _proxy("debian:12", "apache2", "apache2", "-D")),
        _signalled(_run(httpd, "WINCH"), "WINCH", False, _proxy("httpd:2.4", "httpd", "httpd-foreground")),
    )  # fmt: skip
    yield _of(
        haproxy, _signalled(_run(haproxy, "USR1"), "TERM", True, _proxy("debian:12", "haproxy", "haproxy", "-W")),
        _signalled(_run(haproxy, "USR1"), "USR1", False, _proxy("haproxy:2.6", "haproxy", "haproxy", "-W")),
    )  # fmt: skip
    yield _of(
        uwsgi, _uwsgi("", True), _uwsgi("--die-on-term", True),
        _uwsgi("--hook-master-start 'unix_signal:15 gracefully_kill_them_all'", False),
    )  # fmt: skip
    yield _of(
        node,
        _signalled(_run(node, "default"), "TERM", True, _node("plain.js", "tini", "--"), "no handler, behind tini"),
        _signalled(
            _run(node, "closing"), "TERM", False, _node("closing.js", "tini", "--"),
            "`server.close()` on SIGTERM, behind tini",
        ),
    )  # fmt: skip
    yield _ignored(node)
    yield _of(
        spring,
        _signalled(
            _run(spring, "server.shutdown immediate"), "TERM", True, _spring("--server.shutdown=immediate"),
            "`server.shutdown=immediate`",
        ),
        _signalled(_run(spring, "default"), "TERM", False, _spring(), "`server.shutdown=graceful`, the default of 3.4"),
    )  # fmt: skip
    image, stats = "--module=http,deploy,jsp\n", "--module=stats\njetty.server.stopTimeout=10000\n"
    run = _run(jetty, "statistics")
    stopping = replace(run, files={**run.files, "start.d/stats.ini": stats})
    yield _of(
        jetty, _signalled(_run(jetty, "default"), "TERM", True, _jetty(image), "the modules of the image"),
        _signalled(
            stopping, "TERM", False, _jetty(image + stats), "`--module=stats`, `jetty.server.stopTimeout=10000`",
        ),
    )  # fmt: skip


def _uwsgi(flags: str, accused: bool) -> Setup:
    words = f"uwsgi --http-socket :8000 --master --threads 32 -w wsgi:app {flags}"
    run = Run("uwsgi", flags, words.replace(":8000", "127.0.0.1:@PORT@"), cwd="python")
    files = tree(container(shlex.split(words), prestop=15.0), grace=60)
    return _signalled(run, "TERM", accused, files, f"SIGTERM, `{flags}`" if flags else "SIGTERM")


def _ignored(server: Server) -> Experiment:
    """As process 1 Node ignores SIGTERM. It serves on until it is killed, and the balancer does not see it leave."""

    def setup(program: str, said: str, accused: bool) -> Setup:
        run = Run("node-18", program, f"node {program}", cwd="node", env={"PORT": "@PORT@"}, as_pid_1=True)

        def leave(pod: Started) -> None:
            pod.signal("TERM")
            if not pod.exited(4):
                pod.kill()

        load = Load(40, 100, (0.05, 0.3))
        return Setup(said, accused, lambda: pinned(server, run, load, leave), _node(program))

    return Experiment(
        "shutdown-not-graceful", "node {node_18} as process 1 behind nginx, 4 restarts, SIGKILL after 4 s",
        (server, *catalogue("nginx")),
        (
            setup("plain.js", "no handler", True),
            setup("draining.js", "`Connection: close` from SIGTERM on, `server.close()` 2 s later", False),
        ),
    )  # fmt: skip


def _node(program: str, *before: str) -> Tree:
    code = (LAB / "apps" / "node" / program).read_text("utf-8")
    image = "FROM node:18.20.8-slim\nRUN apt-get update && apt-get install -y tini\nWORKDIR /srv\nCOPY . .\n"
    build = {"Dockerfile": image, "package.json": "{}\n", program: code}
    return tree(container([*before, "node", program], prestop=15.0), grace=60, build=build)


def _spring(*flags: str) -> Tree:
    pom = (LAB / "apps" / "spring" / "tomcat" / "pom.xml").read_text("utf-8")
    image = 'FROM eclipse-temurin:21\nCOPY target/app.jar app.jar\nENTRYPOINT ["java", "-jar", "app.jar"]\n'
    pod = container(["java", "-jar", "app.jar", *flags], prestop=15.0)
    return tree(pod, grace=60, build={"Dockerfile": image, "pom.xml": pom})


def _jetty(ini: str) -> Tree:
    pod = container((), image="jetty:9.4.57", prestop=15.0, mounts={"/var/lib/jetty/start.ini": "start.ini"})
    return tree(pod, grace=60, files={"start.ini": ini})


def _run(server: Server, name: str) -> Run:
    return next(run for run in server.runs if run.name == name)


def _proxy(image: str, name: str, *command: str) -> Tree:
    """What the linter reads of a proxy in an image, the signal of which is the image's."""
    return tree(container(command, name=name, image=image, prestop=15.0), grace=60)


def _of(server: Server, *setups: Setup) -> Experiment:
    who = f"{server.product} {{{server.name.replace('-', '_')}}} behind haproxy, 2 stops"
    return Experiment("shutdown-not-graceful", who, (server, *catalogue("haproxy")), setups)


def _signalled(run: Run, sign: str, accused: bool, files: Mapping[str, str], said: str = "") -> Setup:
    """Requests of 3 s; the balancer has let go of the pod when its signal comes."""

    def remove(pod: Pod) -> None:
        pod.balancer.deregister(pod.at)
        time.sleep(0.3)
        pod.terminated(10, sign)
        time.sleep(2)

    def count() -> Statuses:
        (server,) = catalogue(run.server)
        with app() as upstream:
            load = Load(24, 4, (0.0, 0.5), path="/slow")
            return removed(server, run, load, remove, times=2, pause=2, upstream=upstream)

    return Setup(said or f"SIG{sign}", accused, count, files)
