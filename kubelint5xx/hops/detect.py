"""Which server a container runs, and where its settings are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from kubelint5xx import formats
from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Sequence, Unresolved, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Join, Value, Version, Written
from kubelint5xx.formats import argv as command_lines
from kubelint5xx.formats.embedded import embedded
from kubelint5xx.hops.launch import Files, Launch
from kubelint5xx.hops.packages import packages_of
from kubelint5xx.hops.profiles import active_names, counting, elsewhere
from kubelint5xx.hops.resolve import CLAIM, IMAGE, Settings, build_hop
from kubelint5xx.hops.sources import LANGUAGES, makers, of_sources, settled
from kubelint5xx.hops.start import Context, Start, Unknown, file_in, started
from kubelint5xx.hops.table import Place, Sign, Table, products, signs, table
from kubelint5xx.model.topology import Hop

SERVER_ANNOTATION = "kubelint5xx.io/server"
# What a pod's annotations may say of a server that its settings do not tell.
CLAIMS = {
    "kubelint5xx.io/idle-timeout": "inbound.idle_timeout",
    "kubelint5xx.io/drain-delay": "drain_delay",
    "kubelint5xx.io/drain-closes-connections": "closes_in_drain",
    "kubelint5xx.io/streams": "streams",
}

# Variables by convention, for options of the JVM and of the program; no shell and no JVM reads them by itself.
_PASSED_ON = ("JAVA_OPTS", "JVM_OPTS", "JAVA_ARGS", "APP_ARGS", "SPRING_OPTS")
_OPTIONS = pattern(r"(?!JAVA_TOOL_|JDK_JAVA_)\w*_(?:OPTS|ARGS|OPTIONS)")
_JVM = ("maven", "gradle")
_LANGUAGE_OF = {"go": "go_source", "pypi": "python_source", "gem": "ruby_source", "nuget": "csharp_source"}
_LINKED = ("terraform", "attributes", "target_group_attributes", "annotation", "configmap")
# By its ending, a file that a flag names is of one of the formats that the product takes.
# Whose values may wait for the environment.
_PROGRAMS = (*LANGUAGES, "python_assign")
_EXTENSIONS = {"toml": "toml", "py": "python_assign", "ini": "ini", "yaml": "yaml", "yml": "yaml", "json": "json"}
_FLAG = pattern(r"\{argv:(.+)\}")
_PUBLISHED = ("", "library", "docker/library")


@record
class Recognised:
    """A container's server. ``argv`` is its command line from the server's own name on, where it is known."""

    product: str
    argv: Sequence | None
    version: Value | None
    settings: tuple[Settings, ...]


@record
class Unrecognised:
    """It is not known which server a container runs."""

    reason: str
    place: Span | None = None


@record
class Image:
    """An image's name in parts: ``path`` is the repository without its registry. ``tag`` may be empty."""

    path: str
    tag: str

    @classmethod
    def parse(cls, name: str) -> Image:
        name = name.partition("@")[0]
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        host, _, rest = head.partition("/")
        if slash and ("." in host or ":" in host or host == "localhost"):
            head = rest
        return cls(f"{head}/{last}" if head else last, tag)

    def ends(self, name: str) -> bool:
        return f"/{self.path}".endswith(f"/{name}")

    def is_published(self, name: str) -> bool:
        """Whether this is the image that the product's own makers publish under ``name``."""
        if "/" in name:
            return self.path == name
        return self.ends(name) and self.path[: -len(name)].rstrip("/") in _PUBLISHED


def published(image: str) -> bool:
    """Whether a table knows what is in the image, so that files which nobody mounts there are known."""
    parsed = Image.parse(image)
    return any(sign.kind == "image" and parsed.is_published(sign.name) for sign, _ in signs())


def program_of(image: str, first: str) -> str:
    """The program that a published image puts before arguments of which ``first`` is the first; empty where none is
    known."""
    parsed = Image.parse(image)
    known = {product for sign, product in signs() if sign.kind == "image" and parsed.is_published(sign.name)}
    for point in (point for product in sorted(known) for point in table(product).entry_points):
        if parsed.is_published(point.image) and (point.always or first.startswith("-")):
            return point.program
    return ""


def server_commands() -> frozenset[str]:
    """The names of the programs that are servers."""
    return frozenset(sign.name for sign, _ in signs() if sign.kind == "command")


def hop_of(
    launch: Launch, joins: tuple[Join, ...] = (), linked: Callable[[str], tuple[Settings, ...]] | None = None
) -> Hop | Unrecognised:
    """The hop that a container is. Where the server is not recognised, only what annotations say of it is known.

    ``linked``: what other objects say of a product.
    """
    found = recognise(launch)
    claimed = claims(launch.annotations)
    if isinstance(found, Recognised):
        name = f"{table(found.product).title} in {launch.name}"
        beside = linked(found.product) if linked is not None else ()
        settings = (*found.settings, *beside, *claimed)
        return build_hop(found.product, name, launch.place, settings, launch.port, found.version, joins=joins)
    if not claimed:
        return found
    return build_hop("", f"the server in {launch.name}", launch.place, claimed, launch.port, joins=joins)


def claims(annotations: Mapping | None) -> tuple[Settings, ...]:
    """What annotations say about a server, as settings of the highest precedence."""
    return tuple(
        Settings(CLAIM, Mapping(node.span, (Entry(Scalar(node.span, knob, knob), node),)), annotation)
        for annotation, knob in CLAIMS.items()
        if annotations is not None and (node := annotations.get(annotation)) is not None
    )


def recognise(launch: Launch) -> Recognised | Unrecognised:
    """The server that a container runs, by what is declared, else by its command line, else by its image."""
    declared = launch.declared or (launch.annotations.get(SERVER_ANNOTATION) if launch.annotations else None)
    env = {str(entry.key.value): entry.value for entry in entries(launch.env)}
    if launch.env is not None and not launch.env.open and not launch.files.unseen:
        # Scripts pass them on, and base images leave them alone.
        env = {**dict.fromkeys(_PASSED_ON, Scalar(launch.place, "", "")), **env}
    context = Context(env, launch.files, server_commands())
    start: Start | Unknown = Unknown(launch.argv_unseen or "its command line is not known", launch.place)
    if launch.argv is not None and launch.argv.items:
        start = started(launch.argv.items, context)
    words = start.words if isinstance(start, Start) else items(launch.argv)
    argv = Sequence(launch.argv.span, words) if launch.argv is not None else None
    launch = replace(launch, own_code=_is_own(start))
    if declared is not None:
        return _declared(launch, declared, argv)
    product = _product(launch, start)
    if isinstance(product, Unrecognised):
        return product
    hidden = _hidden(launch, product) if isinstance(start, Unknown) and start.built_with else ""
    return _recognised(launch, product, None if hidden else argv, None, hidden)


def _hidden(launch: Launch, product: str) -> str:
    """Why the settings on the command line of a program of its own are not seen; empty where they are."""
    if not any(sign.kind == "framework" for sign in table(product).detect):
        # Its arguments are its own; the server's settings are arguments of calls in its code.
        return "its own code starts the server"
    if any(_OPTIONS.fullmatch(str(entry.key.value)) for entry in entries(launch.env)):
        return "a start script may pass on options from variables"
    return ""


def _declared(launch: Launch, declared: Node, argv: Sequence | None) -> Recognised | Unrecognised:
    name, _, version = (text(declared) or "").partition("@")
    if name not in products():
        known = f"{name!r} is no server that is known" if name else "the declared server is not known"
        return Unrecognised(known, declared.span)
    parsed = Version.parse(version)
    return _recognised(launch, name, argv, Value(parsed, Written(declared.span, "version")) if parsed else None)


def _product(launch: Launch, start: Start | Unknown) -> str | Unrecognised:
    if isinstance(start, Start):
        found = _signed(start)
        if len(found) == 1:
            return found[0]
        if not found and start.kind in ("jar", "class") and (by_packages := _by_packages(launch, _JVM)):
            return by_packages
        if not found and start.kind == "module" and (own := _of_own(launch, ("pypi",))):
            return own
        what = "may be " + " or ".join(found) if found else "is no server that is known"
        return Unrecognised(f"{start.name} {what}", start.words[0].span if start.words else launch.place)
    if start.built_with and (own := _of_own(launch, start.built_with)):
        return own
    image = Image.parse(text(launch.image) or "")
    by_image = sorted({product for sign, product in signs() if sign.kind == "image" and image.ends(sign.name)})
    if launch.argv is None and len(by_image) == 1:
        return by_image[0]
    return Unrecognised(start.reason, start.place)


def _is_own(start: Start | Unknown) -> bool:
    """Whether a program is started that is no server's own command."""
    if isinstance(start, Unknown):
        return bool(start.built_with)
    return start.kind in ("jar", "class") or not _signed(start)


def _signed(start: Start) -> list[str]:
    """The products that are started by that name."""
    return sorted({product for sign, product in signs() if sign == Sign(start.kind, start.name)})


def _of_own(launch: Launch, built_with: tuple[str, ...]) -> str | Unrecognised | None:
    """The server that a program of its own starts: its framework's, else the one in its sources, else a package."""
    forms = [_LANGUAGE_OF[ecosystem] for ecosystem in built_with if ecosystem in _LANGUAGE_OF]
    listening = _in_sources("listener", launch, forms, launch.port) if launch.port is not None else []
    if len(listening) == 1:
        return listening[0]
    by_framework = _by_packages(launch, built_with, ("framework",))
    if isinstance(by_framework, str):
        return by_framework
    found = _in_sources("code", launch, forms)
    if len(found) > 1 and launch.port is not None:
        found = _in_sources("code", launch, forms, launch.port) or found
    if len(found) > 1:
        return Unrecognised(f"its sources start {' and '.join(found)}", launch.place)
    return found[0] if found else _by_packages(launch, built_with)


def _in_sources(kind: str, launch: Launch, forms: list[str], port: int | None = None) -> list[str]:
    """The servers that the program's sources start; with ``port``, those that are seen to listen to it."""
    used = {f"{form}:{maker}" for form in forms for maker in makers(form, launch, port)}
    return sorted({product for sign, product in signs() if sign.kind == kind and sign.name in used})


def _by_packages(
    launch: Launch, built_with: tuple[str, ...], kinds: tuple[str, ...] = ("framework", "dependency")
) -> str | Unrecognised | None:
    """The server among the packages that a program is built from: the framework's, else the only one that is there."""
    packages = packages_of(launch.files, launch.place)
    if packages is None:
        return None
    names = {name for name in packages.direct.keys() if name.partition(":")[0] in built_with}  # noqa: SIM118
    for kind in kinds:
        found = sorted({product for sign, product in signs() if sign.kind == kind and sign.name in names})
        if found:
            why = f"by its packages it may be {' or '.join(found)}"
            return found[0] if len(found) == 1 else Unrecognised(why, launch.place)
    return Unrecognised(packages.direct.open, launch.place) if packages.direct.open else None


def _recognised(
    launch: Launch, product: str, argv: Sequence | None, version: Value | None, argv_unseen: str = ""
) -> Recognised:
    known = table(product)
    launch = replace(launch, argv_unseen=argv_unseen) if argv_unseen else launch
    settings = (*_presets(known, launch), *_all(known, launch, argv))
    return Recognised(product, argv, version or _version(known, launch), settings)


def _all(known: Table, launch: Launch, argv: Sequence | None) -> Iterator[Settings]:
    """The settings of all places of a table, in rising precedence."""
    plain = {place: tuple(_read(known, place, launch, argv)) for place in known.read if not place.of_profiles}
    seen = [settings for found in plain.values() for settings in found]
    active = active_names(known, seen, launch.place) if known.active else ()
    for place in known.read:
        if place.elsewhere:
            yield from elsewhere(known, place, seen, launch.place)
            continue
        for settings in plain[place] if place in plain else _of_profiles(place, launch, active):
            yield from counting(known, settings, active)


def _of_profiles(place: Place, launch: Launch, active: tuple[str, ...] | None) -> Iterator[Settings]:
    for name in ("*",) if active is None else active:
        for path, source in _found(place, [file.replace("{}", name) for file in place.files], launch).items():
            for settings in _document(place.format, path.rpartition("/")[2], source):
                doubt = "" if active is not None else f"it is not known whether the profile of {source.path} is active"
                yield replace(settings, doubt=doubt)
    if active is not None and launch.files.unseen and place.at != "sources":
        yield Settings(place.format, None, place.label, launch.files.unseen)


def _presets(known: Table, launch: Launch) -> Iterator[Settings]:
    image = Image.parse(text(launch.image) or "")
    for preset in known.images:
        if image.is_published(preset.image) and not (preset.unless_file and launch.files.find(preset.unless_file)):
            yield Settings(IMAGE, None, f"the image {preset.image}", preset=preset)


def _version(known: Table, launch: Launch) -> Value | None:
    image = Image.parse(text(launch.image) or "")
    packages = packages_of(launch.files, launch.place) if any(mark.dependency for mark in known.version) else None
    for mark in known.version:
        if mark.image and launch.image and image.is_published(mark.image) and (parsed := Version.parse(image.tag)):
            return Value(parsed, Written(launch.image.span, "image tag"))
        if mark.dependency and packages and (found := packages.version(mark.dependency)):
            return found
        source = file_in(launch.files, mark.file) if mark.file else None
        if source and (match := re.search(mark.match, source.text)) and (parsed := Version.parse(match[1])):
            return Value(parsed, Written(Span(source, match.start(1), match.end(1)), mark.file))
    return None


def _read(known: Table, place: Place, launch: Launch, argv: Sequence | None) -> Iterator[Settings]:
    if place.format in _LINKED:
        return
    if place.elsewhere:
        return
    if _of_the_other_start(known, place, launch):
        yield Settings(place.format, None, place.label)
    elif place.env:
        yield _from_variable(place, launch.env)
    elif place.format == "container":
        yield _of_container(place, launch)
    elif place.format == "packages":
        packages = packages_of(launch.files, launch.place)
        yield Settings("packages", packages.direct if packages else None, place.label, "" if packages else "not seen")
    elif place.files:
        others = {other.format for other in known.read} - {place.format}
        read = _from_files(place, launch, argv, _lines(known, launch, argv), others)
        yield from (settled(found, launch) for found in read) if place.format in _PROGRAMS else read
    elif place.format in LANGUAGES:
        yield from of_sources(known, place.format, place.label, launch)
    elif place.format == "env":
        yield Settings("env", launch.env, place.label)
    else:
        yield Settings(place.format, argv, place.label, "" if argv is not None else launch.argv_unseen)


def _of_container(place: Place, launch: Launch) -> Settings:
    node = launch.stop_signal
    if node is None:
        return Settings("container", None, place.label, launch.signal_unseen)
    name = "stop_signal"
    return Settings("container", Mapping(node.span, (Entry(Scalar(node.span, name, name), node),)), place.label)


def _of_the_other_start(known: Table, place: Place, launch: Launch) -> bool:
    """Servers of Python are started by their own command, or by a call, and each way has its own settings."""
    if not any(other.format == "python_source" for other in known.read):
        return False
    return (place.format == "python_source") != launch.own_code


def _from_variable(place: Place, env: Mapping | None) -> Settings:
    node = env.get(place.env) if env else None
    if node is None:
        return Settings(place.format, None, place.label, env.open if env else "")
    if not isinstance(node, Scalar):
        return Settings(place.format, None, place.label, getattr(node, "reason", "") or "its value is not known")
    if place.format == "json":
        return list(_document("json", place.env, embedded(node)))[-1]
    words = command_lines.split(node)
    if isinstance(words, Unresolved):
        return Settings(place.format, None, place.label, words.reason)
    return Settings(place.format, Sequence(node.span, words), place.label)


def _lines(known: Table, launch: Launch, argv: Sequence | None) -> tuple[Sequence, ...]:
    """All command lines of the product, in rising precedence: those in variables, then its own."""
    held = (_from_variable(place, launch.env).root for place in known.read if place.env and place.format == "argv")
    return tuple(line for line in (*held, argv) if isinstance(line, Sequence))


def _from_files(
    place: Place, launch: Launch, argv: Sequence | None, lines: tuple[Sequence, ...], others: set[str]
) -> Iterator[Settings]:
    patterns = [name for name in place.files if not _FLAG.fullmatch(name)]
    flags = [match[1] for name in place.files if (match := _FLAG.fullmatch(name))]
    given = [node for line in lines for flag in flags for node in command_lines.lookup(line, flag)]
    if given:
        path = text(given[-1])
        if path is None:
            reason = given[-1].reason if isinstance(given[-1], Unresolved) else "its path is not known"
            yield Settings(place.format, None, place.label, reason)
            return
        patterns = [_path(path)]
        if _EXTENSIONS.get(patterns[0].rpartition(".")[2], place.format) in others:
            yield Settings(place.format, None, place.label)
            return
    elif flags and argv is None and launch.argv_unseen:
        yield Settings(place.format, None, place.label, launch.argv_unseen)
        return
    found = _found(place, patterns, launch)
    for name, source in found.items():
        yield from _document(place.format, name.rpartition("/")[2], source)
    if not found:
        label = patterns[0] if given else place.label
        unseen = launch.files.unseen or ("it is not among the files" if given else "")
        if place.at == "sources":
            unseen = "" if launch.files.sources is not None else "the program's sources were not seen"
        broken = [problem for pattern in patterns for _, problem in launch.files.broken(pattern)]
        yield Settings(place.format, None, label, broken[0].message if broken else unseen, problems=tuple(broken))


def _found(place: Place, patterns: list[str], launch: Launch) -> dict[str, Source]:
    """The files of a place: the container's, else, of the program's own, the nearest to their root."""
    found: dict[str, Source] = {}
    if place.at != "sources":
        found = {name: source for pattern in patterns for name, source in launch.files.find(pattern)}
    if place.at == "container":
        # Sources may be in the image too, where the program does not look for its settings.
        return {name: source for name, source in found.items() if "/src/" not in name}
    if not found:
        within = Files(sources=launch.files.sources) if place.at == "sources" else launch.files
        nearest = (file_in(within, name) for pattern in patterns for name in _names(pattern, launch.files.sources))
        found = {source.path: source for source in nearest if source}
    return found


def _names(pattern: str, sources: dict[str, Source] | None) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    return [path for path in sources or () if fnmatchcase(f"/{path}", f"*/{pattern}")] if "/" in pattern else []


def _path(written: str) -> str:
    """The path that a configuration flag names, also as ``file:PATH`` or ``python:package.module``."""
    kind, colon, rest = written.partition(":")
    if colon and kind == "python":
        return rest.replace(".", "/") + ".py"
    return (rest if colon and kind == "file" else written).removeprefix("./")


def _document(form: str, label: str, source: Source) -> Iterator[Settings]:
    try:
        reading = formats.reader(form).read(source)
    except ModuleNotFoundError:
        yield Settings(form, None, label, f"{form} files are not read yet")
        return
    for document in reading.documents:
        yield Settings(form, document.root, label, problems=reading.problems)
    wrong = [problem for problem in reading.problems if problem.kind != "notice"]
    if wrong:
        yield Settings(form, None, label, wrong[0].message, problems=reading.problems)
