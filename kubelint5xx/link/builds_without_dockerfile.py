"""Images that Jib and ko build of a program itself, as the stage that a Dockerfile would come to.

Jib starts ``java`` as the first process, on a base with a Java runtime and nothing of the program's (docs/faq.md and
jib-maven-plugin/README.md of GoogleContainerTools/jib); before its version 3 that base was without a shell. ko starts
the program of an import path on cgr.dev/chainguard/static (https://ko.build/configuration/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubelint5xx.core.node import UNKNOWN, Mapping, Node, Scalar, Sequence, Unresolved, child, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Version
from kubelint5xx.formats import reader
from kubelint5xx.formats.dockerfile import Stage

Load = Callable[[str], Source | Problem | None]

_PROPERTY = pattern(r"\$\{([^}]*)\}")
_GRADLE_NAME = pattern(r"\$\{?(?:rootProject|project)\.name\}?")
_MODULE = pattern(r"(?m)^module\s+\"?([^\s\"]+)\"?\s*$")
_JIB_PLUGIN, _JIB_MAVEN = "com.google.cloud.tools.jib", "jib-maven-plugin"


@record
class Built:
    """What a build tool makes without a Dockerfile: the names of the image, and what is in it.

    ``source`` is the file that says so, ``directory`` the program's.
    """

    images: tuple[str, ...]
    stage: Stage
    source: Source
    directory: str
    place: Span


def jib_builds(source: Source, load: Load) -> Iterator[Built]:
    """The images that the build file of a project makes by Jib: its own, or those of the modules that it lists."""
    if "jib" not in source.text:
        return
    if source.path.endswith(".xml"):
        yield from _maven(source, load)
    else:
        yield from _gradle(source)


def jib_build(directory: str, load: Load) -> Built | None:
    """What Jib makes of the project in ``directory``, whatever the image is called."""
    for name in ("pom.xml", "build.gradle", "build.gradle.kts"):
        source = load(f"{directory}/{name}" if directory else name)
        if isinstance(source, Source):
            found = next(iter(jib_builds(source, load)), None)
            whole = Span(source, 0, len(source.text)).first_line()
            return found or Built((), _java(None, None, (), whole, None), source, directory, whole)
    return None


def _maven(source: Source, load: Load) -> Iterator[Built]:
    for document in reader("xml").read(source).documents:
        project = child(document.root, "project")
        plugin = next((one for one in _plugins(project) if _value(one, "artifactId") == _JIB_MAVEN), None)
        image = child(plugin, "configuration", "to", "image", "#text")
        if plugin is None or not isinstance(image, Scalar):
            continue
        configuration = child(plugin, "configuration")
        folder = source.path.rpartition("/")[0]
        container = child(configuration, "container")
        version = Version.parse(_value(plugin, "version") or "")
        custom = child(container, "entrypoint")
        stage = _java(
            child(configuration, "from", "image", "#text"),
            version,
            _listed(child(container, "jvmFlags"), "jvmFlag"),
            image.span,
            custom,
        )
        properties = child(project, "properties")
        modules = [name for node in _every(child(project, "modules"), "module") if (name := text(child(node, "#text")))]
        for directory, own in _projects(folder, modules, project, load):
            name = _with_properties(text(image) or "", own, properties)
            yield Built((name,), stage, source, directory, image.span)


def _projects(folder: str, modules: list[str], project: Node | None, load: Load) -> Iterator[tuple[str, str]]:
    """The directories and names of the project, or of its modules."""
    if not modules:
        yield folder, _value(project, "artifactId") or ""
    for module in modules[:100]:
        directory = f"{folder}/{module}".strip("/")
        source = load(f"{directory}/pom.xml")
        if isinstance(source, Source):
            for document in reader("xml").read(source).documents:
                yield directory, _value(child(document.root, "project"), "artifactId") or ""


def _with_properties(image: str, name: str, properties: Node | None) -> str:
    def value(written: str) -> str:
        if written in ("project.artifactId", "artifactId", "project.name"):
            return name
        own = text(child(properties, written, "#text"))
        return own if own and "$" not in own else UNKNOWN

    return _PROPERTY.sub(lambda match: value(match[1]), image)


def _plugins(project: Node | None) -> Iterator[Node]:
    for path in (("build", "plugins"), ("build", "pluginManagement", "plugins")):
        yield from _every(child(project, *path), "plugin")
    for profile in _every(child(project, "profiles"), "profile"):
        yield from _every(child(profile, "build", "plugins"), "plugin")


def _every(parent: Node | None, tag: str) -> list[Node]:
    return list(parent.every(tag)) if isinstance(parent, Mapping) else []


def _value(element: Node | None, tag: str) -> str | None:
    return text(child(element, tag, "#text"))


def _listed(parent: Node | None, tag: str) -> tuple[Node, ...]:
    return tuple(found for one in _every(parent, tag) if (found := child(one, "#text")) is not None)


def _gradle(source: Source) -> Iterator[Built]:
    for document in reader("gradle").read(source).documents:
        found = document.root if isinstance(document.root, Mapping) else None
        if found is None:
            continue
        image = _called(found, "to", "image")
        if image is None:
            continue
        folder = source.path.rpartition("/")[0]
        name = _GRADLE_NAME.sub(folder.rpartition("/")[2] or UNKNOWN, text(image) or image.span.text.strip("\"'"))
        version = None
        for words in found.every("plugins/id"):
            given = [text(word) or "" for word in items(words)]
            if given[:1] == [_JIB_PLUGIN]:
                version = Version.parse(given[-1])
        flags = [word for words in found.every("jib/container/jvmFlags") for word in items(words)]
        custom = _called(found, "container", "entrypoint")
        stage = _java(_called(found, "from", "image"), version, tuple(flags), image.span, custom)
        name = _PROPERTY.sub(UNKNOWN, name)
        yield Built((name,), stage, source, folder, image.span)


def _called(root: Mapping, block: str, name: str) -> Node | None:
    for key in (f"jib/{block}/{name}", f"jib/{block}.{name}", f"jib.{block}.{name}", f"jib.{block}/{name}"):
        words = items(root.get(key))
        if words:
            return words[0]
    return None


def _java(
    base: Node | None, version: Version | None, flags: tuple[Node, ...], place: Span, custom: Node | None
) -> Stage:
    if base is None:
        name = "gcr.io/distroless/java" if version is not None and version.parts[0] < 3 else "eclipse-temurin"
        base = Scalar(place, name, name)
    if custom is not None:
        return Stage(base, Unresolved(custom.span, "Jib is given an entry point"))
    started = ("-cp", "@/app/jib-classpath-file", "@/app/jib-main-class-file")
    words = (Scalar(place, "java", "java"), *flags, *(Scalar(place, word, word) for word in started))
    command = Sequence(Span(place.source, 0, len(place.source.text)), words)
    return Stage(base, command, entrypoint=command)


def ko_build(path: str, load: Load, folders: Iterable[str]) -> Built | None:
    """What ko makes of an import path: the program in the module of the tree that has it."""
    for folder in folders:
        source = load(f"{folder}/go.mod" if folder else "go.mod")
        module = _MODULE.search(source.text) if isinstance(source, Source) else None
        if not isinstance(source, Source) or not module or not f"{path}/".startswith(f"{module[1]}/"):
            continue
        place = Span(source, module.start(1), module.end(1))
        return Built((), _go(path.rpartition("/")[2], place, load), source, folder, place)
    return None


def ko_program(directory: str, load: Load) -> Built | None:
    """What ko makes of the program in a directory, whatever the image is called."""
    folder = directory
    while True:
        source = load(f"{folder}/go.mod" if folder else "go.mod")
        if isinstance(source, Source):
            place = Span(source, 0, len(source.text)).first_line()
            return Built((), _go(directory.rpartition("/")[2] or "app", place, load), source, folder, place)
        if not folder:
            return None
        folder = folder.rpartition("/")[0]


def _go(name: str, place: Span, load: Load) -> Stage:
    base: Node = Scalar(place, "cgr.dev/chainguard/static", "cgr.dev/chainguard/static")
    for path in (".ko.yaml", f"{place.path.rpartition('/')[0]}/.ko.yaml"):
        source = load(path)
        if isinstance(source, Source):
            for document in reader("yaml").read(source).documents:
                overridden = child(document.root, "baseImageOverrides")
                own = child(document.root, "defaultBaseImage")
                if overridden is not None:
                    base = Unresolved(overridden.span, "ko is given several base images")
                elif own is not None:
                    base = own
    program = f"/ko-app/{name}"
    command = Sequence(Span(place.source, 0, len(place.source.text)), (Scalar(place, program, program),))
    return Stage(base, command, entrypoint=command)
