"""What one image's build brings into its containers: the stage that they start from, its files, its sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from posixpath import join, normpath
from typing import TYPE_CHECKING

from kubelint5xx.core.node import text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source
from kubelint5xx.core.value import Join
from kubelint5xx.hops.launch import Files
from kubelint5xx.hops.packages import MANIFEST
from kubelint5xx.link.image_names import ImageName

if TYPE_CHECKING:
    from kubelint5xx.formats import dockerfile

Load = Callable[[str], Source | Problem | None]

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
            pattern = within(self.directory, text(source) or "\0")
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


def within(directory: str, path: str) -> str:
    """A path of the context as one of the repository; empty for the repository's root."""
    found = normpath(join(directory, path.lstrip("/")))
    return "" if found == "." else found
