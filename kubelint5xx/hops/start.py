"""Which program a command line ends up running, behind shells, init programs and package runners."""

from __future__ import annotations

from collections.abc import Mapping

from kubelint5xx import formats
from kubelint5xx.core.node import Node, Scalar, Unresolved, child, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import shell
from kubelint5xx.hops.launch import Files

_MAX_DEPTH = 8
_ASSIGNMENT = pattern(r"[A-Za-z_]\w*=")
PYTHON = pattern(r"(python|pypy)[\d.]*\Z")
_ALL_ARGUMENTS = ('"$@"', "$@", '"$*"', "$*", '"${@}"', "${@}")
RUNNERS = ("npm", "yarn", "pnpm", "bun")
SHELLS = ("sh", "bash", "ash", "dash", "zsh", "ksh")

# Programs that run another one: how many words come before it, and which options take a value of their own.
WRAPPERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "exec": (0, ("-a",)),
    "tini": (0, ("-p", "-e")),
    "tini-static": (0, ("-p", "-e")),
    "dumb-init": (0, ("-r", "--rewrite")),
    "catatonit": (0, ()),
    "nohup": (0, ()),
    "time": (0, ("-f", "-o")),
    "nice": (0, ("-n",)),
    "ionice": (0, ("-c", "-n")),
    "stdbuf": (0, ("-i", "-o", "-e")),
    "setsid": (0, ()),
    "timeout": (1, ("-k", "-s")),
    "gosu": (1, ()),
    "su-exec": (1, ()),
    "setpriv": (0, ()),
    "chpst": (0, ("-u", "-U", "-b", "-e", "-d", "-l", "-L", "-m", "-o", "-p", "-f")),
    "with-contenv": (0, ()),
    "docker-entrypoint.sh": (0, ()),
    "docker-php-entrypoint": (0, ()),
    "ddtrace-run": (0, ()),
    "opentelemetry-instrument": (0, ("--traces_exporter", "--metrics_exporter", "--service_name")),
    "newrelic-admin": (1, ()),
    "npx": (0, ("-p", "--package")),
}
# Whose packages tell which server a program of its own holds, by what runs it.
_BUILT_WITH = {
    "python": ("pypi",),
    "dotnet": ("nuget",),
    **dict.fromkeys(("ruby", "rails", "rackup"), ("gem",)),
    **dict.fromkeys(("mix", "elixir"), ("hex",)),
}
_COMPILED = ("go", "crates", "hex", "nuget", "maven", "gradle")
_SYSTEM = pattern(r"/(?:usr/)?s?bin/[^/]*\Z")
# Programs of which one subcommand runs another program.
SUBCOMMANDS = {
    "poetry": ("run",),
    "uv": ("run",),
    "pipenv": ("run",),
    "pdm": ("run",),
    "hatch": ("run",),
    "rye": ("run",),
    "bundle": ("exec",),
    "pnpm": ("exec", "dlx"),
    "yarn": ("exec", "dlx"),
    "chamber": ("exec",),
    "doppler": ("run",),
}
RUN_OPTIONS = ("--with", "--python", "-p", "--extra", "--group", "--env-file", "--directory", "--project", "-C")
_JAVA_OPTIONS = ("-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens")
_MODULE_OPTIONS = ("-W", "-X", "-c")


@record
class Start:
    """What is started: ``kind`` and ``name`` as the tables' signs have them, ``words`` from the program on."""

    kind: str
    name: str
    words: tuple[Node, ...]


@record
class Unknown:
    """It is not known what is started.

    ``built_with``: it is a program of its own, and packages of these package managers may tell which server it holds.
    """

    reason: str
    place: Span | None = None
    built_with: tuple[str, ...] = ()


@record
class Context:
    """What the way to the program may need: variables, files, and the names of programs that are servers."""

    env: Mapping[str, Node]
    files: Files
    servers: frozenset[str]


def started(words: tuple[Node, ...], context: Context, depth: int = 0) -> Start | Unknown:
    """The program that ``words`` run in the end."""
    while words:
        program = text(words[0])
        if program is None:
            reason = words[0].reason if isinstance(words[0], Unresolved) else "the program is not known"
            return Unknown(reason, words[0].span)
        if depth > _MAX_DEPTH:
            break
        depth += 1
        name = program.rpartition("/")[2]
        script = shell.script_of(words)
        if isinstance(script, Unresolved):
            return Unknown(script.reason, script.span)
        if script is not None:
            return _of_script(script, (), context, depth)
        if name in context.servers:
            return Start("command", name, words)
        if name == "env":
            words = behind(words[1:], ("-u", "--unset", "-C", "-S"), assignments=True)
        elif name in SHELLS:
            words = behind(words[1:], ("-o", "-O"))
        elif (
            (at := subcommand(words, SUBCOMMANDS.get(name, ())))
            and name in SUBCOMMANDS
            and (rest := behind(words[at + 1 :], RUN_OPTIONS))
        ):
            words = rest
        elif name in RUNNERS:
            return _of_package(words, context, depth)
        elif name in WRAPPERS:
            before, options = WRAPPERS[name]
            words = behind(words[1:], options)[before:]
        elif PYTHON.match(name):
            return _python(words, context, depth)
        elif name == "java":
            return _java(words)
        else:
            return _script_file(words, context, depth)
    return Unknown("it is not known which program it starts")


def behind(words: tuple[Node, ...], valued: tuple[str, ...], assignments: bool = False) -> tuple[Node, ...]:
    """The words behind leading options; ``valued`` are options that take the next word."""
    at = 0
    while at < len(words):
        word = text(words[at]) or ""
        if word == "--":
            return words[at + 1 :]
        if not word.startswith("-") and not (assignments and _ASSIGNMENT.match(word)):
            break
        at += 2 if word in valued else 1
    return words[at:]


def subcommand(words: tuple[Node, ...], names: tuple[str, ...]) -> int:
    """Where the subcommand stands; 0 where there is none of ``names``."""
    for at, word in enumerate(words[1:4], 1):
        if (text(word) or "") in names:
            return at
    return 0


def _of_script(script: Scalar, arguments: tuple[Node, ...], context: Context, depth: int) -> Start | Unknown:
    """The server among a script's commands: the one that it ends in."""
    found = shell.commands(script, context.env)
    if isinstance(found, Unresolved):
        return Unknown(found.reason, found.span)
    if depth > _MAX_DEPTH:
        return Unknown("scripts are nested too deeply", script.span)
    servers: list[tuple[Start, bool]] = []
    last: Start | Unknown = Unknown("the script starts nothing", script.span)
    for command in found:
        if command.background or not command.words:
            continue
        words = command.words
        if len(words) == 1 and isinstance(words[0], Unresolved) and words[0].span.text.strip() in _ALL_ARGUMENTS:
            words = arguments
        last = started(words, context, depth) if words else Unknown("it starts its arguments", command.span)
        if isinstance(last, Start) and (last.kind != "command" or last.name in context.servers):
            servers.append((last, command.conditional))
            if command.exec and not command.conditional:
                break
    if not servers:
        return last if isinstance(last, Unknown) else Unknown("it starts no server that is known", script.span)
    if len(servers) > 1 and any(conditional for _, conditional in servers):
        return Unknown("the script starts one of several servers", script.span)
    return servers[-1][0]


def _script_file(words: tuple[Node, ...], context: Context, depth: int) -> Start | Unknown:
    program = text(words[0]) or ""
    source = file_in(context.files, program) if program.endswith(".sh") or "/" in program else None
    if source is None:
        reason = f"{_shortened(program)} is no server that is known, and what it does is not seen"
        compiled = "/" in program and not program.endswith(".sh") and not _SYSTEM.match(program)
        built_with = _BUILT_WITH.get(program.rpartition("/")[2], _COMPILED if compiled else ())
        return Unknown(reason, words[0].span, built_with)
    if not source.text.startswith("#!") and not program.endswith(".sh"):
        return Unknown(f"{_shortened(program)} is not a script that is understood", words[0].span)
    body = Scalar(Span(source, 0, len(source.text)), source.text, source.text)
    return _of_script(body, words[1:], context, depth)


def _python(words: tuple[Node, ...], context: Context, depth: int) -> Start | Unknown:
    at = 1
    while at < len(words) and (text(words[at]) or "").startswith("-"):
        option = text(words[at])
        if option == "-m" and at + 1 < len(words):
            return Start("module", text(words[at + 1]) or "", words[at + 1 :])
        at += 2 if option in _MODULE_OPTIONS else 1
    script = (text(words[at]) or "") if at < len(words) else ""
    if script.rpartition("/")[2] in context.servers:
        return started(words[at:], context, depth)
    return Unknown(f"{script or 'python'} is a program of its own", words[0].span, _BUILT_WITH["python"])


def _java(words: tuple[Node, ...]) -> Start | Unknown:
    at = 1
    while at < len(words):
        word = text(words[at])
        if word == "-jar" and at + 1 < len(words):
            return Start("jar", (text(words[at + 1]) or "").rpartition("/")[2], words)
        if word is not None and not word.startswith("-"):
            return Start("class", word, words)
        at += 2 if word in _JAVA_OPTIONS else 1
    return Unknown("the class that java runs is not known", words[0].span)


def _of_package(words: tuple[Node, ...], context: Context, depth: int) -> Start | Unknown:
    """What ``npm start`` and its like run: a script of the package.json."""
    script = package_script(words, context.files)
    return script if isinstance(script, Unknown) else _of_script(script, (), context, depth)


def package_script(words: tuple[Node, ...], files: Files) -> Scalar | Unknown:
    """The script of the package.json that ``npm start`` and its like run."""
    plain = [word for word in (text(node) or "" for node in words[1:]) if not word.startswith("-")]
    task = plain[1] if len(plain) > 1 and plain[0] in ("run", "run-script") else plain[0] if plain else ""
    program = text(words[0]) or ""
    source = file_in(files, "package.json")
    if source is None:
        return Unknown(f"{program} {task} runs a script of a package.json that is not seen", words[0].span)
    documents = formats.reader("json").read(source).documents
    script = child(documents[0].root, "scripts", task) if documents else None
    return script if isinstance(script, Scalar) else Unknown(f"{source.path} has no script {task!r}", words[0].span)


def _shortened(program: str) -> str:
    line = program.strip().partition("\n")[0]
    return line if len(line) <= 60 else line[:59] + "…"


def file_in(files: Files, path: str) -> Source | None:
    """The file at ``path`` in the container, else among the program's sources the one nearest to their root."""
    found = files.find(path.removeprefix("./"))
    if found:
        return found[0][1]
    end = "/" + path.removeprefix("./").lstrip("/")
    names = [name for name in files.sources or {} if f"/{name}".endswith(end) and "node_modules/" not in name]
    return files.sources[min(names, key=lambda name: (name.count("/"), name))] if files.sources and names else None
