"""The modules that ``terraform init`` installed: where the module that a call names lies in the tree.

Terraform writes them down in ``.terraform/modules/modules.json``, which has no published description; its format has
been the same since Terraform 0.12.
Source: https://github.com/hashicorp/terraform/blob/main/internal/modsdir/manifest.go
"""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import join, normpath

from kubelint5xx.core.node import child, items, text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source
from kubelint5xx.formats import json

MANIFEST = ".terraform/modules/modules.json"


@record
class Installed:
    """One installed module: the source address that it was installed from, its version, and its directory."""

    source: str
    version: str
    directory: str

    def serves(self, source: str) -> bool:
        """Whether it is what a call of ``source`` names; an address of the public registry may lack its host."""
        return self.source == source or self.source.endswith("/" + source) or "/" not in source.partition("//")[0]


def installed_modules(manifest: Source, root: str) -> dict[str, Installed]:
    """The modules by their keys: the names of the calls that lead to them, joined by dots. What lies outside of the
    tree, and what is not as Terraform writes it, is left out. ``root`` is the directory of the root module."""
    reading = json.read(manifest)
    found: dict[str, Installed] = {}
    for item in items(child(reading.documents[0].root, "Modules") if reading.documents else None):
        key, directory = text(child(item, "Key")), text(child(item, "Dir"))
        if not key or not directory or directory.startswith("/"):
            continue
        path = normpath(join(root, directory))
        if path != ".." and not path.startswith("../"):
            source, version = text(child(item, "Source")) or "", text(child(item, "Version")) or ""
            found[key] = Installed(source, version, "" if path == "." else path)
    return found


def directories(modules: Mapping[str, Installed]) -> frozenset[str]:
    """The directories that the manifest names: no other is read below ``.terraform``."""
    return frozenset(module.directory for module in modules.values())
