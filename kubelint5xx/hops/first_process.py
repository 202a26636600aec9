"""Whether the first process of a container hands the signal that stops it on to the server.

The kubelet signals that process only. A program that was started in the shell's place, by ``exec``, gets the signal; a
child of a shell does not. Measured with processes 1 of PID namespaces: dash (0.5.12) never replaces itself by the
last command of ``-c``; bash (5.2) and busybox's ash (1.35) do where that is one simple command; no shell does for the
last command of a script file. A shell that is process 1 ignores SIGTERM until SIGKILL. npm (11) hands it on to the
shell that runs its script, and pnpm (9) ends with that shell; Yarn 1 ends at once, Yarn 4 runs scripts without a shell.
"""

from __future__ import annotations

from kubelint5xx.core.node import Node, Scalar, Unresolved, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Default, Derived, Value, Written
from kubelint5xx.formats import shell
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.start import (
    PYTHON,
    RUN_OPTIONS,
    RUNNERS,
    SHELLS,
    SUBCOMMANDS,
    WRAPPERS,
    Unknown,
    behind,
    file_in,
    package_script,
    subcommand,
)

_MAX_DEPTH = 8
_ALL_ARGUMENTS = ('"$@"', "$@", '"$*"', "$*", '"${@}"', "${@}")
_INITS = ("tini", "tini-static", "dumb-init", "catatonit")
# Those of the wrappers that put the program in their own place.
_REPLACING = frozenset({
    "exec", "nice", "ionice", "stdbuf", "gosu", "su-exec", "setpriv", "chpst", "nohup", "with-contenv",
    "docker-php-entrypoint", "ddtrace-run", "opentelemetry-instrument", "newrelic-admin",
})  # fmt: skip
_REPLACING_SUBCOMMANDS = ("poetry", "pipenv", "bundle", "chamber")
# Interpreters and servers without a shell in between.
_PROGRAMS = frozenset({
    "java", "node", "nodejs", "dotnet", "php", "php-fpm", "ruby", "perl", "erl", "beam.smp", "deno",
})  # fmt: skip
_SHEBANG = pattern(r"#!\s*(?:\S*/)?(?:env\s+(?:-S\s+)?)?(?:\S*/)?([\w.-]+)(?:[ \t]+-\w+)*[ \t]*\r?\n")
_KNOWN_SHELLS = ("sh", "dash", "ash", "bash")
# What keeps bash, or ash, from running the last command in its own place, or may do so.
_NOT_SIMPLE = pattern(r"[|<>{}()`\n]|;;|(?<!&)&(?!&)")
_YARN = "https://github.com/yarnpkg/yarn/blob/master/src/util/signal-handler.js"


@record
class _Found:
    """``passes`` None: it is not known, for ``reason``. ``name`` is how a message calls what does not pass it on."""

    passes: bool | None
    place: Span
    name: str = ""
    reason: str = ""
    doubt: str = ""


def first_process(launch: Launch, servers: frozenset[str], sh: Value, shell: Value) -> tuple[Value, Value]:
    """Whether the first process passes signals on, and what it is where it does not.

    ``servers``: the names of programs that are servers. ``sh``: what ``sh`` is in the image: dash, ash or bash;
    ``shell``: whether there is one at all.
    """
    argv = items(launch.argv)
    if not argv:
        found = _Found(None, launch.place, reason=launch.argv_unseen or "its command line is not known")
        if launch.argv is None and not launch.argv_unseen and launch.image is not None:
            brought = Default(f"the image {text(launch.image)}", "", "", launch.place)
            return Value(True, brought), Value("the server", brought)
    elif shell.data is False:
        found = _Found(True, argv[0].span)  # without a shell no program is a script
    else:
        found = _Walk(launch, servers, str(sh.data or "")).of(argv, 0)
    if found.passes is None:
        unknown = Value.unknown(found.reason, found.place)
        return unknown, unknown
    origin = Written(found.place, "command")
    if not found.passes and found.doubt:
        return Value(False, Default("Yarn 1", "", _YARN, found.place, (found.doubt,))), Value(found.name, origin)
    if not found.passes and sh.data == "dash":
        because = Derived(f"{found.name} keeps the signal", (Value(False, origin), sh))
        return Value(False, because), Value(found.name, origin)
    return Value(found.passes, origin), Value(found.name or "the server", origin)


@record
class _Walk:
    """Follows a command line to the program that gets the signal."""

    launch: Launch
    servers: frozenset[str]
    sh: str

    def of(self, words: tuple[Node, ...], depth: int) -> _Found:
        while words:
            program = text(words[0])
            if program is None or depth > _MAX_DEPTH:
                reason = words[0].reason if isinstance(words[0], Unresolved) else "the program is not known"
                return _Found(None, words[0].span, reason=reason)
            depth += 1
            name, place = program.rpartition("/")[2], words[0].span
            script = shell.script_of(words)
            if script is not None:
                return self.of_text(words, script, depth)
            if name in self.servers or name in _PROGRAMS or PYTHON.match(name):
                return _Found(True, place)
            if name == "env":
                words = behind(words[1:], ("-u", "--unset", "-C", "-S"), assignments=True)
            elif name in SHELLS:
                return self.of_file(behind(words[1:], ("-o", "-O")), depth, interpreter=name)
            elif name in _INITS:
                return self.below_init(behind(words[1:], WRAPPERS[name][1]), depth)
            elif name in _REPLACING:
                before, options = WRAPPERS[name]
                words = behind(words[1:], options)[before:]
            elif name in _REPLACING_SUBCOMMANDS and (at := subcommand(words, SUBCOMMANDS[name])):
                words = behind(words[at + 1 :], RUN_OPTIONS)
            elif name in RUNNERS and not subcommand(words, SUBCOMMANDS.get(name, ())):
                return self.of_package(words, depth)
            elif name == "docker-entrypoint.sh" and not self.file(program) and not self.launch.files.unseen:
                words = words[1:]  # of the published image that it is built from; these put the program in their place
            else:
                return self.of_file(words, depth)
        return _Found(None, self.launch.place, reason="it is not known which program it starts")

    def below_init(self, words: tuple[Node, ...], depth: int) -> _Found:
        found = self.of(words, depth)
        if found.passes is False:
            return _Found(None, found.place, reason=f"what becomes of {found.name} below an init program is not known")
        return found

    def of_text(self, words: tuple[Node, ...], script: Scalar | Unresolved, depth: int) -> _Found:
        """``sh -c SCRIPT``."""
        if isinstance(script, Unresolved):
            return _Found(None, script.span, reason=script.reason)
        written = (text(words[0]) or "").rpartition("/")[2]
        interpreter = "ash" if written == "busybox" else self.sh if written == "sh" else written
        return self.of_script(script, (), interpreter, f"the shell {written} -c", script.span, depth)

    def of_file(self, words: tuple[Node, ...], depth: int, interpreter: str = "") -> _Found:
        program = (text(words[0]) or "") if words else ""
        place = words[0].span if words else self.launch.place
        source = self.file(program)
        if source is None:
            return _Found(None, place, reason=f"what {program or 'the shell'} does with signals is not seen")
        shebang = _SHEBANG.match(source.text)
        run_by = interpreter or (shebang[1] if shebang else "")
        if PYTHON.match(run_by) or run_by in _PROGRAMS:
            return _Found(True, place)
        if run_by not in _KNOWN_SHELLS:
            return _Found(None, place, reason=f"what runs {source.path} is not known")
        body = Scalar(Span(source, 0, len(source.text)), source.text, source.text)
        return self.of_script(body, words[1:], "file", f"the script {program}", place, depth)

    def of_package(self, words: tuple[Node, ...], depth: int) -> _Found:
        """npm and its like run scripts of the package.json by ``sh -c``."""
        runner = (text(words[0]) or "").rpartition("/")[2]
        script = package_script(words, self.launch.files)
        place = words[0].span
        if isinstance(script, Unknown):
            return _Found(None, place, reason=script.reason)
        said = " ".join((runner, *((text(word) or "") for word in words[1:]))).strip()
        if runner == "yarn":
            return self.of_yarn(place, said)
        if runner == "bun":
            return _Found(None, place, reason="what bun does with signals is not known")
        found = self.of_script(script, (), self.sh, said, place, depth)
        if found.passes and self.sh != "dash":
            # Some releases of npm write the script to a file, whose last command no shell puts in its own place.
            return _Found(None, place, reason=f"what {said} does with signals depends on its release")
        return found

    def of_yarn(self, place: Span, said: str) -> _Found:
        source = file_in(self.launch.files, "package.json")
        manager = _PACKAGE_MANAGER.search(source.text) if source else None
        if manager and manager[1] != "1":
            return _Found(None, place, reason="what this release of Yarn does with signals is not known")
        return _Found(False, place, said, doubt="" if manager else "which Yarn it is")

    def of_script(
        self, script: Scalar, arguments: tuple[Node, ...], interpreter: str, name: str, place: Span, depth: int
    ) -> _Found:
        """What a script comes to. ``interpreter``: dash, ash, bash, or ``file`` for any of them with a script file."""
        known = {str(entry.key.value): entry.value for entry in self.launch.env.entries} if self.launch.env else {}
        commands = shell.commands(script, known)
        if isinstance(commands, Unresolved):
            return _Found(None, place, reason=commands.reason)
        for command in commands:
            if command.exec and not command.conditional and not command.background:
                words = command.words
                if words and isinstance(words[0], Unresolved) and words[0].span.text.strip() in _ALL_ARGUMENTS:
                    words = arguments
                return self.of(words, depth)
        doubt = next((command.name for command in commands if command.name in ("trap", ".", "source", "eval")), "")
        doubt = doubt or next(("exec" for command in commands if command.exec), "")
        doubt = doubt or next(("&" for command in commands if command.background), "")
        running = [command for command in commands if command.words]
        if doubt or not running or depth > _MAX_DEPTH:
            return _Found(None, place, reason=f"what {name} does with signals is not followed")
        if interpreter in ("dash", "file"):
            return _Found(False, place, name)
        if interpreter not in ("ash", "bash"):
            return _Found(None, place, reason=f"which shell {name} runs in is not known")
        if _NOT_SIMPLE.search(text(script) or "") or running[-1].conditional:
            return _Found(None, place, reason=f"whether {name} puts its last command in its own place is not known")
        return self.of(running[-1].words, depth)

    def file(self, program: str) -> Source | None:
        return file_in(self.launch.files, program) if program.endswith(".sh") or "/" in program else None


_PACKAGE_MANAGER = pattern(r'"packageManager"\s*:\s*"yarn@(\d+)')
