"""What the data that instances boot with says of their nodes: labels, and sysctls of connection tracking.

Shell scripts, cloud-init, nodeadm's NodeConfig and Bottlerocket's settings write the same few things, so they are
searched for rather than interpreted: a flag, a key with its value, a write below /proc/sys.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator

from kubelint5xx.core.node import ATTRIBUTE, UNKNOWN, Node, Scalar, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.link.attributes import is_set, why_unknown

_NODE_LABELS = pattern(r"--node-labels(?:=|[ \t]+)[\"']?([^\s\"']+)")
_BOTTLEROCKET = pattern(r"^[ \t]*\[settings\.kubernetes\.node-labels\][^\n]*\n((?:(?![ \t]*\[)[^\n]*\n)*)", re.M)
_TOML_PAIR = pattern(r"^[ \t]*[\"']?([^\s\"'=#]+)[\"']?[ \t]*=[ \t]*[\"']([^\"'\n]*)[\"']", re.M)
_CONNTRACK = pattern(r"net([./])(netfilter\1nf|ipv4\1netfilter\1ip)_conntrack_tcp_be_liberal")
_AFTER = pattern(r"[\"']?[ \t]*[=:][ \t]*[\"']?(\d+)")
_BEFORE = pattern(
    r"(?:echo|printf)[ \t]+(?:-n[ \t]+)?[\"']?(\d+)(?:\\n)?[\"']?[ \t]*"
    r"(?:>>?|\|[ \t]*(?:sudo[ \t]+)?tee(?:[ \t]+-a)?)[ \t]*/proc/sys/\Z"
)
_JOINS_A_CLUSTER = pattern(
    r"/etc/eks|bootstrap\.sh|nodeadm|node\.eks\.aws|settings\.kubernetes|kubelet|kubeadm|k3s|rke2"
)
_INTERPOLATION = pattern(r"\$\{([^{}]*)\}")
_RESOURCE_ATTRIBUTE = pattern(r"\s*(?:data\.|module\.)?[a-z]+_[\w-]+\.[\w.\[\]\"-]+\s*")

LIBERAL = "net.netfilter.nf_conntrack_tcp_be_liberal"
LEGACY_LIBERAL = "net.ipv4.netfilter.ip_conntrack_tcp_be_liberal"


@record
class Sysctl:
    """A sysctl that is set: ``key`` with dots, ``value`` as text, and the places of both."""

    key: str
    value: str
    span: Span
    value_span: Span


@record
class Label:
    key: Scalar
    value: Scalar


@record
class BootScript:
    """``unknown`` tells why there may be more than is seen. ``joins_cluster``: it makes the instance a node."""

    labels: tuple[Label, ...] = ()
    sysctls: tuple[Sysctl, ...] = ()
    joins_cluster: bool = False
    unknown: str = ""


def read_boot_script(node: Node | None) -> BootScript:
    """What an instance's user data says, plain or in base64."""
    if node is None or not is_set(node):
        return BootScript()
    if isinstance(node, Scalar):
        content = text(node) or ""
        decoded = _decoded(content)
        source = embedded(node, decoded) if decoded is not None else embedded(node)
        found = _read(source, 0, len(source.text), "")
        if "<<" not in node.span.text and len(node.span.text) != len(node.span.source.text):
            return found
        # What was put together of a heredoc (or a file) and of values has no places of its own; most of it stands
        # there as it is.
        return _placed(found, _read(node.span.source, node.span.start, node.span.end, ""))
    reason = why_unknown(node) or "it is not a text"
    if isinstance(node, Unresolved) and node.text and ("<<" not in node.span.text or node.span.path.endswith(".json")):
        source = embedded(Scalar(node.span, node.text), node.text)
        found = _read(source, 0, len(node.text), reason if UNKNOWN in node.text else "")
        return _placed(found, _read(node.span.source, node.span.start, node.span.end, ""))
    if isinstance(node, Unresolved) and "<<" in node.span.text:
        # A heredoc with interpolations: what stands around them is known, and what an attribute of another
        # resource brings in (an endpoint, a certificate, a name) is neither a label's key nor a sysctl.
        harmless = all(_RESOURCE_ATTRIBUTE.fullmatch(inner) for inner in _INTERPOLATION.findall(node.span.text))
        plain = harmless and "%{" not in node.span.text and "templatefile" not in node.span.text
        return _read(node.span.source, node.span.start, node.span.end, "" if plain else reason)
    return BootScript(unknown=reason)


def sysctls_in(source: Source, start: int = 0, end: int | None = None) -> tuple[Sysctl, ...]:
    """The settings of how liberal connection tracking is, in a script or a sysctl file, in their order."""
    return tuple(_sysctls(source, start, len(source.text) if end is None else end))


def _read(source: Source, start: int, end: int, unknown: str) -> BootScript:
    labels: list[Label] = []
    for match in _NODE_LABELS.finditer(source.text, start, end):
        if _commented(source, match.start()):
            continue
        pairs, open_ = _pairs(source, match.start(1), match.group(1))
        labels += pairs
        unknown = unknown or open_
    for match in _BOTTLEROCKET.finditer(source.text, start, end):
        for pair in _TOML_PAIR.finditer(source.text, match.start(1), match.end(1)):
            labels.append(_label(source, pair.start(1), pair.group(1), pair.start(2), pair.group(2)))
    joins = _JOINS_A_CLUSTER.search(source.text, start, end) is not None
    return BootScript(tuple(labels), sysctls_in(source, start, end), joins, unknown)


def _placed(found: BootScript, there: BootScript) -> BootScript:
    """``found`` with the places of what ``there`` has under the same names, in the same order."""
    labels: list[Label] = []
    waiting = list(there.labels)
    for label in found.labels:
        same = next((other for other in waiting if other.key.value == label.key.value), None)
        if same is not None:
            waiting.remove(same)
            place, value = same.value.span, str(label.value.value)
            if place.text.startswith(value):
                # In JSON what follows is no line break but its escape.
                place = Span(place.source, place.start, place.start + len(value))
            label = Label(replace(label.key, span=same.key.span), replace(label.value, span=place))
        labels.append(label)
    if [sysctl.key for sysctl in found.sysctls] != [sysctl.key for sysctl in there.sysctls]:
        return replace(found, labels=tuple(labels))
    pairs = zip(found.sysctls, there.sysctls, strict=True)
    sysctls = tuple(replace(mine, span=its.span, value_span=its.value_span) for mine, its in pairs)
    return replace(found, labels=tuple(labels), sysctls=sysctls)


def _pairs(source: Source, at: int, written: str) -> tuple[list[Label], str]:
    labels: list[Label] = []
    for part in written.split(","):
        key, equals, value = part.partition("=")
        if ATTRIBUTE in part or UNKNOWN in part:
            return labels, "its --node-labels hold a value that is not known"
        if "$" in key or "`" in key:
            return labels, "its --node-labels hold a variable of the script"
        if equals:
            labels.append(_label(source, at, key, at + len(key) + 1, value))
        at += len(part) + 1
    return labels, ""


def _label(source: Source, at: int, key: str, value_at: int, value: str) -> Label:
    return Label(
        Scalar(Span(source, at, at + len(key)), key, key),
        Scalar(Span(source, value_at, value_at + len(value)), value, value, True),
    )


def _sysctls(source: Source, start: int, end: int) -> Iterator[Sysctl]:
    for match in _CONNTRACK.finditer(source.text, start, end):
        if _commented(source, match.start()):
            continue
        line = source.line_of(match.start())
        before = source.text[max(start, source.line_start(line)) : match.start()]
        given = _AFTER.match(source.text, match.end(), end)
        span = match.span()
        place = Span(source, *span)
        key = match.group().replace("/", ".")
        if given:
            yield Sysctl(key, given.group(1), place, Span(source, given.start(1), given.end(1)))
        elif echoed := _BEFORE.search(before):
            at = match.start() - len(before) + echoed.start(1)
            yield Sysctl(key, echoed.group(1), place, Span(source, at, at + len(echoed.group(1))))


def _commented(source: Source, offset: int) -> bool:
    line = source.line_of(offset)
    return source.text[source.line_start(line) : offset].lstrip().startswith(("#", "//", ";"))


def _decoded(content: str) -> str | None:
    """What the text encodes in base64; None where it is a text as it stands."""
    packed = "".join(content.split())
    if len(packed) < 16 or len(packed) % 4 or " " in content.strip():
        return None
    try:
        return b64decode(packed, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
