"""From settings to a hop: for each quantity of a product's table, the value that holds, and why.

The last place that sets it wins. Where none does, another quantity's value or the product's default holds, as far as
all places that could set it were seen. What is set to something that cannot be read is unknown, never the default.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Ordered

from kubelint5xx import formats
from kubelint5xx.core.expr import Read
from kubelint5xx.core.node import Mapping, Node, Reference, Unresolved, child, items, text
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.record import record, replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Default, Derived, Join, Subject, Value, Written, in_words
from kubelint5xx.formats import by_address
from kubelint5xx.hops.convert import DISABLED, convert, is_set
from kubelint5xx.hops.plausibility import implausible, why
from kubelint5xx.hops.table import UNKNOWN_PRODUCT, Case, Preset, Row, Table, table
from kubelint5xx.model.knobs import knobs_of
from kubelint5xx.model.topology import Hop, Setting

# What somebody says about a hop that its own settings do not tell (an annotation, the config): a mapping of
# quantities as tables name them (``inbound.idle_timeout``), durations with a unit or in seconds.
CLAIM = "claim"
IMAGE = "image"

# What a table says only of the products that do it.
_ODDITIES = ("streams", "kills_workers", "ends_requests", "idle_counts_for_headers")

# One mapping of keys that may hold dots themselves.
_FLAT = ("env", "attributes", "target_group_attributes", "annotation", "configmap", "packages", "container", CLAIM)


@record
class Settings:
    """One place of settings and what was found there. ``label`` is how messages call the place.

    ``root`` None with ``unseen`` empty: the place was looked at, and holds nothing. ``unseen``: why it could not be
    looked at. ``preset``: what a published image brings along instead of a place. ``problems``: what is wrong with the
    file. ``doubt``: why it is not known whether what stands there counts at all.
    """

    format: str
    root: Node | None
    label: str
    unseen: str = ""
    preset: Preset | None = None
    problems: tuple[Problem, ...] = ()
    doubt: str = ""


def own_value(known: Table, name: str, settings: Iterable[Settings], place: Span) -> Value | None:
    """What the row ``name`` of a table's own comes to; None where nothing sets it and it has no default."""
    face = Subject("hop", known.title, place, {})
    resolver = _Resolver(known, place, tuple(settings), None, None, face, face)
    return resolver.value(known.own[name])


def build_hop(
    product: str,
    name: str,
    place: Span | None,
    settings: Ordered[Settings],
    port: int | None = None,
    version: Value | None = None,
    role: str | None = None,
    joins: tuple[Join, ...] = (),
) -> Hop:
    """The hop that ``settings``, in the order of rising precedence, make of ``product`` (empty: a program without a
    table, of which only claims are known). ``place``: the block that could set what nothing sets."""
    known = table(product) if product else UNKNOWN_PRODUCT
    inbound = Subject("hop", name, place, {}, joins)
    outbound = Subject("hop", name, place, _answers(known, place), joins)
    resolver = _Resolver(known, place, tuple(settings), port, version, inbound, outbound)
    resolver.run()
    problems = tuple(problem for found in settings for problem in found.problems)
    found = tuple(resolver.implausible)
    return Hop(product, role or known.role, name, place, inbound, outbound, problems, found)


def _answers(known: Table, place: Span | None) -> dict[str, Value]:
    origin = Default(known.title, "", known.answers_cite, place)
    return {quantity: Value(int(status), origin) for quantity, status in known.answers.items()}


@record
class _Candidate:
    """A node, or a preset's value, that sets a row; ``rank`` grows with precedence."""

    rank: int
    key: str
    node: Node | None
    preset: Preset | None = None
    claimed: bool = False


class _Resolver:
    def __init__(
        self,
        known: Table,
        place: Span | None,
        settings: tuple[Settings, ...],
        port: int | None,
        version: Value | None,
        inbound: Subject,
        outbound: Subject,
    ) -> None:
        self.table, self.place, self.settings, self.port = known, place, settings, port
        self.version = version or Value.unknown(f"the version of {known.title or inbound.name} is not known", place)
        self.faces = {"inbound": inbound, "outbound": outbound}
        self.found: dict[str, Value | None] = {}
        self.implausible: list[Setting] = []

    def run(self) -> None:
        for row in self.table.own.values():
            self.found[row.name] = self.value(row)
        for face in self.faces.values():
            face.values["version"] = self.version
        for row in (*self.table.knobs.values(), *self.claimed()):
            value = self.found[row.name] = self.value(row)
            side, _, quantity = row.name.rpartition(".")
            for face in (self.faces[side],) if side else self.faces.values():
                face.values[quantity] = value or Value.unknown(
                    f"the table of {self.table.title} has no default for {row.setting or quantity}", self.place
                )
            if quantity == "response_timeout":
                self.of_response(row, side)
        self.without_idle_time()
        if self.table.title:
            # Of a product whose table has no such setting, workers stay.
            stays = Value(math.inf, Default(self.table.title, "", "", self.place))
            self.faces["inbound"].values.setdefault("max_requests", stays)
            plain = Value(False, Default(self.table.title, "", "", self.place))
            for face in self.faces.values():
                for quantity in _ODDITIES:
                    face.values.setdefault(quantity, plain)

    def of_response(self, row: Row, side: str) -> None:
        """What rules ask about a response timeout: what it is by itself, and whether the idle timeout is the same."""
        usual = self.usual(row) or Value.unknown(f"{self.table.title} has no response timeout by itself", self.place)
        for face in (self.faces[side],) if side else self.faces.values():
            face.values["usual_response_timeout"] = usual
        idle = self.table.knobs.get("outbound.idle_timeout")
        shared = idle is not None and bool(idle.keys) and idle.keys == row.keys
        origin = Default(self.table.title, "", row.cite, self.place)
        self.faces["outbound"].values["one_timeout"] = Value(shared, origin)

    def usual(self, row: Row) -> Value | None:
        """What would hold if nobody had set ``row``, nor the rows that it follows from."""
        found, rows = self.found, {**self.table.own, **self.table.knobs}
        above = {*row.fallback, *(case.same_as for case in row.default if case.same_as)}
        self.found = {**found, **{name: self.usual(rows[name]) for name in above}}
        value = self.unset(row, ())
        self.found = found
        return value

    def claimed(self) -> Iterator[Row]:
        """Rows for claims on quantities that the product's table does not have."""
        known = knobs_of("hop")
        for settings in self.settings:
            if settings.format == CLAIM and isinstance(settings.root, Mapping):
                for name in (str(entry.key.value) for entry in settings.root.entries):
                    quantity = known.get(name.rpartition(".")[2])
                    if quantity and name not in self.table.knobs and name not in self.found:
                        yield Row(name, quantity.type)

    def without_idle_time(self) -> None:
        for side, face in self.faces.items():
            row, idle = self.table.knobs.get(f"{side}.idle_timeout"), face.values.get("idle_timeout")
            if row and idle and row.zero == DISABLED and idle.data == 0.0:
                face.values["keepalive"] = Value(False, Derived("an idle timeout of 0 turns keep-alive off", (idle,)))

    def value(self, row: Row) -> Value | None:
        candidates, unseen = self.look(row)
        value = None
        if candidates:
            winner = max(candidates, key=lambda candidate: candidate.rank)
            value = self.take(row, winner, tuple(label for rank, label in unseen if rank > winner.rank))
        if value is None:
            value = self.unset(row, (*(label for _, label in unseen), *row.also_in))
        if value is None:
            return None
        value = self.capped(row, value)
        if math.isinf(row.max):
            return value
        if isinstance(value.data, float) and value.data > row.max:
            said = f"{self.table.title} takes at most {in_words(row.max)} for {row.setting or row.name}"
            value = Value.unknown(said, value.place)
        return replace(value, most=row.max)

    def look(self, row: Row) -> tuple[list[_Candidate], list[tuple[int, str]]]:
        """What sets ``row``, and the places that could and were not seen, each with its rank."""
        candidates: list[_Candidate] = []
        unseen: list[tuple[int, str]] = []
        for rank, settings in enumerate(self.settings):
            if settings.preset:
                if row.name in settings.preset.values:
                    candidates.append(_Candidate(rank, row.setting, None, settings.preset))
                continue
            claimed = settings.format == CLAIM
            keys = (row.name,) if claimed else row.keys.get(settings.format, ())
            if not keys:
                continue
            if settings.unseen:
                unseen.append((rank, f"{settings.label} ({settings.unseen})"))
            elif settings.root is not None:
                found = [
                    candidate
                    for key in keys
                    for node in _lookup(settings.format, settings.root, key, self.port)
                    for candidate in (
                        self.of_property(rank, node)
                        if settings.format == "xml" and isinstance(node, Mapping)
                        else [_Candidate(rank, settings.label if claimed else key, node, claimed=claimed)]
                    )
                    if is_set(candidate.node)
                ]
                found = _of_any(row, found)
                if settings.doubt:
                    doubted = ((one.key, Unresolved(one.node.span, settings.doubt)) for one in found if one.node)
                    found = [_Candidate(rank, key, node) for key, node in doubted]
                candidates += _in_order(settings.format, found)
                if not found and (why := _open(settings.format, settings.root, keys)):
                    unseen.append((rank, f"{settings.label} ({why})"))
        return candidates, unseen + self.not_given(row)

    def of_property(self, rank: int, node: Mapping) -> Iterator[_Candidate]:
        """XML may name a property: then that counts, wherever it is set, and else what XML gives as its default."""
        names = [text(node.get("property")) or "", text(node.get("deprecated")) or ""]
        found = [other for name in names if name for other in self.property(name)]
        if found:
            yield _Candidate(rank, names[0], found[-1])
        else:
            # Whatever sets the property wins over this, so an unseen place of it does too.
            yield _Candidate(-1, names[0], node.get("default"))

    def property(self, name: str) -> Iterator[Node]:
        for settings in self.settings:
            if settings.root is not None:
                for key in _property_keys(settings.format, name):
                    yield from filter(is_set, _lookup(settings.format, settings.root, key, None))

    def not_given(self, row: Row) -> list[tuple[int, str]]:
        """Places that the table names and that nobody looked at."""
        given = {settings.format: rank for rank, settings in enumerate(self.settings) if not settings.preset}
        missing: list[tuple[int, str]] = []
        rank = -1
        for place in self.table.read:
            if place.format not in row.keys:
                continue
            if place.format in given:
                rank = max(rank, given[place.format])
            else:
                missing.append((rank + 1, f"no {place.label} was seen" if place.files else f"{place.label} (not seen)"))
        if row.keys and not self.table.read and not any(form in given for form in row.keys):
            missing.append((len(self.settings), f"{row.setting} (not seen)"))
        return missing

    def take(self, row: Row, winner: _Candidate, unseen: tuple[str, ...]) -> Value | None:
        if winner.preset:
            origin = Default(f"the {winner.preset.image} image", row.setting, winner.preset.cite, self.place, unseen)
            return Value(winner.preset.values[row.name], origin)
        assert winner.node is not None
        if not winner.claimed and (setting := implausible(row, winner.node, winner.key, self.faces["inbound"].name)):
            self.implausible.append(setting)
            if reason := why(setting):
                return Value(None, Written(winner.node.span, winner.key), reason)
        value = convert(Row(row.name, row.type, unit="text") if winner.claimed else row, winner.node, winner.key)
        if value is None or not value.known or not unseen:
            return value
        doubt = Value(value.data, self.origin(row, unseen))
        return Value(value.data, Derived(f"unless it is set in {', '.join(unseen)}", (value, doubt)))

    def origin(self, row: Row, unseen: tuple[str, ...]) -> Default:
        return Default(self.table.title, row.setting, row.cite, self.place, unseen)

    def unset(self, row: Row, unseen: tuple[str, ...]) -> Value | None:
        for name in row.fallback:
            other = self.found[name]
            if other is None:
                continue
            if not other.known:
                return other
            doubt = (Value(other.data, self.origin(row, unseen)),) if unseen else ()
            how = f"{row.setting or row.name} is not set, so {name.rpartition('.')[2]} holds"
            return Value(other.data, Derived(how, (other, *doubt)))
        return self.default(row, unseen)

    def default(self, row: Row, unseen: tuple[str, ...]) -> Value | None:
        bindings: dict[str, Subject | Value] = {**self.faces, "version": self.version, **self.own_values()}
        reads: list[Read] = []
        for at, case in enumerate(row.default):
            outcome = case.when.trace(bindings) if case.when else None
            if outcome:
                if outcome.data is None and not _all_agree(row.default[at:]):
                    return Value.unknown(outcome.reason, self.place)
                reads.extend(outcome.reads if outcome.data is not None else ())
                if outcome.data is False:
                    continue
            if case.same_as:
                other = self.found[case.same_as]
                if other is None or all(read.name == case.same_as for read in reads):
                    return other
                return self.decided(row, other, [Read(case.same_as, other), *reads])
            if case.data is None:
                return Value.unknown(f"{self.table.title} does not settle {row.setting or row.name}", self.place)
            return self.decided(row, Value(case.data, self.origin(row, unseen)), reads)
        return None

    def decided(self, row: Row, plain: Value, reads: list[Read]) -> Value:
        if not reads or (row.keys and all(_as_sure(read.value, plain) for read in reads)):
            return plain
        inputs = tuple({read.name: read.value for read in reads}.values())
        names = " and ".join(dict.fromkeys(read.name for read in reads))
        # A row without keys is no setting of its own: it follows from others.
        own = () if not row.keys and not row.also_in else (plain,)
        return Value(plain.data, Derived(f"{self.table.title}: follows from {names}", (*own, *inputs)), plain.reason)

    def own_values(self) -> dict[str, Value]:
        return {
            name: self.found.get(name) or Value.unknown(f"{name} is not set", self.place) for name in self.table.own
        }

    def capped(self, row: Row, value: Value) -> Value:
        for name in row.cap:
            other = self.found[name]
            if other is None or not value.known:
                continue
            if not other.known:
                return other
            if isinstance(other.data, float) and isinstance(value.data, float) and other.data < value.data:
                value = Value(other.data, Derived(f"limited by {name.rpartition('.')[2]}", (other, value)))
        return value


def _as_sure(value: Value, plain: Value) -> bool:
    """Whether ``value`` is a default too, and as sure: then it says no more than the default that it leads to."""
    return isinstance(value.origin, Default) and value.confidence >= plain.confidence


def _all_agree(cases: tuple[Case, ...]) -> bool:
    """Whether it does not matter which of the cases holds."""
    return cases[-1].when is None and len({(case.data, case.same_as) for case in cases}) == 1


def _lookup(form: str, root: Node, key: str, port: int | None) -> Iterable[Node]:
    if isinstance(root, (Unresolved, Reference)):
        return (root,)
    if by_address.FREE in key:
        return by_address.lookup(root, key, port)
    if form in _FLAT:
        return root.every(key) if isinstance(root, Mapping) else ()
    if form == "terraform":
        return formats.by_path(root, key.split("."))
    return formats.lookup(form, root, key, port)


def _property_keys(form: str, name: str) -> tuple[str, ...]:
    return {"ini": (name,), "properties": (name,), "argv": (f"-D{name}", f"{name}=")}.get(form, ())


def _of_any(row: Row, found: list[_Candidate]) -> list[_Candidate]:
    """For a row that looks for certain texts, the candidates that have one, else those that may."""
    if not row.any:
        return found
    certain = [one for one in found if (text(one.node) or "").lower() in row.any]
    return certain or [one for one in found if isinstance(one.node, Unresolved)]


def _in_order(form: str, found: list[_Candidate]) -> list[_Candidate]:
    """The candidate that wins within one place: of a command line the last one, else by the order of the keys."""
    spans = [candidate.node.span for candidate in found if candidate.node is not None]
    if form == "argv" and len({id(span.source) for span in spans}) == 1:
        found.sort(key=lambda candidate: candidate.node.span.start if candidate.node else 0)
    return found[-1:]


def _open(form: str, root: Node, keys: tuple[str, ...]) -> str:
    """Why more settings may stand there than are seen; empty where all are."""
    if not isinstance(root, Mapping):
        return ""
    if form in _FLAT:
        return root.open
    if form != "terraform" and hasattr(formats.reader(form), "lookup"):
        return next((node.open for node in _mappings(root) if node.open), "")
    for key in keys:
        path = key.split(".")
        for depth in range(len(path)):
            below = child(root, *path[:depth])
            if isinstance(below, Mapping) and below.open:
                return below.open
    return ""


def _mappings(root: Node) -> Iterator[Mapping]:
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            yield node
            waiting.extend(entry.value for entry in node.entries)
        else:
            waiting.extend(items(node))
