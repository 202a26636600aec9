"""Dockerfiles: the instructions with their places, and what the image of the last stage starts.

The root maps each instruction's name, in capitals and in the order of the file, to its arguments: a scalar, or a
sequence for the exec form of CMD, ENTRYPOINT and SHELL. Grammar and precedence: Docker's Dockerfile reference.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import field, record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.shell_words import BLANKS, Lexer, Word, portions, text_of

_DIRECTIVE = pattern(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*$")
_INSTRUCTION = pattern(r"\s*([A-Za-z]+)(?:\s+|$)")
_HEREDOC = pattern(r"<<(-?)([\"']?)([A-Za-z_]\w*)\2")
_JSON_STRING = pattern(r'"(?:[^"\\]|\\.)*"')
_EXEC_FORMS = ("CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME")
_KNOWN = (
    "FROM", "RUN", "CMD", "LABEL", "MAINTAINER", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT", "VOLUME", "USER",
    "WORKDIR", "ARG", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "SHELL",
)  # fmt: skip


@record
class Copy:
    """One COPY or ADD. ``from_stage`` is the stage or image that it copies from; empty: the build's context."""

    sources: tuple[Node, ...]
    dest: Node
    from_stage: str = ""


@record
class Stage:
    """What the last stage's image has, with what it inherits from earlier stages of the same file.

    ``base`` is the image at the root of its chain of stages. ``argv`` is the command line that a container starts:
    ENTRYPOINT and CMD combined, a shell form behind the shell. It is None where the file sets neither, so that the
    base image decides; where only ``cmd`` is set, an entry point of the base image still goes before it.
    """

    base: Node
    argv: Sequence | Unresolved | None = None
    entrypoint: Node | None = None
    cmd: Node | None = None
    env: dict[str, Node] = field(default_factory=dict)
    workdir: str = ""
    stopsignal: Node | None = None
    copies: tuple[Copy, ...] = ()
    exposed: tuple[Node, ...] = ()
    shell: Node | None = None
    runs: tuple[Node, ...] = ()


def read(source: Source) -> Reading:
    """The instructions of the file. A line that is none is a problem; the others are still read."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for line in _logical_lines(source):
        match = _INSTRUCTION.match(line.text)
        name = match[1].upper() if match else ""
        if not match or name not in _KNOWN:
            place = line.span(len(line.text) - len(line.text.lstrip()), len(line.text.rstrip()))
            template = "{{" in line.text or "{%" in line.text
            kind = "unrendered" if template else "unreadable"
            message = "a template, not a Dockerfile yet" if template else "not a Dockerfile instruction"
            problems.append(Problem(source.path, place.line, message, kind, place.column))
            continue
        key = Scalar(line.span(match.start(1), match.end(1)), name, match[1])
        entries.append(Entry(key, _arguments(name, line, match.end())))
    root = Mapping(Span(source, 0, len(source.text)), tuple(entries))
    return Reading((Document(source, "dockerfile", root),), tuple(problems))


@record(frozen=False)
class _Line:
    """One instruction with its continuation lines joined, and where each part of it stands in the source."""

    source: Source
    text: str = ""
    starts: list[int] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, part: str, origin: int) -> None:
        self.starts.append(self.length)
        self.origins.append(origin)
        self.parts.append(part)
        self.length += len(part)

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, self._at(start), self._at(end - 1) + 1 if end > start else self._at(start))

    def _at(self, offset: int) -> int:
        part = max(0, bisect_right(self.starts, offset) - 1)
        return self.origins[part] + offset - self.starts[part]


def _logical_lines(source: Source) -> Iterator[_Line]:
    escape, directives = "\\", True
    line = _Line(source)
    bodies: list[tuple[bool, str]] = []
    at = int(source.text.startswith("\ufeff"))
    for physical in re.findall(r"[^\n]*\n|[^\n]+", source.text[at:]):
        start, at = at, at + len(physical)
        written = physical.rstrip("\r\n")
        if bodies:
            tabs, delimiter = bodies[0]
            if (written.lstrip("\t") if tabs else written) == delimiter:
                bodies.pop(0)
            continue
        stripped = written.strip()
        directive = _DIRECTIVE.match(stripped) if directives else None
        if directive:
            if directive[1].lower() == "escape" and directive[2] in ("`", "\\"):
                escape = directive[2]
            continue
        directives = False
        if not stripped or stripped.startswith("#"):
            continue
        trimmed = written.rstrip(" \t")
        if trimmed.endswith(escape):
            line.add(trimmed[:-1], start)
            continue
        line.add(written, start)
        line.text = "".join(line.parts)
        yield line
        if re.match(r"\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s", line.text, re.IGNORECASE):
            bodies = [(heredoc[1] == "-", heredoc[3]) for heredoc in _HEREDOC.finditer(line.text)]
        line = _Line(source)
    line.text = "".join(line.parts)
    if line.text.strip():
        yield line


def _arguments(name: str, line: _Line, start: int) -> Node:
    end = max(start, len(line.text.rstrip()))
    raw = line.text[start:end]
    if name in _EXEC_FORMS and raw.startswith("["):
        words = _exec_form(line, start, end)
        if words is not None:
            return words
    return Scalar(line.span(start, end), raw, raw)


def _exec_form(line: _Line, start: int, end: int) -> Sequence | None:
    """The words of a JSON array of strings; None for anything else, which Docker takes for the shell form."""
    import json

    try:
        values = json.loads(line.text[start:end])
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return None
    written = _JSON_STRING.finditer(line.text, start, end)
    words = tuple(
        Scalar(line.span(match.start(), match.end()), value, value, quoted=True)
        for match, value in zip(written, values, strict=True)
    )
    return Sequence(line.span(start, end), words)


def final_stage(root: Node, target: str = "", arguments: dict[str, Node] | None = None) -> Stage | None:
    """The image that the last stage builds, or the stage ``target``; None where the file has no such stage.

    ``arguments``: the build arguments that the build is given.
    """
    builder = _Builder(given=arguments or {})
    for entry in root.entries if isinstance(root, Mapping) else ():
        name = str(entry.key.value)
        if target and name == "FROM" and builder.stage is not None and builder.name == target.lower():
            break
        builder.instruction(name, entry.value)
    return builder.finished() if not target or builder.name == target.lower() else None


@record(frozen=False)
class _Builder:
    """Applies instructions in order. ``arguments`` are those before the first FROM, ``variables`` the stage's, and
    ``given`` those that the build sets."""

    stage: Stage | None = None
    stages: dict[str, Stage] = field(default_factory=dict)
    name: str = ""
    arguments: dict[str, Node] = field(default_factory=dict)
    variables: dict[str, Node] = field(default_factory=dict)
    cmd_is_own: bool = False
    given: dict[str, Node] = field(default_factory=dict)

    def instruction(self, name: str, value: Node) -> None:
        if name == "FROM":
            self._from(value)
        elif self.stage is None:
            if name == "ARG":
                self._arg(value, self.arguments, {})
        else:
            self._within(self.stage, name, value)

    def finished(self) -> Stage | None:
        return replace(self.stage, argv=_argv(self.stage)) if self.stage else None

    def _from(self, value: Node) -> None:
        if self.stage and self.name:
            self.stages[self.name] = self.stage
        words = [word for word in _words(value, self.arguments) if not (text(word) or "").startswith("--")]
        base = words[0] if words else Unresolved(value.span, "FROM names no image")
        parent = self.stages.get((text(base) or "").lower())
        # Files copied into an earlier stage are in this one as well, so the copies stay.
        self.stage = parent or Stage(base)
        self.name = (text(words[2]) or "").lower() if len(words) > 2 else ""
        self.variables = dict(self.stage.env)
        self.cmd_is_own = False

    def _within(self, stage: Stage, name: str, value: Node) -> None:
        match name:
            case "ARG":
                self._arg(value, self.variables, self.arguments)
            case "ENV":
                env = dict(_pairs(value, self.variables))
                self.variables.update(env)
                stage = replace(stage, env=stage.env | env)
            case "CMD":
                self.cmd_is_own = True
                stage = replace(stage, cmd=value)
            case "ENTRYPOINT":
                # An entry point drops the command that came from an earlier stage, not the stage's own.
                stage = replace(stage, entrypoint=value, cmd=stage.cmd if self.cmd_is_own else None)
            case "SHELL":
                stage = replace(stage, shell=value)
            case "WORKDIR":
                stage = replace(stage, workdir=_joined(stage.workdir, self._one(value)))
            case "STOPSIGNAL":
                stage = replace(stage, stopsignal=self._one(value))
            case "EXPOSE":
                stage = replace(stage, exposed=(*stage.exposed, *_words(value, self.variables)))
            case "RUN":
                stage = replace(stage, runs=(*stage.runs, value))
            case "COPY" | "ADD":
                stage = replace(stage, copies=(*stage.copies, *self._copy(value)))
        # A shell form runs in the shell that holds where it stands.
        if name in ("CMD", "ENTRYPOINT") and isinstance(value, Scalar):
            form = Sequence(value.span, (*_shell(stage, value), value))
            stage = replace(stage, cmd=form) if name == "CMD" else replace(stage, entrypoint=form)
        self.stage = stage

    def _arg(self, value: Node, into: dict[str, Node], outer: dict[str, Node]) -> None:
        for written in _words(value, None, literal=True):
            name, equals, _ = (text(written) or "").partition("=")
            if name in self.given:
                into[name] = self.given[name]
            elif equals:
                into[name] = dict(_pairs(written, into)).get(name, written)
            elif name in outer:
                into[name] = outer[name]
            else:
                into[name] = Unresolved(written.span, f"the build argument {name} has no default")

    def _one(self, value: Node) -> Node:
        words = _words(value, self.variables)
        return words[0] if len(words) == 1 else value

    def _copy(self, value: Node) -> Iterator[Copy]:
        words = list(items(value)) if isinstance(value, Sequence) else _words(value, self.variables)
        flags = [text(word) or "" for word in words if (text(word) or "").startswith("--")]
        paths = [word for word in words if not (text(word) or "").startswith("--")]
        stage = next((flag.partition("=")[2] for flag in flags if flag.startswith("--from=")), "")
        if len(paths) > 1:
            yield Copy(tuple(paths[:-1]), paths[-1], stage)


def _words(value: Node, variables: dict[str, Node] | None, *, literal: bool = False) -> list[Node]:
    """The blank-separated words of an instruction with its variables substituted, or as they are written."""
    if not isinstance(value, Scalar):
        return [value]
    if literal:
        place = portions(value)
        return [
            Scalar(place(word.start, word.end), lexer.text[word.start : word.end], lexer.text[word.start : word.end])
            for lexer, word in _lexed(value, None)
        ]
    return [node for lexer, word in _lexed(value, variables) for node in _nodes(lexer, word)]


def _lexed(value: Scalar, variables: dict[str, Node] | None) -> Iterator[tuple[Lexer, Word]]:
    lexer = Lexer(value, variables)
    at = 0
    while at < len(lexer.text):
        if lexer.text[at] in BLANKS:
            at += 1
            continue
        word = lexer.word(at, BLANKS)
        if word is None:
            return
        yield lexer, word
        at = max(word.end, at + 1)


def _nodes(lexer: Lexer, word: Word) -> list[Node]:
    # Docker substitutes without splitting the result into words.
    word.split = False
    return word.nodes(lexer.place(word.start, word.end))


def _pairs(value: Node, variables: dict[str, Node]) -> Iterator[tuple[str, Node]]:
    """``NAME=value …``, or the old ``NAME value`` with the rest of the line as the value."""
    if not isinstance(value, Scalar):
        return
    raw = text_of(value)
    place = portions(value)
    old = re.match(r"([^\s=]+)\s+(.+)", raw, re.DOTALL)
    if old:
        rest = Scalar(place(old.start(2), old.end(2)), old[2], old[2])
        yield old[1], _valued(rest, variables)
        return
    for lexer, word in _lexed(value, None):
        written = lexer.text[word.start : word.end]
        name, equals, right = written.partition("=")
        if equals:
            start = word.start + len(name) + 1
            yield name, _valued(Scalar(place(start, word.end), right, right), variables)


def _valued(right: Scalar, variables: dict[str, Node]) -> Node:
    lexer = Lexer(right, variables)
    word = lexer.word(0, "")
    if word is None or not right.raw:
        return right
    nodes = _nodes(lexer, word)
    return nodes[0] if nodes else right


def _shell(stage: Stage, form: Scalar) -> tuple[Node, ...]:
    if isinstance(stage.shell, Sequence):
        return stage.shell.items
    return (Scalar(form.span, "/bin/sh", "/bin/sh"), Scalar(form.span, "-c", "-c"))


def _argv(stage: Stage) -> Sequence | Unresolved | None:
    entrypoint, cmd = stage.entrypoint, stage.cmd
    if isinstance(entrypoint, Unresolved) or isinstance(cmd, Unresolved):
        return entrypoint if isinstance(entrypoint, Unresolved) else Unresolved(stage.base.span, "CMD is not known")
    if entrypoint is None or not items(entrypoint):
        return Sequence(cmd.span, items(cmd)) if cmd and items(cmd) else None
    # A shell form takes no arguments from CMD: they would be the shell's own, which no script reads.
    arguments = () if _is_shell_form(entrypoint) else items(cmd)
    return Sequence(entrypoint.span, items(entrypoint) + arguments)


def _is_shell_form(form: Node) -> bool:
    return bool(items(form)) and items(form)[-1].span == form.span


def _joined(workdir: str, value: Node) -> str:
    path = text(value) or (value.span.text if not isinstance(value, Scalar) else "")
    return path if path.startswith("/") or not workdir else f"{workdir.rstrip('/')}/{path}"
