"""The first configuration of a tree, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from kubelint5xx.config import BUDGETS, Config
from kubelint5xx.core.node import text
from kubelint5xx.core.record import record
from kubelint5xx.core.source import Span
from kubelint5xx.core.tree import Rendered, Tree
from kubelint5xx.core.value import in_words
from kubelint5xx.inputs import included, read_inputs
from kubelint5xx.link.assemble import Linked, linked
from kubelint5xx.link.image_names import ImageName
from kubelint5xx.link.images import Builds
from kubelint5xx.propose.builds import image_links
from kubelint5xx.propose.clusters import cluster_links, untold
from kubelint5xx.propose.environments import environments
from kubelint5xx.propose.lines import Places, Proposal, Section, document, scalar, writable
from kubelint5xx.propose.targets import service_links, target_groups_elsewhere

_LISTED = 20
_HEADER = """\
Configuration of kubelint5xx. Every key is optional, and none is in use yet. A line that starts with one "#" and one \
space explains. All others are settings, proposed from what the files leave open: where one is true, take its "#" \
away, and that of the key above it.
Paths are relative to this file. `kubelint5xx path` shows what is joined; `kubelint5xx schema config` prints a schema \
for editors."""
_LINKS = "links: what belongs together, where no file says so for certain."
_SERVERS = (
    "servers: what runs in a workload, where no file tells. Write one of the names that `kubelint5xx servers` lists, "
    "with its version: node@20."
)
_ENVIRONMENTS = (
    "environments: what differs between the places that these files are deployed to. Each of them is checked by "
    "itself, and a finding says where it holds."
)
_ASSUME = "assume: what another repository sets. What is not stated of it stays unknown."
_CLUSTER = "cluster: what no file tells of it. Write the kubernetes_version that runs."
_COMPLETE = (
    "complete: sets that hold nothing but what these files show. Only of such a set is it certain that something is "
    "missing in it; findings over the others have low confidence. node-groups, lifecycle-hooks, termination-handlers."
)
_BUDGETS = "budgets: how long things take to spread, by your measurements. These are the defaults."
_FOOTER = (
    "Other keys:",
    'exclude, include: files that are left out, or the only ones that are read: exclude: ["archive/*"]',
    "select, ignore: the only rules or groups that count, or those that do not: ignore: [no-drain-delay]",
    'per-path-ignore: rules that do not count in some files: per-path-ignore: { "legacy/*": [drain] }',
    "severity: of a rule's findings, instead of its own: severity: { server-closes-first: warning }",
    'volatile, stable: node groups that come and go, or do not, whatever their names say: volatile: ["*-nightly"]',
    "terraform, helm, kustomize: var-files, charts and overlays as in an environment, where they hold everywhere",
    "rules: folders with rules of your own",
)


@record
class Draft:
    """A configuration's text, and how many settings of each key are proposed in it."""

    text: str
    counts: dict[str, int]


def draft(tree: Tree, config: Config, base: str = "") -> Draft:
    """What would settle the open questions of ``tree``, for a file in the directory ``base`` of it. Under ``config``,
    which holds already. All of it is commented out, so that it changes no verdict; the same tree gives the same text.
    """
    inputs = read_inputs(tree, config)
    builds = Builds.of_tree(tree, config)
    found = linked(inputs.documents, inputs.modules, builds, config)
    made = found.receivers.made() if found.receivers is not None else []
    places = Places(base, partial(tree.locate, sure=False) if isinstance(tree, Rendered) else Span.in_file)
    paths = [path for path in tree.paths() if included(path, config)]
    hidden = tree.hidden() if isinstance(tree, Rendered) else ()
    files = sorted(path for path in {*paths, *hidden} if "<" not in path)
    # A build tells which server it is.
    images = list(image_links(made, builds, _workloads(found), places))
    settled = frozenset(image for image, _ in images)
    links = [*(proposal for _, proposal in images), *service_links(found, places), *cluster_links(found, places)]
    sections = [
        _section("links", _LINKS, links),
        _section("servers", _SERVERS, _servers(found, settled, places), _LISTED),
        _section("environments", _ENVIRONMENTS, [] if config.environments else environments(files, places)),
        _section("assume", _ASSUME, _elsewhere(found, places)),
        _section("cluster", _CLUSTER, [Proposal(('  kubernetes_version: "1.33"',))] if untold(found) else []),
        _section("complete", _COMPLETE, _complete(found, config)),
        _section("budgets", _BUDGETS, [Proposal(tuple(_budget(name, config) for name in BUDGETS))]),
    ]
    kept = [section for section in sections if section.proposals]
    counts = {one.key: len(one.proposals) for one in kept if one.key not in ("budgets", "complete")}
    others = [section.about for section in sections if not section.proposals]
    return Draft(document(_HEADER, kept, [_FOOTER[0], *others, *_FOOTER[1:]]), counts)


def _section(key: str, about: str, proposals: Iterable[Proposal], listed: int = 60) -> Section:
    unique = {one.lines: one for one in reversed([one for one in proposals if writable(one)])}
    every = tuple(reversed(unique.values()))
    left = len(every) - listed
    return Section(key, about, every[:listed], f"… and {left} more" if left > 0 else "")


def _workloads(found: Linked) -> frozenset[str]:
    if found.receivers is None:
        return frozenset()
    return frozenset(one.owner.path for scope in found.scopes for one in found.receivers.workloads(scope))


def _servers(found: Linked, settled: frozenset[str], places: Places) -> Iterator[Proposal]:
    """The workloads on a path whose server is not known, unless their images are ``settled``."""
    reached = {edge.receiver.place for edge in found.edges}
    made = found.receivers.made() if found.receivers is not None else []
    for receiver, started in made:
        owner = receiver.container.workload.owner
        image = ImageName.parse(text(receiver.container.node.get("image")) or "").repository
        known = receiver.hop.product or started.launch.declared is not None or image in settled
        if not known and receiver.hop.place in reached:
            reason = f"{receiver.hop.name}{places.at(receiver.container.place)}:"
            yield Proposal((f"  {scalar(owner.title)}: NAME@VERSION",), reason)


def _elsewhere(found: Linked, places: Places) -> Iterator[Proposal]:
    for count, one in enumerate(target_groups_elsewhere(found, places)):
        yield one if count else Proposal(("  target_groups:", *one.lines), one.reason)


def _complete(found: Linked, config: Config) -> list[Proposal]:
    if not found.model.memberships or config.complete:
        return []
    return [Proposal(("  - node-groups", "  - lifecycle-hooks", "  - termination-handlers"))]


def _budget(name: str, config: Config) -> str:
    return f"  {name}: {in_words(config.budget(name).data).replace(' ', '')}"
