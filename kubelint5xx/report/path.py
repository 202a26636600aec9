"""The request paths of a model for people at a terminal: each hop, each number and where it comes from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from kubelint5xx.core.finding import Step
from kubelint5xx.core.record import field, record
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Assumed, Default, Derived, Members, Subject, Value, Written, in_words
from kubelint5xx.model.knobs import NUMBER, Knob, knobs_of
from kubelint5xx.model.topology import Edge, Membership, Model, Undecided
from kubelint5xx.report.snippet import visible
from kubelint5xx.report.style import BOLD, CYAN, DIM, YELLOW, Style
from kubelint5xx.report.wording import count

_SOURCES = 3  # How many places of a computed value are named.
_LIMIT = 110  # The longest reason that is printed whole.


def render(model: Model, *, color: bool) -> str:
    """The paths, node groups and clusters of ``model``, and what could not be joined, as text that ends with a line
    break. A face or a target group that several paths share is told once."""
    report = _Report(Style(color))
    blocks = [report.path(routes, edges) for routes, edges in _paths(model.edges)]
    blocks += [report.members(group) for group in _by_target_group(model.memberships)]
    blocks += [[report.style(visible(one.name), BOLD), *report.rows(_values(one), "  ")] for one in model.clusters]
    if model.undecided:
        blocks.append(report.undecided(model.undecided))
    blocks.append([report.style(_summary(model), BOLD)])
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks) + "\n"


@record
class _Row:
    label: str
    value: str
    source: str
    known: bool = True


def _paths(edges: tuple[Edge, ...]) -> Iterator[tuple[list[tuple[Step, ...]], list[Edge]]]:
    """The hops of each path in order, with all the routes that lead over exactly these hops.

    An edge's route starts where requests enter; one that goes on in the route of another edge is a part of its path.
    """
    by_route: dict[tuple[Step, ...], list[Edge]] = {}
    for edge in edges:
        by_route.setdefault(_route(edge), []).append(edge)
    inner = {route[:length] for route in by_route for length in range(1, len(route))}
    found: dict[tuple[Hashable, ...], tuple[list[tuple[Step, ...]], list[Edge]]] = {}
    for route in by_route:
        if route in inner:
            continue
        passed = [edge for length in range(len(route)) for edge in by_route.get(route[: length + 1], ())]
        key = tuple(_identity(edge) for edge in passed)
        found.setdefault(key, ([], passed))[0].append(route)
    yield from found.values()


def _route(edge: Edge) -> tuple[Step, ...]:
    return edge.route or (Step(edge.sender.name, edge.sender.place), Step(edge.receiver.name, edge.receiver.place))


def _identity(edge: Edge) -> Hashable:
    return id(edge.sender), id(edge.receiver), id(edge.pod), id(edge.target_group)


def _by_target_group(memberships: tuple[Membership, ...]) -> list[list[Membership]]:
    groups: dict[Hashable, list[Membership]] = {}
    for member in memberships:
        groups.setdefault(_thing(member.target_group), []).append(member)
    return list(groups.values())


def _thing(subject: Subject) -> Hashable:
    """What makes two subjects the same thing: joins may have made a new subject of it, with more values."""
    return subject.kind, subject.name, subject.place


@record(frozen=False)
class _Report:
    """Tells each subject once."""

    style: Style
    told: set[Hashable] = field(default_factory=set)

    def path(self, routes: list[tuple[Step, ...]], edges: list[Edge]) -> list[str]:
        lines = [self.style(" → ".join(visible(step.label) for step in route), BOLD) for route in routes]
        for edge in edges:
            lines += self.subject(edge.sender.outbound, "sending", edge.sender.name)
            if edge.target_group is not None:
                lines += self.subject(edge.target_group)
            lines += self.subject(edge.subject, "", "between them")
            lines += self.subject(edge.receiver.inbound, "receiving", edge.receiver.name)
            if edge.pod is not None:
                lines += self.subject(edge.pod)
        return lines

    def members(self, members: list[Membership]) -> list[str]:
        group = members[0].target_group
        lines = [self.style(f"Nodes behind {visible(group.name)}", BOLD)]
        if _thing(group) not in self.told:
            lines += self.subject(group)
        for member in members:
            lines += self.subject(member.group)
        return lines

    def subject(self, subject: Subject, face: str = "", name: str = "") -> list[str]:
        title = visible(name or subject.name) + (f", {face}" if face else "")
        # The faces of a hop share their name and place.
        key = (face, id(subject)) if face or subject.kind in ("edge", "node_group") else _thing(subject)
        if key in self.told:
            return [] if subject.kind == "edge" else ["", f"  {self.style(title, CYAN)}: {self.style('as above', DIM)}"]
        self.told.add(key)
        rows = list(self.rows(_values(subject, outbound=face == "sending"), "    "))
        if not rows:
            return ["", f"  {self.style(title, CYAN)}: {self.style('nothing is known of it', DIM)}"] if face else []
        return ["", f"  {self.style(title, CYAN)}", *rows]

    def rows(self, rows: Iterable[_Row], indent: str) -> Iterator[str]:
        listed = list(rows)
        labels = max((len(row.label) for row in listed if row.value), default=0)
        values = max((len(row.value) for row in listed), default=0)
        for row in listed:
            # Colours come after padding, which must not count them.
            value = row.value.rjust(values)
            source = self.style(visible(row.source), DIM)
            yield f"{indent}{row.label.ljust(labels)}  {value if row.known else self.style(value, YELLOW)}  {source}"

    def undecided(self, things: tuple[Undecided, ...]) -> list[str]:
        lines = [self.style("Not joined", BOLD)]
        for thing in dict.fromkeys(things):
            place = f" ({_line(thing.place)})" if thing.place else ""
            lines.append(f"  {visible(thing.what)}: {visible(thing.reason)}{self.style(visible(place), DIM)}")
        return lines


def _values(subject: Subject, outbound: bool = False) -> Iterator[_Row]:
    """The values of ``subject`` in the vocabulary's order, and what was assumed about its place on the path."""
    for name, knob in knobs_of(subject.kind).items():
        value = subject.values.get(name)
        # A version counts for how a hop receives; what it sends as is told without, if nobody knows it.
        if value is None or (name == "version" and outbound and not value.known):
            continue
        yield _Row(knob.words or name.replace("_", " "), _short(_words(value, knob), 40), _source(value), value.known)
        if isinstance(value.data, Members):
            for member in value.data.items:
                yield _Row(f"  {member.name}", "", "")
                yield from (_Row(f"    {row.label}", row.value, row.source, row.known) for row in _values(member))
    for join in subject.joins:
        if join.assumed:
            yield _Row("assumed", "", join.said + (f" ({_line(join.place)})" if join.place else ""))


def _words(value: Value, knob: Knob) -> str:
    match value.data:
        case Members(items=items):
            return str(len(items)) if items else "none"
        case float() if knob.type == NUMBER:
            return f"{value.data:g}"
    return in_words(value.data)


def _source(value: Value) -> str:
    """Where ``value`` comes from, in one line; why it is not known, where it is not."""
    if not value.known:
        place = f" ({_line(value.place)})" if isinstance(value.origin, Written) and value.place else ""
        return _short(value.reason, _LIMIT) + place
    parts = [_origin(value)]
    if isinstance(value.data, Members):
        parts += [f"and perhaps more: {value.data.open}"] if value.data.open else []
        parts += [f"assumed: {value.data.assumed}"] if value.data.assumed else []
    return "; ".join(filter(None, parts))


def _origin(value: Value) -> str:
    match value.origin:
        case Written(span=span):
            return _line(span)
        case Default(product=product, setting=setting, unseen=unseen):
            whose = f"{product}'s default" if setting else f"fixed in {product}"
            return f"{whose}; not read: {', '.join(unseen)}" if unseen else whose
        case Assumed(why=why, place=place):
            return f"assumed: {why}" + (f" ({_line(place)})" if place else "")
        case Derived(how=how, inputs=inputs):
            sources = _without_repeated_paths(dict.fromkeys(_source(each) for each in inputs))
            more = f" and {len(sources) - _SOURCES} more" if len(sources) > _SOURCES else ""
            return f"{how} ({', '.join(sources[:_SOURCES])}{more})" if sources else how


def _without_repeated_paths(sources: Iterable[str]) -> list[str]:
    """``a.yaml:4, a.yaml:7`` as ``a.yaml:4, :7``."""
    found: list[str] = []
    before = ""
    for source in filter(None, sources):
        path, _, line = source.rpartition(":")
        found.append(f":{line}" if path and path == before and line.isdigit() else source)
        before = path
    return found


def _line(place: Span) -> str:
    return f"{place.path}:{place.line}"


def _short(text: str, limit: int) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _summary(model: Model) -> str:
    if not model.edges:
        return f"No request path was found in {count(model.objects, 'object')}"
    parts = [count(len(list(_paths(model.edges))), "request path"), count(len(model.edges), "hop")]
    groups = len({id(member.group) for member in model.memberships})
    parts += [count(groups, "node group")] if groups else []
    parts += [count(len(model.clusters), "cluster")] if model.clusters else []
    parts += [f"{len(set(model.undecided))} not joined"] if model.undecided else []
    return ", ".join(parts)
