"""What files of a repository say about which Dockerfile builds which image: the words of the tools that build it.

Each reader hands on ``Said`` records with texts in which ``UNKNOWN`` stands for what only a run of the pipeline knows.
Nothing is run. A join needs a Dockerfile that is there: a build of something else is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from posixpath import join, normpath
from typing import TYPE_CHECKING

from kubelint5xx.core.node import UNKNOWN, Node, Scalar, Unresolved, child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.link.image_names import ImageName

if TYPE_CHECKING:
    from kubelint5xx.link.builds_without_dockerfile import Built

Load = Callable[[str], Source | Problem | None]

_MAX_FILES = 300
_MAX_LENGTH = 300_000
_MAX_BUILDS = 5000
_MAX_NAME = 300
_DOCKER_HUB = pattern(r"^(?:index\.)?docker\.io/(?:library/)?")
# Files that may say it, and the module that reads them. What tests and vendors bring along builds other things.
_MANIFESTS = pattern(
    r"(?:^|/)(?:skaffold[^/]*\.ya?ml|(?:docker-)?compose[^/]*\.ya?ml|[^/]*bake[^/]*\.(?:hcl|json))$", re.IGNORECASE
)
_PIPELINES = pattern(
    r"(?:^|/)(?:\.github/(?:workflows|actions)/.+\.ya?ml|\.gitea/workflows/.+\.ya?ml|\.gitlab-ci[^/]*\.ya?ml|"
    r"\.gitlab/.+\.ya?ml|\.circleci/[^/]+\.ya?ml|[^/]*buildspec[^/]*\.ya?ml|cloudbuild[^/]*\.(?:ya?ml|json)|"
    r"azure-pipelines[^/]*\.ya?ml|bitbucket-pipelines\.ya?ml|\.drone\.ya?ml|\.woodpecker(?:/[^/]+)?\.ya?ml|"
    r"\.travis\.yml|\.?[Tt]askfile\.ya?ml|action\.ya?ml)$"
)
_SCRIPTS = pattern(
    r"(?:^|/)(?:GNUmakefile|[Mm]akefile|[^/]+\.mk|Jenkinsfile[^/]*|[^/]+\.jenkinsfile|Tiltfile|[Jj]ustfile|"
    r"package\.json|[^/]+\.(?:sh|bash))$"
)
_FOR_DEVELOPERS = pattern(
    r"(?:^|[^a-z])(?:dev|devel|development|debug|local|test|tests|testing|override)(?:$|[^a-z])", re.IGNORECASE
)
_PROJECT = pattern(r"(?:^|/)(?:pom\.xml|build\.gradle(?:\.kts)?)$")
_PASSED_OVER = pattern(r"(?:^|/)(?:node_modules|vendor|testdata|tests?|site-packages|third_party|\.git)/")
_BUILDS = pattern(
    r"artifacts|\bbuild\b|kaniko|docker_build|docker\.build|target|\bbud\b|\bacr\b|images?\b", re.IGNORECASE
)


@record
class Said:
    """One build as a file tells it.

    ``images`` are names with their tags. ``context`` and ``dockerfile`` are paths from ``base`` (empty: the root of the
    repository), or None and empty where nothing is written; ``beside_context``: the path of the Dockerfile starts in
    the context. ``sure``: the images' names are written, and not those that a tool makes up.
    """

    images: tuple[str, ...]
    base: str
    context: str | None
    dockerfile: str
    place: Span
    target: str = ""
    arguments: Mapping[str, Node] = field(default_factory=dict)
    beside_context: bool = False
    sure: bool = True
    tool: str = ""
    builder: str = ""


@record
class SaidBuild:
    """A build of ``dockerfile`` in ``directory`` (None: not told). ``images`` as in ``Said``. ``built``: what is in the
    image where no Dockerfile says it; then ``dockerfile`` is the file that does."""

    images: tuple[str, ...]
    dockerfile: str
    directory: str | None
    said: Said
    built: Built | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.dockerfile, self.said.target

    @property
    def for_developers(self) -> bool:
        """A name says that the image is one to develop or to test with."""
        names = (self.dockerfile.rpartition("/")[2], self.said.target, self.said.place.path.rpartition("/")[2])
        return any(map(_FOR_DEVELOPERS.search, names))


class SaidBuilds:
    """All builds that the files of a tree tell of, read when they are first asked for."""

    def __init__(self, paths: tuple[str, ...], dockerfiles: Iterable[str], load: Load) -> None:
        self._paths, self._load = paths, load
        self._dockerfiles = frozenset(dockerfiles)
        self._folders = {path.rpartition("/")[0] for path in paths}
        self._found: list[SaidBuild] | None = None
        self._names: list[tuple[str, str]] | None = None

    def of(self, name: ImageName) -> tuple[list[SaidBuild], bool]:
        """The builds that are said to make an image, one for each Dockerfile, and whether by its whole known name.

        Otherwise only the last component of the name is the same.
        """
        if self._found is None:
            self._found = list(islice(self._all(), _MAX_BUILDS))
        names = [name]
        if self._found:
            names += [ImageName.parse(old) for old, new in self._renamed() if new == name.repository]
        for degree in ("whole", "name"):
            found: dict[tuple[str, str], SaidBuild] = {}
            for build in self._found:
                agrees = any(_agrees(image, one) == degree for image in build.images for one in names)
                if agrees and (build.said.sure or degree == "name"):
                    found[build.key] = _both(found[build.key], build) if build.key in found else build
            if found:
                # What developers build for themselves is not what runs, unless nothing else is built.
                meant = [build for build in found.values() if not build.for_developers]
                return meant or list(found.values()), degree == "whole"
        return [], False

    def _renamed(self) -> list[tuple[str, str]]:
        """The images that overlays of Kustomize call otherwise: their old and their new names."""
        if self._names is None:
            self._names = []
            for path in self._paths:
                if not path.endswith(("ustomization.yaml", "ustomization.yml", "Kustomization")):
                    continue
                source = self._load(path)
                if isinstance(source, Source) and "newName" in source.text:
                    from kubelint5xx.formats import yaml

                    for document in yaml.read(source).documents:
                        given = items(child(document.root, "images"))
                        self._names += [(written(child(one, "name")), written(child(one, "newName"))) for one in given]
        return self._names

    def _all(self) -> Iterator[SaidBuild]:
        yield from self._without_dockerfile()
        for said in self._told():
            for build in self._bound(said):
                if any(_is_name(image) for image in build.images):
                    yield build

    def _without_dockerfile(self) -> Iterator[SaidBuild]:
        for path in self._paths:
            if _PROJECT.search(path) and not _PASSED_OVER.search(path):
                source = self._load(path)
                if isinstance(source, Source) and "jib" in source.text:
                    from kubelint5xx.link.builds_without_dockerfile import jib_builds

                    for built in jib_builds(source, self._load):
                        said = Said(built.images, "", built.directory, "", built.place, tool="Jib")
                        yield SaidBuild(built.images, path, built.directory, said, built)

    def _told(self) -> Iterator[Said]:
        read = 0
        for path in self._paths:
            kind = _MANIFESTS.search(path) or _PIPELINES.search(path) or _SCRIPTS.search(path)
            if not kind or read >= _MAX_FILES or _PASSED_OVER.search(path):
                continue
            source = self._load(path)
            if not isinstance(source, Source) or len(source.text) > _MAX_LENGTH or not _BUILDS.search(source.text):
                continue
            read += 1
            folders = frozenset(path.rpartition("/")[0] for path in self._dockerfiles)
            if _MANIFESTS.search(path):
                from kubelint5xx.link.build_manifests import builds_in_manifest

                yield from builds_in_manifest(source)
            elif _PIPELINES.search(path):
                from kubelint5xx.link.build_pipelines import builds_in_pipeline

                yield from builds_in_pipeline(source, folders, self._load)
            else:
                from kubelint5xx.link.build_commands import builds_in_script

                yield from builds_in_script(source, folders)

    def _bound(self, said: Said) -> Iterator[SaidBuild]:
        """The build with the Dockerfile that it names, where that is one of the tree."""
        if UNKNOWN in said.dockerfile or UNKNOWN in (said.context or ""):
            return
        directory = None if said.context is None else _path(said.base, said.context)
        if directory is not None and directory and directory not in self._folders and not self._holds(directory):
            return
        if said.builder:
            yield from self._built(said, directory or "")
            return
        starts = [directory or "", said.base] if said.beside_context else [said.base, directory or ""]
        if not said.dockerfile:
            starts = [directory if directory is not None else said.base]
        for start in starts:
            for name in (said.dockerfile,) if said.dockerfile else ("Dockerfile", "Containerfile"):
                path = _path(start, name)
                if path in self._dockerfiles or (said.dockerfile and path in self._paths):
                    yield SaidBuild(said.images, path, directory, said)
                    return

    def _built(self, said: Said, directory: str) -> Iterator[SaidBuild]:
        from kubelint5xx.link.builds_without_dockerfile import jib_build, ko_program

        build = jib_build if said.builder == "jib" else ko_program
        if built := build(directory, self._load):
            yield SaidBuild(said.images, built.source.path, built.directory, said, built)

    def _holds(self, directory: str) -> bool:
        return any(folder.startswith(directory + "/") for folder in self._folders)


def _both(one: SaidBuild, other: SaidBuild) -> SaidBuild:
    """One of two builds of the same image, without the build arguments in which they differ."""
    arguments = dict(one.said.arguments)
    for name in {*arguments, *other.said.arguments}:
        first, second = arguments.get(name), other.said.arguments.get(name)
        if first is None or second is None or text(first) != text(second):
            arguments[name] = Unresolved(one.said.place, f"builds give the argument {name} different values")
    return replace(one, said=replace(one.said, arguments=arguments))


def _path(base: str, path: str) -> str:
    """A path as one of the repository; empty for its root."""
    found = normpath(join(base, path.removeprefix("dir://").replace("\\", "/").strip().lstrip("/") or "."))
    return "" if found == "." else found


def _is_name(image: str) -> bool:
    """Whether enough of an image's name is known to tell it from others."""
    return len(ImageName.parse(image).name.replace(UNKNOWN, "")) > 1


def _agrees(said: str, name: ImageName) -> str:
    """``whole`` where all that is known of a name agrees, ``name`` where only its last component does, or empty."""
    own = _DOCKER_HUB.sub("", ImageName.parse(said).repository)
    wanted = _DOCKER_HUB.sub("", name.repository)
    if own == wanted:
        return "whole"
    last = own.rpartition("/")[2]
    if len(own) > _MAX_NAME or own.count(UNKNOWN) > 4:
        return ""
    if UNKNOWN in own and last != UNKNOWN:
        known = ".*".join(re.escape(part) for part in own.split(UNKNOWN))
        if re.fullmatch(known, wanted):
            return "name" if UNKNOWN in last else "whole"
    return "name" if last == name.name and UNKNOWN not in last else ""


def written(node: Node | None) -> str:
    """What a text says, as it is written where a part of it is not known; empty where nothing is."""
    if isinstance(node, Scalar):
        return "" if node.value is None else node.value if isinstance(node.value, str) else node.raw
    if isinstance(node, Unresolved):
        return node.span.text.strip("\"'")
    return ""
