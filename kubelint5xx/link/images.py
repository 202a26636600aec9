"""Which Dockerfile builds an image, and what it brings into a container: command line, environment, files."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from itertools import islice
from posixpath import normpath
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.node import Node, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.tree import Tree
from kubelint5xx.core.value import Join
from kubelint5xx.hops.launch import Files
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.model.topology import Undecided

if TYPE_CHECKING:
    from kubelint5xx.formats import dockerfile
    from kubelint5xx.link.build_context import BuildContext, Load
    from kubelint5xx.link.builds_without_dockerfile import Built
    from kubelint5xx.link.said_builds import SaidBuild, SaidBuilds

MAX_FILES = 2000
MAX_FOLDERS = 300
MAX_BYTES = 1_000_000
# Directories of manifests that stand beside, or below, the code that they deploy.
_MANIFESTS = pattern(
    r"k8s|kube(?:rnetes)?|deploy(?:ments?)?|manifests?|helm|charts?|templates|base|kustomize|infra", re.IGNORECASE
)
_PROJECT = pattern(r"(?:^|/)(?:pom\.xml|build\.gradle(?:\.kts)?|skaffold[^/]*\.ya?ml)$")
# What builds no program to deploy.
ASIDE = pattern(
    r"(?:^|/)(?:\.?devcontainer|tests?|e2e|ci|hack|tools?|scripts|examples?|docs?|vendor|testdata)/|"
    r"Dockerfile\.(?:dev|test|debug|local|ci)$",
    re.IGNORECASE,
)
_DOCKERFILE = pattern(r"(?:Dockerfile|Containerfile)(?:\..*)?|.*\.Dockerfile")
_SKIPPED = pattern(
    r"(?:^|/)(?:node_modules|dist|tests?|__tests__|spec|vendor|\.git|\.venv|venv|site-packages|coverage|testdata)/|"
    r"(?:^|/)(?:package-lock\.json|[^/]*\.(?:test|spec|min)\.[jt]sx?|test_[^/]*\.py|[^/]*_test\.(?:py|go))$"
)


class Builds:
    """All Dockerfiles of a tree, by directory, and its other files, read when asked for."""

    def __init__(self, paths: Iterable[str], load: Load, config: Config | None = None) -> None:
        self._paths = tuple(sorted(paths))
        self._loaded: dict[str, Source | Problem | None] = {}
        self._load = _remembered(load, self._loaded)
        self._config = config or Config()
        self._by_folder: dict[str, list[str]] = {}
        for path in self._paths:
            folder, _, name = path.rpartition("/")
            if _DOCKERFILE.fullmatch(name):
                self._by_folder.setdefault(folder, []).append(path)
        self._builds = bool(self._by_folder) or any(map(_PROJECT.search, self._paths))
        self._files: dict[int, tuple[dockerfile.Stage, Files]] = {}
        self._contexts: dict[tuple[object, ...], BuildContext | None] = {}
        self._problems: list[Problem] = []
        self._undecided: dict[str, Undecided] = {}
        self._said: SaidBuilds | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files that were read so far: Dockerfiles, and what they bring into containers."""
        return tuple(found for _, found in sorted(self._loaded.items()) if isinstance(found, Source))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the Dockerfiles that were asked for so far."""
        return tuple(self._problems)

    @property
    def undecided(self) -> tuple[Undecided, ...]:
        """The images that several builds may make."""
        return tuple(self._undecided.values())

    @classmethod
    def of_tree(cls, tree: Tree, config: Config) -> Builds:
        def load(path: str) -> Source | Problem:
            try:
                data = tree.read(path)
            except OSError as error:
                return Problem(path, 0, f"cannot be read: {error.strerror or error}")
            if len(data) > MAX_BYTES:
                return Problem(path, 0, f"cannot be read: larger than {MAX_BYTES // 1_000_000} MB")
            try:
                return Source(path, data.decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                if path.endswith(".properties"):  # whose encoding was Latin-1 for twenty years
                    return Source(path, data.decode("latin-1"))
                return Problem(path, data.count(b"\n", 0, error.start) + 1, "not valid UTF-8")

        return cls(tree.paths(), load, config)

    def context_of(
        self,
        image: str,
        manifest_path: str,
        beside: Collection[str] = (),
        place: Span | None = None,
        alone: bool = False,
    ) -> BuildContext | None:
        """The build that makes ``image``; None where none does, or several might.

        What a file says of a build comes before a directory or a project that is named like the image, and these before
        builds of images that only end in the same name. ``beside``: the repositories of all images that the manifests
        of that directory use and that are no products; ``alone``: nor do any others use another. ``place`` is where the
        image is used.
        """
        name = ImageName.parse(image)
        if declared := self._declared(image, name, manifest_path):
            return declared
        if image.startswith("ko://"):
            return self._of_import_path(image)
        if name.published or not self._builds:
            return None
        builds, whole = self._said_of(name)
        if whole and len(builds) == 1:
            return self._as_said(builds[0], image)
        named = self._of_its_name(name, image)
        if named and (not whole or any(one.dockerfile == named.source.path for one in builds)):
            return named
        if name.product:
            return None
        if len(builds) == 1:
            return self._as_said(builds[0], image, assumed=True)
        if builds:
            self._note(image, name, [one.dockerfile for one in builds], place)
            return None
        if any(repository != name.repository for repository in beside):
            return None
        return self._beside(image, manifest_path) or (self._only(image) if alone else None)

    def _of_its_name(self, name: ImageName, image: str) -> BuildContext | None:
        """The build in the only directory, or else of the only project, that is named like the image."""
        folders = [folder for folder in self._by_folder if folder.rpartition("/")[2] == name.name]
        if folders:
            said = f"the directory {folders[0]} is named like the image {image}"
            return self._build(self._main(folders[0]), said) if len(folders) == 1 else None
        if name.product:
            return None
        from kubelint5xx.link.project_names import project_named

        found: list[tuple[str, Span]] = []
        for folder in islice(self._by_folder, MAX_FOLDERS):
            if place := project_named(name.name, folder, self._read_file):
                found.append((folder, place))
        if len(found) != 1:
            return None
        folder, place = found[0]
        context = self._build(self._main(folder), "")
        said = f"the project that {place.path} names is named like the image {image}"
        return replace(context, join=Join(said, place)) if context else None

    def _beside(self, image: str, manifest_path: str) -> BuildContext | None:
        folder = manifest_path.rpartition("/")[0]
        for _ in range(3):
            if folder in self._by_folder:
                said = f"the only Dockerfile beside the manifests is taken to build the image {image}"
                return self._build(self._main(folder), said, assumed=True)
            if not _MANIFESTS.fullmatch(folder.rpartition("/")[2]):
                return None
            folder = folder.rpartition("/")[0]
        return None

    def _of_import_path(self, image: str) -> BuildContext | None:
        """What ko makes of a package of Go that stands in the place of an image."""
        from kubelint5xx.link.builds_without_dockerfile import ko_build

        modules = [path.rpartition("/")[0] for path in self._paths if path.rpartition("/")[2] == "go.mod"]
        built = ko_build(image.removeprefix("ko://").partition("@")[0], self._read_file, modules)
        if built is None:
            return None
        return self._made(built, Join(f"the image {image} is a package of {built.source.path}", built.place))

    def _made(self, built: Built, join: Join) -> BuildContext:
        from kubelint5xx.link.build_context import BuildContext

        below = self._below(built.directory)
        return BuildContext(built.stage, built.source, built.directory, join, self._load, below)

    def _only(self, image: str) -> BuildContext | None:
        """The build of the only Dockerfile that the tree has, but for those that build no program to deploy."""
        found = [path for paths in self._by_folder.values() for path in paths if not ASIDE.search(path)]
        said = f"the only Dockerfile of the repository is taken to build the image {image}, the only one of its own"
        return self._build(found[0], said, assumed=True) if len(found) == 1 else None

    def _said_of(self, name: ImageName) -> tuple[list[SaidBuild], bool]:
        if self._said is None:
            from kubelint5xx.link.said_builds import SaidBuilds

            dockerfiles = [path for paths in self._by_folder.values() for path in paths]
            self._said = SaidBuilds(self._paths, dockerfiles, self._read_file)
        return self._said.of(name)

    def _as_said(self, build: SaidBuild, image: str, assumed: bool = False) -> BuildContext | None:
        said = build.said
        how = "builds an image of the same last name as" if assumed else "builds the image"
        why = f"{said.tool or said.place.path} {how} {image} from {build.dockerfile}"
        if build.built:
            return self._made(build.built, Join(why, said.place, assumed))
        context = self._build(build.dockerfile, "", False, said.target, build.directory, dict(said.arguments))
        return replace(context, join=Join(why, said.place, assumed)) if context else None

    def _note(self, image: str, name: ImageName, dockerfiles: list[str], place: Span | None) -> None:
        """Notes that several builds may make an image, with the line of the configuration that would settle it."""
        several = ", ".join(dict.fromkeys(dockerfiles))
        line = f"links: [{{ image: {name.repository}, build: {dockerfiles[0]} }}]"
        reason = f"several builds may make it ({several}); kubelint5xx.yaml can say which, for example {line}"
        self._undecided.setdefault(image, Undecided(f"the build of the image {image}", reason, place))

    def may_make(self, image: str) -> tuple[str, ...]:
        """The Dockerfiles that may make an image, by what files say or by the names of their directories."""
        name = ImageName.parse(image)
        folders = [folder for folder in self._by_folder if folder.rpartition("/")[2] == name.name]
        named = [path for folder in folders if (path := self._main(folder))]
        return tuple(dict.fromkeys((*(one.dockerfile for one in self._said_of(name)[0]), *named)))

    @property
    def dockerfiles(self) -> tuple[str, ...]:
        """One Dockerfile for each directory that has any: the main one, where there is one."""
        return tuple(self._main(folder) or paths[0] for folder, paths in self._by_folder.items())

    def advice(self, image: str) -> str:
        """The line of the configuration that would join an image to its build; empty where nothing is built here."""
        name = ImageName.parse(image)
        if not self._builds or name.product or not name.repository:
            return ""
        line = f"links: [{{ image: {name.repository}, build: DIRECTORY }}]"
        return f"; if it is built here, kubelint5xx.yaml can say so: {line}"

    def _read_file(self, path: str) -> Source | Problem | None:
        at = bisect_left(self._paths, path)
        return self._load(path) if self._paths[at : at + 1] == (path,) else None

    def files_of(self, context: BuildContext) -> Files:
        """The files of a build, read once however many containers start from it."""
        key = id(context.stage)
        if key not in self._files:
            self._files[key] = context.stage, context.files()  # which keeps the stage, and so its identity
        return self._files[key][1]

    def _main(self, folder: str) -> str | None:
        """The Dockerfile of a directory: the one of that name, else the only one."""
        found = self._by_folder[folder]
        main = [path for path in found if path.rpartition("/")[2] in ("Dockerfile", "Containerfile")]
        return main[0] if len(main) == 1 else found[0] if len(found) == 1 else None

    def _declared(self, image: str, name: ImageName, manifest_path: str) -> BuildContext | None:
        for link in self._config.links_with("image", "build", near=manifest_path):
            if not any(fnmatchcase(written, link.ends["image"]) for written in (image, name.repository)):
                continue
            path = normpath(link.ends["build"].strip("/") or ".")
            folder = "" if path == "." else path
            found = folder if folder in self._paths else self._main(folder) if folder in self._by_folder else None
            context = self._build(found, "the configuration says so")
            if context:
                return replace(context, join=Join(f"the configuration joins {image} and {path}", link.span))
        return None

    def _build(
        self,
        path: str | None,
        said: str,
        assumed: bool = False,
        target: str = "",
        directory: str | None = None,
        arguments: dict[str, Node] | None = None,
    ) -> BuildContext | None:
        if path is None:
            return None
        given = tuple(sorted((name, text(node)) for name, node in (arguments or {}).items()))
        key = path, target, directory, given
        if key not in self._contexts:
            self._contexts[key] = self._read(path, target, directory, arguments)
        context = self._contexts[key]
        return replace(context, join=Join(said, context.stage.base.span, assumed)) if context else None

    def _read(
        self, path: str, target: str, told: str | None, arguments: dict[str, Node] | None
    ) -> BuildContext | None:
        source = self._load(path)
        if not isinstance(source, Source):
            self._problems += [source] if source else []
            return None
        from kubelint5xx.formats import dockerfile
        from kubelint5xx.link.build_context import BuildContext

        reading = dockerfile.read(source)
        self._problems += [problem for problem in reading.problems if problem not in self._problems]
        documents = reading.documents
        stage = dockerfile.final_stage(documents[0].root, target, arguments) if documents else None
        if stage is None:
            return None
        directory = told if told is not None and self._has_all(told, stage) else self._directory(path, stage)
        return BuildContext(stage, source, directory, Join(""), self._load, self._below(directory))

    def _directory(self, path: str, stage: dockerfile.Stage) -> str:
        """The build's directory: the nearest one above the Dockerfile that holds all that is copied from it."""
        folder = path.rpartition("/")[0]
        directory = folder
        while not self._has_all(directory, stage):
            if not directory:
                return folder
            directory = directory.rpartition("/")[0]
        return directory

    def _has_all(self, directory: str, stage: dockerfile.Stage) -> bool:
        """Whether a directory holds all that is copied from the build's context."""
        from kubelint5xx.link.build_context import within

        wanted = [text(source) or "" for copy in stage.copies if not copy.from_stage for source in copy.sources]
        wanted = [name for name in wanted if name and not name.startswith(("http:", "https:", "<<"))]
        return all(self._holds(within(directory, name)) for name in wanted)

    def _holds(self, path: str) -> bool:
        if not path or any(mark in path for mark in "*?["):
            return True
        at = bisect_left(self._paths, path)
        below = bisect_left(self._paths, path + "/")
        return self._paths[at : at + 1] == (path,) or any(
            known.startswith(path + "/") for known in self._paths[below : below + 1]
        )

    def _below(self, directory: str) -> tuple[str, ...]:
        """The files of a build's directory that may matter."""
        prefix = f"{directory}/" if directory else ""
        found: list[str] = []
        for path in islice(self._paths, bisect_left(self._paths, prefix), None):
            if not path.startswith(prefix) or len(found) >= MAX_FILES:
                break
            if not _SKIPPED.search(path.removeprefix(prefix)):
                found.append(path)
        return tuple(found)


def _remembered(load: Load, known: dict[str, Source | Problem | None]) -> Load:
    def remembered(path: str) -> Source | Problem | None:
        if path not in known:
            known[path] = load(path)
        return known[path]

    return remembered
