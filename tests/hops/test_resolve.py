"""What settings come to: precedence, the unknown, defaults and how sure they are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.node import Node, Reference, Sequence, Unresolved
from kubelint5xx.core.value import Confidence, Default, Derived, Subject, Value, Version, Written
from kubelint5xx.formats import argv
from kubelint5xx.hops.convert import convert, seconds
from kubelint5xx.hops.detect import Recognised, recognise
from kubelint5xx.hops.launch import Launch
from kubelint5xx.hops.resolve import CLAIM, Settings, build_hop
from kubelint5xx.hops.table import Row, Table, parse
from kubelint5xx.model.topology import Hop
from tests.hops.launches import launch, mapping, node, scalar

PLACE = scalar("- name: web").span


def gunicorn(*settings: Settings) -> Hop:
    # Its own command starts it, so that no call in the program's sources counts.
    uncalled = Settings("python_source", None, "the source code")
    return build_hop("gunicorn", "Gunicorn in web", PLACE, (*settings, uncalled))


def conf(**values: object) -> Settings:
    return Settings("python_assign", mapping(values), "gunicorn.conf.py")


def flags(line: str, label: str = "the command line") -> Settings:
    words = argv.split(scalar(line))
    assert isinstance(words, tuple)
    return Settings("argv", Sequence(scalar(line).span, words), label)


NO_CONF = Settings("python_assign", None, "gunicorn.conf.py")
UNSEEN_CONF = Settings("python_assign", None, "gunicorn.conf.py", "the image was built elsewhere")
NO_FLAGS = Settings("argv", None, "the command line")


def idle(hop: Hop) -> Value:
    return hop.inbound.read("idle_timeout")


def test_the_last_place_that_sets_it_wins() -> None:
    value = idle(gunicorn(conf(keepalive=10), flags("gunicorn --keep-alive 75 app")))
    assert value.data == 75.0
    assert value.confidence is Confidence.HIGH
    assert isinstance(value.origin, Written)
    assert (value.origin.setting, value.origin.unit, value.origin.span.text) == ("--keep-alive", "s", "75")


def test_of_two_flags_for_one_setting_the_later_one_wins() -> None:
    hop = gunicorn(flags("gunicorn -k gthread --worker-class sync app"))
    assert hop.inbound.read("keepalive").data is False


def test_a_default_is_sure_to_the_degree_that_its_places_were_seen() -> None:
    seen = idle(gunicorn(NO_CONF, NO_FLAGS))
    assert (seen.data, seen.confidence, seen.place) == (2.0, Confidence.MEDIUM, PLACE)
    unseen = idle(
        gunicorn(Settings("python_assign", None, "gunicorn.conf.py", "the image was built elsewhere"), NO_FLAGS)
    )
    assert (unseen.data, unseen.confidence) == (2.0, Confidence.LOW)
    assert isinstance(unseen.origin, Default)
    assert unseen.origin.unseen == ("gunicorn.conf.py (the image was built elsewhere)",)
    assert (unseen.origin.product, unseen.origin.setting) == ("Gunicorn", "keepalive")


def test_a_place_that_nobody_looked_at_is_unseen() -> None:
    value = idle(gunicorn(NO_FLAGS))
    assert isinstance(value.origin, Default)
    assert value.origin.unseen == ("no gunicorn.conf.py was seen",)


def test_what_is_written_is_less_sure_where_a_higher_place_is_unseen() -> None:
    value = idle(gunicorn(conf(keepalive=75), Settings("argv", None, "GUNICORN_CMD_ARGS", "from a Secret")))
    assert (value.data, value.confidence) == (75.0, Confidence.LOW)
    assert isinstance(value.origin, Derived)
    assert value.place == value.origin.inputs[0].place
    sure = idle(
        gunicorn(Settings("python_assign", None, "gunicorn.conf.py", "unseen"), flags("gunicorn --keep-alive 9"))
    )
    assert sure.confidence is Confidence.HIGH


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (Unresolved(PLACE, "os.cpu_count() is known only when it runs"), "known only when it runs"),
        (Reference(PLACE, "aws_lb.web"), "aws_lb.web"),
        (node("soon"), "'soon' is not a number of seconds"),
        (node("75s"), "'75s' is not a number of seconds"),
        (node(True), "not a number"),
        (node({"a": 1}), "more than one value"),
        (node("-5"), "not a number"),
    ],
)
def test_what_cannot_be_read_is_unknown_and_never_the_default(written: Node, reason: str) -> None:
    value = idle(gunicorn(Settings("python_assign", mapping({"keepalive": written}), "gunicorn.conf.py"), NO_FLAGS))
    assert not value.known
    assert reason in value.reason
    assert value.place == written.span


def test_an_open_mapping_may_hold_what_is_not_seen_in_it() -> None:
    value = idle(build_hop("uvicorn", "it", PLACE, [Settings("env", mapping({}, "from a Secret"), "env"), NO_FLAGS]))
    assert (value.data, value.confidence) == (5.0, Confidence.LOW)


def test_idle_timeout_0_turns_keepalive_off_where_the_table_says_so() -> None:
    hop = gunicorn(conf(keepalive=0, worker_class="gthread"))
    assert idle(hop).data == 0.0
    keepalive = hop.inbound.read("keepalive")
    assert keepalive.data is False
    assert keepalive.confidence is Confidence.LOW  # the command line was not seen


def test_what_follows_from_a_written_setting_is_as_sure_as_that() -> None:
    keepalive = gunicorn(NO_CONF, flags("gunicorn -k gthread app")).inbound.read("keepalive")
    assert (keepalive.data, keepalive.confidence) == (True, Confidence.HIGH)
    assert keepalive.place is not None and keepalive.place.text == "gthread"


def test_values_without_a_face_stand_on_both() -> None:
    hop = gunicorn(conf(graceful_timeout=20))
    assert hop.inbound.read("shutdown_timeout").data == hop.outbound.read("shutdown_timeout").data == 20.0


def test_the_sender_s_answers_stand_on_its_outbound_face() -> None:
    hop = build_hop("aws_clb", "the ELB", PLACE, [])
    assert (hop.role, hop.outbound.read("reset_status").data) == ("balancer", 504.0)
    assert not hop.inbound.read("reset_status").known


def test_a_setting_that_only_some_other_format_could_hold_is_not_missed() -> None:
    value = build_hop("aws_alb", "it", PLACE, [Settings("terraform", mapping({}), "aws_lb.web")]).outbound
    assert value.read("idle_timeout").confidence is Confidence.MEDIUM
    nothing = build_hop("aws_alb", "it", PLACE, []).outbound
    assert nothing.read("idle_timeout").confidence is Confidence.LOW


def test_a_default_that_depends_on_an_unknown_version_is_unknown_unless_all_cases_agree() -> None:
    value = idle(build_hop("puma", "it", PLACE, []))
    assert not value.known and "version" in value.reason
    seven = Value(Version((7, 1)), Written(PLACE))
    assert idle(build_hop("puma", "it", PLACE, [], version=seven)).data == 65.0


def test_claims_win_and_are_all_that_is_known_of_a_program_without_a_table() -> None:
    claim = Settings(CLAIM, mapping({"inbound.idle_timeout": "75s", "drain_delay": 20}), "kubelint5xx.io/idle-timeout")
    hop = gunicorn(conf(keepalive=1), flags("gunicorn --keep-alive 2"), claim)
    assert (idle(hop).data, idle(hop).confidence) == (75.0, Confidence.HIGH)
    unknown = build_hop("", "the server in web", PLACE, [claim])
    assert (unknown.product, unknown.role, idle(unknown).data) == ("", "server", 75.0)
    assert unknown.outbound.read("drain_delay").data == 20.0
    assert not unknown.inbound.read("keepalive").known


def test_a_quantity_falls_back_on_another_and_is_capped_by_a_third(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
title: Chained
role: server
own: { client: { type: duration, yaml: client }, request: { type: duration, yaml: request } }
knobs:
  inbound.idle_timeout:
    { yaml: idle, zero: fallback, fallback: request, cap: client, default: unlimited, cite: "https://example.org" }
"""
    chained: Table = parse("chained", text)
    monkeypatch.setattr("kubelint5xx.hops.resolve.table", lambda _: chained)

    def read(**values: object) -> object:
        return idle(build_hop("chained", "it", PLACE, [Settings("yaml", mapping(values), "it.yaml")])).data

    assert read() == math.inf
    assert read(request=10) == 10.0
    assert read(request=10, idle=20) == 20.0
    assert read(request=10, idle=0) == 10.0
    assert read(request=10, client=3) == 3.0
    assert read(request=Unresolved(PLACE, "a template"), idle=5) == 5.0
    assert read(request=Unresolved(PLACE, "a template")) is None


def test_what_a_product_refuses_is_unknown_and_every_value_tells_the_largest_that_it_takes() -> None:
    def read(milliseconds: int) -> Value:
        env = mapping({"GRANIAN_HTTP1_HEADER_READ_TIMEOUT": milliseconds})
        return idle(build_hop("granian", "it", PLACE, [Settings("env", env, "the environment")]))

    assert (read(60000).data, read(60000).most) == (60.0, 60.0)
    assert (read(60001).data, read(60001).most) == (None, 60.0)
    assert "at most 60 s" in read(60001).reason


def test_a_property_in_xml_counts_wherever_it_is_set() -> None:
    xml = '<Set name="stopTimeout"><Property name="jetty.server.stopTimeout" default="9000"/></Set>'
    files = {"/jetty/etc/jetty.xml": f"<Configure>{xml}</Configure>"}
    assert _jetty(launch("java -jar start.jar", files=files)).read("shutdown_timeout").data == 9.0
    ini = files | {"/jetty/start.ini": "jetty.server.stopTimeout=7000"}
    assert _jetty(launch("java -jar start.jar", files=ini)).read("shutdown_timeout").data == 7.0
    literal = {"/jetty/etc/jetty.xml": '<Configure><Set name="stopTimeout">8000</Set></Configure>'}
    command = "java -jar start.jar jetty.server.stopTimeout=1"
    assert _jetty(launch(command, files=literal)).read("shutdown_timeout").data == 8.0


def _jetty(container: Launch) -> Subject:
    found = recognise(container)
    assert isinstance(found, Recognised)
    return build_hop("jetty", "it", PLACE, found.settings, None, found.version).inbound


@pytest.mark.parametrize(
    ("written", "bare", "expected"),
    [
        ("75", "s", 75.0),
        ("75000", "ms", 75.0),
        ("1m30s", "s", 90.0),
        ("500ms", "s", 0.5),
        ("75 seconds", "s", 75.0),
        ("PT1M15S", "s", 75.0),
        ("PT0.5S", "s", 0.5),
        ("P1DT1H", "s", 90000.0),
        ("30M", "s", 1800.0),
        ("00:02:10", "s", 130.0),
        ("15000000000 ns", "s", 15.0),
        ("", "s", None),
        ("s", "s", None),
        ("5 parsecs", "s", None),
        ("5s later", "s", None),
        ("nan", "s", None),
        ("inf", "s", None),
    ],
)
def test_durations_are_read_as_products_write_them(written: str, bare: str, expected: float | None) -> None:
    assert seconds(written, bare) == expected


@given(st.text(max_size=30))
def test_any_text_is_a_duration_of_a_known_length_or_none(written: str) -> None:
    found = seconds(written)
    assert found is None or not math.isnan(found)


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=10), st.none()))
def test_any_scalar_converts_to_a_value_of_the_row_s_type_or_to_a_reason(value: object) -> None:
    found = convert(Row("inbound.idle_timeout", "duration"), scalar(value), "idle")
    assert found is None or (isinstance(found.data, float) if found.known else found.reason)


def test_a_default_that_only_names_another_row_is_that_row_s_value() -> None:
    places = [Settings("env", mapping({}), "env"), NO_FLAGS, Settings("traefik", None, "traefik.yml")]
    origin = idle(build_hop("traefik", "it", PLACE, places)).origin
    assert isinstance(origin, Default)
    assert origin.setting.endswith("idleTimeout")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), (60.0, 60.0)),
        ((Settings("configmap", mapping({"proxy-read-timeout": "120"}), "the ConfigMap"),), (120.0, 60.0)),
    ],
)
def test_what_a_response_timeout_is_by_itself_stays_known(
    settings: tuple[Settings, ...], expected: tuple[float, float]
) -> None:
    face = build_hop("ingress_nginx", "ingress-nginx", PLACE, settings).outbound
    assert (face.read("response_timeout").data, face.read("usual_response_timeout").data) == expected


def test_what_it_is_by_itself_follows_other_settings_only_where_they_decide_what_it_means() -> None:
    sync = gunicorn(conf(timeout=120), NO_FLAGS).inbound
    assert (sync.read("response_timeout").data, sync.read("usual_response_timeout").data) == (120.0, 30.0)
    assert sync.read("kills_workers").data is True
    threads = gunicorn(conf(timeout=120, threads=4), NO_FLAGS).inbound
    assert threads.read("usual_response_timeout").data == math.inf
    assert threads.read("kills_workers").data is False


@pytest.mark.parametrize(("product", "one"), [("aws_alb", True), ("aws_clb", True), ("nginx", False)])
def test_of_some_balancers_one_setting_is_both_timeouts(product: str, one: bool) -> None:
    assert build_hop(product, "a balancer", PLACE, ()).outbound.read("one_timeout").data is one


def test_what_few_products_do_others_do_not() -> None:
    hop = build_hop("jetty", "Jetty", PLACE, ())
    assert hop.inbound.read("idle_counts_for_headers").data is False
    nobody = build_hop("", "the server", PLACE, ())
    assert nobody.inbound.read("idle_counts_for_headers").data is None


@pytest.mark.parametrize(
    ("version", "early"),
    [
        *(((6, 16, 0), False), ((6, 17, 1), True), ((8, 15, 0), False), ((8, 15, 1), True), ((10, 15, 1), False)),
        *(((10, 15, 2), True), ((11, 10, 0), False), ((11, 11, 0), True), ((12, 18, 4), True), ((12, 19, 0), False)),
        *(((13, 12, 0), True), ((13, 13, 0), False), ((14,), False), ((12,), None), ((10,), None)),
    ],
)
def test_the_releases_of_node_that_start_the_clock_for_headers_too_early(
    version: tuple[int, ...], early: bool | None
) -> None:
    value = Value(Version(version), Written(PLACE))
    hop = build_hop("node", "Node.js", PLACE, (), version=value)
    assert hop.inbound.read("idle_counts_for_headers").data is early
