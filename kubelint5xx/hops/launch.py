"""How a container starts its program, as far as the files tell: what a server is recognised and configured by."""

from __future__ import annotations

from fnmatch import fnmatchcase

from kubelint5xx.core.node import Mapping, Node, Sequence
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Source, Span


@record
class Files:
    """A container's file system, as far as it is seen: absolute path in the container to its text.

    ``unseen`` says why there may be other files (the image was built elsewhere); empty where all that could matter
    is here. ``sources`` are the program's own source files where its build context was found, by path in the
    repository; None where it was not. ``unread`` are files that are there and could not be read, by path in the
    container.
    """

    seen: dict[str, Source] = field(default_factory=dict)
    unseen: str = ""
    sources: dict[str, Source] | None = None
    unread: dict[str, Problem] = field(default_factory=dict)

    def find(self, pattern: str) -> tuple[tuple[str, Source], ...]:
        """Files whose path, or whose last components, match ``pattern`` (as a shell would: ``start.d/*.ini``)."""
        return tuple((path, source) for path, source in sorted(self.seen.items()) if _matches(path, pattern))

    def broken(self, pattern: str) -> tuple[tuple[str, Problem], ...]:
        """The same for files that could not be read."""
        return tuple((path, problem) for path, problem in sorted(self.unread.items()) if _matches(path, pattern))


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path, "*/" + pattern.lstrip("/"))


@record
class Launch:
    """``name`` is how messages call it ("container web of Deployment shop/api"), ``place`` the container's block.

    ``argv`` is the whole command line as the kernel would get it (image's entrypoint and command included), or
    None with the reason in ``argv_unseen``. ``env`` maps names to values; its ``open`` tells why there may be more.
    Without either, the image starts as it was published. ``declared`` names the server where the configuration does.
    ``stop_signal`` is the signal that stops it, as SIGNAME, where the manifest or the build gives it; ``signal_unseen``
    tells why the image may give another one. ``own_code``: no server's own command is started, so that a server can
    only be one that the program itself starts.
    """

    name: str
    place: Span
    image: Node | None = None
    argv: Sequence | None = None
    argv_unseen: str = ""
    env: Mapping | None = None
    files: Files = field(default_factory=Files)
    port: int | None = None
    annotations: Mapping | None = None
    declared: Node | None = None
    own_code: bool = False
    stop_signal: Node | None = None
    signal_unseen: str = ""
