"""Commands that build images (``docker build``, ``podman build``, kaniko, …) in scripts, Makefiles and the like.

The text is searched, and never run: a command counts wherever it stands. Variables are replaced where the same file
gives them one value; each of several words of a ``for`` loop is one command. What is left is ``UNKNOWN``. Where a
variable stands in a command's context and in the image's name, each directory with a Dockerfile that fits gives its
value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice, product
from posixpath import dirname, join, normpath

from kubelint5xx.core.node import UNKNOWN, Node, Scalar, Unresolved
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.shell_words import Portions
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.said_builds import Said

Variables = Mapping[str, str]

_COMMAND = pattern(
    r"(?<![\w./\\-])(?:docker|podman|nerdctl|buildah|img|\$[({]\w{0,40}?(?:DOCKER|CONTAINER|PODMAN)\w{0,40}[)}])"
    r"[ \t]+(?:buildx[ \t]+|image[ \t]+)?(?:build|bud)(?=[ \t\\])"
    r"|(?P<kaniko>/kaniko/executor)(?=[ \t\\\n])|(?<![\w-])(?:gcloud builds submit|az acr build)(?=[ \t\\])"
)
_TAG = pattern(r"(?<![\w./\\-])(?:docker|podman|nerdctl|buildah)[ \t]+(?:image[ \t]+)?tag(?=[ \t])")
_GROOVY = pattern(
    r"""docker\.build\(\s{0,99}(["'])(?P<image>[^"'\n]{1,500})\1"""
    r"""(?:\s{0,99},\s{0,99}(["'])(?P<rest>[^\n]{0,500}?)\3)?\s{0,99}\)"""
)
_TILT = pattern(
    r"""docker_build(?:_with_restart)?\(\s{0,99}(?:ref\s{0,9}=\s{0,9})?(["'])(?P<image>[^"'\n]{1,500})\1"""
    r"""\s{0,99},\s{0,99}(?:context\s{0,9}=\s{0,9})?"""
    r"""(["'])(?P<context>[^"'\n]{0,500})\3(?P<rest>[^)]{0,2000})\)"""
)
_TILT_OPTION = pattern(r"""\b(dockerfile|target)\s*=\s*(["'])([^"'\n]+)\2""")
_TOKEN = pattern(
    r"(?:\$\{\{.{0,300}?\}\}|\$\{[^}\n]{0,300}\}|\$\((?:[^()\n]|\([^()\n]{0,300}\)){0,300}\)|`[^`\n]{0,300}`"
    r"|\"(?:\\.|[^\"\\]){0,2000}\"|'[^']{0,2000}'|\\[^\n]"
    r"|[^\s;&|<>\"'`\\])+"
)
_GAP = pattern(r"(?:[ \t]|\\\r?\n)+")
_VARIABLE = pattern(
    r"\$\{\{(?P<expression>[^}]{0,300})\}\}|\$\{(?:env\.|params\.)?(?P<braced>\w+)\}|"
    r"\$\{(?P<default>\w+):?[-=](?P<otherwise>[^{}$]{0,300})\}|\$\{[^}]{0,300}\}|\$\((?P<make>[\w.]+)\)|\$\((?:[^()]|\([^()]{0,300}\)){0,300}\)|"
    r"`[^`]{0,300}`|\$(?P<plain>\w+)|(?<![\w%])%(?P<batch>\w+)%"
)
_ASSIGNMENT = pattern(
    r"^[ \t]*(?:export[ \t]+|readonly[ \t]+|local[ \t]+|declare(?:[ \t]+-\w+)*[ \t]+|-[ \t]+)*([A-Za-z_]\w*)"
    r"(?:[ \t]*[:?]=[ \t]*|[ \t]+=[ \t]+|=)([^\n]*)",
    re.MULTILINE,
)
_LOOP = pattern(r"\bfor[ \t]+(\w+)[ \t]+in[ \t]+([^\n;$*`(){}]{1,500})[;\n]")
_CD = pattern(r"(?:^|[;&|(\n@]|\bthen\b|\bdo\b)[ \t]*(?:cd|pushd)[ \t]+")
_VALUED = frozenset({
    "--platform", "--cache-from", "--cache-to", "--label", "--network", "--secret", "--ssh", "--progress", "--output",
    "-o", "--builder", "--add-host", "--memory", "-m", "--iidfile", "--metadata-file", "--build-context", "--allow",
    "--shm-size", "--ulimit", "--isolation", "--format", "--arch", "--os", "--volume", "-v", "--attest", "--config",
    "--machine-type", "--region", "--project", "--timeout", "--registry", "-r", "--resource-group", "-g",
    "--digest-file", "--cache-repo", "--cache-ttl", "--verbosity", "--snapshot-mode", "--layers", "--storage-driver",
    "--jobs", "--cgroup-parent", "--cpuset-cpus", "--annotation", "--authfile", "--log-level",
})  # fmt: skip
_NAMES = ("-t", "--tag", "--destination", "--image")
_FILES = ("-f", "--file", "--dockerfile")
# Where a pipeline checks the repository out.
_ROOTS = (
    "CI_PROJECT_DIR", "GITHUB_WORKSPACE", "github.workspace", "WORKSPACE", "CODEBUILD_SRC_DIR", "BITBUCKET_CLONE_DIR",
    "PWD", "CURDIR", "pwd", "shell pwd", "Build.SourcesDirectory", "System.DefaultWorkingDirectory", "DRONE_WORKSPACE",
    "CIRCLE_WORKING_DIRECTORY", "TRAVIS_BUILD_DIR",
)  # fmt: skip
_OWN_FOLDER = pattern(
    r"\"?\$\(\s*(?:cd\s+)?(?:--\s+)?\"?\$?\(?\s*dirname[^)]*\)?\"?\s*(?:&&\s*pwd(?:\s+-P)?\s*)?\)\"?|\"?\$\{0%/\*\}\"?"
)
_MAX_COMMANDS = 200
_MAX_ROUNDS = 50
_MAX_FOLDERS = 500
_MAX_WORD = 300


@record
class Text:
    """A text with commands in it, from ``start`` on: where its parts stand, and the directories that they may start in.

    ``folder`` holds the file. ``apart``: each line has a shell of its own. ``whole``: the script that it is a line of.
    """

    text: str
    place: Portions
    bases: tuple[str, ...]
    variables: Variables
    folder: str = ""
    start: int = 0
    apart: bool = False
    whole: str = ""


def builds_in_script(source: Source, folders: frozenset[str]) -> Iterator[Said]:
    """The builds of a script, a Makefile, a Jenkinsfile, a Tiltfile or a package.json. ``folders`` hold Dockerfiles."""
    folder, _, name = source.path.rpartition("/")

    def place(start: int, end: int) -> Span:
        return Span(source, start, end)

    # A script may be started from anywhere: the root and its own directory are the usual places.
    anywhere = name.endswith((".sh", ".bash")) or name.lower().startswith("jenkinsfile")
    bases = tuple(dict.fromkeys(("", folder, dirname(folder)) if anywhere else (folder,)))
    apart = name.lower().endswith(("makefile", ".mk"))
    content = Text(source.text, place, bases, assigned(source.text), folder, apart=apart)
    if name == "Tiltfile":
        yield from _tilt(content)
    yield from _groovy(content)
    yield from commands_in(content, folders)


def commands_in(content: Text, folders: frozenset[str]) -> Iterator[Said]:
    """The builds of all commands in a text."""
    moves = _moves(content.text)
    for match in islice(_COMMAND.finditer(content.text, content.start), _MAX_COMMANDS):
        if content.text.rfind("#", content.text.rfind("\n", 0, match.start()) + 1, match.start()) >= 0:
            continue  # a comment, or too hard to tell
        tokens, end = _tokens(content.text, match.end())
        loops = {loop[1]: loop[2].split() for loop in _LOOP.finditer(content.text, 0, match.start())}
        place = content.place(match.start(), min(end, _line_end(content.text, match.start())))
        before = _before(content, moves, match.start())
        for values in islice(product(*loops.values()), _MAX_ROUNDS):
            variables = {**content.variables, **dict(zip(loops, values, strict=True))}
            folder = _moved(content, before, variables)
            for said in _command(tokens, match, content, folder, variables, place, folders):
                yield _tagged(said, content.whole or content.text, variables)


def _tagged(said: Said, script: str, variables: Variables) -> Said:
    """With the names that ``docker tag`` gives to the image later."""
    own = {ImageName.parse(image).repository for image in said.images}
    found: list[str] = []
    for match in islice(_TAG.finditer(script), _MAX_COMMANDS):
        words = [resolved(word, variables) for word in _tokens(script, match.end())[0]]
        if len(words) == 2 and (name := ImageName.parse(words[0]).repository) in own and name != UNKNOWN:
            found.append(words[1])
    return replace(said, images=(*said.images, *found)) if found else said


def command_of(
    tokens: list[str], bases: tuple[str, ...], variables: Variables, place: Span, folders: frozenset[str]
) -> Iterator[Said]:
    """The build that the words of a command line after its verb ask for."""
    for base in bases:
        yield from _fitting(tokens, base, variables, place, folders, False)


def _command(
    tokens: list[str],
    match: re.Match[str],
    content: Text,
    folder: str | None,
    variables: Variables,
    place: Span,
    folders: frozenset[str],
) -> Iterator[Said]:
    for base in content.bases if folder is None else (folder,):
        yield from _fitting(tokens, base, variables, place, folders, bool(match["kaniko"]))


def _fitting(
    tokens: list[str], base: str, variables: Variables, place: Span, folders: frozenset[str], kaniko: bool
) -> Iterator[Said]:
    """A command, or where a variable of its context is not known, one for each directory that fits."""
    said = parsed(tokens, base, variables, place, kaniko)
    if said is None:
        return
    path = said.context if UNKNOWN in (said.context or "") else dirname(said.dockerfile)
    raw = _raw_path(tokens, said)
    if UNKNOWN not in (path or "") or not raw:
        yield said
        return
    names = {name for match in _VARIABLE.finditer(raw) if (name := _name(match)) and name not in variables}
    if len(names) != 1:
        return
    (name,) = names
    shape = re.escape(normpath(join(base, resolved(raw, {**variables, name: "\0"})))).replace("\0", r"([^/]+)", 1)
    shape = shape.replace("\0", r"\1")
    for folder in islice(sorted(folders), _MAX_FOLDERS):
        fits = re.fullmatch(shape, folder) if UNKNOWN not in shape else None
        if fits and (found := parsed(tokens, base, {**variables, name: fits[1]}, place, kaniko)):
            yield found


def _raw_path(tokens: list[str], said: Said) -> str:
    """The context as it is written, or the directory of the Dockerfile."""
    options = _options(tokens)
    if UNKNOWN in (said.context or ""):
        return options.context.strip("\"'")
    return dirname(options.file.strip("\"'"))


@record(frozen=False)
class _Options:
    names: list[str]
    file: str = ""
    context: str = ""
    target: str = ""
    arguments: list[str] | None = None


def _options(tokens: list[str]) -> _Options:
    found = _Options([])
    rest: list[str] = []
    at = 0
    while at < len(tokens):
        option, equals, value = tokens[at].partition("=")
        at += 1
        if not option.startswith("-") or option == "-":
            rest.append(tokens[at - 1])
            continue
        known = option in _NAMES or option in _FILES or option in ("--target", "--build-arg", "--context", "-c", "-d")
        if not equals and (known or option in _VALUED) and at < len(tokens):
            value = tokens[at]
            at += 1
        if option in _NAMES or option == "-d":
            found.names += value.strip("\"'").split(",")
        elif option in _FILES:
            found.file = value
        elif option == "--target":
            found.target = value
        elif option == "--build-arg":
            found.arguments = [*(found.arguments or []), value]
        elif option in ("--context", "-c"):
            found.context = value
    # A lone variable may stand for more options.
    paths = [word for word in rest if not re.fullmatch(r"\"?\$[({]?\w+[)}]?\"?", word)] or rest[-1:]
    found.context = found.context or (paths[-1] if paths else "")
    return found


def parsed(tokens: list[str], base: str, variables: Variables, place: Span, kaniko: bool = False) -> Said | None:
    """What the options of a build say. None where no image is named, or the context is no directory."""
    options = _options(tokens)
    images = tuple(name for one in options.names for name in resolved(one, variables).split(",") if name)
    context = resolved(options.context, variables) if options.context else None
    if not images or context == "-" or re.match(r"https?://|git@|git://|s3://|gs://|tar://", context or ""):
        return None
    arguments: dict[str, Node] = {}
    for one in options.arguments or ():
        name, equals, value = resolved(one, variables).partition("=")
        known = bool(equals) and UNKNOWN not in value
        arguments[name] = Scalar(place, value, value) if known else given_elsewhere(name, place)
    return Said(
        images,
        base,
        context,
        resolved(options.file, variables),
        place,
        resolved(options.target, variables),
        arguments,
        beside_context=kaniko,
        tool=place.path.rpartition("/")[2],
    )


def given_elsewhere(name: str, place: Span) -> Unresolved:
    """A build argument whose value is not in the files."""
    return Unresolved(place, f"the build argument {name} is given a value that only the build knows")


def _tokens(text: str, at: int) -> tuple[list[str], int]:
    """The words of a command from ``at`` to its end."""
    found: list[str] = []
    end = at
    while len(found) < 200:
        gap = _GAP.match(text, end)
        token = _TOKEN.match(text, gap.end() if gap else end)
        if token is None or (gap and token[0].startswith("#")):
            break
        found.append(token[0])
        end = token.end()
    # What closes the text that a command stands in is not a part of it.
    closing = text[end : end + 1]
    if found and closing in ("'", '"', "`") and found[-1].endswith(")"):
        found[-1] = found[-1].rstrip(")")
    return found, end


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def resolved(written: str, variables: Variables, depth: int = 0) -> str:
    """A word without its quotes, variables replaced by what is known of them, or by ``UNKNOWN``."""

    def value(match: re.Match[str]) -> str:
        name = _name(match)
        known = variables.get(name) if name else None
        if name in _ROOTS or match[0] in ("`pwd`", "$(shell pwd)"):
            return "."
        if known is None:
            return match["otherwise"] if match["default"] else UNKNOWN
        return resolved(known, variables, depth + 1) if depth < 8 else UNKNOWN

    if "$" not in written and "`" not in written and "%" not in written:
        return written.strip().strip("\"'")
    return re.sub(f"{UNKNOWN}+", UNKNOWN, _VARIABLE.sub(value, written.strip())).replace('"', "").replace("'", "")


def _name(match: re.Match[str]) -> str:
    """The variable that a reference names; empty for what is computed."""
    if match["expression"] is not None:
        written = match["expression"].strip()
        return written.removeprefix("env.") if re.fullmatch(r"[\w.-]+", written) else ""
    return match["braced"] or match["default"] or match["make"] or match["plain"] or match["batch"] or ""


def assigned(text: str) -> dict[str, str]:
    """The variables of a script that it gives one value only."""
    found: dict[str, str] = {}
    several: set[str] = set()
    loops = {loop[1] for loop in _LOOP.finditer(text)}
    for match in _ASSIGNMENT.finditer(text):
        name, rest = match[1], match[2]
        tokens, _ = _tokens(rest, 0)
        value = tokens[0].strip("\"'") if tokens else ""
        of_itself = any(mark in value for mark in (f"${name}", f"{{{name}", f"({name})"))
        if name in loops or of_itself or (value and found.setdefault(name, value) != value):
            several.add(name)
    return {name: value for name, value in found.items() if name not in several}


def _moves(text: str) -> list[tuple[int, int, str]]:
    """Every ``cd`` of a script: where it begins and ends, and where it leads to, as it is written."""
    found: list[tuple[int, int, str]] = []
    for match in islice(_CD.finditer(text), _MAX_COMMANDS):
        tokens, end = _tokens(text, match.end())
        if tokens:
            found.append((match.start(), end, tokens[0][:_MAX_WORD]))
    return found


def _before(content: Text, moves: list[tuple[int, int, str]], at: int) -> list[str]:
    """Those that count for a command at ``at``: not what a sub-shell did before."""
    first = content.text.rfind("\n", 0, at) + 1 if content.apart else 0
    # The line's end before the first word is a part of the match.
    own = [(start, end, to) for start, end, to in moves if max(0, first - 1) <= start and end <= at]
    return [to for start, end, to in own if content.text[start] != "(" or ")" not in content.text[end:at]][-20:]


def _moved(content: Text, moves: list[str], variables: Variables) -> str | None:
    """The directory that these lead to; None where it is none or is not known."""
    folder: str | None = None
    for written in moves:
        word = _OWN_FOLDER.sub(content.folder or ".", written)
        value = resolved(word, variables)
        if UNKNOWN in value or value in ("-", "~"):
            folder = None
            continue
        where = value if word != written else join(folder if folder is not None else content.bases[0], value)
        folder = normpath(where.lstrip("/"))
        folder = "" if folder == "." else folder
    return folder


def _groovy(content: Text) -> Iterator[Said]:
    for match in _GROOVY.finditer(content.text):
        tokens, _ = _tokens(match["rest"] or ".", 0)
        place = content.place(match.start(), match.end())
        for base in content.bases:
            if said := parsed(["-t", match["image"], *tokens], base, content.variables, place):
                yield said


def _tilt(content: Text) -> Iterator[Said]:
    for match in _TILT.finditer(content.text):
        options = {option[1]: option[3] for option in _TILT_OPTION.finditer(match["rest"])}
        place = content.place(match.start(), _line_end(content.text, match.start()))
        told = Said((match["image"],), content.folder, match["context"], options.get("dockerfile", ""), place)
        yield replace(told, target=options.get("target", ""), tool="Tiltfile")
