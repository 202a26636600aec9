"""What a preStop hook does: for how long it holds SIGTERM back, what it needs, and whether it starts a drain."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Sequence, Unresolved, child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Origin, Value, Written
from kubelint5xx.formats.shell import Command, commands, script_of, sleep_seconds

CITE = "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/"
# Commands that end at once, so that a script of them takes as long as its sleeps. ingress-nginx's wait-shutdown makes
# nginx quit at once and waits for that: nothing is served meanwhile, so it delays nothing.
_INSTANT = frozenset({
    "sleep", "echo", "printf", "touch", "rm", "mv", "cp", "mkdir", "ln", "cat", "date", "true", ":", "false", "test",
    "[", "[[", "kill", "export", "set", "cd", "exit", "return", "trap", "curl", "wget", "nginx", "apachectl",
    "apache2ctl", "httpd", "chmod", "ls", "tee", "sync", "logger", "hostname", "env", "id",
    "wait-shutdown",
})  # fmt: skip
_HARMLESS = frozenset({
    "sleep", "echo", "printf", "date", "true", ":", "set", "cd", "exit", "cat", "mkdir", "ls", "hostname", "id",
    "sync", "logger", "wait-shutdown",
})  # fmt: skip
_DRAIN = pattern(r"drain|shut-?down|quiesce|offline|not-?ready|unready|healthcheck/fail|pre-?stop|lameduck", re.I)
# What makes a server end by itself, and what a script waits with until it has.
_STOPS = pattern(
    r"\b(?:nginx\b.*\s-s\s+quit|openresty\b.*\s-s\s+quit|kong\s+quit|(?:apachectl|apache2ctl|httpd)\b.*\bgraceful-stop)\b"
    r"|\bp?kill(?:all)?\s+(?:-s\s+|--signal[ =]|-)(?:SIG)?(?:QUIT|WINCH|USR1|3|10|28)\b"
)
_WAITS = ("sleep", "wait", "tail", "inotifywait")
_LOCAL = pattern(r"(?:^|//|\s)(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::|/|$)", re.I)
_STANDARD = pattern(r"^(?:/usr(?:/local)?)?/s?bin/(?=[^/]+$)")
_MAX_NESTED = 8


def prestop_values(hook: Node | None, none: Default) -> dict[str, Value]:
    """``prestop``, ``prestop_delay``, ``prestop_program``, ``drains_by_readiness``, ``drain_period`` and
    ``prestop_stops`` of a hook.

    ``none`` is the origin of what holds without a hook.
    """
    if hook is None or (isinstance(hook, Scalar) and hook.value is None):
        return {
            "prestop": Value("none", none),
            "prestop_delay": Value(0.0, none),
            "prestop_program": Value.unknown("there is no preStop hook", none.place),
            "drains_by_readiness": Value(False, none),
            "drain_period": Value.unknown("no drain is said to begin before SIGTERM", none.place),
            "prestop_stops": Value(False, none),
        }
    if not isinstance(hook, Mapping):
        reason = hook.reason if isinstance(hook, Unresolved) else "the preStop hook is not a mapping"
        return _unknown(hook.span, reason)
    for kind, read in (("exec", _exec), ("sleep", _sleep), ("httpGet", _http_get)):
        if (action := hook.get(kind)) is not None:
            entry = hook.entry(kind)
            assert entry is not None
            return _unknown(hook.span, "the preStop hook is not known") | read(action, entry.key.span)
    return _unknown(hook.span, hook.open or "the preStop hook has no action")


def _unknown(place: Span, reason: str) -> dict[str, Value]:
    names = ("prestop", "prestop_delay", "prestop_program", "drains_by_readiness", "drain_period", "prestop_stops")
    return {name: Value.unknown(reason, place) for name in names}


def _sleep(action: Node, key: Span) -> dict[str, Value]:
    kind = {"prestop": Value("sleep", Written(key, "lifecycle.preStop"))}
    seconds = child(action, "seconds")
    if not isinstance(seconds, Scalar) or not _is_number(seconds.value):
        reason = seconds.reason if isinstance(seconds, Unresolved) else "preStop.sleep.seconds is not a number"
        place = seconds.span if seconds else key
        no = Value(False, Written(key))
        return kind | {"prestop_delay": Value.unknown(reason, place), "drains_by_readiness": no, "prestop_stops": no}
    origin = Written(seconds.span, "lifecycle.preStop.sleep.seconds", "s", seconds.via)
    return kind | {
        "prestop_delay": Value(float(seconds.value or 0), origin),
        "drains_by_readiness": Value(False, Written(key, "lifecycle.preStop.sleep")),
        "prestop_stops": Value(False, Written(key, "lifecycle.preStop.sleep")),
    }


def _http_get(action: Node, key: Span) -> dict[str, Value]:
    path = child(action, "path")
    drains: Value = Value.unknown("what the preStop request does is not known", key)
    if _DRAIN.search(text(path) or ""):
        drains = Value(True, Written(path.span if path else key, "lifecycle.preStop.httpGet.path"))
    return {
        "prestop": Value("httpGet", Written(key, "lifecycle.preStop")),
        "prestop_delay": Value.unknown("for how long the preStop request takes is not known", key),
        "drains_by_readiness": drains,
        "drain_period": Value.unknown("for how long it serves after the preStop request is not known", key),
    }


def _exec(action: Node, key: Span) -> dict[str, Value]:
    found = {"prestop": Value("exec", Written(key, "lifecycle.preStop"))}
    command = child(action, "command")
    words = items(command)
    if not words:
        reason = command.reason if isinstance(command, Unresolved) else "the preStop hook's command is not a list"
        return found | {"prestop_delay": Value.unknown(reason, command.span if command else key)}
    assert isinstance(command, Sequence)
    first = words[0]
    program = _STANDARD.sub("", text(first) or "")
    found["prestop_program"] = (
        Value(program, Written(first.span, "lifecycle.preStop.exec.command", "", _via(first)))
        if program
        else Value.unknown(_reason(first), first.span)
    )
    whole = Command(words, command.span)
    steps = list(_flat((whole,), 0))
    found["prestop_delay"] = _delay(whole, steps)
    found["drains_by_readiness"], found["drain_period"] = _drain(steps, command.span)
    found["prestop_stops"] = _stops(steps, command.span)
    return found


def _flat(script: tuple[Command, ...], depth: int) -> Iterator[Command]:
    """All simple commands, with those of ``sh -c`` scripts in the place of the shell."""
    for command in script:
        inner = script_of(command.words)
        nested = commands(inner) if isinstance(inner, Scalar) and depth < _MAX_NESTED else None
        if isinstance(nested, tuple):
            yield from _flat(nested, depth + 1)
        else:
            yield command


def _delay(whole: Command, steps: list[Command]) -> Value:
    place = whole.words[-1].span if script_of(whole.words) is not None else whole.span
    slept = sleep_seconds((whole,))
    if isinstance(slept, Unresolved):
        return Value(None, Written(slept.span, "lifecycle.preStop.exec.command"), slept.reason)
    slow = next((step for step in steps if step.name not in _INSTANT), None)
    if slow:
        return Value.unknown(f"for how long {slow.name or 'the preStop command'} runs is not known", slow.span)
    sleeps = [step for step in steps if step.name == "sleep" and not step.background]
    if len(sleeps) == 1 and len(sleeps[0].words) == 2:
        number = sleeps[0].words[1]
        return Value(slept, Written(number.span, "lifecycle.preStop", "s", _via(number)))
    return Value(slept, Written(place, "lifecycle.preStop"))


def _stops(steps: list[Command], place: Span) -> Value:
    """Whether the hook tells the server to end, and goes on for as long as that may take."""
    for at, step in enumerate(steps):
        line = " ".join((step.name, *(text(word) or "" for word in step.words[1:])))
        if step.name == "wait-shutdown":
            return Value(True, Written(step.span, "lifecycle.preStop"))
        if _STOPS.search(line):
            waits = any(later.name in _WAITS for later in steps[at + 1 :])
            return Value(waits, Written(step.span, "lifecycle.preStop"))
        if step.name not in _HARMLESS and step.name not in ("touch", "rm", "mv", "cp", "[", "test", ":"):
            return Value.unknown(f"what {step.name or 'the preStop command'} tells the server is not known", step.span)
    return Value(False, Written(place, "lifecycle.preStop"))


def _drain(steps: list[Command], place: Span) -> tuple[Value, Value]:
    for at, step in enumerate(steps):
        url = " ".join(text(word) or "" for word in step.words[1:])
        if step.name in ("curl", "wget") and _LOCAL.search(url) and _DRAIN.search(url) and not step.conditional:
            drains = Value(True, Written(step.span, "lifecycle.preStop"))
            after = sleep_seconds(tuple(steps[at + 1 :]))
            if isinstance(after, Unresolved):
                return drains, Value.unknown(after.reason, after.span)
            sleeps = [later for later in steps[at + 1 :] if later.name == "sleep" and len(later.words) == 2]
            number = sleeps[0].words[1] if len(sleeps) == 1 else None
            where = number.span if number else step.span
            return drains, Value(after, Written(where, "lifecycle.preStop", "s" if number else "", _via(number)))
    if all(step.name in _HARMLESS for step in steps):
        origin: Origin = Written(place, "lifecycle.preStop")
        return Value(False, origin), Value.unknown("the preStop hook starts no drain", place)
    reason = "what the preStop command does to the readiness is not known"
    return Value.unknown(reason, place), Value.unknown(reason, place)


def _via(node: Node | None) -> tuple[Span, ...]:
    return node.via if isinstance(node, (Scalar, Unresolved, Reference)) else ()


def _reason(node: Node) -> str:
    return node.reason if isinstance(node, Unresolved) else "the program is not a text"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12
