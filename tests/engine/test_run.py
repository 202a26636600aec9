from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import pytest

from kubelint5xx.config import Config
from kubelint5xx.core.finding import Coverage, Finding, Step, Unknown
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Embedding, Source, Span
from kubelint5xx.core.value import (
    Assumed,
    Confidence,
    Data,
    Default,
    Derived,
    Join,
    Members,
    Severity,
    Subject,
    Value,
    Written,
)
from kubelint5xx.engine.rule import Rule, load_rule
from kubelint5xx.engine.run import run
from kubelint5xx.model.topology import Edge, Hop, Membership, Model, Setting

HEAD = "title: T\nsince: 0.1.0\nbites: idle\nsymptom: reset\nwhy: W\nreferences: []\n"
IDLE = """
over: edge
severity: error
when: sender.keepalive
require: receiver.idle_timeout > sender.idle_timeout
message: "{receiver} closes after {receiver.idle_timeout}, {sender} reuses for {sender.idle_timeout}."
fix: { title: "Raise {receiver} to {to}.", set: receiver.idle_timeout, to: sender.idle_timeout + 15, safety: safe }
"""
NUMBERS = count(1)


def rule(body: str, slug: str = "some-rule") -> Rule:
    return load_rule(HEAD + body.lstrip("\n"), slug, "group")


def written(text: str, data: Data, setting: str = "idle", unit: str = "s") -> Value:
    """A value that stands as ``text`` in a file of its own."""
    source = Source(f"f{next(NUMBERS)}.conf", f"{setting} = {text}\n")
    start = len(setting) + 3
    return Value(data, Written(Span(source, start, start + len(text)), setting, unit))


def place(name: str) -> Span:
    return Span(Source(name, name), 0, len(name))


def hop(name: str, *joins: Join, **values: Value) -> Hop:
    inbound = Subject("hop", name, place(name), dict(values), joins)
    return Hop("x", "server", name, place(name), inbound, Subject("hop", name, place(name), dict(values), joins))


def sender(idle: Value | None = None, *joins: Join, name: str = "the ALB a", **values: Value) -> Hop:
    keepalive = Value(True, Default("AWS ALB"))
    status = Value(502.0, Default("AWS ALB"))
    idle = idle or written("60", 60.0)
    return hop(name, *joins, **{"idle_timeout": idle, "keepalive": keepalive, "reset_status": status, **values})


def edge(source: Hop, target: Hop, pod: Subject | None = None, *joins: Join, **values: Value) -> Edge:
    between = Subject("edge", f"the way from {source.name} to {target.name}", target.place, values, joins)
    route = (Step(source.name, source.place), Step(target.name, target.place))
    return Edge(between, source, target, route, pod)


def pod(name: str = "Deployment web", **values: Value) -> Subject:
    return Subject("pod", name, place(name), values)


def found(model: Model, *rules: Rule, config: Config | None = None) -> list[Finding]:
    return run(rules or (rule(IDLE),), model, config or Config())[0]


def one(model: Model, *rules: Rule, config: Config | None = None) -> Finding:
    (finding,) = found(model, *rules, config=config)
    return finding


def web(idle: Value, *joins: Join, name: str = "gunicorn", **values: Value) -> Hop:
    return hop(name, *joins, idle_timeout=idle, **values)


UNKNOWN = Value.unknown("the image is private")


# Outcomes


@pytest.mark.parametrize(
    ("keepalive", "idle", "outcome"),
    [
        (True, 2.0, "fails"),
        (True, 60.0, "fails"),
        (True, 61.0, "holds"),
        (True, None, "unknown"),
        (None, 2.0, "unknown"),
        (None, 61.0, "holds"),
        (False, 2.0, "not applicable"),
        (False, None, "not applicable"),
    ],
)
def test_a_rule_fails_holds_is_unknown_or_does_not_apply(
    keepalive: bool | None, idle: float | None, outcome: str
) -> None:
    kept = Value(keepalive, Default("AWS ALB"), "" if keepalive is not None else "a template")
    timeout = written("x", idle) if idle is not None else UNKNOWN
    model = Model(edges=(edge(sender(keepalive=kept), web(timeout)),))
    findings, unknowns, coverage = run([rule(IDLE)], model, Config())
    assert len(findings) == (outcome == "fails")
    assert len(unknowns) == (outcome == "unknown")
    assert coverage == Coverage(
        hops=1,
        failing=int(outcome == "fails"),
        undecided=int(outcome == "unknown"),
        proved=int(outcome in ("holds", "not applicable")),
    )


def test_an_unknown_says_what_about_and_why_and_the_same_question_is_asked_once() -> None:
    shared = sender()
    model = Model(edges=(edge(shared, web(UNKNOWN)),))
    _, unknowns, _ = run([rule(IDLE)], model, Config())
    about = model.edges[0].subject
    assert unknowns == [Unknown("some-rule", about.name, "the image is private", about.place)]
    doubled = Model(edges=(*model.edges, *model.edges))
    assert len(run([rule(IDLE)], doubled, Config())[1]) == 1


def test_the_same_name_at_two_places_is_two_questions() -> None:
    model = Model(edges=(edge(sender(), web(UNKNOWN)), edge(sender(), web(UNKNOWN))))
    assert len(run([rule(IDLE)], model, Config())[1]) == 2


CASES = """
over: edge
message: M
cases:
  - { when: sender.resends, require: receiver.idle_timeout > 5, severity: info, message: first }
  - { require: receiver.idle_timeout > 20, severity: error, message: second }
  - { require: receiver.idle_timeout > 90, severity: warning }
"""


@pytest.mark.parametrize(
    ("resends", "idle", "expected"),
    [
        (True, 2.0, "first"),
        (False, 2.0, "second"),
        (True, 10.0, "second"),
        (True, 30.0, "M"),
        (True, 100.0, None),
        (None, 2.0, None),
    ],
)
def test_the_first_case_that_fails_counts(resends: bool | None, idle: float, expected: str | None) -> None:
    said = Value(resends, Default("x"), "" if resends is not None else "a template")
    findings = found(Model(edges=(edge(sender(resends=said), web(written("x", idle))),)), rule(CASES))
    assert [finding.text for finding in findings] == ([expected] if expected else [])


def test_a_condition_that_all_cases_share_is_added_to_each_of_theirs() -> None:
    text = """
over: edge
when: sender.keepalive or sender.resends
require: receiver.idle_timeout > 5
message: M
cases:
  - { when: sender.graceful or sender.resends, severity: error }
  - { severity: warning }
"""
    no = Value(False, Default("x"))
    silent = edge(sender(keepalive=no, resends=no, graceful=Value(True, Default("x"))), web(written("2", 2.0)))
    assert found(Model(edges=(silent,)), rule(text)) == []


def test_the_configuration_has_the_last_word_on_severity() -> None:
    model = Model(edges=(edge(sender(), web(written("2", 2.0))),))
    assert one(model).severity is Severity.ERROR
    assert one(model, config=Config(severity={"some-rule": Severity.INFO})).severity is Severity.INFO


# The finding


def test_a_finding_shows_the_message_the_values_with_their_labels_the_route_and_the_status() -> None:
    idle = written("2", 2.0)
    finding = one(Model(edges=(edge(sender(Value(60.0, Default("AWS ALB", "idle_timeout"))), web(idle)),)))
    assert finding.text == "gunicorn closes after 2 s, the ALB a reuses for 60 s (AWS ALB's default)."
    assert [(cited.text, cited.label) for cited in finding.evidence] == [
        ("2 s", "idle timeout of gunicorn"),
        ("60 s", "idle timeout of the ALB a"),
    ]
    assert finding.place == idle.place
    assert [step.label for step in finding.route] == ["the ALB a", "gunicorn"]
    assert (finding.status, finding.bites) == (502, "idle")
    assert finding.key == f"some-rule:{finding.place.path}:the way from the ALB a to gunicorn:idle timeout of gunicorn"


def test_a_sentence_begins_with_a_capital() -> None:
    text = IDLE.replace('"{receiver} closes', '"{sender} waits. {sender} closes')
    finding = one(Model(edges=(edge(sender(), web(written("2", 2.0))),)), rule(text))
    assert finding.text.startswith("The ALB a waits. The ALB a closes after 2 s, the ALB a")


def test_a_finding_stands_where_the_rule_says_even_where_a_bare_subject_is_named() -> None:
    group = Subject("node_group", "the group g", place("g.tf"), {"excluded": written("false", False)})
    target = Subject("target_group", "the targets t", place("t.tf"), {})
    text = """
over: membership
severity: error
require: group.excluded
at: group
message: "{group} is in {target_group}."
"""
    finding = one(Model(memberships=(Membership(group, target, None),)), rule(text))
    assert finding.place == group.place
    assert finding.text == "The group g is in the targets t."
    assert finding.confidence is Confidence.HIGH


def test_a_default_is_found_at_the_block_that_could_set_it() -> None:
    block = place("gunicorn.conf.py")
    finding = one(Model(edges=(edge(sender(), web(Value(2.0, Default("gunicorn", "keepalive", place=block)))),)))
    assert finding.place == block


def test_a_finding_in_an_embedded_text_stands_in_the_file() -> None:
    file = Source("k8s.yaml", "data:\n  c: |\n    idle 2\n")
    inner = Source("k8s.yaml", "idle 2\n", inside=Embedding(Span(file, 11, len(file.text)), 3, 4))
    finding = one(Model(edges=(edge(sender(), web(Value(2.0, Written(Span(inner, 5, 6))))),)))
    assert (str(finding.place), finding.place.text) == ("k8s.yaml:3:10", "2")


# Confidence


@pytest.mark.parametrize(
    ("idle", "expected", "assumptions"),
    [
        (written("2", 2.0), Confidence.HIGH, ()),
        (Value(2.0, Default("gunicorn", "keepalive")), Confidence.MEDIUM, ()),
        (
            Value(2.0, Default("gunicorn", "keepalive", unseen=("its image",))),
            Confidence.LOW,
            ("keepalive is at gunicorn's default; not read: its image",),
        ),
        (Value(2.0, Assumed("it is the only one")), Confidence.LOW, ("it is the only one",)),
        (
            Value(2.0, Derived("sum", (Value(2.0, Assumed("it is the only one")),))),
            Confidence.LOW,
            ("it is the only one",),
        ),
    ],
)
def test_confidence_comes_from_the_values_that_decide(
    idle: Value, expected: Confidence, assumptions: tuple[str, ...]
) -> None:
    finding = one(Model(edges=(edge(sender(), web(idle)),)))
    assert finding.confidence is expected
    assert finding.assumptions == assumptions


ASSUMED = Join("it is the only candidate", assumed=True)


def test_a_join_that_is_assumed_makes_confidence_low_and_is_said() -> None:
    two = written("2", 2.0)
    for made in (
        edge(sender(None, ASSUMED), web(two)),
        edge(sender(), web(two, ASSUMED)),
        edge(sender(), web(two), None, ASSUMED),
    ):
        finding = one(Model(edges=(made,)))
        assert finding.confidence is Confidence.LOW
        assert finding.assumptions == ("it is the only candidate",)
    assert one(Model(edges=(edge(sender(), web(two), None, Join("by its selector")),))).confidence is Confidence.HIGH


def test_a_join_counts_also_where_only_a_fact_read_the_subject() -> None:
    text = """
over: serving
severity: error
require: serving_after_removal(pod, server) >= edge.propagation
message: M
"""
    receiver = web(written("2", 2.0), ASSUMED, drain_delay=written("0", 0.0))
    made = edge(sender(), receiver, pod(prestop_delay=written("0", 0.0)), propagation=written("5", 5.0))
    assert one(Model(edges=(made,)), rule(text)).confidence is Confidence.LOW


def test_a_join_of_what_did_not_decide_does_not_count() -> None:
    text = "\nover: serving\nseverity: error\nrequire: pod.grace > 5\nmessage: M\n"
    made = edge(sender(), web(written("2", 2.0), ASSUMED), pod(grace=written("2", 2.0)))
    assert one(Model(edges=(made,)), rule(text)).confidence is Confidence.HIGH


HOOKS = """
over: membership
severity: error
require: any(h.transition == "terminating" for h in group.hooks)
message: M
"""


def membership(hooks: Members) -> Model:
    group = Subject("node_group", "g", place("g"), {"hooks": Value(hooks, Written(place("g")))})
    return Model(memberships=(Membership(group, Subject("target_group", "t", None, {}), None),))


def test_sets_that_are_open_are_no_finding_and_sets_that_are_taken_as_closed_are_one_of_low_confidence() -> None:
    hooks = rule(HOOKS)
    assert one(membership(Members()), hooks).confidence is Confidence.HIGH
    assert found(membership(Members(open="modules were not read")), hooks) == []
    finding = one(membership(Members(assumed="no other hook is in sight")), hooks)
    assert (finding.confidence, finding.assumptions) == (Confidence.LOW, ("no other hook is in sight",))
    launching = Subject("hook", "h", place("h"), {"transition": written("x", "launching")}, (ASSUMED,))
    assert one(membership(Members((launching,))), hooks).confidence is Confidence.LOW


# One cause, one finding


def test_a_finding_yields_to_one_about_the_same_thing_only() -> None:
    weak = rule("\nover: serving\nseverity: error\nrequire: pod.grace > 9\nmessage: M\nyields_to: [strong]\n", "weak")
    strong = rule("\nover: serving\nseverity: error\nrequire: pod.shell\nmessage: M\n", "strong")
    grace, shell = written("2", 2.0), written("x", False)
    server = web(written("99", 99.0))
    same = pod("a", grace=grace, shell=shell)
    apart = Model(
        edges=(
            edge(sender(), server, pod("a", grace=grace, shell=written("x", True))),
            edge(sender(), server, pod("b", grace=written("50", 50.0), shell=shell)),
        )
    )
    assert [one.rule for one in found(Model(edges=(edge(sender(), server, same),)), weak, strong)] == ["strong"]
    assert sorted(one.rule for one in found(apart, weak, strong)) == ["strong", "weak"]


def test_one_value_behind_several_senders_is_one_finding_about_the_strictest() -> None:
    receiver = web(written("2", 2.0))
    senders = [sender(written(str(idle), float(idle)), name=f"ALB {idle}") for idle in (60, 4000, 350)]
    finding = one(Model(edges=tuple(edge(one, receiver) for one in senders)))
    assert "ALB 4000 reuses for 4000 s" in finding.text
    assert finding.also == 2


def test_equal_offsets_in_two_texts_of_one_file_are_two_places() -> None:
    file = Source("k8s.yaml", "a: |\n  idle 2\nb: |\n  idle 2\n")
    inner = [
        Source("k8s.yaml", "idle 2\n", inside=Embedding(Span(file, at, at + 9), line, 2))
        for at, line in ((3, 2), (17, 4))
    ]
    receivers = [web(Value(2.0, Written(Span(source, 5, 6)))) for source in inner]
    findings = found(Model(edges=tuple(edge(sender(), receiver) for receiver in receivers)))
    assert [finding.place.line for finding in findings] == [2, 4]


def test_two_faults_in_two_places_are_two_findings() -> None:
    model = Model(edges=(edge(sender(), web(written("2", 2.0))), edge(sender(), web(written("2", 2.0)))))
    assert len(found(model)) == 2


# Coverage


def test_a_hop_is_proved_failing_or_undecided_by_all_rules_about_it() -> None:
    grace = rule("\nover: serving\nseverity: error\nrequire: pod.grace > 9\nmessage: M\n", "grace")
    good, bad = written("99", 99.0), written("2", 2.0)
    edges = (
        edge(sender(), web(good), pod(grace=good)),
        edge(sender(), web(good), pod(grace=bad)),
        edge(sender(), web(bad), pod(grace=UNKNOWN)),
        edge(sender(), web(UNKNOWN), pod(grace=good)),
        edge(sender(), web(good)),
    )
    coverage = run([rule(IDLE), grace], Model(edges=edges), Config())[2]
    assert coverage == Coverage(hops=5, proved=2, failing=2, undecided=1)


def test_rules_over_clusters_and_settings_count_no_hops() -> None:
    cluster = Subject("cluster", "c", place("c"), {"kube_proxy_mode": written("x", "nftables")})
    label = Subject("setting", "s", place("s"), {"text": written("x", "false")})
    rules = (
        rule("\nover: cluster\nseverity: error\nrequire: cluster.kube_proxy_mode == 'ipvs'\nmessage: M\n", "a"),
        rule("\nover: setting\nseverity: error\nrequire: setting.text != 'false'\nmessage: M\n", "b"),
    )
    findings, _, coverage = run(rules, Model(clusters=(cluster,), settings=(Setting(label),)), Config())
    assert sorted(finding.rule for finding in findings) == ["a", "b"]
    assert coverage == Coverage()


# Advice


@pytest.mark.parametrize(
    ("text", "unit", "alb", "expected"),
    [
        ("2", "s", 60.0, "75"),
        ("2000", "ms", 60.0, "75000"),
        ('"2"', "s", 60.0, '"75"'),
        ("2", "s", 60.5, "76"),
        ("2", "s", 2592000.0, "2592015"),
        ("2s", "", 60.0, ""),
        ("2", "", 60.0, ""),
        ("var.idle", "s", 60.0, ""),
        ("²", "s", 60.0, ""),
    ],
)
def test_advice_writes_the_number_in_the_unit_and_form_of_what_it_replaces(
    text: str, unit: str, alb: float, expected: str
) -> None:
    idle = written(text, 2.0, unit=unit)
    advice = one(Model(edges=(edge(sender(written("x", alb)), web(idle)),))).advice
    assert advice is not None
    assert (advice.replacement, advice.place, advice.safe) == (expected, idle.place, True)
    assert advice.title == f"Raise gunicorn to {alb + 15:g} s." if alb < 1e5 else advice.title


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (75.0, "Raise gunicorn to 75 s."),
        (74.0, "Lower the idle timeout of the ALB a: gunicorn takes 74 s at most."),
    ],
)
def test_advice_does_not_go_beyond_what_the_product_takes(most: float, expected: str) -> None:
    idle = replace(written("2", 2.0, unit="s"), most=most)
    advice = one(Model(edges=(edge(sender(written("x", 60.0)), web(idle)),))).advice
    assert advice is not None
    assert (advice.title, bool(advice.replacement)) == (expected, most == 75.0)


def test_there_is_nothing_to_write_where_no_limit_would_be_needed_or_nothing_is_written() -> None:
    endless = one(Model(edges=(edge(sender(written("x", float("inf"))), web(written("2", 2.0))),))).advice
    default = one(
        Model(edges=(edge(sender(), web(Value(2.0, Default("gunicorn", "keepalive", place=place("b"))))),))
    ).advice
    assert endless is not None
    assert default is not None
    assert (endless.replacement, default.replacement) == ("", "")
    assert str(default.place) == "b:1:1"


def test_budgets_come_from_the_configuration() -> None:
    margin = rule(
        """
over: edge
severity: warning
require: receiver.idle_timeout >= sender.idle_timeout + budget.idle_margin
message: M
"""
    )
    model = Model(edges=(edge(sender(), web(written("64", 64.0))),))
    assert one(model, margin).confidence is Confidence.MEDIUM
    budgets: Mapping[str, Value] = {"idle_margin": written("4", 4.0)}
    assert found(model, margin, config=Config(budgets=budgets)) == []


RELAY = """
over: relay
severity: warning
require: sender.response_timeout > inner.response_timeout
at: inner.response_timeout
message: "{sender} waits {sender.response_timeout}, {inner} {inner.response_timeout}."
fix: { title: "Lower that of {inner}." }
"""


def relaying(name: str, seconds: float) -> Hop:
    return hop(name, response_timeout=written(f"{seconds:g}", seconds, "wait"))


def test_what_a_proxy_waits_for_is_judged_by_every_way_on_which_it_sends_requests() -> None:
    outer, proxy = relaying("the ALB", 60.0), relaying("nginx", 30.0)
    # Of one program, two faces: each route may have its own timeout.
    routes = [replace(proxy, outbound=relaying("nginx", seconds).outbound) for seconds in (20.0, 300.0)]
    inner = [edge(one, relaying(f"server {number}", 10.0)) for number, one in enumerate(routes)]
    (finding,) = found(Model(edges=(edge(outer, proxy), *inner)), rule(RELAY))
    assert finding.text == "The ALB waits 60 s, nginx 300 s."


def test_the_last_hop_is_judged_by_its_own_timeout_where_it_has_one() -> None:
    outer = relaying("the ALB", 60.0)
    last = Model(edges=(edge(outer, relaying("gunicorn", 90.0)), edge(outer, hop("a server without any"))))
    assert [finding.text for finding in found(last, rule(RELAY))] == ["The ALB waits 60 s, gunicorn 90 s."]
    assert not run([rule(RELAY)], last, Config())[1]
