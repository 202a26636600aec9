"""``assume`` of the configuration: what another repository sets, by hand or by a file that was printed there."""

from __future__ import annotations

import os
from collections.abc import Callable

from kubelint5xx.config import Config, Environment
from kubelint5xx.config_values import mapping_of, seconds_of, texts_of, unknown_key
from kubelint5xx.core.node import Mapping, Node, Scalar, Sequence, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import InputError
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source

TARGET_GROUP = ("name", "arn", "port", "target_type", "protocol_version", "deregistration_delay", "balancer")
BALANCER = ("type", "name", "idle_timeout")
TARGET_TYPES, PROTOCOL_VERSIONS, TYPES = ("instance", "ip"), ("HTTP1", "HTTP2", "GRPC"), ("alb", "nlb")
ARN = pattern(r"^arn:[\w-]+:elasticloadbalancing:[^:]*:[^:]*:targetgroup/([^/]+)/")
VERSION = 2  # Of what `kubelint5xx path --format json` prints; the first is still read.
MAX_BYTES = 20_000_000


def decode(node: Node) -> dict[str, Node]:
    """The parts of ``assume``, each as it is written. Raises InputError where one of them cannot be used."""
    found: dict[str, Node] = {}
    for entry in mapping_of(node, "assume").entries:
        key = str(entry.key.value)
        if key not in _PARTS:
            raise unknown_key(entry.key, key, list(_PARTS))
        _PARTS[key](entry.value)
        found[key] = entry.value
    return found


def with_files(config: Config, read: Callable[[str], bytes]) -> Config:
    """The configuration with what the files of ``assume.paths`` hold, everywhere and in each environment.

    ``read`` gives a file by its path from the configuration's directory. Raises InputError where one cannot be used.
    """

    def filled(assume: dict[str, Node]) -> dict[str, Node]:
        named = assume.get("paths")
        if named is None:
            return assume
        paths = named.items if isinstance(named, Sequence) else (named,)
        return {**assume, "paths": Sequence(named.span, tuple(_document(path, read) for path in paths))}

    def of_environment(own: Environment) -> Environment:
        return replace(own, assume=filled(dict(own.assume)))

    environments = {name: of_environment(own) for name, own in config.environments.items()}
    return replace(config, assume=filled(dict(config.assume)), environments=environments)


def reader_of(directory: str) -> Callable[[str], bytes]:
    """Reads files by their paths from ``directory``."""

    def read(path: str) -> bytes:
        with open(os.path.join(directory, path), "rb") as opened:
            return opened.read(MAX_BYTES + 1)

    return read


def _document(path: Node, read: Callable[[str], bytes]) -> Node:
    """What the file at ``path`` holds. Its places are stated by its name in the configuration: that is where a person
    of this repository can look."""
    from kubelint5xx.formats import reader

    name = text(path) or ""
    try:
        data = read(name)
        if len(data) > MAX_BYTES:
            raise InputError.at(path.span, f"{name} is larger than {MAX_BYTES // 1_000_000} MB")
        written = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError.at(path.span, f"{name} is not valid UTF-8") from None
    except (OSError, ValueError) as error:
        raise InputError.at(path.span, f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    reading = reader("json").read(Source(name, written, stated=path.span))
    unreadable = next((one for one in reading.problems if one.kind == "unreadable"), None)
    if unreadable is not None:
        raise InputError.at(path.span, f"{name}:{unreadable.line}: {unreadable.message}")
    root = reading.documents[0].root if reading.documents else None
    version = root.get("version") if isinstance(root, Mapping) else None
    if not isinstance(root, Mapping) or not isinstance(version, Scalar):
        raise InputError.at(path.span, f"{name} was not printed by `kubelint5xx path --format json`")
    number = version.value
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= VERSION:
        known = " and ".join(map(str, range(1, VERSION + 1)))
        newer = ": a newer kubelint5xx printed it" if isinstance(number, int) and number > VERSION else ""
        raise InputError.at(path.span, f"{name} is of version {text(version)}, and {known} are read{newer}")
    return root


def _target_groups(node: Node) -> None:
    if not isinstance(node, Sequence):
        raise InputError.at(node.span, "target_groups is not a list")
    for item in node.items:
        for entry in mapping_of(item, "a target group").entries:
            key, value = str(entry.key.value), entry.value
            if key not in TARGET_GROUP:
                raise unknown_key(entry.key, key, list(TARGET_GROUP))
            if key == "balancer":
                _balancer(value)
            else:
                _check(key, value)
        if not any(item.get(key) for key in ("name", "arn")):  # type: ignore[union-attr]
            raise InputError.at(item.span, "a target group is known by its name or its arn")


def _balancer(node: Node) -> None:
    mapping = mapping_of(node, "a balancer")
    for entry in mapping.entries:
        key = str(entry.key.value)
        if key not in BALANCER:
            raise unknown_key(entry.key, key, list(BALANCER))
        _check(key, entry.value)
    if mapping.get("type") is None:
        raise InputError.at(node.span, f"a balancer has a type: {', '.join(TYPES)}")


def _check(key: str, node: Node) -> None:
    """Refuses a value of a target group or a balancer that is none."""
    if key in _CHOICES:
        if not isinstance(node, Scalar) or node.value not in _CHOICES[key]:
            raise InputError.at(node.span, f"{key} is one of {', '.join(_CHOICES[key])}")
    elif key in ("deregistration_delay", "idle_timeout"):
        if seconds_of(node) is None:
            raise InputError.at(node.span, f"{key} is not a duration such as 5s")
    elif key == "port":
        number = node.value if isinstance(node, Scalar) else None
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 65536:
            raise InputError.at(node.span, "a port is a number from 1 to 65535")
    elif not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
        raise InputError.at(node.span, f"{key} is not a text")
    elif key == "arn" and not ARN.match(node.value):
        raise InputError.at(node.span, "that is not the ARN of a target group")


def _namespaces(node: Node) -> None:
    for entry in mapping_of(node, "namespaces").entries:
        for part in mapping_of(entry.value, "a namespace").entries:
            key = str(part.key.value)
            if key != "labels":
                raise unknown_key(part.key, key, ["labels"])
            for label in mapping_of(part.value, "labels").entries:
                if not isinstance(label.value, Scalar) or not isinstance(label.value.value, str):
                    raise InputError.at(label.value.span, "a label's value is a text")


def _paths(node: Node) -> None:
    texts_of(node)


_CHOICES = {"target_type": TARGET_TYPES, "protocol_version": PROTOCOL_VERSIONS, "type": TYPES}
_PARTS: dict[str, Callable[[Node], None]] = {
    "target_groups": _target_groups,
    "namespaces": _namespaces,
    "paths": _paths,
}
