"""What is generated in docs/ is what its sources say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_generated_pages_are_what_their_sources_say() -> None:
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_shows_commands_that_exist_and_files_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [part.split(")")[0] for part in readme.split("](")[1:]]
    missing = [target for target in targets if not target.startswith("http") and not (ROOT / target).exists()]
    assert targets and not missing
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert ci.strip().splitlines()[-1] in readme
