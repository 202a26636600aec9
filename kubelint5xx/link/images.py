"""Which Dockerfile builds an image, and what it brings into a container: command line, environment, files."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice
from posixpath import join, normpath
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.node import text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source
from kubelint5xx.core.tree import Tree
from kubelint5xx.core.value import Join
from kubelint5xx.hops.launch import Files
from kubelint5xx.hops.packages import MANIFEST
from kubelint5xx.link.image_names import ImageName

if TYPE_CHECKING:
    from kubelint5xx.formats import dockerfile

Load = Callable[[str], Source | Problem | None]

MAX_FILES = 2000
MAX_BYTES = 1_000_000
# Directories of manifests that stand beside, or below, the code that they deploy.
_MANIFESTS = pattern(
    r"k8s|kube(?:rnetes)?|deploy(?:ments?)?|manifests?|helm|charts?|templates|base|kustomize|infra", re.IGNORECASE
)
_DOCKERFILE = pattern(r"(?:Dockerfile|Containerfile)(?:\..*)?|.*\.Dockerfile")
_SKIPPED = pattern(
    r"(?:^|/)(?:node_modules|dist|tests?|__tests__|spec|vendor|\.git|\.venv|venv|site-packages|coverage|testdata)/|"
    r"(?:^|/)(?:package-lock\.json|[^/]*\.(?:test|spec|min)\.[jt]sx?|test_[^/]*\.py|[^/]*_test\.(?:py|go))$"
)
_SOURCES = pattern(r"\.(?:[cm]?[jt]s|py|go|java|kt|rb|cs)$")
# What a program is built from, and the settings that are packed into it.
_RESOURCES = pattern(r"(?:^|/)(?:src/main/resources|conf)/(?:[^/]+/)?[^/]+\.(?:properties|ya?ml|conf)$")
_SETTINGS = pattern(r"\.(?:conf|ini|cfg|xml|ya?ml|properties|toml|json|env|sh|hocon)$|(?:^|/)[^./]+$")
# Commands of a RUN instruction that change a server's files, or add files that nothing here shows.
_CONFIGURES = pattern(
    r"\bsed\s+(?:-\w+\s+)*-\w*i|\btee\s|\benvsubst\b|--add-(?:to-start|modules?)\b|\ba2en(?:mod|conf|site)\b"
    r"|>>?\s*(?!/dev/|&)[^\s;&|]*(?:/etc/|start\.d|\.(?:conf|ini|xml|properties|ya?ml|py))"
)
# What is copied from a build stage without bringing configuration along.
_LIBRARIES = pattern(
    r"node_modules|site-packages|/lib(?:64)?(?:/|$)|/bin(?:/|$)|\.(?:jar|war|so|whl)$|/wheels(?:/|$)|certs"
)


@record(eq=False)
class BuildContext:
    """One image's build: the ``stage`` that its containers start from, and the directory that it is built in.

    ``join`` says why this build is taken to make the image.
    """

    stage: dockerfile.Stage
    source: Source
    directory: str
    join: Join
    _load: Load
    _paths: tuple[str, ...] = ()

    @property
    def base(self) -> ImageName | None:
        written = text(self.stage.base)
        return ImageName.parse(written) if written else None

    def files(self) -> Files:
        """The container's files that are copied from the context, and the program's sources."""
        seen: dict[str, Source] = {}
        unread: dict[str, Problem] = {}
        unseen = "" if self.base and (self.base.published or self.base.shell is False) else self._foreign_base()
        if not unseen and any(_CONFIGURES.search(text(run) or "") for run in self.stage.runs):
            unseen = "a RUN instruction of its Dockerfile writes configuration"
        for copy in self.stage.copies:
            if copy.from_stage:
                if not all(_LIBRARIES.search(text(source) or "") for source in copy.sources):
                    unseen = unseen or f"files come from the build stage {copy.from_stage}"
                continue
            for path, inside in self._copied(copy):
                loaded = self._load(path)
                if isinstance(loaded, Source):
                    seen[inside] = loaded
                elif loaded is not None:
                    unread[inside] = loaded
        sources = {
            path: loaded
            for path in self._paths
            if (_SOURCES.search(path) or MANIFEST.search(path) or _RESOURCES.search(path))
            and isinstance(loaded := self._load(path), Source)
        }
        return Files(seen, unseen, sources, {inside: wrong for inside, wrong in unread.items() if inside not in seen})

    def _foreign_base(self) -> str:
        return f"its base image {text(self.stage.base) or 'is not known and'} was built elsewhere"

    def _copied(self, copy: dockerfile.Copy) -> Iterator[tuple[str, str]]:
        """Pairs of a path in the repository and the path in the container."""
        written = text(copy.dest)
        if written is None:
            return
        dest = join("/", self.stage.workdir, written)
        several = written.endswith(("/", ".")) or len(copy.sources) > 1
        for source in copy.sources:
            pattern = _within(self.directory, text(source) or "\0")
            for path in self._paths:
                if not (_SOURCES.search(path) or _SETTINGS.search(path)):
                    continue
                # A star stands for no slash.
                if pattern in (path, "") or (path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)):
                    inside = path if pattern == "" else path.rpartition("/")[2]
                    folder = several or pattern == "" or pattern != path
                    yield path, normpath(join(dest, inside) if folder else dest)
                elif path.startswith(pattern + "/"):
                    yield path, normpath(join(dest, path.removeprefix(pattern + "/")))


def _within(directory: str, path: str) -> str:
    """A path of the context as one of the repository; empty for the repository's root."""
    found = normpath(join(directory, path.lstrip("/")))
    return "" if found == "." else found


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
        self._files: dict[str, Files] = {}
        self._contexts: dict[str, BuildContext | None] = {}
        self._problems: list[Problem] = []

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files that were read so far: Dockerfiles, and what they bring into containers."""
        return tuple(found for _, found in sorted(self._loaded.items()) if isinstance(found, Source))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the Dockerfiles that were asked for so far."""
        return tuple(self._problems)

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

    def context_of(self, image: str, manifest_path: str, beside: Collection[str] = ()) -> BuildContext | None:
        """The build that makes ``image``; None where none does, or several might.

        ``beside``: the repositories of all images that the manifests of that directory use and that nobody publishes.
        """
        name = ImageName.parse(image)
        if declared := self._declared(image, name):
            return declared
        if name.published:
            return None
        folders = [folder for folder in self._by_folder if folder.rpartition("/")[2] == name.name]
        if folders:
            said = f"the directory {folders[0]} is named like the image {image}"
            return self._build(self._main(folders[0]), said) if len(folders) == 1 else None
        if any(repository != name.repository for repository in beside):
            return None
        folder = manifest_path.rpartition("/")[0]
        for _ in range(3):
            if folder in self._by_folder:
                said = f"the only Dockerfile beside the manifests is taken to build the image {image}"
                return self._build(self._main(folder), said, assumed=True)
            if not _MANIFESTS.fullmatch(folder.rpartition("/")[2]):
                return None
            folder = folder.rpartition("/")[0]
        return None

    def files_of(self, context: BuildContext) -> Files:
        """The files of a build, read once however many containers start from it."""
        if context.source.path not in self._files:
            self._files[context.source.path] = context.files()
        return self._files[context.source.path]

    def _main(self, folder: str) -> str | None:
        """The Dockerfile of a directory: the one of that name, else the only one."""
        found = self._by_folder[folder]
        main = [path for path in found if path.rpartition("/")[2] in ("Dockerfile", "Containerfile")]
        return main[0] if len(main) == 1 else found[0] if len(found) == 1 else None

    def _declared(self, image: str, name: ImageName) -> BuildContext | None:
        for link in self._config.links_with("image", "build"):
            if not any(fnmatchcase(written, link.ends["image"]) for written in (image, name.repository)):
                continue
            path = normpath(link.ends["build"].strip("/") or ".")
            folder = "" if path == "." else path
            found = folder if folder in self._paths else self._main(folder) if folder in self._by_folder else None
            context = self._build(found, "the configuration says so")
            if context:
                return replace(context, join=Join(f"the configuration joins {image} and {path}", link.span))
        return None

    def _build(self, path: str | None, said: str, assumed: bool = False) -> BuildContext | None:
        if path is None:
            return None
        if path not in self._contexts:
            self._contexts[path] = self._read(path)
        context = self._contexts[path]
        return replace(context, join=Join(said, context.stage.base.span, assumed)) if context else None

    def _read(self, path: str) -> BuildContext | None:
        source = self._load(path)
        if not isinstance(source, Source):
            self._problems += [source] if source else []
            return None
        from kubelint5xx.formats import dockerfile

        reading = dockerfile.read(source)
        self._problems += reading.problems
        documents = reading.documents
        stage = dockerfile.final_stage(documents[0].root) if documents else None
        if stage is None:
            return None
        directory = self._directory(path, stage)
        return BuildContext(stage, source, directory, Join(""), self._load, self._below(directory))

    def _directory(self, path: str, stage: dockerfile.Stage) -> str:
        """The build's directory: the nearest one above the Dockerfile that holds all that is copied from it."""
        folder = path.rpartition("/")[0]
        wanted = [text(source) or "" for copy in stage.copies if not copy.from_stage for source in copy.sources]
        wanted = [name for name in wanted if name and not name.startswith(("http:", "https:", "<<"))]
        directory = folder
        while True:
            if all(self._holds(_within(directory, name)) for name in wanted):
                return directory
            if not directory:
                return folder
            directory = directory.rpartition("/")[0]

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
