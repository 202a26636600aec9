"""Files that volumes bring into a container: those of ConfigMaps are read, those of Secrets are only known to exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import join, normpath

from kubelint5xx.core.node import Mapping, Node, Scalar, Unresolved, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Source
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.hops.launch import Files
from kubelint5xx.link.objects import named
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Container

# Keys and certificates configure no server.
_CREDENTIALS = pattern(
    r"tls|certs?|ssl|pki|tokens?|credentials?|secrets?|keys?|passw|serviceaccount|\.(?:crt|key|pem)$", re.I
)
_MAX_BYTES = 1_000_000


def with_mounts(files: Files, container: Container, scope: Scope) -> Files:
    """``files`` of the image, with what the container's volumes put over them."""
    seen, unseen, unread = dict(files.seen), files.unseen, dict(files.unread)
    for mount in items(container.node.get("volumeMounts")):
        if not isinstance(mount, Mapping):
            continue
        path, name = text(mount.get("mountPath")), text(mount.get("name"))
        if path is None or name is None or not path.startswith("/"):
            continue
        path = normpath(path)
        volume = named(container.workload.spec.get("volumes"), "name", name)
        sub_path = mount.get("subPath")
        if sub_path is None:
            seen = {inside: source for inside, source in seen.items() if not inside.startswith(path + "/")}
            unread = {inside: problem for inside, problem in unread.items() if not inside.startswith(path + "/")}
        if volume is not None and volume.get("emptyDir") is not None and _is_filled_before(name, container):
            unseen = unseen or f"an init container may write files to {path}"
        for inside, found in _volume(volume, container, scope):
            if isinstance(found, str):
                if not _CREDENTIALS.search(path + "/" + inside):
                    unseen = unseen or found
            elif sub_path is None:
                seen[normpath(join(path, inside))] = found
            elif text(sub_path) == inside:
                seen[path] = found
            elif inside.startswith(f"{text(sub_path)}/"):
                seen[normpath(join(path, inside.removeprefix(f"{text(sub_path)}/")))] = found
    return Files(seen, unseen, files.sources, {inside: wrong for inside, wrong in unread.items() if inside not in seen})


def _is_filled_before(volume: str, container: Container) -> bool:
    """Whether an init container has the volume too, so that it can put files there."""
    return any(
        named(_below(one, "volumeMounts"), "name", volume) is not None
        for one in items(container.workload.spec.get("initContainers"))
        if one is not container.node
    )


def _volume(volume: Mapping | None, container: Container, scope: Scope) -> Iterator[tuple[str, Source | str]]:
    """Pairs of a path below the mount and its text, or why the text is not known."""
    if volume is None:
        return
    for projected in items(_below(volume.get("projected"), "sources")):
        if isinstance(projected, Mapping):
            yield from _one(projected, "name", "name", container, scope)
    yield from _one(volume, "name", "secretName", container, scope)


def _one(
    volume: Mapping, config_key: str, secret_key: str, container: Container, scope: Scope
) -> Iterator[tuple[str, Source | str]]:
    given = volume.get("configMap")
    if isinstance(given, Mapping):
        yield from _config_map(given, text(given.get(config_key)), container, scope)
    elif isinstance(given, Unresolved):
        yield "", given.reason
    secret = volume.get("secret")
    if isinstance(secret, Mapping):
        reason = f"Secret {text(secret.get(secret_key)) or 'of an unknown name'} is mounted and not read"
        chosen = [text(item.get("path")) for item in items(secret.get("items")) if isinstance(item, Mapping)]
        for path in chosen or [text(secret.get(secret_key)) or ""]:
            yield path or "", reason


def _config_map(
    given: Mapping, name: str | None, container: Container, scope: Scope
) -> Iterator[tuple[str, Source | str]]:
    found = scope.find("ConfigMap", container.workload.owner.namespace, name) if name else None
    if found is None:
        yield "", f"ConfigMap {name or 'of an unknown name'} is mounted and not among the files"
        return
    if found.patched_by:
        yield "", f"overlay {found.patched_by} was not built"
    data = found.at("data")
    if isinstance(data, Unresolved):
        yield "", data.reason
    chosen = given.get("items")
    paths: dict[str, str] | None = None
    if chosen is not None:
        paths = {}
        for item in items(chosen):
            key, path = text(_below(item, "key")), text(_below(item, "path"))
            if key and path:
                paths[key] = path
    for entry in entries(data):
        key = str(entry.key.value)
        path = key if paths is None else paths.get(key)
        if path is None:
            continue
        if isinstance(entry.value, Scalar) and isinstance(entry.value.value, str):
            if len(entry.value.value) <= _MAX_BYTES:
                yield path, embedded(entry.value)
        elif isinstance(entry.value, Unresolved):
            yield path, entry.value.reason


def _below(node: Node | None, key: str) -> Node | None:
    return node.get(key) if isinstance(node, Mapping) else None
