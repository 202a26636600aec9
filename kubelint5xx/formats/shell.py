"""What a shell script does, to the extent that stop hooks and entry points need: its commands in their order.

Not an interpreter: loops, functions and branches are not followed, but what is inside them is marked conditional.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from itertools import dropwhile

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Node, Scalar, Sequence, Unresolved, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.shell_words import Lexer, as_written, portions, text_of

_OPERATOR = pattern(r"&>>?|\|&|&&|\|\||;;&|;&|;;|[0-9]*(?:<<<|<<-?|<>|<&|>&|>>|>\||<|>)|[;&|()\n]")
_STOP = " \t\r\n;&|()<>"
_REDIRECTION = pattern(r"[0-9]*(?:&>|<|>)")
_ASSIGNMENT = pattern(r"([A-Za-z_]\w*)=")
_TESTS = ("[", "[[", "test", "false", "grep", "pgrep", "pidof", "which")
_EMPTY = pattern(r"[ \t]*\)")
_PREFIXES = ("exec", "command", "builtin", "nohup", "time", "env", "sudo", "nice")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = pattern(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)\Z")
_SHELLS = ("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox")
_MAX_NESTED = 8


@record
class Command:
    """One simple command: its words without redirections, assignments before it and a leading ``exec``.

    ``conditional``: it may not run, or run more than once. ``background``: the script does not wait for it.
    ``exec``: it replaces the shell, so nothing after it runs.
    """

    words: tuple[Node, ...]
    span: Span
    background: bool = False
    conditional: bool = False
    exec: bool = False

    @property
    def name(self) -> str:
        """The program's name without its directory; empty where it is not known."""
        return (text(self.words[0]) or "").rpartition("/")[2] if self.words else ""


def read(source: Source) -> Reading:
    """A script file: a sequence of its commands, each a sequence of words."""
    place = Span(source, 0, len(source.text))
    found = commands(Scalar(place, source.text, source.text))
    if isinstance(found, Unresolved):
        return Reading(problems=(Problem(source.path, found.span.line, found.reason),))
    root = Sequence(place, tuple(Sequence(command.span, command.words) for command in found))
    return Reading((Document(source, "shell", root),))


def commands(scalar: Scalar, env: Mapping[str, Node] | None = None) -> tuple[Command, ...] | Unresolved:
    """The commands of a script in their order. ``env`` has the variables that are known when it starts.

    Variables that the script assigns unconditionally are followed. Unresolved where a quote stays open.
    """
    return _Script(Lexer(scalar, env)).run()


def sleep_seconds(script: tuple[Command, ...] | Unresolved) -> float | Unresolved:
    """For how long the script sleeps before it ends, in seconds; 0.0 where it never does, infinity for ever.

    Scripts inside ``sh -c`` count. Unresolved where a sleep has an unknown length, may not run, or is waited for
    in the background.
    """
    return _slept(script, 0)


def _slept(script: tuple[Command, ...] | Unresolved, depth: int) -> float | Unresolved:
    if isinstance(script, Unresolved):
        return script
    total = 0.0
    in_background: Command | None = None
    may_end: Command | None = None
    for command in script:
        if command.name == "wait" and in_background:
            return Unresolved(in_background.span, "a sleep in the background that the script waits for")
        slept = _one_sleep(command, depth)
        if isinstance(slept, Unresolved) or slept > 0:
            if command.background:
                in_background = command
            elif command.conditional:
                return Unresolved(command.span, "a sleep that may not run, or may run more than once")
            elif may_end:
                return Unresolved(command.span, "a sleep after a command that may end the script")
            elif isinstance(slept, Unresolved):
                return slept
            else:
                total += slept
        if (command.exec or command.name in ("exit", "return")) and not command.background:
            if not command.conditional:
                break
            may_end = command
    return total


def _one_sleep(command: Command, depth: int) -> float | Unresolved:
    words = command.words
    if command.name == "busybox" and len(words) > 1:
        words = words[1:]
    name = (text(words[0]) or "").rpartition("/")[2] if words else ""
    if name == "timeout" and any((text(word) or "").endswith("sleep") for word in words):
        return Unresolved(command.span, "a sleep that a timeout may cut short")
    if name == "sleep":
        return _sum(words[1:])
    inner = script_of(words)
    if inner is None:
        return 0.0
    if isinstance(inner, Unresolved) or depth >= _MAX_NESTED:
        return Unresolved(command.span, inner.reason if isinstance(inner, Unresolved) else "nested too deeply")
    return _slept(commands(inner), depth + 1)


def script_of(words: tuple[Node, ...]) -> Scalar | Unresolved | None:
    """The script in ``sh -c SCRIPT``, also with other options before it; None for any other command line."""
    name = (text(words[0]) or "").rpartition("/")[2] if words else ""
    if name not in _SHELLS:
        return None
    for at, word in enumerate(words[1:], 1):
        option = text(word) or ""
        if re.fullmatch(r"-[a-z]*c", option):
            script = words[at + 1] if at + 1 < len(words) else None
            return script if isinstance(script, (Scalar, Unresolved)) else None
        if not option.startswith("-") and not (name == "busybox" and at == 1) and option not in ("pipefail",):
            return None
    return None


def _sum(arguments: tuple[Node, ...]) -> float | Unresolved:
    total = 0.0
    for argument in arguments:
        if not isinstance(argument, Scalar):
            reason = argument.reason if isinstance(argument, Unresolved) else "not a number"
            return Unresolved(argument.span, reason, getattr(argument, "via", ()))
        written = text_of(argument)
        number = _NUMBER.match(written)
        if number:
            total += float(number[1]) * _UNITS[number[2]]
        elif written in ("inf", "infinity"):
            total = math.inf
        else:
            return Unresolved(argument.span, f"no length of time: {written[:40]}", argument.via)
    return total


@record(frozen=False)
class _Frame:
    """An open compound command, and the state of the list around it, which goes on when it closes."""

    word: str
    conditional: bool
    chain: int
    skipped: bool
    pattern: bool = False


@record(frozen=False)
class _Script:
    """One pass over the text with a stack of open compound commands, so that no nesting is too deep.

    ``chain`` is the index of the first command of the list being read, ``skipped`` whether its next command may
    be skipped; ``test`` whether the last one only asked a question, ``continues`` whether an operator such as
    ``&&`` waits for its right side, ``discard`` whether the words are a loop's header, ``function`` whether the
    next compound command is a function's body.
    """

    lexer: Lexer
    found: list[Command] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    words: list[Node] = field(default_factory=list)
    start: int = 0
    end: int = 0
    chain: int = 0
    skipped: bool = False
    test: bool = False
    continues: bool = False
    discard: bool = False
    function: bool = False
    heredocs: list[str] = field(default_factory=list)

    def run(self) -> tuple[Command, ...] | Unresolved:
        at, source = 0, self.lexer.text
        while at < len(source):
            if source[at] in " \t\r":
                at += 1
            elif source.startswith("\\\n", at):
                at += 2
            elif source[at] == "#":
                end = source.find("\n", at)
                at = end if end >= 0 else len(source)
            elif operator := _OPERATOR.match(source, at):
                after = self._operator(operator[0], operator.end())
                if after is None:
                    return self._open_quote(at)
                at = after
            else:
                word = self.lexer.word(at, _STOP)
                if word is None:
                    return self._open_quote(at)
                plain = "" if word.quoted or word.unknown or word.used else "".join(word.text)
                at = max(word.end, at + 1)
                in_pattern = bool(self.frames and self.frames[-1].pattern)
                if (in_pattern and plain != "esac") or (not self.words and self._reserved(plain)):
                    continue
                if self.function and self.discard:
                    # The name in ``function name { … }``.
                    self.discard = False
                    continue
                if not self.words:
                    self.start = word.start
                self.words.extend(word.nodes(self.lexer.place(word.start, word.end)))
                self.end = word.end
        self._finish()
        return tuple(self.found)

    def _open_quote(self, at: int) -> Unresolved:
        return Unresolved(self.lexer.place(at, at + 1), "a quote stays open in this script")

    def _reserved(self, word: str) -> bool:
        match word:
            case "if" | "{":
                self._push(word, conditional=False)
            case "while" | "until" | "for" | "select" | "case":
                self._push(word, conditional=True, pattern=word == "case")
                self.discard = word in ("for", "select")
            case "then" | "else" | "elif" | "do":
                if self.frames:
                    self.frames[-1].conditional = True
                self._new_list()
            case "fi" | "done" | "}" | "esac":
                self._pop()
            case "function":
                self.function = self.discard = True
            case _:
                return False
        return True

    def _operator(self, operator: str, at: int) -> int | None:
        """Handles the operator that ends at ``at``; gives the offset to go on from, None where a quote stays open."""
        if _REDIRECTION.match(operator):
            return self._redirection(operator, at)
        if self.frames and self.frames[-1].pattern:
            if operator == ")":
                self.frames[-1].pattern = False
                self._new_list()
            return at
        if operator == "(":
            if self.words and (empty := _EMPTY.match(self.lexer.text, at)):
                self.words.clear()
                self.function = True
                return empty.end()
            self.words.clear()
            self._push("(", conditional=False)
            return at
        had_words = bool(self.words)
        self._finish()
        match operator:
            case "&&" | "||":
                self.skipped = self.skipped or self.test or operator == "||"
                self.continues = True
            case "|" | "|&":
                self.continues = True
            case ")":
                self._pop()
            case "&":
                self.found[self.chain :] = [replace(command, background=True) for command in self.found[self.chain :]]
                self._new_list()
            case "\n":
                at = self._skip_heredocs(at)
                if had_words or not self.continues:
                    self._new_list()
            case ";":
                self._new_list()
            case _:
                if self.frames and self.frames[-1].word == "case":
                    self.frames[-1].pattern = True
                self._new_list()
        return at

    def _redirection(self, operator: str, at: int) -> int | None:
        source = self.lexer.text
        while at < len(source) and source[at] in " \t":
            at += 1
        word = self.lexer.word(at, _STOP)
        if word and "<<" in operator and "<<<" not in operator:
            self.heredocs.append("".join(word.text))
        return word.end if word else None

    def _skip_heredocs(self, at: int) -> int:
        source = self.lexer.text
        for delimiter in self.heredocs:
            end = re.compile(rf"^\t*{re.escape(delimiter)}\r?$\n?", re.MULTILINE).search(source, at)
            at = end.end() if end else len(source)
        self.heredocs.clear()
        return at

    def _conditional(self) -> bool:
        return self.skipped or bool(self.frames and self.frames[-1].conditional)

    def _push(self, word: str, *, conditional: bool, pattern: bool = False) -> None:
        inside = conditional or self.function or self._conditional()
        self.frames.append(_Frame(word, inside, self.chain, self.skipped, pattern))
        self.function = self.discard = False
        self._new_list()

    def _pop(self) -> None:
        if self.frames:
            frame = self.frames.pop()
            self.chain, self.skipped, self.test = frame.chain, frame.skipped, False

    def _new_list(self) -> None:
        self.chain, self.skipped, self.test, self.continues = len(self.found), False, False, False

    def _finish(self) -> None:
        """Ends the simple command that is being read, if any."""
        if not self.words:
            return
        words, self.words = self.words, []
        self.continues = False
        if self.discard:
            self.discard = False
            self._forget(words[:1], "a loop sets it")
            return
        negated = text(words[0]) == "!"
        words = words[negated:]
        kept = [*dropwhile(lambda word: _ASSIGNMENT.match(as_written(word)), words)]
        if not kept:
            self._assign(words)
            return
        if text(kept[0]) in ("export", "readonly", "local", "declare", "typeset"):
            self._assign(kept[1:])
        elif text(kept[0]) in ("read", "unset", "eval", ".", "source"):
            self._forget(kept[1:], "the script changes it")
        replaces = False
        while len(kept) > 1 and text(kept[0]) in _PREFIXES and not (text(kept[1]) or "").startswith("-"):
            replaces = replaces or text(kept[0]) == "exec"
            kept = [*dropwhile(lambda word: _ASSIGNMENT.match(as_written(word)), kept[1:])] or kept[1:]
        command = Command(tuple(kept), self.lexer.place(self.start, self.end), False, self._conditional(), replaces)
        ends = replaces or command.name in ("exit", "return")
        if ends and any(frame.word == "(" for frame in self.frames):
            # It ends the sub-shell only; how much of the script that is, is not followed.
            command = replace(command, conditional=True)
        self.found.append(command)
        self.test = negated or command.name in _TESTS

    def _assign(self, words: Iterable[Node]) -> None:
        for word in words:
            assignment = _ASSIGNMENT.match(as_written(word))
            if not assignment:
                continue
            name = assignment[1]
            if self._conditional() or any(frame.word == "(" for frame in self.frames):
                self.lexer.env[name] = Unresolved(word.span, f"${name} is set in a part of the script that may not run")
            elif isinstance(word, Scalar):
                whole = text_of(word)
                place = portions(word)(assignment.end(), len(whole))
                value = whole[assignment.end() :]
                self.lexer.env[name] = Scalar(place, value, value, False, word.via)
            else:
                self.lexer.env[name] = word

    def _forget(self, words: Iterable[Node], reason: str) -> None:
        for word in words:
            name = text(word) or ""
            if name in self.lexer.env:
                self.lexer.env[name] = Unresolved(word.span, f"${name} is not known: {reason}")
