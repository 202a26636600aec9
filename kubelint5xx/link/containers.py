"""How a container starts: what its manifest says over what its image brings along."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Mapped
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.node import (
    Entry,
    Mapping,
    Node,
    Reference,
    Scalar,
    Sequence,
    Unresolved,
    child,
    entries,
    items,
    text,
)
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Join, Value, Written
from kubelint5xx.hops.detect import program_of, server_commands
from kubelint5xx.hops.first_process import first_process
from kubelint5xx.hops.launch import Files, Launch
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.images import Builds
from kubelint5xx.link.mounted_files import with_mounts
from kubelint5xx.link.scopes import Scope
from kubelint5xx.link.workloads import Container, Workload

if TYPE_CHECKING:
    from kubelint5xx.link.build_context import BuildContext

_VARIABLE = pattern(r"\$(\$|\(([A-Za-z_][\w.-]*)\))")
_MAX_EXPANDED = 100_000
# Published images whose stop signal no table tells.
_OTHER_SIGNALS = ("openresty", "varnish", "envoy", "traefik", "caddy", "wildfly")
_SIGNALS = {"3": "SIGQUIT", "10": "SIGUSR1", "15": "SIGTERM", "28": "SIGWINCH"}
_CHANGES_SH = pattern(r"\b(?:ln|mv|cp)\s[^&|;]*\s/bin/sh(?:\s|$)|\bdash/sh\b|dpkg-reconfigure\b.*\bdash\b")


@record
class Started:
    """A container's launch, what its pod is told of the image and of the first process, and the joins that this rests
    on."""

    launch: Launch
    values: Mapped[str, Value]
    joins: tuple[Join, ...] = ()


def start_of(
    container: Container,
    port: int | None,
    scope: Scope,
    builds: Builds,
    config: Config,
    used: Mapped[str, frozenset[str]],
    alone: bool = False,
) -> Started:
    """What is known about the start of ``container``, of which requests come to ``port``. ``used``: what
    ``unpublished`` gives for its scope; ``alone``: no other manifest uses any other such image."""
    image = container.node.get("image")
    written = text(image) or ""
    place = image.span if image is not None else container.place
    beside = used.get(container.workload.owner.path.rpartition("/")[0], frozenset())
    build = builds.context_of(written, container.place.path, beside, place, alone) if written else None
    env = _environment(container, scope, build)
    argv, argv_unseen = _argv(container, env, ImageName.parse(written), build)
    if argv is None and argv_unseen and build is None:
        argv_unseen += builds.advice(written)
    launch = Launch(
        name=container.title,
        place=container.place,
        image=build.stage.base if build else image,
        argv=argv,
        argv_unseen=argv_unseen,
        env=env,
        files=with_mounts(_image_files(written, container, build, builds), container, scope),
        port=port,
        annotations=container.workload.annotations,
        declared=config.at(container.place.path).server_of(container.workload.owner.title),
        stop_signal=_stop_signal(container, build),
        signal_unseen=_signal_unseen(written, container, build),
    )
    shell = _shell(image, container, build)
    passes, first = first_process(launch, server_commands(), _sh(image, container, build), shell)
    if passes.data is False and container.workload.shares_processes:
        passes = Value.unknown("the pod's containers share one namespace of processes", passes.place)
    values = {"shell": shell, "passes_signals": passes, "first_process": first}
    return Started(launch, values, (build.join,) if build else ())


def unpublished(workloads: Iterable[Workload]) -> dict[str, frozenset[str]]:
    """For each directory the repositories of the images there which are no products that others publish."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for workload in workloads:
        for container in workload.containers():
            name = ImageName.parse(text(container.node.get("image")) or "")
            if name.repository and not name.product and not container.helper:
                found[workload.owner.path.rpartition("/")[0]].add(name.repository)
    return {folder: frozenset(names) for folder, names in found.items()}


def _image_files(image: str, container: Container, build: BuildContext | None, builds: Builds) -> Files:
    patched = "".join(container.workload.unseen)
    if build:
        files = builds.files_of(build)
        return Files(files.seen, files.unseen or patched, files.sources, files.unread)
    if image and ImageName.parse(image).published:
        return Files(unseen=patched)
    return Files(unseen=f"the image {image} was built elsewhere" if image else "its image is not known")


def _environment(container: Container, scope: Scope, build: BuildContext | None) -> Mapping:
    """The container's variables, later ones winning; open where some come from what is not here."""
    found: dict[str, Entry] = {}
    unseen: list[str] = list(container.workload.unseen)
    for variable, own in (build.stage.env if build else {}).items():
        found[variable] = Entry(Scalar(own.span, variable, variable), own)
    for group in items(container.node.get("envFrom")):
        for one in _from_group(group, container, scope):
            if isinstance(one, str):
                unseen.append(one)
            else:
                found[str(one.key.value)] = one
    for item in items(container.node.get("env")):
        key = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(key, Scalar) or (name := text(key)) is None:
            if isinstance(item, Unresolved):
                unseen.append(item.reason)
            continue
        value = _variable(item, key, container, scope)
        if value is not None:
            if value is item.get("value"):
                # What comes from elsewhere is taken as it is.
                value = expand(value, {name: entry.value for name, entry in found.items()}, "; ".join(unseen))
            found[name] = Entry(Scalar(key.span, name, name), value)
    for key_name in ("env", "envFrom"):
        if isinstance(given := container.node.get(key_name), Unresolved):
            unseen.append(given.reason)
    if container.node.open:
        unseen.append(container.node.open)
    place = given.span if (given := container.node.get("env")) else container.place
    return Mapping(place, tuple(found.values()), "; ".join(dict.fromkeys(unseen)))


def _from_group(group: Node, container: Container, scope: Scope) -> Iterator[Entry | str]:
    prefix = text(child(group, "prefix")) or ""
    secret = child(group, "secretRef")
    if isinstance(group, Unresolved):
        yield group.reason
    elif secret is not None:
        yield f"variables come from Secret {text(child(secret, 'name')) or 'of an unknown name'}"
    elif (given := child(group, "configMapRef")) is not None:
        name = child(given, "name")
        use = name.span if name else given.span
        yield from _from_config_map(text(name), use, prefix, container, scope)


def _from_config_map(
    name: str | None, use: Span, prefix: str, container: Container, scope: Scope
) -> Iterator[Entry | str]:
    found = scope.find("ConfigMap", container.workload.owner.namespace, name) if name else None
    data = found.at("data") if found else None
    if found is None or isinstance(data, Unresolved):
        yield f"variables come from ConfigMap {name or 'of an unknown name'}, which is not among the files"
        return
    if found.patched_by:
        yield f"overlay {found.patched_by} was not built"
    for entry in entries(data):
        name = prefix + str(entry.key.value)
        yield Entry(Scalar(entry.key.span, name, name), _through(entry.value, use))


def _variable(item: Mapping, key: Scalar, container: Container, scope: Scope) -> Node | None:
    value, source = item.get("value"), item.get("valueFrom")
    if value is not None or source is None:
        return value if value is not None else Scalar(key.span, "", "")
    reference = child(source, "configMapKeyRef")
    if isinstance(reference, Mapping):
        name, wanted = text(reference.get("name")), text(reference.get("key"))
        found = scope.find("ConfigMap", container.workload.owner.namespace, name) if name else None
        data = found.at("data", wanted) if found and wanted else None
        if data is not None:
            return _through(data, reference.span.first_line())
        if found and not found.patched_by and text(reference.get("optional")) == "true":
            return None
        return Unresolved(key.span, f"ConfigMap {name}, key {wanted}, is not among the files")
    if isinstance(source, Unresolved):
        return source
    for kind, said in (("secretKeyRef", "comes from a Secret"), ("fieldRef", "is a field of the pod")):
        if child(source, kind) is not None:
            return Unresolved(key.span, f"{text(key)} {said}")
    return Unresolved(key.span, f"{text(key)} is known only in the cluster")


def _through(node: Node, use: Span) -> Node:
    if isinstance(node, Scalar):
        return Scalar(node.span, node.value, node.raw, node.quoted, (use, *node.via))
    if isinstance(node, Unresolved):
        return Unresolved(node.span, node.reason, (use, *node.via))
    return node


def _argv(
    container: Container, env: Mapping, image: ImageName, build: BuildContext | None
) -> tuple[Sequence | None, str]:
    """The whole command line, by Kubernetes's rules, or why it is not known."""
    command, args = _words(container.node.get("command")), _words(container.node.get("args"))
    for given in (command, args):
        if isinstance(given, Unresolved):
            return None, given.reason
    if isinstance(command, Sequence):
        return _expanded((*command.items, *items(args)), command.span, env), ""
    if build:
        return _of_build(args, build, env)
    if isinstance(args, Sequence):
        first = text(args.items[0]) or "-"
        if program := program_of(text(container.node.get("image")) or "", first):
            return _expanded((Scalar(args.span, program, program), *args.items), args.span, env), ""
        # Entry points of published images run their arguments unless these are options.
        if image.published and not first.startswith("-"):
            return _expanded(args.items, args.span, env), ""
        return None, f"the entry point of the image {image.name} is not known"
    if image.published:
        return None, "; ".join(container.workload.unseen)
    return None, f"the image {image.name or 'is not known and'} was built elsewhere"


def _of_build(args: Node | None, build: BuildContext, env: Mapping) -> tuple[Sequence | None, str]:
    stage = build.stage
    if isinstance(stage.argv, Unresolved):
        return None, stage.argv.reason
    if not isinstance(args, Sequence):
        if stage.argv is not None:
            return stage.argv, ""
        if build.base and build.base.published:
            return None, ""
        return None, f"the command of the base image {text(stage.base) or ''} is not known"
    if stage.entrypoint is not None and items(stage.entrypoint):
        start = items(stage.entrypoint)
        shell_form = start[-1].span == stage.entrypoint.span
        words = start if shell_form else (*start, *args.items)
        return _expanded(words, args.span, env), ""
    if build.base and (build.base.published or build.base.shell is False):
        return _expanded(args.items, args.span, env), ""
    return None, f"the entry point of the base image {text(stage.base) or ''} is not known"


def _words(node: Node | None) -> Sequence | Unresolved | None:
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return None
    if isinstance(node, Sequence):
        return node if node.items else None
    return node if isinstance(node, Unresolved) else Unresolved(node.span, "the command is not a list of words")


def _expanded(words: Iterable[Node], span: Span, env: Mapping) -> Sequence:
    known = {str(entry.key.value): entry.value for entry in env.entries}
    return Sequence(span, tuple(expand(word, known, env.open) for word in words))


def expand(word: Node, env: dict[str, Node], unseen: str) -> Node:
    """``$(NAME)`` replaced as the kubelet does: what is not defined stays; ``$$`` stands for one dollar."""
    if not isinstance(word, Scalar) or not isinstance(word.value, str) or "$" not in word.value:
        return word
    whole = _VARIABLE.fullmatch(word.value)
    if whole and whole[2] and isinstance(value := env.get(whole[2]), Scalar):
        return Scalar(value.span, value.value, value.raw, value.quoted, (word.span, *value.via))
    via: list[Span] = []
    unknown = ""

    def replaced(match: re.Match[str]) -> str:
        nonlocal unknown
        if match[1] == "$":
            return "$"
        value = env.get(match[2])
        written = text(value)
        if written is not None and isinstance(value, Scalar):
            via.append(value.span)
            return written
        if isinstance(value, (Unresolved, Reference)):
            unknown = value.reason if isinstance(value, Unresolved) else f"it is set from {value.address}"
        elif value is None and unseen:
            unknown = f"$({match[2]}) may be set: {unseen}"
        return match[0]

    result = _VARIABLE.sub(replaced, word.value)
    if unknown or len(result) > _MAX_EXPANDED:
        return Unresolved(word.span, unknown or "it is too long", word.via)
    return Scalar(word.span, result, result, word.quoted, (*word.via, *via)) if result != word.value else word


def _stop_signal(container: Container, build: BuildContext | None) -> Node | None:
    """The signal that the manifest, or else the build, gives; by its whole name, however it is written."""
    given = child(container.node.get("lifecycle"), "stopSignal") or (build.stage.stopsignal if build else None)
    if not isinstance(given, Scalar):
        return given
    written = (text(given) or "").strip().upper()
    name = _SIGNALS.get(written) or (written if written.startswith("SIG") else f"SIG{written}")
    return Scalar(given.span, name, given.raw, given.quoted, given.via)


def _signal_unseen(image: str, container: Container, build: BuildContext | None) -> str:
    base = build.base if build else ImageName.parse(image) if image else None
    if base is None or not base.published or base.name in _OTHER_SIGNALS:
        return f"the image {base.repository if base else 'is not known and'} may name another"
    return "".join(container.workload.unseen)


def _sh(image: Node | None, container: Container, build: BuildContext | None) -> Value:
    """What ``sh`` is in the image, by its own name or by that of the base that its Dockerfile ends in."""
    if build and any(_CHANGES_SH.search(text(run) or "") for run in build.stage.runs):
        return Value.unknown("its Dockerfile puts another shell in the place of sh", build.stage.base.span)
    for node in (image, build.stage.base if build else None):
        if node is not None and (sh := ImageName.parse(text(node) or "").sh):
            return Value(sh, Written(node.span, "image"))
    return Value.unknown("which shell the image holds is not known", image.span if image else container.place)


def _shell(image: Node | None, container: Container, build: BuildContext | None) -> Value:
    """Whether there is a shell in the image: by its own name, or by the base that its Dockerfile ends in."""
    written = text(image)
    if image is None or written is None:
        return Value.unknown("the image is not known", image.span if image else container.place)
    named = ImageName.parse(written).shell
    if named is None and build:
        base = build.base
        if base is not None and base.shell is not None:
            return Value(base.shell, Written(build.stage.base.span, "FROM"))
        return Value.unknown("what the base image holds is not known", build.stage.base.span)
    if named is None:
        return Value.unknown(f"what the image {written} holds is not known", image.span)
    return Value(named, Written(image.span, "image"))
