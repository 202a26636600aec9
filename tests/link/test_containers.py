"""How a container starts: command line, environment, files, and the build that its image comes from."""

from __future__ import annotations

import pytest

from kubelint5xx.config import Config, Link
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Confidence, Value, Version
from kubelint5xx.link.images import Builds
from kubelint5xx.model.topology import Edge
from tests.link.manifests import INGRESS, SERVICE, WEB, joined, only, pod, web

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data:
  GUNICORN_CMD_ARGS: --keep-alive 11
  KEEP: "12"
  RAW: $(A)
  gunicorn.conf.py: |
    import os

    keepalive = 13
"""
DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
ENV GUNICORN_CMD_ARGS="--keep-alive 21"
COPY . .
CMD ["gunicorn", "-k", "gthread", "app:app"]
"""


def edge(*texts: str, files: dict[str, str] | None = None, config: Config | None = None) -> Edge:
    return only(joined(INGRESS, SERVICE, *texts, files=files, config=config))


def idle(*texts: str, files: dict[str, str] | None = None) -> Value:
    return edge(*texts, files=files).receiver.inbound.read("idle_timeout")


def test_the_command_replaces_the_images_entry_point_and_drops_its_command() -> None:
    build = {"src/web/Dockerfile": 'FROM python:3.12\nENTRYPOINT ["gunicorn"]\nCMD ["--keep-alive", "5", "app:app"]\n'}
    assert idle(web(command="", args=""), files=build).data == 5.0
    assert idle(web(command="", args='["--keep-alive", "6", "app:app"]'), files=build).data == 6.0
    assert idle(web(command="[gunicorn]"), files=build).data == 2.0
    assert idle(web(command="[gunicorn]", args='["--keep-alive=7"]'), files=build).data == 7.0


def test_arguments_to_a_known_entry_point_are_those_of_its_program() -> None:
    flag = "--entrypoints.web.transport.respondingtimeouts.idletimeout=9s"
    assert idle(web(command="", args=f'["{flag}"]', image="traefik:v3.1")).data == 9.0


def test_arguments_to_an_unknown_entry_point_are_not_guessed() -> None:
    layer = joined(INGRESS, SERVICE, web(command="", args='[gunicorn, "--keep-alive", "6"]'))
    assert only(layer).receiver.product == "" and "entry point" in layer.undecided[0].reason


@pytest.mark.parametrize(
    ("env", "command", "found"),
    [
        ('[{name: K, value: "31"}]', '[gunicorn, "--keep-alive", $(K)]', 31.0),
        ('[{name: K, value: "32"}]', '[gunicorn, "--keep-alive=$(K)"]', 32.0),
        ('[{name: A, value: "33"}, {name: K, value: $(A)}]', "[gunicorn, --keep-alive, $(K)]", 33.0),
        (
            "[{name: K, valueFrom: {configMapKeyRef: {name: settings, key: KEEP}}}]",
            "[gunicorn, --keep-alive, $(K)]",
            12.0,
        ),
        (
            '[{name: A, value: "9"}, {name: K, valueFrom: {configMapKeyRef: {name: settings, key: RAW}}}]',
            "[gunicorn, --keep-alive, $(K)]",
            None,
        ),
        ("[{name: K, valueFrom: {secretKeyRef: {name: s, key: k}}}]", "[gunicorn, --keep-alive, $(K)]", None),
        ("[{name: K, valueFrom: {configMapKeyRef: {name: gone, key: k}}}]", "[gunicorn, --keep-alive=$(K)]", None),
        ('[{name: GUNICORN_CMD_ARGS, value: "--keep-alive 34"}]', "[gunicorn]", 34.0),
    ],
)
def test_variables_are_expanded_as_the_kubelet_does(env: str, command: str, found: float | None) -> None:
    assert idle(web(env=env, command=command), CONFIG).data == found


def test_a_value_remembers_where_it_is_used() -> None:
    value = idle(web(env="[{name: K, valueFrom: {configMapKeyRef: {name: settings, key: KEEP}}}]",
                     command="[gunicorn, --keep-alive, $(K)]"), CONFIG)  # fmt: skip
    assert value.place is not None and value.place.text == '"12"'
    assert next(span.text for span in value.origin.via) == "$(K)"  # type: ignore[union-attr]


def test_all_variables_of_a_config_map_are_there_and_those_of_a_secret_are_not_seen() -> None:
    gunicorn = "[gunicorn, -k, gthread]"
    group = "[{configMapRef: {name: settings}}]"
    assert idle(web(envFrom=group, command=gunicorn), CONFIG).data == 11.0
    secret = idle(web(envFrom="[{secretRef: {name: s}}]", command=gunicorn))
    assert (secret.data, secret.confidence) == (2.0, Confidence.LOW)
    missing = idle(web(envFrom=group, command=gunicorn))
    assert (missing.data, missing.confidence) == (2.0, Confidence.LOW)


def test_a_prefix_goes_before_the_names_of_variables() -> None:
    renamed = CONFIG.replace("GUNICORN_CMD_ARGS", "CMD_ARGS")
    group = "[{prefix: GUNICORN_, configMapRef: {name: settings}}]"
    assert idle(web(envFrom=group, command="[gunicorn]"), renamed).data == 11.0


VOLUME = "      volumes: [{name: v, configMap: {name: settings%s}}]\n"


@pytest.mark.parametrize(
    ("mount", "chosen", "path"),
    [
        ("{name: v, mountPath: /etc/web}", "", "/etc/web/gunicorn.conf.py"),
        ("{name: v, mountPath: /etc/web/c.py, subPath: gunicorn.conf.py}", "", "/etc/web/c.py"),
        ("{name: v, mountPath: /etc/web}", ", items: [{key: gunicorn.conf.py, path: sub/c.py}]", "/etc/web/sub/c.py"),
    ],
)
def test_a_mounted_file_is_read_and_its_values_stand_in_the_manifest(mount: str, chosen: str, path: str) -> None:
    value = idle(web(command=f"[gunicorn, -c, {path}]", volumeMounts=f"[{mount}]") + VOLUME % chosen, CONFIG)
    assert value.data == 13.0 and value.place is not None
    whole = (INGRESS, SERVICE)  # the file begins with these
    assert value.place.path == "k8s/all.yaml" and value.place.text == "13"
    assert value.place.line > sum(text.count("\n") for text in whole) and value.place.column == 17


def test_a_mounted_secret_is_not_read_and_may_hold_settings() -> None:
    volume = "      volumes: [{name: v, secret: {secretName: web-%s}}]\n"
    command = "[gunicorn, -k, gthread, app:app]"
    for name, confidence in (("conf", Confidence.LOW), ("tls", Confidence.MEDIUM)):
        mounted = web(command=command, image="python:3.12", volumeMounts=f"[{{name: v, mountPath: /etc/{name}}}]")
        assert idle(mounted + volume % name).confidence == confidence, name


def test_what_an_init_container_writes_is_not_seen() -> None:
    command = "[gunicorn, -k, gthread, app:app]"
    mounted = web(command=command, image="python:3.12", volumeMounts="[{name: v, mountPath: /etc/web}]")
    volume = "      volumes: [{name: v, emptyDir: {}}]\n"
    assert idle(mounted + volume).confidence == Confidence.MEDIUM
    writer = "      initContainers: [{name: i, image: x, volumeMounts: [{name: v, mountPath: /out}]}]\n"
    assert idle(mounted + volume + writer).confidence == Confidence.LOW


def test_the_images_dockerfile_gives_command_environment_and_files() -> None:
    own = web(command="")
    assert idle(own, files={"src/web/Dockerfile": DOCKERFILE}).data == 21.0
    files = {"src/web/Dockerfile": DOCKERFILE.replace("ENV", "#"), "src/web/gunicorn.conf.py": "keepalive = 22\n"}
    value = idle(own, files=files)
    assert value.data == 22.0 and value.place is not None and value.place.path == "src/web/gunicorn.conf.py"
    assert idle(web(command="", env="[{name: GUNICORN_CMD_ARGS, value: --keep-alive 23}]"), files=files).data == 23.0


def test_a_build_from_the_root_finds_its_files_there() -> None:
    dockerfile = DOCKERFILE.replace("ENV", "#").replace("COPY . .", "COPY src/web/ .")
    files = {"src/web/Dockerfile": dockerfile, "src/web/gunicorn.conf.py": "keepalive = 22\n"}
    assert idle(web(command=""), files=files).data == 22.0


def test_a_dockerfile_beside_the_manifests_is_assumed_to_be_the_one() -> None:
    found = edge(web(command=""), files={"Dockerfile": DOCKERFILE})
    assert found.receiver.inbound.read("idle_timeout").data == 21.0
    assert found.receiver.inbound.confidence == Confidence.LOW
    # What the manifests say of the way and of the pod is as sure as before.
    assert found.subject.confidence == pod(found).confidence == Confidence.HIGH
    assert pod(found).read("first_process").confidence == Confidence.LOW
    named = edge(web(command=""), files={"src/web/Dockerfile": DOCKERFILE})
    assert named.subject.confidence == Confidence.HIGH


def test_no_build_is_assumed_where_there_are_several() -> None:
    other = (
        WEB.replace("name: web,", "name: other,").replace("shop/web", "shop/other").replace("app: web", "app: other")
    )
    assert edge(web(command=""), other, files={"Dockerfile": DOCKERFILE}).receiver.product == ""
    twice = {"a/web/Dockerfile": DOCKERFILE, "b/web/Dockerfile": DOCKERFILE}
    assert edge(web(command=""), files=twice).receiver.product == ""


def test_a_declared_link_joins_an_image_and_its_build() -> None:
    span = Span(Source("kubelint5xx.yaml", "links:"), 0, 5)
    config = Config(links=(Link({"image": "registry.example/shop/*", "build": "apps/front"}, span),))
    files = {"apps/front/Dockerfile": DOCKERFILE, "src/web/Dockerfile": 'FROM nginx\nCMD ["nginx"]\n'}
    found = edge(web(command=""), files=files, config=config)
    assert found.receiver.inbound.read("idle_timeout").data == 21.0 and found.subject.confidence == Confidence.HIGH


def test_a_published_image_is_known_without_a_dockerfile() -> None:
    found = edge(web(command="", image="nginx:1.27.1"))
    assert found.receiver.product == "nginx"
    version = found.receiver.inbound.read("version").data
    assert isinstance(version, Version) and str(version) == "1.27.1"
    assert Builds({"nginx/Dockerfile": ""}, lambda path: None).context_of("nginx:1.27", "k8s/all.yaml") is None


def test_the_sources_of_a_program_come_with_its_build() -> None:
    sources = {
        "src/web/Dockerfile": 'FROM node:20\nWORKDIR /app\nCOPY . .\nCMD ["node", "server.js"]\n',
        "src/web/server.js": "server.listen(80)\n",
        "src/web/node_modules/x/index.js": "x\n",
        "src/web/test/a.js": "x\n",
    }
    builds = Builds(sources, lambda path: Source(path, sources[path]))
    context = builds.context_of("registry.example/shop/web:1", "k8s/all.yaml")
    assert context is not None
    files = context.files()
    assert list(files.sources or {}) == ["src/web/server.js"] and files.unseen == ""
    assert "/app/server.js" in files.seen


def test_a_patched_workload_hides_no_settings_but_may_have_more() -> None:
    overlay = (
        "apiVersion: kustomize.config.k8s.io/v1\nkind: Kustomization\nresources: [../k8s]\npatches: [{path: p.yaml}]\n"
    )
    value = idle(web(command="[gunicorn, -k, gthread]"), files={"over/kustomization.yaml": overlay})
    assert (value.data, value.confidence) == (2.0, Confidence.LOW)


@pytest.mark.parametrize(
    ("copy", "inside"),
    [
        ("COPY . .", ["/app/a.py", "/app/conf/b.conf"]),
        ("COPY conf /etc/web/", ["/etc/web/b.conf"]),
        ("COPY conf/b.conf /etc/web/", ["/etc/web/b.conf"]),
        ("COPY conf/b.conf /etc/c.conf", ["/etc/c.conf"]),
        ("COPY *.py ./src/", ["/app/src/a.py"]),
        ('COPY ["a.py", "conf/b.conf", "/x/"]', ["/x/a.py", "/x/b.conf"]),
        ("COPY $MISSING /x/", []),
        ("COPY ../other /x/", []),
    ],
)
def test_copied_files_stand_at_their_paths_in_the_container(copy: str, inside: list[str]) -> None:
    sources = {
        "src/web/Dockerfile": f"FROM python:3.12\nWORKDIR /app\n{copy}\n",
        "src/web/a.py": "",
        "src/web/conf/b.conf": "",
    }
    context = Builds(sources, lambda path: Source(path, sources[path])).context_of("x/web", "k8s/all.yaml")
    assert context is not None
    assert sorted(path for path in context.files().seen if "Dockerfile" not in path) == inside


@pytest.mark.parametrize(
    ("run", "confidence"),
    [
        ("apt-get update && apt-get install -y curl > /dev/null 2>&1", Confidence.MEDIUM),
        ("sed -i 's/keepalive_timeout .*/keepalive_timeout 5;/' /etc/nginx/nginx.conf", Confidence.LOW),
        ("echo 'keepalive_timeout 5;' > /etc/nginx/conf.d/keepalive.conf", Confidence.LOW),
    ],
)
def test_a_build_step_that_writes_configuration_makes_defaults_unsure(run: str, confidence: Confidence) -> None:
    found = idle(web(command=""), files={"src/web/Dockerfile": f"FROM nginx:1.27\nRUN {run}\n"})
    assert (found.data, found.confidence) == (65.0, confidence)
