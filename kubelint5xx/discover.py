"""The files of a directory, as a tree: what git would track, nothing outside of it, nothing that is no file.

Paths are texts here and on the command line: importing pathlib takes 4 ms of a start-up of 60, and making a Path of
each name costs as much as reading the file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from kubelint5xx.config import FILE_NAMES, PROJECT_FILE

# Never worth a look, also where there is no git to say so.
SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".terraform", ".terragrunt-cache", "node_modules", "__pycache__", ".venv", "venv", ".tox"}
    | {".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".idea", ".vscode", ".tools"}
)
MAX_BYTES = 20_000_000


class DirectoryTree:
    """The files below ``parts`` of ``root``. Symbolic links count only where they lead to a file inside ``root``."""

    def __init__(self, root: str | os.PathLike[str], parts: Sequence[str | os.PathLike[str]] = ()) -> None:
        self.root = os.path.realpath(root)
        self._parts = [os.path.realpath(part) for part in parts] or [self.root]
        self._paths: tuple[str, ...] | None = None
        self._inside: dict[str, bool] = {}

    def paths(self) -> Iterable[str]:
        if self._paths is None:
            found: set[str] = set()
            for part in self._parts:
                tracked = None if os.path.isfile(part) else _tracked(part, self.root)
                if os.path.isfile(part):
                    found.add(relative(part, self.root))
                elif tracked or (tracked is not None and part == self.root):
                    found.update(tracked)
                else:
                    # A directory that git ignores is meant where it is named: manifests that a build rendered.
                    found.update(self._walk(part))
            self._paths = tuple(sorted(found))
        return self._paths

    def read(self, path: str) -> bytes:
        """The bytes of ``path``. Raises OSError for what is no file, leads out of the tree, or is too large."""
        if ".." in path.split("/"):
            raise OSError("a path that leads out of the tree")
        full = os.path.join(self.root, path)
        if os.path.islink(full):
            try:
                target = os.path.realpath(full, strict=True)
            except OSError:
                raise OSError("a symbolic link that leads nowhere") from None
            if not is_below(target, self.root):
                raise OSError("a symbolic link that leads out of the tree")
        elif not os.path.isabs(path) and not self._is_inside(os.path.dirname(full)):
            raise OSError("a symbolic link that leads out of the tree")
        # Opened without blocking: a named pipe would wait for ever.
        descriptor = os.open(full, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("not a file")
            if status.st_size > MAX_BYTES:
                raise OSError(f"larger than {MAX_BYTES // 1_000_000} MB")
            return file.readall()

    def listed(self, directory: str) -> list[str]:
        """The files in ``directory`` itself, also where git or ``paths`` pass it over; none where it is not there."""
        full = os.path.join(self.root, directory)
        if ".." in directory.split("/") or not self._is_inside(full):
            return []
        try:
            names = sorted(entry.name for entry in os.scandir(full) if not entry.is_dir())
        except OSError:
            return []
        return [f"{directory}/{name}" if directory else name for name in names]

    def _is_inside(self, full: str) -> bool:
        """Whether a directory lies in the tree where its links are followed."""
        if full not in self._inside:
            self._inside[full] = is_below(os.path.realpath(full), self.root)
        return self._inside[full]

    def _walk(self, part: str) -> Iterable[str]:
        base = relative(part, self.root)
        top = "" if base == "." else base + "/"
        for directory, names, files in os.walk(part):
            names[:] = sorted(name for name in names if name not in SKIPPED)
            below = directory[len(part) :].replace(os.sep, "/").strip("/")
            prefix = f"{top}{below}/" if below else top
            for name in files:
                yield prefix + name


def _tracked(part: str, root: str) -> list[str] | None:
    """What git tracks or would track below ``part``; None outside of a repository, or without git."""
    if not os.path.exists(os.path.join(root, ".git")):
        return None
    import subprocess

    # A repository's own configuration can name programs that git would start: switched off.
    command = ["git", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    command += ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", part]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    paths = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    inner = 0 if part == root else relative(part, root).count("/") + 1
    wanted = [path for path in paths if path and not any(name in SKIPPED for name in path.split("/")[inner:-1])]
    # The index still holds what was deleted and not committed yet.
    return [path for path in wanted if os.path.lexists(os.path.join(root, path))]


def repository_root(path: str | os.PathLike[str]) -> str:
    """The root that reports name files from: the repository around ``path``, else the working directory, else it."""
    path = os.path.realpath(path)
    start = path if os.path.isdir(path) else os.path.dirname(path)
    for directory in above(start):
        if os.path.exists(os.path.join(directory, ".git")):
            return directory
    here = os.path.realpath(os.getcwd())
    return here if is_below(path, here) else start


def above(directory: str) -> Iterator[str]:
    """``directory`` and all that hold it, from the inside out."""
    while True:
        yield directory
        outer = os.path.dirname(directory)
        if outer == directory:
            return
        directory = outer


def is_below(path: str, directory: str) -> bool:
    """Whether ``path`` is ``directory`` or lies in it; both without links."""
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def relative(path: str, root: str) -> str:
    """``path`` from ``root``, with forward slashes (``.`` for the root itself), or as it is where it lies outside."""
    return (os.path.relpath(path, root) if is_below(path, root) else path).replace(os.sep, "/")


def config_files(parts: Iterable[str], root: str, paths: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """The configuration files that hold for ``parts`` of ``root``: those of the directories from ``root`` down to what
    holds all parts, and those further inside, around a part or among ``paths``; in both outer ones come first."""
    folders = [os.path.realpath(part) for part in parts]
    folders = [folder if os.path.isdir(folder) else os.path.dirname(folder) for folder in folders]
    start = os.path.commonpath(folders)
    chain = [folder for folder in above(start) if is_below(folder, root)]
    between = {one for folder in folders for one in above(folder)}
    # All names end alike, which leaves few paths to look at.
    named = (path for path in paths if path.endswith((FILE_NAMES[0], PROJECT_FILE)))
    between |= {os.path.dirname(os.path.join(root, path)) for path in named}
    inside = sorted(folder for folder in between if folder != start and is_below(folder, start))
    files = [[file for folder in some if (file := config_file_in(folder))] for some in (reversed(chain), inside)]
    return files[0], files[1]


def config_file_in(folder: str) -> str | None:
    """The configuration file of a directory itself, if it has one."""
    for name in FILE_NAMES:
        if os.path.isfile(file := os.path.join(folder, name)):
            return file
    project = os.path.join(folder, PROJECT_FILE)
    try:
        with open(project, "rb") as opened:
            return project if b"[tool.kubelint5xx" in opened.read() else None
    except OSError:
        return None
