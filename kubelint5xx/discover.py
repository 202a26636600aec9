"""The files of a directory, as a tree: what git would track, nothing outside of it, nothing that is no file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

# Never worth a look, also where there is no git to say so.
SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".terraform", ".terragrunt-cache", "node_modules", "__pycache__", ".venv", "venv", ".tox"}
    | {".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".idea", ".vscode", ".tools"}
)
MAX_BYTES = 20_000_000


class DirectoryTree:
    """The files below ``parts`` of ``root``. Symbolic links count only where they lead to a file inside ``root``."""

    def __init__(self, root: Path, parts: Sequence[Path] = ()) -> None:
        self.root = root.resolve()
        self._parts = [part.resolve() for part in parts] or [self.root]
        self._paths: tuple[str, ...] | None = None

    def paths(self) -> Iterable[str]:
        if self._paths is None:
            found: set[str] = set()
            for part in self._parts:
                tracked = None if part.is_file() else _tracked(part, self.root)
                if part.is_file():
                    found.add(self._relative(part))
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
        # Texts, since making a Path of each name costs as much as reading the file.
        full = os.path.join(self.root, path)
        if os.path.islink(full):
            try:
                target = Path(full).resolve(strict=True)
            except (OSError, RuntimeError):
                raise OSError("a symbolic link that leads nowhere") from None
            if not target.is_relative_to(self.root):
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

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def _walk(self, part: Path) -> Iterable[str]:
        base = self._relative(part)
        top = "" if base == "." else base + "/"
        for directory, names, files in os.walk(part):
            names[:] = sorted(name for name in names if name not in SKIPPED)
            below = directory[len(str(part)) :].replace(os.sep, "/").strip("/")
            prefix = f"{top}{below}/" if below else top
            for name in files:
                yield prefix + name


def _tracked(part: Path, root: Path) -> list[str] | None:
    """What git tracks or would track below ``part``; None outside of a repository, or without git."""
    if not (root / ".git").exists():
        return None
    import subprocess

    # A repository's own configuration can name programs that git would start: switched off.
    command = ["git", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    command += ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", str(part)]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    paths = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    inner = len(part.relative_to(root).parts)
    wanted = [path for path in paths if path and not any(name in SKIPPED for name in path.split("/")[inner:-1])]
    # The index still holds what was deleted and not committed yet.
    return [path for path in wanted if os.path.lexists(os.path.join(root, path))]


def repository_root(path: Path) -> Path:
    """The root that reports name files from: the repository around ``path``, else the working directory, else it."""
    path = path.resolve()
    start = path if path.is_dir() else path.parent
    for directory in (start, *start.parents):
        if (directory / ".git").exists():
            return directory
    here = Path.cwd().resolve()
    return here if path.is_relative_to(here) else start
