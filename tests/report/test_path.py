from __future__ import annotations

import re
from textwrap import dedent

from kubelint5xx.core.finding import Step
from kubelint5xx.core.source import Source, Span
from kubelint5xx.core.value import Assumed, Default, Derived, Join, Members, Subject, Value, Written
from kubelint5xx.model.topology import Edge, Hop, Membership, Model, Undecided
from kubelint5xx.report.path import render

ALB = Source("infra/lb.tf", 'resource "aws_lb" "web" {\n  idle_timeout = 60\n}\n')
APP = Source("web.yaml", "grace: 30\nperiod: 10\nfailures: 3\nidle: 75\n")


def at(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def hop(name: str, inbound: dict[str, Value] | None = None, outbound: dict[str, Value] | None = None) -> Hop:
    place = at(APP, "grace")
    faces = (Subject("hop", name, place, inbound or {}), Subject("hop", name, place, outbound or {}))
    return Hop("x", "server", name, place, *faces)


def edge(sender: Hop, receiver: Hop, *route: str, **joined: Subject) -> Edge:
    subject = Subject("edge", f"the way from {sender.name} to {receiver.name}", None, {})
    return Edge(subject, sender, receiver, tuple(Step(label, None) for label in route), **joined)


def shown(model: Model) -> str:
    return render(model, color=False)


def seconds(number: float, source: Source, text: str) -> Value:
    return Value(number, Written(at(source, text)))


LB = hop(
    "the ALB web", outbound={"idle_timeout": seconds(60.0, ALB, "60"), "reset_status": Value(502.0, Default("AWS ALB"))}
)
WEB = hop(
    "gunicorn",
    inbound={
        "keepalive": Value(True, Default("gunicorn", "worker_class")),
        "idle_timeout": Value(2.0, Default("gunicorn", "keepalive", unseen=("its image", "its code"))),
        "shutdown_timeout": Value.unknown("the image registry.example.com/web is private", at(APP, "grace")),
        "version": Value.unknown("nobody knows"),
    },
)
POD = Subject(
    "pod",
    "Deployment web",
    at(APP, "grace"),
    {
        "grace": seconds(30.0, APP, "30"),
        "readiness": Value(
            31.0,
            Derived(
                "all three together",
                (
                    seconds(10.0, APP, "10"),
                    seconds(3.0, APP, "3\nidle"),
                    Value(1.0, Default("Kubernetes", "timeoutSeconds")),
                ),
            ),
        ),
    },
    (Join("it is the only Deployment", at(APP, "grace"), assumed=True), Join("by its selector")),
)
TARGETS = Subject(
    "target_group", "the target group web", at(ALB, "web"), {"deregistration_delay": seconds(60.0, ALB, "60")}
)


def test_a_path_shows_each_hop_with_its_numbers_and_where_they_come_from() -> None:
    hooks = Members(
        (Subject("hook", "the hook drain", None, {"heartbeat": seconds(60.0, ALB, "60")}),), "modules were not read"
    )
    group = Subject(
        "node_group",
        "the group spot",
        None,
        {
            "volatile": Value(True, Assumed("its name says so", at(ALB, "web"))),
            "hooks": Value(hooks, Written(at(ALB, "resource"))),
            "handlers": Value(Members(assumed="no other is in sight"), Written(at(ALB, "resource"))),
        },
    )
    cluster = Subject("cluster", "the cluster main", None, {"kube_proxy_mode": Value("ipvs", Written(at(ALB, "web")))})
    model = Model(
        edges=(edge(LB, WEB, "the ALB web", "Service web", "gunicorn", pod=POD, target_group=TARGETS),),
        memberships=(Membership(group, TARGETS, cluster),),
        clusters=(cluster,),
        undecided=(Undecided("aws_lb_listener.http", "its load balancer is not in the files", at(ALB, "resource")),)
        * 2,
    )
    assert shown(model) == dedent("""\
        the ALB web → Service web → gunicorn

          the ALB web, sending
            idle timeout  60 s  infra/lb.tf:2
            reset status   502  fixed in AWS ALB

          the target group web
            deregistration delay  60 s  infra/lb.tf:2

          gunicorn, receiving
            keeping of connections      yes  gunicorn's default
            idle timeout                2 s  gunicorn's default; not read: its image, its code
            shutdown timeout        unknown  the image registry.example.com/web is private (web.yaml:1)
            version                 unknown  nobody knows

          Deployment web
            grace period                         30 s  web.yaml:1
            time until failing readiness counts  31 s  all three together (web.yaml:2, :3, Kubernetes's default)
            assumed                                    it is the only Deployment (web.yaml:1)

        Nodes behind the target group web

          the group spot
            volatility             yes  assumed: its name says so (infra/lb.tf:1)
            lifecycle hooks          1  infra/lb.tf:1; and perhaps more: modules were not read
              the hook drain
                heartbeat         60 s  infra/lb.tf:2
            termination handlers  none  infra/lb.tf:1; assumed: no other is in sight

        the cluster main
          kube proxy mode  ipvs  infra/lb.tf:1

        Not joined
          aws_lb_listener.http: its load balancer is not in the files (infra/lb.tf:1)

        1 request path, 1 hop, 1 node group, 1 cluster, 1 not joined
    """)


def test_hops_in_a_row_are_one_path_and_each_face_is_told_once() -> None:
    proxy = hop("nginx", {"idle_timeout": seconds(75.0, APP, "75")}, {"idle_timeout": seconds(60.0, ALB, "60")})
    model = Model(
        edges=(
            edge(proxy, WEB, "the ALB web", "nginx", "Service web", "gunicorn"),
            edge(LB, proxy, "the ALB web", "nginx"),
        )
    )
    text = shown(model)
    assert text.count("→") == 3
    heads = re.findall(r"^  (\S.*)$", text, re.M)
    assert heads == ["the ALB web, sending", "nginx, receiving", "nginx, sending", "gunicorn, receiving"]
    assert text.endswith("\n1 request path, 2 hops\n")


def test_two_routes_over_the_same_hops_are_told_together() -> None:
    model = Model(
        edges=(edge(LB, WEB, "the ALB web", "rule a", "gunicorn"), edge(LB, WEB, "the ALB web", "rule b", "gunicorn"))
    )
    text = shown(model)
    assert text.startswith("the ALB web → rule a → gunicorn\nthe ALB web → rule b → gunicorn\n\n")
    assert text.count("the ALB web, sending") == 1
    assert "1 request path, 2 hops" in text


def test_what_another_path_told_is_not_told_again() -> None:
    other = hop("puma", {"idle_timeout": seconds(75.0, APP, "75")})
    model = Model(edges=(edge(LB, WEB, "the ALB web", "gunicorn"), edge(LB, other, "the ALB web", "puma")))
    text = shown(model)
    assert text.count("infra/lb.tf:2") == 1
    assert "\n  the ALB web, sending: as above\n" in text
    assert "puma, receiving\n    idle timeout  75 s  web.yaml:4\n" in text


def test_a_server_of_which_nothing_is_known_is_named_all_the_same() -> None:
    text = shown(Model(edges=(edge(LB, hop("the server in container web")),)))
    assert text.startswith("the ALB web → the server in container web\n")
    assert "\n  the server in container web, receiving: nothing is known of it\n" in text


def test_node_groups_of_targets_that_no_path_reaches_come_with_the_targets_numbers() -> None:
    group = Subject("node_group", "the group spot", None, {"volatile": Value(True, Assumed("so"))})
    text = shown(Model(memberships=(Membership(group, TARGETS, None),), objects=3))
    assert "deregistration delay  60 s  infra/lb.tf:2" in text
    assert text.endswith("\n\nNo request path was found in 3 objects\n")


def test_an_empty_model_says_so() -> None:
    assert shown(Model(objects=1)) == "No request path was found in 1 object\n"


def test_long_reasons_are_cut_and_controls_made_visible() -> None:
    odd = hop("web\x1b[31m", {"idle_timeout": Value.unknown("because\n" * 40)})
    text = shown(Model(edges=(edge(LB, odd, "a\u202eb"),), undecided=(Undecided("x\x07", "y\n"),)))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "because because" in text
    assert max(map(len, text.splitlines())) < 150


def test_colours_change_nothing_but_colours() -> None:
    model = Model(edges=(edge(LB, WEB, "the ALB web", "gunicorn", pod=POD),), undecided=(Undecided("a", "b"),))
    coloured = render(model, color=True)
    assert coloured != shown(model)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(model)
