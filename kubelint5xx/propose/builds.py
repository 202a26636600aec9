"""Which Dockerfile may build an image that no file joins to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from kubelint5xx.core.node import text
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record
from kubelint5xx.link.containers import Started
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.images import Builds
from kubelint5xx.link.receivers import Receiver
from kubelint5xx.propose.lines import Places, Proposal, names, shared, words

_LISTED = 3
# Words in names that tell nothing of what is built.
_GENERIC = frozenset({
    "app", "apps", "service", "services", "svc", "server", "image", "images", "docker", "build", "src", "source",
    "code", "main", "prod", "production", "latest", "release", "backend", "container", "containers", "cmd",
    "deploy", "demo",
})  # fmt: skip
# Where builds of tests and tools are, that nothing in a path runs.
_ASIDE = pattern(r"(?:^|/)(?:tests?|testdata|e2e|hack|ci|\.?github|\.devcontainer|tools?|scripts|vendor|third_party)/")


@record
class _Use:
    """An image that a server in a path is started from. ``assumed``: why its build is taken to be what it is."""

    image: str
    where: str
    path: str
    build: str = ""
    assumed: str = ""


def image_links(
    made: Iterable[tuple[Receiver, Started]], builds: Builds, workloads: Collection[str], places: Places
) -> Iterator[tuple[str, Proposal]]:
    """With its image, a line for each whose build is assumed, and for each that has none and may have one of those that
    are left. ``workloads``: the files of all workloads; a Dockerfile belongs to those that it is nearest to."""
    uses = _uses(made, places)
    taken = {use.build for use in uses if use.build}
    left = [path for path in builds.dockerfiles if path not in taken and not _ASIDE.search(path)]
    unbuilt = [use for use in uses if not use.build]
    nearest = {path: max((shared(path, one) for one in workloads), default=0) for path in left if unbuilt}
    made_of = Counter(use.build for use in uses)
    for use in uses:
        if use.assumed:
            # One Dockerfile does not build all of them, and nothing tells which it does.
            if made_of[use.build] > 1:
                continue
            reason = f"{use.where} uses this image. Assumed so far: {use.assumed}."
            yield _link(use.image, use.build, builds, places, reason)
        elif not use.build:
            near = [path for path in left if shared(path, use.path) >= nearest[path]]
            yield from _unbuilt(use, unbuilt, near, builds, places)


def _unbuilt(
    use: _Use, others: list[_Use], left: list[str], builds: Builds, places: Places
) -> Iterator[tuple[str, Proposal]]:
    several = builds.may_make(use.image)
    if len(several) > 1:
        reason = f"{use.where} uses this image, and several builds may make it. Keep the one that does:"
        for count, path in enumerate(several[:_LISTED]):
            yield _link(use.image, path, builds, places, "" if count else reason)
        return
    alike = _most_alike(use.image, left)
    if len(alike) == 1:
        rivals = [other for other in others if other is not use and _most_alike(other.image, left) == alike]
        if not rivals:
            reason = f"{use.where} uses this image, and {alike[0]} has a name like it."
            yield _link(use.image, alike[0], builds, places, reason)
    elif len(left) == 1 and len(others) == 1:
        reason = f"{use.where} uses this image, and {left[0]} is the only Dockerfile that builds no other one here."
        yield _link(use.image, left[0], builds, places, reason)


def _uses(made: Iterable[tuple[Receiver, Started]], places: Places) -> list[_Use]:
    found: dict[str, _Use] = {}
    for receiver, started in made:
        container = receiver.container
        written = text(container.node.get("image")) or ""
        name = ImageName.parse(written)
        if not name.repository or name.published or name.product or container.helper or written.startswith("ko://"):
            continue
        base = started.launch.image
        built = bool(started.joins) and base is not None
        path = base.span.path if built and base is not None else ""
        assumed = next((join.said for join in started.joins if join.assumed), "")
        where = f"{container.workload.owner.title}{places.at(container.place)}"
        use = _Use(name.repository, where, container.place.path, path, assumed)
        found.setdefault(name.repository, use)
    return list(found.values())


def _most_alike(image: str, paths: Iterable[str]) -> list[str]:
    """The Dockerfiles whose directories share most words with the image's name, if any does."""
    wanted = words(image.rpartition("/")[2], _GENERIC)
    scores = {path: len(wanted & words(path.rpartition("/")[0], _GENERIC)) for path in paths}
    best = max(scores.values(), default=0)
    return [path for path, score in scores.items() if score == best and best]


def _link(image: str, dockerfile: str, builds: Builds, places: Places, reason: str) -> tuple[str, Proposal]:
    folder, _, name = dockerfile.rpartition("/")
    main = dockerfile in builds.dockerfiles and name in ("Dockerfile", "Containerfile")
    build = places.path(folder if main else dockerfile)
    return image, Proposal((f"- {names({'image': image, 'build': build})}",), reason)
