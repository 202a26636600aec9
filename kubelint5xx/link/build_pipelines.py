"""Builds of images in the files of CI systems: their commands, and the actions and plugins that build.

All of these are YAML with shell commands somewhere in it and variables around them, so one walk reads them all: GitHub
Actions, GitLab CI, CircleCI, CodeBuild, Cloud Build, Azure Pipelines, Bitbucket, Drone, Woodpecker, Task. Inputs of
docker/build-push-action: ``file`` is a path from the checkout, not from ``context``
(https://github.com/docker/build-push-action#inputs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice, product

from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, child, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source
from kubelint5xx.formats import reader
from kubelint5xx.formats.shell_words import Portions, portions
from kubelint5xx.link.build_commands import Text, Variables, assigned, command_of, commands_in, resolved
from kubelint5xx.link.said_builds import Load, Said, written

# What an action's or a plugin's inputs are called: the image, the context and the Dockerfile.
_IMAGE = ("tags", "image", "images", "image_name", "imageName", "name", "repo", "repository")
_CONTEXT = ("context", "build_path", "build-path", "path", "buildContext", "workdir", "directory", "build_context")
_FILE = ("file", "dockerfile", "Dockerfile", "containerfiles", "dockerfiles")
_ACTIONS = pattern(
    r"docker/build-push-action|depot/build-push-action|useblacksmith/build-push-action|redhat-actions/buildah-build|"
    r"elgohr/Publish-Docker-Github-Action|mr-smithers-excellent/docker-build-push|whoan/docker-build-with-cache-action|"
    r"macbre/push-to-ghcr|int128/kaniko-action|aevea/action-kaniko"
)
_ORBS = pattern(r"^(?:aws-ecr|circleci/aws-ecr|gcp-gcr|docker|azure-acr)/(?:build[\w-]*|publish)$")
_PLUGINS = pattern(r"plugins/(?:docker|ecr|gcr|kaniko[\w-]*)|woodpeckerci/plugin-docker[\w-]*")
_METADATA = pattern(r"steps\.([\w-]+)\.outputs\.(?:tags|json)")
_ROOT_OF = pattern(r"(?:^|/)(?:\.github|\.gitea|\.gitlab|\.circleci|\.woodpecker)/.*$")
_VARIABLES = ("env", "variables", "substitutions", "vars", "environment")
_SCOPING = frozenset((*_VARIABLES, "working-directory", "working_directory", "defaults", "dir"))
_BRACED = pattern(r"(?<!\$)\{\{\s*\.(\w+)\s*\}\}")
_SCRIPTED = (
    "script", "before_script", "after_script", "command", "commands", "run", "cmds", "cmd", "bash", "inlineScript",
    "args",
)  # fmt: skip
_MAX_ROUNDS = 50
_MAX_DEPTH = 40
_MAX_VALUES = 20_000
_MAX_CALLS = 3


@record
class _Scope:
    """What is known where a command stands: the directory, variables, and the images of metadata steps. ``left``: how
    many values are still looked at, since aliases make a few lines many."""

    base: str
    variables: Variables
    metadata: dict[str, str]
    folders: frozenset[str]
    left: list[int]
    load: Load
    root: str = ""
    calls: int = 0


def builds_in_pipeline(source: Source, folders: frozenset[str], load: Load) -> Iterator[Said]:
    """The builds that a pipeline's file tells of, and what it calls of the same repository. ``folders`` hold
    Dockerfiles."""
    base = _ROOT_OF.sub("", source.path) if _ROOT_OF.search(source.path) else source.path.rpartition("/")[0]
    syntax = "json" if source.path.endswith(".json") else "yaml"
    for document in reader(syntax).read(source).documents:
        root = document.root
        scope = _Scope(base, {}, _metadata(root), folders, [_MAX_VALUES], load, base)
        if source.path.rpartition("/")[2].startswith(".gitlab") or "/.gitlab/" in f"/{source.path}":
            yield from _gitlab(root, scope)
        else:
            yield from _walk(root, scope, 0)


def _gitlab(root: Node, scope: _Scope) -> Iterator[Said]:
    """Each job with what it extends."""
    general = _within(root, scope)
    jobs = {str(entry.key.value): entry.value for entry in entries(root) if isinstance(entry.value, Mapping)}
    for name, job in jobs.items():
        if name == "variables":
            continue
        chain = _extended(job, jobs, 0)
        own = general
        for one in reversed(chain):
            own = _within(one, own)
        for script in ("before_script", "script"):
            given = next((found for one in chain if (found := child(one, script)) is not None), None)
            if given is not None:
                for scoped in _matrix(child(job, "parallel"), own):
                    yield from _scripts(given, scoped)


def _extended(job: Node, jobs: dict[str, Mapping], depth: int) -> list[Node]:
    given = child(job, "extends")
    names = [text(one) or "" for one in items(given)] or [text(given) or ""]
    found: list[Node] = [job]
    for name in reversed(names):
        if name in jobs and depth < 8:
            found += _extended(jobs[name], jobs, depth + 1)
    return found


def _walk(node: Node, scope: _Scope, depth: int) -> Iterator[Said]:
    scope.left[0] -= 1
    if depth > _MAX_DEPTH or scope.left[0] < 0:
        return
    if isinstance(node, Sequence):
        if node.items and all(isinstance(item, Scalar) for item in node.items):
            yield from _scripts(node, scope)
        else:
            for item in node.items:
                yield from _walk(item, scope, depth + 1)
    elif isinstance(node, Mapping):
        for scoped in _matrix(child(node, "strategy"), _within(node, scope)):
            yield from _action(node, scoped)
            yield from _called(node, scoped, depth)
            yield from _cloud_build(node, scoped)
            for entry in node.entries:
                key = str(entry.key.value)
                if isinstance(entry.value, Scalar) and key in _SCRIPTED:
                    yield from _scripts(entry.value, scoped)
                elif _ORBS.search(key) and isinstance(entry.value, Mapping):
                    yield from _built(entry.value, scoped, beside=False)
                elif not isinstance(entry.value, Scalar):
                    yield from _walk(entry.value, scoped, depth + 1)


def _within(node: Node, scope: _Scope) -> _Scope:
    """The scope below a mapping: with its variables and its working directory."""
    if isinstance(node, Mapping) and _SCOPING.isdisjoint(node.keys()):
        return scope
    found = dict(scope.variables)
    for key in _VARIABLES:
        given = child(node, key)
        for entry in entries(child(given, "variables") or given):  # CodeBuild has them one level deeper
            value = text(entry.value) or text(child(entry.value, "value"))
            if value is not None:
                found[str(entry.key.value)] = value
    folder = written(child(node, "working-directory") or child(node, "defaults", "run", "working-directory"))
    folder = folder or written(child(node, "working_directory") or child(node, "dir"))
    base = f"{scope.base}/{resolved(folder, found)}".strip("/") if folder and "$" not in folder else scope.base
    return replace(scope, variables=found, base=base) if found != scope.variables or base != scope.base else scope


def _matrix(node: Node | None, scope: _Scope) -> Iterator[_Scope]:
    """The scope of each combination of a matrix; only the one itself where there is none, or it is computed."""
    matrix = child(node, "matrix")
    if matrix is None:
        yield scope
        return
    rounds: list[dict[str, str]] = []
    listed = {str(one.key.value): list(_texts(one.value)) for one in entries(matrix) if items(one.value)}
    for item in (*items(child(matrix, "include")), *items(matrix)):
        several = {str(one.key.value): list(_texts(one.value)) for one in entries(item)}
        rounds += _combined({name: values for name, values in several.items() if values})
    listed.pop("include", None)
    listed.pop("exclude", None)
    objects = {
        str(one.key.value): [_flat(item) for item in items(one.value) if entries(item)] for one in entries(matrix)
    }
    for name, found in objects.items():
        if name not in ("include", "exclude"):
            rounds += [{f"{name}.{key}": value for key, value in one.items()} for one in found]
    rounds += _combined({name: values for name, values in listed.items() if values})
    if not rounds:
        yield scope
        return
    for one in islice(rounds, _MAX_ROUNDS):
        named = {f"matrix.{name}": value for name, value in one.items()}
        yield replace(scope, variables={**scope.variables, **one, **named})


def _flat(node: Node) -> dict[str, str]:
    return {str(one.key.value): value for one in entries(node) if (value := text(one.value)) is not None}


def _combined(listed: dict[str, list[str]]) -> list[dict[str, str]]:
    rounds = islice(product(*listed.values()), _MAX_ROUNDS) if listed else ()
    return [dict(zip(listed, one, strict=True)) for one in rounds]


def _texts(node: Node) -> Iterable[str]:
    return (found for item in (items(node) or (node,)) if (found := text(item)) is not None)


def _scripts(node: Node, scope: _Scope) -> Iterator[Said]:
    """Commands of a script, or of a list of lines, which share one shell."""
    lines = [item for item in (items(node) or (node,)) if isinstance(item, Scalar) and isinstance(item.value, str)]
    whole = "\n".join(_BRACED.sub(r"${\1}", str(line.value)) for line in lines)
    if "build" not in whole and "kaniko" not in whole and "bud" not in whole:
        return
    variables = {**assigned(whole), **scope.variables}
    before = ""
    for line in lines:
        own = _BRACED.sub(r"${\1}", str(line.value))
        place, start = _shifted(line, len(before)), len(before)
        content = Text(before + own, place, (scope.base,), variables, start=start, whole=whole)
        yield from commands_in(content, scope.folders)
        if re.search(r"\b(?:cd|pushd|for)\b", own):
            before += own + "\n"


def _shifted(line: Scalar, by: int) -> Portions:
    place = portions(line)
    return lambda start, end: place(max(0, start - by), max(0, end - by))


def _action(node: Mapping, scope: _Scope) -> Iterator[Said]:
    uses = text(node.get("uses")) or text(node.get("image")) or ""
    if _ACTIONS.search(uses):
        beside = "docker/build-push-action@v1" in uses
        yield from _built(child(node, "with"), scope, beside)
    elif _PLUGINS.search(uses):
        yield from _built(child(node, "settings"), scope, beside=False)
    elif (text(node.get("task")) or "").startswith("Docker@"):
        yield from _built(child(node, "inputs"), scope, beside=False)


def _called(node: Mapping, scope: _Scope, depth: int) -> Iterator[Said]:
    """What an action or a workflow of the same repository builds with the inputs that it is given here."""
    uses = text(node.get("uses")) or ""
    if not uses.startswith("./") or scope.calls >= _MAX_CALLS:
        return
    path = f"{scope.root}/{uses[2:].rstrip('/')}".lstrip("/")
    paths = (path,) if path.endswith((".yml", ".yaml")) else (f"{path}/action.yml", f"{path}/action.yaml")
    for source in map(scope.load, paths):
        if not isinstance(source, Source):
            continue
        for document in reader("yaml").read(source).documents:
            root = document.root
            declared = child(root, "inputs") or child(root, "on", "workflow_call", "inputs")
            inputs = {
                f"inputs.{one.key.value}": default
                for one in entries(declared)
                if (default := text(child(one.value, "default"))) is not None
            }
            inputs |= {
                f"inputs.{one.key.value}": resolved(given, scope.variables)
                for one in entries(node.get("with"))
                if (given := text(one.value)) is not None
            }
            inner = replace(scope, base=scope.root, variables=inputs, metadata=_metadata(root), calls=scope.calls + 1)
            yield from _walk(root, inner, depth + 1)


def _built(given: Node | None, scope: _Scope, beside: bool) -> Iterator[Said]:
    image = next((found for key in _IMAGE if (found := child(given, key)) is not None), None)
    if given is None or image is None:
        return
    names: list[str] = []
    for one in items(image) or (image,):
        for name in re.split(r"[\n,]", written(one)):
            metadata = _METADATA.search(name)
            names += scope.metadata.get(metadata[1], "").split("\n") if metadata else [name]
    images = tuple(known for name in names if name.strip() and (known := resolved(name, scope.variables)))
    context, file = _first(given, _CONTEXT), _first(given, _FILE)
    words = [word for image in images for word in ("-t", image)]
    words += ["-f", file] if file else []
    words += ["--target", target] if (target := written(child(given, "target"))) else []
    for argument in written(child(given, "build-args") or child(given, "build_args")).split("\n"):
        words += ["--build-arg", argument.strip()] if "=" in argument else []
    context = "." if not context or ("git" in context and "://" in context) else context
    for said in command_of([*words, context], (scope.base,), scope.variables, image.span, scope.folders):
        yield replace(said, beside_context=beside)


def _first(given: Node, keys: Iterable[str]) -> str:
    return next((found for key in keys if (found := written(child(given, key)))), "")


def _cloud_build(node: Mapping, scope: _Scope) -> Iterator[Said]:
    """A step of Cloud Build or Tekton whose image is the builder itself."""
    name = text(node.get("name")) or ""
    image = text(node.get("image")) or ""
    words = [written(item) for item in (*items(node.get("command")), *items(node.get("args")))]
    if "kaniko" in name or "kaniko" in image:
        for said in command_of(words, (scope.base,), scope.variables, node.span.first_line(), scope.folders):
            yield replace(said, beside_context=True)
    elif "cloud-builders/docker" in name or name in ("docker", "gcr.io/cloud-builders/docker"):
        words = words[1:] if words[:1] == ["buildx"] else words
        if words[:1] == ["build"]:
            place = (node.get("args") or node).span.first_line()
            yield from command_of(words[1:], (scope.base,), scope.variables, place, scope.folders)


def _metadata(root: Node) -> dict[str, str]:
    """The images that steps of docker/metadata-action make tags for, by the steps' ids."""
    found: dict[str, str] = {}
    seen: set[int] = set()
    pending: list[Node] = [root]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            if "metadata-action" in (text(node.get("uses")) or "") and (name := text(node.get("id"))):
                found[name] = written(child(node, "with", "images")).replace(",", "\n")
            pending += [entry.value for entry in node.entries]
        pending += items(node)
    return found
