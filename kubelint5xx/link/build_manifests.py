"""Files that declare how images are built: Skaffold's, Compose's and Docker Bake's.

Skaffold: an artifact's ``context`` is its directory from the file's, ``docker.dockerfile`` a path in that; the first
versions called them ``workspace``, ``dockerfilePath`` and the image ``imageName`` (pkg/skaffold/schema of
GoogleContainerTools/skaffold). Compose: https://docs.docker.com/reference/compose-file/build/. Bake:
https://docs.docker.com/build/bake/reference/.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Mapped

from kubelint5xx.core.node import Entry, Mapping, Node, Scalar, Unresolved, child, entries, items, text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import reader
from kubelint5xx.link.build_commands import given_elsewhere, resolved
from kubelint5xx.link.said_builds import Said, written

_BUILDERS = ("docker", "kaniko")
_TEMPLATE = pattern(r"\$|\{\{")


def builds_in_manifest(source: Source) -> Iterator[Said]:
    """The builds that a Skaffold, Compose or Bake file declares."""
    name = source.path.rpartition("/")[2].lower()
    folder = source.path.rpartition("/")[0]
    syntax = name.rpartition(".")[2]
    for document in reader("yaml" if syntax == "yml" else syntax).read(source).documents:
        if name.startswith("skaffold"):
            yield from _skaffold(document.root, folder)
        elif "bake" in name and syntax != "yaml" and syntax != "yml":
            yield from _bake(document.root, folder)
        else:
            yield from _compose(document.root, folder)


def _skaffold(root: Node, folder: str) -> Iterator[Said]:
    """The artifacts of a configuration, and those that only a profile builds."""
    known: set[str] = set()
    for place in (root, *items(child(root, "profiles"))):
        named = set(known)
        for artifact in items(child(place, "build", "artifacts")):
            said = _artifact(artifact, folder)
            if said is not None and said.images[0] not in named:
                known.add(said.images[0])
                yield said


def _artifact(artifact: Node, folder: str) -> Said | None:
    image = child(artifact, "image") or child(artifact, "imageName")
    if not isinstance(image, Scalar) or not text(image):
        return None
    context = written(child(artifact, "context") or child(artifact, "workspace")) or "."
    builder = next((found for key in _BUILDERS if (found := child(artifact, key)) is not None), None)
    file = written(child(builder, "dockerfile") or child(builder, "dockerfilePath"))
    file = file or written(child(artifact, "dockerfilePath"))
    file = file or written(child(artifact, "custom", "dependencies", "dockerfile", "path"))
    said = Said((text(image) or "",), folder, context, file, image.span, beside_context=True, tool="Skaffold")
    arguments = _arguments(child(builder, "buildArgs"))
    other = next((key for key in ("jib", "ko") if isinstance(artifact, Mapping) and artifact.entry(key)), "")
    inner = written(child(artifact, "ko", "main") or child(artifact, "jib", "project")).strip(":").replace(":", "/")
    if other:
        said = replace(said, builder=other, context=f"{context}/{inner}" if inner else context)
    return replace(said, target=written(child(builder, "target")), arguments=arguments)


def _compose(root: Node, folder: str) -> Iterator[Said]:
    for service in entries(child(root, "services")):
        build, image = child(service.value, "build"), child(service.value, "image")
        if build is None or child(build, "dockerfile_inline") is not None:
            continue
        context = resolved(written(build) or written(child(build, "context")), {}) or "."
        # Without a name of its own the image is called by the project and the service.
        name = resolved(written(image), {}) if image is not None else str(service.key.value)
        place = (image or service.key).span
        said = Said((name,), folder, context, resolved(written(child(build, "dockerfile")), {}), place)
        yield replace(
            said,
            target=resolved(written(child(build, "target")), {}),
            arguments=_arguments(child(build, "args")),
            beside_context=True,
            sure=image is not None,
            tool="Compose",
        )


def _arguments(node: Node | None) -> Mapped[str, Node]:
    """Build arguments, as a mapping or as a list of ``NAME=value``."""
    found: dict[str, Node] = {}
    for entry in entries(node):
        name, value = str(entry.key.value), text(entry.value)
        known = value is not None and not _TEMPLATE.search(value)
        found[name] = entry.value if known else given_elsewhere(name, entry.key.span)
    for item in items(node):
        name, equals, value = (text(item) or "").partition("=")
        known = bool(equals) and not _TEMPLATE.search(value)
        found[name] = Scalar(item.span, value, value) if known else given_elsewhere(name, item.span)
    return found


def _bake(root: Node, folder: str) -> Iterator[Said]:
    variables = {
        str(entry.key.value): value
        for entry in _blocks(root, "variable")
        if (value := text(child(entry.value, "default")))
    }
    targets = {str(entry.key.value): entry for entry in _blocks(root, "target")}
    for entry in targets.values():
        tags = child(entry.value, "tags")
        names: list[tuple[str, Span]] = []
        for item in items(tags):
            name = written(item)
            if isinstance(item, Unresolved) and not item.span.text.startswith('"'):
                name = f"${{{name}}}"
            names.append((resolved(name, variables), item.span))

        def inherited(key: str, entry: Entry = entry) -> Node | None:
            return _inherited(entry.value, key, targets, 0)

        if names and inherited("dockerfile-inline") is None:
            yield Said(
                tuple(name for name, _ in names),
                folder,
                resolved(written(inherited("context")), variables) or ".",
                resolved(written(inherited("dockerfile")), variables),
                names[0][1],
                resolved(written(inherited("target")), variables),
                _arguments(inherited("args")),
                beside_context=True,
                tool="Bake",
            )


def _blocks(root: Node, kind: str) -> Iterator[Entry]:
    """The blocks of a kind by their labels, or in JSON the entries of an object."""
    for found in root.every(kind) if isinstance(root, Mapping) else ():
        yield from entries(found)


def _inherited(target: Node, key: str, targets: Mapped[str, Entry], depth: int) -> Node | None:
    own = child(target, key)
    if own is not None or depth > 8:
        return own
    for name in reversed(items(child(target, "inherits"))):
        parent = targets.get(text(name) or "")
        found = _inherited(parent.value, key, targets, depth + 1) if parent else None
        if found is not None:
            return found
    return None
