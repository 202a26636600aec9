"""Keys in which one name is free, and the port tells which: ``entryPoints.<address>.transport`` of Traefik.

``<address>`` stands for one name, of those whose own ``address`` has the port. Upper and lower case are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Mapping, Node, Sequence, Unresolved, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.formats import argv
from kubelint5xx.formats.shell_words import as_written

FREE = "<address>"
_PORT = pattern(r":(\d{1,5})(?:/\w+)?\Z")


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """What ``key`` is set to for ``port`` (None: any) in files, variables or the words of a command line. Where the
    names that may be meant do not agree, the value is unresolved."""
    before, _, after = key.lower().partition(FREE)
    separator = after[0]
    found = {name.lower(): node for name, node in _flat(root, "")}
    names = dict.fromkeys(name[len(before) :].split(separator)[0] for name in found if name.startswith(before))
    values = {name: found.get(before + name + after) for name in names}
    if not any(values.values()):
        return ()
    addresses = {name: found.get(f"{before}{name}{separator}address") for name in names}
    meant = [values[name] for name in names if _may_have(addresses[name], port)]
    if not meant:
        return (Unresolved(root.span, f"no address here has port {port}"),)
    if len({value and (text(value) or value.span.text) for value in meant}) > 1:
        place = next(value.span for value in meant if value)
        return (Unresolved(place, f"{key.rpartition(separator)[2]} is not the same for all addresses"),)
    return tuple(value for value in meant[-1:] if value)


def _flat(root: Node, before: str) -> Iterator[tuple[str, Node]]:
    if isinstance(root, Sequence):
        for word in items(root):
            flag, equals, _ = as_written(word).partition("=")
            if flag.startswith("--"):
                known = argv.lookup(root, flag) if not isinstance(word, Unresolved) or not equals else (word,)
                yield from ((flag, node) for node in known[-1:])
        return
    for entry in entries(root):
        name = before + str(entry.key.value)
        yield name, entry.value
        if isinstance(entry.value, Mapping):
            yield from _flat(entry.value, name + ".")


def _may_have(address: Node | None, port: int | None) -> bool:
    written = text(address)
    if port is None or written is None:
        return True
    found = _PORT.search(written)
    return found is None or int(found[1]) == port
