"""Speed as ratios, each measured in one run on one machine: `python bench/ratios.py DIRECTORY`.

* ``check`` over DIRECTORY, without the tools of others, against composing every YAML file of it with libyaml and doing
  nothing else;
* the same against composing every YAML file and parsing every Terraform file with tree-sitter, and doing nothing else;
* ``--version`` against a bare Python;
* ``check`` of one small manifest against a bare Python.

The two sides of a ratio are measured in turn, so that a slow moment of the machine meets both; medians are compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMPOSE = """
import sys, yaml
from pathlib import Path
for path in sorted(Path(sys.argv[1]).rglob("*")):
    if path.suffix in (".yaml", ".yml") and path.is_file():
        try:
            for _ in yaml.compose_all(path.read_bytes(), yaml.CSafeLoader):
                pass
        except yaml.YAMLError:
            pass
"""
PARSE = (
    COMPOSE
    + """
import tree_sitter, tree_sitter_hcl
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
for path in sorted(Path(sys.argv[1]).rglob("*.tf")):
    if path.is_file():
        parser.parse(path.read_bytes())
"""
)
MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - containerPort: 80
"""
TARGETS = {"check / compose": 1.5, "check / parse": 1.5, "--version / python": 2.5, "one manifest / python": 6.0}


def main() -> None:
    """Measure the ratios and print them beside what they should be at most."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    program = [str(Path(sys.executable).with_name("kubelint5xx"))]
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "web.yaml")
        manifest.write_text(MANIFEST, encoding="utf-8")
        check = [*program, "check", "--exit-zero", "--render", "never", str(options.directory)]
        pairs = {
            "check / compose": (check, [sys.executable, "-c", COMPOSE, str(options.directory)]),
            "check / parse": (check, [sys.executable, "-c", PARSE, str(options.directory)]),
            "--version / python": ([*program, "--version"], [sys.executable, "-c", ""]),
            "one manifest / python": (
                [*program, "check", "--exit-zero", str(manifest)],
                [sys.executable, "-c", ""],
            ),
        }
        for name, (mine, theirs) in pairs.items():
            ours, reference = _medians(mine, theirs, options.rounds)
            print(
                f"{name:24} {ours * 1000:8.1f} ms / {reference * 1000:7.1f} ms = {ours / reference:5.2f}"
                f"  (at most {TARGETS[name]})"
            )


def _medians(mine: list[str], theirs: list[str], rounds: int) -> tuple[float, float]:
    # An installed program has its bytecode.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for command, taken in zip((mine, theirs), times, strict=True):
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environment)
            taken.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


if __name__ == "__main__":
    main()
