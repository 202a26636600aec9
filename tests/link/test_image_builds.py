"""Files that say which Dockerfile builds an image: the join is theirs, with its place, and judged as a declared one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from time import process_time

import pytest

from kubelint5xx.config import Config, Link
from kubelint5xx.core.node import Unresolved, text
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Confidence, Join
from kubelint5xx.link.images import Builds
from tests.link.manifests import INGRESS, SERVICE, web
from tests.same_verdict import report, verdict

IMAGE = "registry.example/shop/web"
MANIFESTS = "---".join((INGRESS, SERVICE, web(command="")))
RIGHT = 'FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD ["gunicorn", "-k", "gthread", "--keep-alive", "21", "app:app"]\n'
WRONG = RIGHT.replace("21", "99")
# Two Dockerfiles in directories that are not named like the image.
TREE = {"k8s/all.yaml": MANIFESTS, "services/front/Dockerfile": RIGHT, "services/back/Dockerfile": WRONG}
DECLARED = Config(
    links=(Link({"image": IMAGE, "build": "services/front"}, Span(Source("kubelint5xx.yaml", "links:"), 0, 5)),)
)

SKAFFOLD = """
apiVersion: skaffold/{version}
kind: Config
build:
  artifacts:
    - image: registry.example/shop/other
      context: services/back
    - {name}: registry.example/shop/web
      {context}: services
      docker:
        {dockerfile}: front/Dockerfile
"""
SAID = {
    "skaffold.yaml": SKAFFOLD.format(version="v4beta7", name="image", context="context", dockerfile="dockerfile"),
    "skaffold.old.yaml": SKAFFOLD.format(
        version="v1alpha2", name="imageName", context="workspace", dockerfile="dockerfilePath"
    ),
    "compose.yaml": """
services:
  back: { image: registry.example/shop/other, build: services/back }
  web:
    image: registry.example/shop/web:${TAG:-latest}
    build: { context: ./services/front, target: "" }
""",
    "deploy/docker-compose.yml": """
services:
  web: { image: "registry.example/shop/web", build: { context: ../services, dockerfile: front/Dockerfile } }
""",
    "docker-bake.hcl": """
variable "REGISTRY" { default = "registry.example/shop" }
target "base" { dockerfile = "Dockerfile" }
target "web" {
  inherits = ["base"]
  context  = "services/front"
  tags     = ["${REGISTRY}/web:latest", "${REGISTRY}/web:${TAG}"]
}
target "other" {
  context = "services/back"
  tags = ["registry.example/shop/other"]
}
""",
    "docker-bake.json": """
{"target": {"web": {"context": "services/front", "tags": ["registry.example/shop/web:1"]}}}
""",
    ".github/workflows/push.yml": """
jobs:
  build:
    steps:
      - id: login
        uses: aws-actions/amazon-ecr-login@v2
      - uses: docker/build-push-action@v6
        with:
          context: services/front
          tags: |
            ${{ steps.login.outputs.registry }}/shop/web:${{ github.sha }}
            ${{ steps.login.outputs.registry }}/shop/web:latest
""",
    ".github/workflows/meta.yaml": """
jobs:
  build:
    steps:
      - id: meta
        uses: docker/metadata-action@v5
        with: { images: registry.example/shop/web }
      - uses: docker/build-push-action@v6
        with: { file: services/front/Dockerfile, tags: "${{ steps.meta.outputs.tags }}" }
""",
    ".github/workflows/run.yaml": """
env: { REPOSITORY: shop/web }
jobs:
  build:
    defaults: { run: { working-directory: services } }
    steps:
      - run: |
          docker build \\
            --build-arg COMMIT=${{ github.sha }} --platform linux/amd64 \\
            -t "${{ secrets.REGISTRY }}/${{ env.REPOSITORY }}:$GITHUB_SHA" -f front/Dockerfile front
          docker push x
""",
    ".github/workflows/matrix.yaml": """
jobs:
  build:
    strategy:
      matrix:
        include:
          - { name: web, path: front }
          - { name: other, path: back }
    steps:
      - run: docker build -t registry.example/shop/${{ matrix.name }} services/${{ matrix.path }}
""",
    ".gitlab-ci.yml": """
.build:
  script:
    - cd services
    - /kaniko/executor --context "$DIRECTORY" --dockerfile Dockerfile --destination "$CI_REGISTRY/shop/$NAME:$TAG"
build-web: { extends: .build, variables: { DIRECTORY: front, NAME: web } }
build-other: { extends: .build, variables: { DIRECTORY: back, NAME: other } }
""",
    ".circleci/config.yml": """
jobs:
  build:
    steps:
      - checkout
      - run: { name: build, command: "docker build -t registry.example/shop/web:$CIRCLE_SHA1 services/front" }
""",
    "buildspec.yml": """
version: 0.2
env: { variables: { IMAGE_REPO: shop/web } }
phases:
  build:
    commands:
      - cd services/front
      - docker build -t $ECR_REGISTRY/$IMAGE_REPO:$TAG .
""",
    "cloudbuild.yaml": """
steps:
  - name: gcr.io/cloud-builders/docker
    args: [build, -t, "registry.example/shop/web:$COMMIT_SHA", services/front]
""",
    "azure-pipelines.yml": """
steps:
  - task: Docker@2
    inputs: { command: build, repository: registry.example/shop/web, Dockerfile: services/front/Dockerfile }
""",
    "Makefile": """
REGISTRY ?= registry.example/shop
IMG = $(REGISTRY)/web:$(VERSION)
image:
\t@cd services/back && docker build -t $(REGISTRY)/other .
\t$(CONTAINER_TOOL) build -t ${IMG} services/front # as it is
""",
    "scripts/build.sh": """
#!/bin/sh
cd "$(dirname "$0")/.."
podman build --tag "registry.example/shop/web:${1}" services/front
""",
    "build.sh": """
for service in front:web back:other; do :; done
for name in web; do
  docker buildx build --push -t registry.example/shop/$name -f services/front/Dockerfile .
done
""",
    "Jenkinsfile": """
stage('image') { steps { script {
  docker.build("registry.example/shop/web:${env.BUILD_ID}", "-f services/front/Dockerfile services/front")
} } }
""",
    "ci/Jenkinsfile": """
sh "docker build -t registry.example/shop/web:${BUILD} services/front"
""",
    "Tiltfile": """
docker_build('registry.example/shop/web', 'services', dockerfile='services/front/Dockerfile')
""",
}  # fmt: skip


def join_of(files: Mapping[str, str], image: str = IMAGE + ":1.2", config: Config | None = None) -> Join | None:
    builds = Builds(files, lambda path: Source(path, files[path]) if path in files else None, config)
    found = builds.context_of(image, "k8s/all.yaml")
    return found.join if found else None


def test_without_a_word_on_builds_the_image_is_not_known() -> None:
    assert join_of(TREE) is None
    assert verdict(TREE) != verdict(TREE, DECLARED)


@pytest.mark.parametrize("path", SAID)
def test_what_a_file_says_of_a_build_counts_like_a_declared_link(path: str) -> None:
    files = {**TREE, path: SAID[path]}
    join = join_of(files)
    assert join is not None and not join.assumed and join.place is not None
    assert join.place.path == path and join.said.endswith("from services/front/Dockerfile")
    assert "web" in join.place.text or re.search("docker|kaniko|podman|tags| build ", join.place.text)
    assert verdict(files) == verdict(TREE, DECLARED)
    assert all(finding.confidence >= Confidence.MEDIUM for finding in report(files).findings)


@pytest.mark.parametrize(
    ("said", "image", "assumed"),
    [
        ("registry.example/shop/web:1", IMAGE, False),
        ("docker.io/library/web", "web", False),
        ("${REGISTRY}/shop/web", IMAGE, False),
        ("$REGISTRY/web:$TAG", IMAGE, False),
        ("${PREFIX}web", IMAGE, True),
        ("web", IMAGE, True),
        ("other.example/web", IMAGE, True),
        ("${REGISTRY}/store/web", IMAGE, True),
        ("${IMAGE}:1", IMAGE, None),
        ("registry.example/shop/webs", IMAGE, None),
    ],
)
def test_only_what_is_known_of_a_name_has_to_agree(said: str, image: str, assumed: bool | None) -> None:
    join = join_of({**TREE, "build.sh": f"docker build -t {said} services/front\n"}, image)
    assert (join.assumed if join else None) == assumed


def test_several_builds_of_one_image_are_left_open_with_the_line_that_settles_it() -> None:
    several = "docker build -t registry.example/shop/web services/front\ndocker build -t $R/shop/web services/back\n"
    found = [one for one in report({**TREE, "build.sh": several}).unknowns if "the build of the image" in one.about]
    assert len(found) == 1 and found[0].place is not None and found[0].place.text == IMAGE + ":1.2"
    assert "links: [{ image: registry.example/shop/web, build: services/front/Dockerfile }]" in found[0].reason
    named = {**TREE, "build.sh": several, "web/Dockerfile": RIGHT}
    assert join_of(named) is None


def test_what_a_file_says_comes_before_a_directory_of_the_same_name() -> None:
    files = {**TREE, "web/Dockerfile": WRONG}
    join = join_of(files)
    assert join is not None and join.said == f"the directory web is named like the image {IMAGE}:1.2"
    said = join_of({**files, "compose.yaml": SAID["compose.yaml"]})
    assert said is not None and said.said.endswith("from services/front/Dockerfile")
    # Two registries are two images: the name alone is the weaker sign.
    other = join_of({**files, "build.sh": "docker build -t other.example/web services/front"})
    assert other is not None and other.said == join.said


def test_a_build_takes_the_stage_and_the_arguments_that_it_is_told() -> None:
    staged = "ARG FLAG=99\nFROM python:3.12 AS production\nARG FLAG\nENV GUNICORN_CMD_ARGS=--keep-alive=$FLAG\n"
    staged += 'CMD ["gunicorn", "-k", "gthread", "app:app"]\nFROM production AS test\nENV GUNICORN_CMD_ARGS=\n'
    files = {**TREE, "services/front/Dockerfile": staged}
    files["build.sh"] = f"docker build --target=production --build-arg FLAG=21 -t {IMAGE} services/front\n"
    assert verdict(files) == verdict(TREE, DECLARED)


def test_an_unknown_directory_is_the_one_that_its_name_in_the_image_fits() -> None:
    loop = 'for dir in ./src/*/; do name="$(basename "$dir")"; docker build -t $R/shop/$name src/$name; done\n'
    files = {"k8s/all.yaml": MANIFESTS, "src/web/a/Dockerfile": RIGHT, "src/api/Dockerfile": WRONG, "b.sh": loop}
    assert join_of(files) is None
    loop = loop.replace("src/$name;", "src/$name/a;")
    join = join_of({**files, "b.sh": loop})
    assert join is not None and not join.assumed and join.said.endswith("from src/web/a/Dockerfile")


@pytest.mark.parametrize(
    "line",
    [
        "# docker build -t registry.example/shop/web services/front",
        "docker build -t registry.example/shop/web https://git.example/web.git",
        "docker build -t registry.example/shop/web - < services/front/Dockerfile",
        "docker build -t registry.example/shop/web services/gone",
        "echo 'unclosed; docker build -t \"",
        "docker build -t registry.example/shop/web ../../../etc",
    ],
)
def test_a_command_that_names_no_build_of_the_tree_joins_nothing(line: str) -> None:
    assert join_of({**TREE, "build.sh": line}) is None


@pytest.mark.parametrize("path", SAID)
def test_broken_files_that_tell_of_builds_are_passed_over(path: str) -> None:
    whole = SAID[path]
    for cut in (0, len(whole) // 3, len(whole) // 2, len(whole) - 9):
        join_of({**TREE, path: whole[:cut] + "\0{{ [\x01" + whole[cut:]})
        join_of({**TREE, path: whole[:cut]})


PROJECTS = {
    "package.json": '{"author": {"name": "x"}, "name": "@shop/web"}',
    "pyproject.toml": '[tool.x]\nname = "y"\n[project]\nversion = "1"\nname = "web"\n',
    "pom.xml": "<project><parent><artifactId>p</artifactId></parent><artifactId>web</artifactId></project>",
    "go.mod": "module example.com/shop/web/v2\n",
    "settings.gradle.kts": 'rootProject.name = "web"\n',
    "Cargo.toml": '[package]\nname = "web"\n',
}


@pytest.mark.parametrize("path", PROJECTS)
def test_a_project_that_is_named_like_the_image_is_its_build(path: str) -> None:
    alone = {"k8s/all.yaml": MANIFESTS, "Dockerfile": RIGHT}
    lone = join_of(alone)
    assert lone is not None and lone.assumed
    named = join_of({**alone, path: PROJECTS[path]})
    assert named is not None and not named.assumed and named.place is not None and named.place.path == path
    other = join_of({**alone, path: PROJECTS[path].replace("web", "web-docs")})
    assert other is not None and other.assumed
    assert verdict({**alone, path: PROJECTS[path]}) == verdict(TREE, DECLARED)


@pytest.mark.parametrize(
    ("image", "joined"),
    [
        ("registry.k8s.io/ingress-nginx/controller:v1.11.2", True),
        ("quay.io/jcmoraisjr/haproxy-ingress:v0.14", True),
        ("prom/statsd-exporter:v0.26", True),
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/aws-load-balancer-controller:v2", True),
        ("registry.example/shop/other:1", False),
        ("ghcr.io/shop/worker:1", False),
    ],
)
def test_a_product_beside_the_image_leaves_it_the_only_one_that_is_built_here(image: str, joined: bool) -> None:
    other = web(image=image).replace("name: web", "name: other").replace("app: web", "app: other")
    files = {"k8s/all.yaml": MANIFESTS, "k8s/other.yaml": other, "Dockerfile": RIGHT}
    lone = {"k8s/all.yaml": MANIFESTS, "Dockerfile": RIGHT}
    assert (verdict(files) == verdict(lone)) == joined
    assert join_of(lone, image) is None or not joined


SPRING = {
    "pom.xml": """
<project>
  <parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId>
    <version>3.2.0</version></parent>
  <artifactId>web</artifactId>
  <dependencies><dependency><groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-web</artifactId></dependency></dependencies>
  %s
</project>
""",
    "src/main/resources/application.properties": "server.tomcat.keep-alive-timeout=21s\n",
    "k8s/all.yaml": MANIFESTS,
}
JIB = """<build><plugins><plugin><groupId>com.google.cloud.tools</groupId><artifactId>jib-maven-plugin</artifactId>
  <version>3.4.0</version><configuration><to><image>%s</image></to></configuration></plugin></plugins></build>"""
JAVA = 'FROM eclipse-temurin:21-jre\nCOPY target/app.jar /app.jar\nENTRYPOINT ["java", "-jar", "/app.jar"]\n'


def spring(image: str, **more: str) -> dict[str, str]:
    return {**SPRING, "pom.xml": SPRING["pom.xml"] % (JIB % image if image else ""), **more}


def test_an_image_that_jib_builds_is_judged_as_one_of_a_dockerfile() -> None:
    plain = {**spring(""), "Dockerfile": JAVA}
    by_name = verdict(plain)
    assert any("server-closes-first" in line for line in by_name)
    assert verdict(spring("registry.example/shop/web")) == by_name
    assert verdict(spring("registry.example/shop/${project.artifactId}:${project.version}")) == by_name
    gradle = {path: text for path, text in spring("").items() if path != "pom.xml"}
    gradle["build.gradle"] = (
        "plugins { id 'com.google.cloud.tools.jib' version '3.4.0'\n id 'org.springframework.boot' version '3.2.0' }\n"
        "dependencies { implementation 'org.springframework.boot:spring-boot-starter-web' }\n"
        "jib { to { image = 'registry.example/shop/web' } }\n"
    )
    assert verdict(gradle) == by_name
    skaffold = "build: {artifacts: [{image: registry.example/shop/web, jib: {}}]}\n"
    assert verdict(spring("", **{"skaffold.yaml": skaffold})) == by_name


def test_a_package_of_go_in_the_place_of_an_image_is_what_ko_builds() -> None:
    go = {"go.mod": "module example.com/shop\n\ngo 1.22\n", "cmd/web/main.go": "package main\n"}
    builds = Builds(go, lambda path: Source(path, go[path]))
    found = builds.context_of("ko://example.com/shop/cmd/web", "k8s/all.yaml")
    assert found is not None and found.base is not None and found.base.shell is False
    assert found.stage.entrypoint is not None and not found.join.assumed
    assert builds.context_of("ko://example.com/shopping/cmd/web", "k8s/all.yaml") is None


def test_an_overlays_new_name_leads_to_what_builds_the_old_one() -> None:
    said = {"skaffold.yaml": "build: {artifacts: [{image: storefront, context: services/front}]}\n"}
    overlay = "images:\n  - name: storefront\n    newName: registry.example/shop/web\n    newTag: '1'\n"
    assert join_of({**TREE, **said}) is None
    join = join_of({**TREE, **said, "overlays/production/kustomization.yaml": overlay})
    assert join is not None and not join.assumed and join.said.endswith("from services/front/Dockerfile")


def test_an_action_of_the_same_repository_builds_with_the_inputs_that_it_is_given() -> None:
    call = """
jobs:
  web: { steps: [{ uses: ./.github/actions/image, with: { name: web, directory: services/front } }] }
  other: { uses: ./.github/workflows/image.yaml, with: { name: other, directory: services/back } }
"""
    action = """
inputs: { registry: { default: registry.example/shop }, name: {}, directory: {} }
runs:
  steps: [{ run: "docker build -t ${{ inputs.registry }}/${{ inputs.name }}:1 ${{ inputs.directory }}" }]
"""
    workflow = """
on: { workflow_call: { inputs: { name: {}, directory: {} } } }
jobs: { b: { steps: [{ run: "docker build -t registry.example/shop/${{ inputs.name }} ${{ inputs.directory }}" }] } }
"""
    files = {".github/actions/image/action.yml": action, ".github/workflows/image.yaml": workflow}
    files = {**TREE, **files, ".github/workflows/all.yaml": call}
    join, other = join_of(files), join_of(files, "registry.example/shop/other:3")
    assert join is not None and not join.assumed and join.said.endswith("from services/front/Dockerfile")
    assert other is not None and not other.assumed and other.said.endswith("from services/back/Dockerfile")


def test_what_developers_build_for_themselves_gives_way_to_what_runs() -> None:
    files = {**TREE, "services/front/Dockerfile.dev": WRONG, "compose.yaml": SAID["compose.yaml"]}
    files["docker-compose.dev.yml"] = f"services: {{web: {{image: {IMAGE}, build: services/back}}}}\n"
    files["build.sh"] = f"docker build -t {IMAGE} -f services/front/Dockerfile.dev services/front\n"
    files["Makefile"] = f"image:\n\tdocker build --target dev -t {IMAGE} services/front\n"
    join = join_of(files)
    assert join is not None and join.said == f"Compose builds the image {IMAGE}:1.2 from services/front/Dockerfile"


@pytest.mark.parametrize(
    "argument", ["--build-arg FLAG=$FLAG", "--build-arg FLAG", "--build-arg FLAG=$(git rev-parse HEAD)"]
)
def test_a_build_argument_that_only_the_pipeline_knows_is_not_its_default(argument: str) -> None:
    staged = RIGHT.replace("FROM python:3.12", "ARG FLAG=21\nFROM python:3.12\nARG FLAG\nENV GUNICORN_CMD_ARGS=$FLAG")
    files = {**TREE, "services/front/Dockerfile": staged}
    builds = {**files, "build.sh": f"docker build {argument} -t {IMAGE} services/front\n"}
    found = Builds(builds, lambda path: Source(path, builds[path])).context_of(IMAGE, "k8s/all.yaml")
    assert found is not None and isinstance(found.stage.env["GUNICORN_CMD_ARGS"], Unresolved)
    line = f"docker build --build-arg FLAG=%s -t {IMAGE} services/front\n"
    two = {**files, "build.sh": line % 1 + line % 2}
    found = Builds(two, lambda path: Source(path, two[path])).context_of(IMAGE, "k8s/all.yaml")
    assert found is not None and isinstance(found.stage.env["GUNICORN_CMD_ARGS"], Unresolved)


@pytest.mark.parametrize(
    ("path", "script"),
    [
        ("build.sh", "docker build -t front services/front\ndocker tag front:latest $R/shop/web:$TAG\n"),
        ("buildspec.yml", 'commands: ["docker build -t x services/front", "docker tag x $R/shop/web"]'),
    ],
)
def test_an_image_may_get_its_name_after_its_build(path: str, script: str) -> None:
    join = join_of({**TREE, path: script})
    assert join is not None and not join.assumed and join.said.endswith("from services/front/Dockerfile")
    assert join_of({**TREE, path: script.replace("docker tag ", "docker tag other-")}) is None


HOSTILE = {
    "build.sh": "docker build -t ${{" + " " * 200_000,
    "b.sh": "for a in " + " ".join("abcdefgh") + "; do\n" * 20 + "docker build -t x/$a$b$c $d\n" * 3000,
    "c.sh": "cd a;" * 20_000 + "docker build -t r/web . " * 200,
    "d.sh": "docker build -t " + "${DOCKER" * 30_000,
    "Jenkinsfile": "docker.build('a', '" * 10_000,
    "Tiltfile": "docker_build('a', 'b', " * 10_000,
    "Makefile": "A=$(" * 50_000 + "\n" + "$(A) build -t " * 1000,
    "compose.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefg"))
    + "services: {web: {image: web, build: *g}}\n",
    ".github/workflows/a.yaml": "a: &a {strategy: {matrix: {x: [1, 2, 3, 4, 5, 6, 7, 8]}}, run: docker build}\n"
    + "".join(f"{b}: &{b} {{p: *{a}, q: *{a}, strategy: {{matrix: {{x: [1]}}}}}}\n" for a, b in pairwise("abcdefg")),
    "pyproject.toml": "[project]\n" + "\n" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_files_take_no_time(path: str) -> None:
    before = process_time()
    join_of({**TREE, path: HOSTILE[path]})
    assert process_time() - before < 3


def test_one_dockerfile_may_build_several_images_by_its_arguments() -> None:
    staged = 'FROM python:3.12\nARG FLAG\nCMD ["gunicorn", "--keep-alive", "$FLAG"]\nENV FLAG=$FLAG\n'
    line = "docker build --build-arg FLAG=%s -t registry.example/shop/%s services/front\n"
    files = {**TREE, "services/front/Dockerfile": staged, "b.sh": line % (21, "web") + line % (99, "other")}
    builds = Builds(files, lambda path: Source(path, files[path]))
    web_, other = (builds.context_of(f"registry.example/shop/{name}", "k8s/all.yaml") for name in ("web", "other"))
    assert web_ is not None and other is not None
    assert [text(one.stage.env["FLAG"]) for one in (web_, other)] == ["21", "99"]


def test_the_only_dockerfile_of_a_repository_is_assumed_to_build_its_only_image() -> None:
    found = report({"k8s/all.yaml": MANIFESTS, "docker/app/Dockerfile": RIGHT})
    assert [str(one.confidence) for one in found.findings if one.rule == "server-closes-first"] == ["low"]
    assert verdict({"k8s/all.yaml": MANIFESTS, "docker/app/Dockerfile": RIGHT}) == verdict(TREE, DECLARED)
    nothing = verdict({"k8s/all.yaml": MANIFESTS})
    other = web(image="registry.example/shop/other:1").replace("name: web", "name: other").replace("app: web", "app: o")
    assert verdict({"k8s/all.yaml": MANIFESTS, "docker/app/Dockerfile": RIGHT, "apps/o.yaml": other}) == nothing
    # In a scope of its own too: the same names stand twice.
    twice = {"a/all.yaml": MANIFESTS, "b/all.yaml": MANIFESTS.replace("shop/web:", "shop/other:")}
    assert verdict({**twice, "docker/app/Dockerfile": RIGHT}) == verdict(twice)
    assert verdict({"k8s/all.yaml": MANIFESTS, ".devcontainer/Dockerfile": RIGHT}) == nothing
    assert verdict({"k8s/all.yaml": MANIFESTS, "a/Dockerfile": RIGHT, "b/Dockerfile": RIGHT}) == nothing
