"""The hop tables: what one product's settings are called, where they stand, and what holds where none is set.

One YAML file a product, read when it is first asked for and checked against the vocabulary. ``signs`` reads only
the part of every file by which a product is recognised.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from kubelint5xx.core.expr import Expression, compile_expression
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.record import field, record
from kubelint5xx.core.value import Data
from kubelint5xx.hops.spelling import spellings
from kubelint5xx.model.knobs import BOOL, DURATION, NUMBER, TEXT, VERSION, knobs_of

FORMATS = (
    "argv",
    "env",
    "python_assign",
    "nginx",
    "apache",
    "haproxy",
    "caddyfile",
    "envoy",
    "traefik",
    "xml",
    "properties",
    "ini",
    "yaml",
    "json",
    "hocon",
    "toml",
    "javascript",
    "go_source",
    "java_source",
    "kotlin_source",
    "python_source",
    "ruby_source",
    "csharp_source",
    "terraform",
    "attributes",
    "target_group_attributes",
    "annotation",
    "configmap",
    "packages",
    "container",
)
ROLES = ("balancer", "proxy", "sidecar", "server")
STATUSES = {"reset": "reset_status", "timeout": "timeout_status", "no_target": "no_target_status"}
ALL_OTHERS = "*"

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_FACES = ("inbound", "outbound")
_TYPES = (DURATION, BOOL, NUMBER, TEXT, VERSION)
_DETECT = pattern(r"^detect:(.*?)(?=^\S)", re.MULTILINE | re.DOTALL)
_EXAMPLES = pattern(r"^examples:", re.MULTILINE)
_SIGN = pattern(r"\{ *(command|module|image|jar|class|framework|code|dependency|listener): *\"?([^\s\"}]+)\"? *\}")


@record
class Sign:
    """A product is recognised by the program that is started (``command``, ``module`` of python -m, ``jar``,
    ``class``), by the end of an image's repository (``image``), or, where a program of its own is started, by a package
    that it is built from: a ``framework`` that brings its server along, else a ``dependency`` that is a server. Between
    these two its sources count: ``code`` is a language's format and what makes or starts the server there. A
    ``listener`` is the same for a server that programs run beside others: it counts before all of these, on the port
    that it is seen to listen to."""

    kind: str
    name: str


@record
class Case:
    """A default that holds where ``when`` does; without ``when``, in all other cases.

    ``same_as`` names a row above whose value it is. Without that and without ``data`` the default is unknown.
    """

    data: Data
    when: Expression | None = None
    same_as: str = ""


@record
class Row:
    """One quantity of a product. ``name`` is a knob with its face (``inbound.idle_timeout``) or, in ``own``, a
    setting of the product that only other rows read.

    ``keys``: for each format the keys that set it, where later ones win (on a command line the last flag does).
    ``unit``: ``s``, ``ms``, or ``text`` for numbers with a unit of their own, where a bare number is in ``bare``.
    ``zero`` and ``negative`` say what such a number means: ``unlimited``, ``disabled`` (no keep-alive), ``fallback``
    (as if unset) or a number of seconds. ``words`` turns texts into data; ``any`` has texts of which one is enough
    for a yes, wherever it stands. ``fallback``: rows whose value holds where this one is not set; ``cap``: rows that
    limit it. ``also_in``: places that can set it and that no reader reads. ``measured``: the version on which
    somebody measured it. ``plausible``: from which length of time on (in seconds), and up to which, a bare number makes
    sense in the unit that it is read in. ``max``: the largest number (of seconds, for a duration) that the product
    takes; it refuses to start with a larger one.
    """

    name: str
    type: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: str = "s"
    bare: str = "s"
    zero: str | float | None = None
    negative: str | float | None = None
    words: Mapping[str, Data] = field(default_factory=dict)
    any: tuple[str, ...] = ()
    default: tuple[Case, ...] = ()
    fallback: tuple[str, ...] = ()
    cap: tuple[str, ...] = ()
    also_in: tuple[str, ...] = ()
    cite: str = ""
    measured: str = ""
    plausible: tuple[float, float] | None = None
    max: float = math.inf

    @property
    def settled(self) -> bool:
        """Whether something is known to hold where nothing sets it, at least in some cases."""
        return any(case.data is not None or case.same_as for case in self.default)

    @property
    def setting(self) -> str:
        """The key that a person would set, as written in the first format that the table names."""
        return next((keys[0].removesuffix("=").rpartition("/")[2] for keys in self.keys.values()), "")


@record
class Place:
    """One place of settings. ``files``: patterns, ``{argv:-c}`` for the path that a flag gives, or ``{argv:*.ini}`` for
    an argument with this ending; ``env``: the variable that holds it. Without both, the place is the object itself (its
    command line, its block).

    ``at`` limits files to the program's ``sources`` or to the ``container``; else the ones of the container come first.
    Of a file with ``{}`` in its name there is one for each name that is active (see ``Table``).
    ``elsewhere`` names a row that, where it is set, brings settings from a place that no file shows.
    """

    format: str
    files: tuple[str, ...] = ()
    env: str = ""
    at: str = ""
    elsewhere: str = ""

    @property
    def of_profiles(self) -> bool:
        return any("{}" in name for name in self.files)

    @property
    def label(self) -> str:
        plain = [name for name in self.files if not name.startswith("{")]
        if self.elsewhere:
            return f"what {self.elsewhere} names"
        return self.env or (plain or [_LABELS.get(self.format, self.format)])[0]


@record
class Preset:
    """What a published image brings along, unless ``unless_file`` was replaced. ``values`` by the rows' names."""

    image: str
    values: Mapping[str, Data]
    unless_file: str = ""
    cite: str = ""


@record
class EntryPoint:
    """A published image whose entry point takes its arguments for those of ``program``: all, or where these begin
    with a flag."""

    image: str
    program: str
    always: bool = False


@record
class VersionMark:
    """Where a version stands: in the tag of an ``image``, or in a ``file``, as the first group of ``match``, or as the
    version of a package that the program is built from (``dependency``)."""

    image: str = ""
    file: str = ""
    match: str = ""
    dependency: str = ""


@record
class Table:
    """All that is known of one product. ``layer`` is 4 for what forwards connections and sees no requests.

    ``active`` names the row of this table that lists the active profiles, and ``activation`` the one that, in a
    document, lists the profiles for which it counts. ``answers`` are statuses by their quantities. ``examples`` are
    there where ``parse`` was given them.
    """

    product: str
    title: str
    role: str
    layer: int = 7
    answers: Mapping[str, int] = field(default_factory=dict)
    answers_cite: str = ""
    detect: tuple[Sign, ...] = ()
    version: tuple[VersionMark, ...] = ()
    images: tuple[Preset, ...] = ()
    entry_points: tuple[EntryPoint, ...] = ()
    read: tuple[Place, ...] = ()
    own: Mapping[str, Row] = field(default_factory=dict)
    knobs: Mapping[str, Row] = field(default_factory=dict)
    active: str = ""
    activation: str = ""
    examples: tuple[Mapping[str, Any], ...] = ()

    def names(self) -> dict[str, str]:
        """What expressions of this table may use, with types."""
        return {"inbound": "hop", "outbound": "hop", "version": VERSION} | {r.name: r.type for r in self.own.values()}


_LABELS = {
    "argv": "the command line",
    "env": "the environment",
    **dict.fromkeys(("javascript", "go_source", "java_source", "kotlin_source"), "the source code"),
    **dict.fromkeys(("python_source", "ruby_source", "csharp_source"), "the source code"),
    "terraform": "the Terraform resource",
    "attributes": "the load balancer's attributes",
    "target_group_attributes": "the target group's attributes",
    "annotation": "the annotations",
    "configmap": "the ConfigMap",
    "packages": "the build's manifests",
    "container": "the image's STOPSIGNAL",
}
UNKNOWN_PRODUCT = Table("", "", "server")


@cache
def products() -> tuple[str, ...]:
    """The names of all tables, sorted."""
    return tuple(sorted(name.removesuffix(".yaml") for name in os.listdir(_FOLDER) if name.endswith(".yaml")))


def _text(product: str) -> str:
    with open(os.path.join(_FOLDER, f"{product}.yaml"), encoding="utf-8") as file:
        return file.read()


@cache
def table(product: str) -> Table:
    """The table of ``product``. Raises RuleError where there is none, or where it contradicts the vocabulary."""
    if product not in products():
        from difflib import get_close_matches

        near = get_close_matches(product, products(), 1)
        raise RuleError(f"there is no hop table {product!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    # The examples are about half of a table, and only tests and the documentation read them.
    return parse(product, _EXAMPLES.split(_text(product))[0])


def examples(product: str) -> tuple[Mapping[str, Any], ...]:
    """Settings and what they come to (``reads``), as the table's author wrote them."""
    return parse(product, _text(product)).examples


def parse(product: str, text: str) -> Table:
    """The table in ``text``. Raises RuleError with the file's name."""
    import yaml

    try:
        return _Loader(product, yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))).table()
    except RuleError as error:
        raise RuleError(f"{product}.yaml: {error}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise RuleError(f"{product}.yaml: not a hop table: {error!r}") from None


@cache
def signs() -> tuple[tuple[Sign, str], ...]:
    """By what products are recognised. Taken from the texts of the tables, so that few of them need parsing."""
    found: list[tuple[Sign, str]] = []
    for product in products():
        block = _DETECT.search(_text(product))
        found += [(Sign(kind, name), product) for kind, name in _SIGN.findall(block[1] if block else "")]
    return tuple(found)


class _Loader:
    def __init__(self, product: str, raw: dict[str, Any]) -> None:
        self.product, self.raw = product, raw
        self.names: dict[str, str] = {"inbound": "hop", "outbound": "hop", "version": VERSION}
        self.seen: set[str] = set()
        self.canon = raw.get("canon", "")

    def table(self) -> Table:
        raw = dict(self.raw)
        role = raw.pop("role")
        if role not in ROLES:
            raise RuleError(f"role is {role!r}, not one of {', '.join(ROLES)}")
        answers = dict(raw.pop("answers", {}))
        cite = str(answers.pop("cite", ""))
        own = {name: self.row(name, cells, cells.get("type", TEXT)) for name, cells in raw.pop("own", {}).items()}
        loaded = Table(
            product=self.product,
            title=raw.pop("title"),
            role=role,
            layer=raw.pop("layer", 7),
            answers={STATUSES[kind]: int(status) for kind, status in answers.items()},
            answers_cite=cite,
            detect=tuple(Sign(kind, name) for sign in raw.pop("detect", ()) for kind, name in sign.items()),
            version=tuple(self.mark(mark) for mark in raw.pop("version", ())),
            own=own,
            knobs={name: self.row(name, cells, self.type(name)) for name, cells in raw.pop("knobs").items()},
            images=tuple(self.preset(image) for image in raw.pop("images", ())),
            entry_points=tuple(
                EntryPoint(one["image"], one["program"], one.get("always", False))
                for one in raw.pop("entry_points", ())
            ),
            read=tuple(self.place(place) for place in raw.pop("read", ())),
            active=self.named(raw.pop("active", "")),
            activation=self.named(raw.pop("activation", "")),
            examples=tuple(raw.pop("examples", ())),
        )
        raw.pop("canon", None)
        if raw:
            raise RuleError(f"unknown keys: {', '.join(raw)}")
        return loaded

    def type(self, name: str) -> str:
        face, dot, quantity = name.rpartition(".")
        known = knobs_of("hop")
        if quantity not in known or (dot and face not in _FACES):
            from difflib import get_close_matches

            near = get_close_matches(quantity, known, 1)
            raise RuleError(f"{name!r} is not in the vocabulary" + (f"; did you mean {near[0]!r}?" if near else ""))
        return known[quantity].type

    def row(self, name: str, raw: dict[str, Any], kind: str) -> Row:
        seen = raw.get("measured", {})
        measured = str((seen[0] if isinstance(seen, list) else seen).get("version", ""))
        raw = {key: value for key, value in raw.items() if key not in ("type", "measured", "note")}
        keys = {form: _texts(raw.pop(form)) for form in [key for key in raw if key in FORMATS]}
        for written in _texts(raw.pop("property", ())):
            for form, spelled in spellings(self.canon, written).items():
                keys[form] = (*keys.get(form, ()), *spelled)
        if kind not in _TYPES:
            raise RuleError(f"{name}: {kind!r} is not a type")
        unit, fallback, cap = raw.pop("unit", "s"), _texts(raw.pop("fallback", ())), _texts(raw.pop("cap", ()))
        if missing := [other for other in (*fallback, *cap) if other not in self.seen]:
            raise RuleError(f"{name}: {missing[0]} is not above it in the table")
        wanted = _texts(raw.pop("any", ()))
        words = {_word(text): typed(kind, data, name) for text, data in raw.pop("map", {}).items()}
        words |= dict.fromkeys(wanted, True)
        span = raw.pop("plausible", None)
        if span is not None and (kind != DURATION or not 0 < span[0] < span[1]):
            raise RuleError(f"{name}: plausible is a pair of seconds, for a duration")
        most = raw.pop("max", math.inf)
        if math.isfinite(most) and kind not in (DURATION, NUMBER):
            raise RuleError(f"{name}: max is for a duration or a number")
        row = Row(
            name=name,
            type=kind,
            keys=keys,
            unit=unit,
            bare=raw.pop("bare", unit if unit in ("s", "ms") else "s"),
            zero=raw.pop("zero", None),
            negative=raw.pop("negative", None),
            words=words,
            any=wanted,
            default=self.cases(name, kind, raw.pop("default", None)),
            fallback=fallback,
            cap=cap,
            also_in=_texts(raw.pop("also_in", ())),
            cite=raw.pop("cite", ""),
            measured=measured,
            plausible=(float(span[0]), float(span[1])) if span else None,
            max=float(most),
        )
        if raw:
            raise RuleError(f"{name}: unknown keys: {', '.join(raw)}")
        if row.keys and row.default and not row.cite:
            raise RuleError(f"{name}: its default has no cite")
        self.seen.add(name)
        if "." not in name and name not in knobs_of("hop"):
            self.names[name] = kind
        return row

    def cases(self, name: str, kind: str, raw: object) -> tuple[Case, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, list):
            return (Case(typed(kind, raw, name)),)
        cases = tuple(self.case(name, kind, one) for one in raw)
        if any(case.when is None for case in cases[:-1]):
            raise RuleError(f"{name}: only the last default has no `when`")
        return cases

    def case(self, name: str, kind: str, raw: dict[str, Any]) -> Case:
        when = raw.get("when")
        if set(raw) - {"when"} not in ({"is"}, {"same_as"}):
            raise RuleError(f"{name}: a default has `is` or `same_as`, and `when`, not {', '.join(raw)}")
        if (other := raw.get("same_as", "")) and other not in self.seen:
            raise RuleError(f"{name}: {other} is not above it in the table")
        test = compile_expression(str(when), self.names, _vocabulary, gives="bool") if when is not None else None
        data = None if raw.get("is", "unknown") == "unknown" else typed(kind, raw["is"], name)
        return Case(data, test, other)

    def preset(self, raw: dict[str, Any]) -> Preset:
        values: dict[str, Data] = {}
        for name, data in raw["set"].items():
            if name not in self.seen:
                raise RuleError(f"an image sets {name!r}, which the table does not have")
            values[name] = typed(self.names.get(name) or self.type(name), data, name)
        return Preset(raw["image"], values, raw.get("unless_file", ""), raw["cite"])

    def place(self, raw: dict[str, Any]) -> Place:
        if raw["format"] not in FORMATS:
            raise RuleError(f"{raw['format']!r} is not a format")
        elsewhere = self.named(raw.get("elsewhere", ""))
        return Place(raw["format"], _texts(raw.get("file", ())), raw.get("env", ""), raw.get("at", ""), elsewhere)

    def named(self, row: str) -> str:
        if row and row not in self.seen:
            raise RuleError(f"there is no row {row!r}")
        return row

    def mark(self, raw: dict[str, Any]) -> VersionMark:
        return VersionMark(*(raw.get(key, "") for key in ("image_tag", "file", "match", "dependency")))


def typed(kind: str, data: object, name: str) -> Data:
    """``data`` as a table writes it, in the type ``kind``. Raises RuleError where it is of another."""
    if kind in (DURATION, NUMBER):
        if data == "unlimited":
            return math.inf
        if isinstance(data, (int, float)) and not isinstance(data, bool):
            return data if kind == NUMBER else float(data)
    elif (kind == BOOL and isinstance(data, bool)) or (kind == TEXT and isinstance(data, str)):
        return data
    raise RuleError(f"{name}: {data!r} is not a {kind}")


def _vocabulary(kind: str) -> dict[str, str]:
    return {name: knob.type for name, knob in knobs_of(kind).items()}


def _texts(raw: object) -> tuple[str, ...]:
    return tuple(map(str, raw)) if isinstance(raw, (list, tuple)) else (str(raw),)


def _word(raw: object) -> str:
    # YAML reads `on` and `off` as booleans; the product reads the words.
    return {True: "true", False: "false"}[raw] if isinstance(raw, bool) else str(raw).lower()
