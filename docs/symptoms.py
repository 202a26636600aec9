"""The rules by what an on-call engineer sees: which status, and when."""

from __future__ import annotations

from collections import defaultdict
from textwrap import fill

from kubelint5xx.engine.rule import BITES, Rule
from kubelint5xx.hops.table import products, table

# The symptoms of rules, by the cause that the sender meets, with what happens.
MEETS = {
    "reset": "a connection that is reset or closed under a request",
    "timeout": "no answer in time",
    "no_target": "no target that could answer",
    "crash": "a server that ends while it answers",
}
WHEN = {
    "always": "all the time, or from the first request on",
    "idle": "now and then, without load, on connections that are reused",
    "load": "under load, or on slow requests",
    "deploy": "during deploys, rollouts and restarts of pods",
    "scale": "when nodes or pods come and go: scale-in, scale-out, spot interruptions, upgrades",
}


def page(rules: list[Rule]) -> str:
    """docs/symptoms.md: for each symptom who answers which status, then the rules by when it is seen."""
    by_symptom: defaultdict[str, defaultdict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        by_symptom[rule.symptom][rule.bites].append(rule)
    parts = [
        "# What you see, and what may cause it\n",
        "A status is the doing of whoever answers it: the load balancer or proxy in front of the fault. Find the cause",
        "that its status stands for, then when you see it. Each rule says why it happens and what to change.",
    ]
    for symptom, meets in MEETS.items():
        parts.append(f"\n## {_statuses(symptom)}: {meets}\n")
        parts.append(f"{_who(symptom)}")
        for bites in BITES:
            if found := by_symptom[symptom][bites]:
                parts.append(f"\n### {WHEN[bites][0].upper()}{WHEN[bites][1:]}\n")
                parts += [f"- [{rule.slug}](rules/{rule.slug}.md): {rule.title}" for rule in found]
    return "\n".join(parts) + "\n"


def _answers(symptom: str) -> dict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    for product in map(table, products()):
        status = product.answers.get(f"{symptom}_status")
        if status is not None:
            found[int(status)].append(product.title)
    return dict(sorted(found.items()))


def _statuses(symptom: str) -> str:
    # The most common one first.
    if symptom == "crash":
        return "500, 502"
    ranked = sorted(_answers(symptom).items(), key=lambda item: -len(item[1]))
    return ", ".join(str(status) for status, _ in ranked)


def _who(symptom: str) -> str:
    if symptom == "crash":
        return "500 where the server still gets to answer, 502 from the balancer where it does not."
    return "\n".join(fill(f"{status} from {', '.join(names)}.", 120) for status, names in _answers(symptom).items())
