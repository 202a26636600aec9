from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kubelint5xx import discover
from kubelint5xx.discover import DirectoryTree, repository_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in ("app.yaml", "k8s/web.yaml", "k8s/old/web.yaml", "node_modules/x/a.yaml", ".terraform/m.tf", "z.txt"):
        file = tmp_path / "repo" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return tmp_path / "repo"


def git(root: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    options = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", *options, *arguments], cwd=root, check=True, capture_output=True, env=environment)


def paths(root: Path, *parts: Path) -> list[str]:
    return list(DirectoryTree(root, parts).paths())


def test_a_directory_holds_its_files_sorted_and_without_what_tools_leave_there(root: Path) -> None:
    assert paths(root) == ["app.yaml", "k8s/old/web.yaml", "k8s/web.yaml", "z.txt"]
    assert DirectoryTree(root).read("k8s/web.yaml") == b"k8s/web.yaml"


def test_only_the_named_parts_are_read_and_named_from_the_root(root: Path) -> None:
    assert paths(root, root / "k8s/old", root / "app.yaml") == ["app.yaml", "k8s/old/web.yaml"]


def test_in_a_repository_only_what_git_tracks_or_would_track_counts(root: Path) -> None:
    git(root, "init", "-q")
    (root / ".gitignore").write_text("old/\n")
    git(root, "add", "k8s/web.yaml")
    assert paths(root) == [".gitignore", "app.yaml", "k8s/web.yaml", "z.txt"]
    assert paths(root, root / "k8s") == ["k8s/web.yaml"]


def test_an_ignored_file_counts_where_it_is_named_and_where_it_was_added_all_the_same(root: Path) -> None:
    git(root, "init", "-q")
    (root / ".gitignore").write_text("old/\nz.txt\n")
    assert paths(root, root / "z.txt", root / "k8s/old") == ["k8s/old/web.yaml", "z.txt"]
    git(root, "add", "-f", "z.txt")
    assert "z.txt" in paths(root)


def test_a_repository_in_which_everything_is_ignored_is_empty(root: Path) -> None:
    git(root, "init", "-q")
    (root / ".gitignore").write_text("*\n")
    assert paths(root) == []


def test_what_was_deleted_and_is_still_in_the_index_is_no_file(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    (root / "app.yaml").unlink()
    assert "app.yaml" not in paths(root)


def test_names_that_git_would_quote_or_take_for_patterns_are_found(root: Path) -> None:
    git(root, "init", "-q")
    for name in ("ünïcode 😀.yaml", "new\nline.yaml", "[a]/x.yaml", ":(top)/x.yaml"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    assert {"ünïcode 😀.yaml", "new\nline.yaml", "[a]/x.yaml", ":(top)/x.yaml"} <= set(paths(root))
    assert paths(root, root / "[a]") == ["[a]/x.yaml"]
    assert paths(root, root / ":(top)") == [":(top)/x.yaml"]


def test_a_repository_cannot_make_git_start_a_program(root: Path) -> None:
    git(root, "init", "-q")
    program = root / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {root}/started\n")
    program.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(program))
    assert "app.yaml" in paths(root)
    assert not (root / "started").exists()


def test_without_git_the_directory_is_walked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "init", "-q")
    monkeypatch.setenv("PATH", str(root))
    assert "k8s/old/web.yaml" in paths(root)


# Reading


def refused(root: Path, path: str) -> str:
    with pytest.raises(OSError) as error:
        DirectoryTree(root).read(path)
    return error.value.strerror or str(error.value)


def test_links_are_read_where_they_stay_inside(root: Path) -> None:
    (root / "inside.yaml").symlink_to("k8s/web.yaml")
    (root / "outside.yaml").symlink_to(root.parent / "secret")
    (root.parent / "secret").write_text("secret")
    (root / "beside").symlink_to(root.parent)
    tree = DirectoryTree(root)
    assert tree.read("inside.yaml") == b"k8s/web.yaml"
    assert refused(root, "outside.yaml") == "a symbolic link that leads out of the tree"
    assert "beside/secret" not in tree.paths()
    assert refused(root, "../secret") == "a path that leads out of the tree"


def test_links_that_lead_nowhere_or_round_in_circles_are_said_to(root: Path) -> None:
    (root / "a.yaml").symlink_to("b.yaml")
    (root / "b.yaml").symlink_to("a.yaml")
    (root / "c.yaml").symlink_to("nothing")
    (root / "loop").symlink_to(".")
    assert {"a.yaml", "b.yaml", "c.yaml"} <= set(paths(root))
    assert not any(path.startswith("loop/") for path in paths(root))
    for name in ("a.yaml", "c.yaml"):
        assert refused(root, name) == "a symbolic link that leads nowhere"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_is_no_file_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.yaml")
    (root / "pipe-link.yaml").symlink_to("pipe.yaml")
    (root / "directory.yaml").mkdir()
    (root / "zero.yaml").symlink_to("/dev/zero")
    assert refused(root, "directory.yaml") == "Is a directory"
    for name in ("pipe.yaml", "pipe-link.yaml"):
        assert refused(root, name) == "not a file"
    assert refused(root, "zero.yaml") == "a symbolic link that leads out of the tree"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is readable to this user")
def test_an_unreadable_file_says_so(root: Path) -> None:
    (root / "app.yaml").chmod(0)
    assert refused(root, "app.yaml") == "Permission denied"


def test_a_file_that_is_not_there_says_so(root: Path) -> None:
    assert refused(root, "nothing.yaml") == "No such file or directory"


def test_a_file_that_is_too_large_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (root / "big.yaml").open("wb") as file:
        file.truncate(discover.MAX_BYTES + 1)
    assert refused(root, "big.yaml") == "larger than 20 MB"


# The root


def test_the_root_is_the_repository_around_a_path_else_the_working_directory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert repository_root(Path("k8s/web.yaml")) == str(root.resolve())
    monkeypatch.chdir(root / "k8s/old")
    assert repository_root(root / "app.yaml") == str(root.resolve())
    assert repository_root(root / "k8s") == str((root / "k8s").resolve())
    git(root, "init", "-q")
    assert repository_root(root / "k8s/old/web.yaml") == str(root.resolve())
