"""`python -m lab.verdict [RULE…]`: counts, and fails where a rule's fault makes no 5xx or its fix leaves some.

Everything runs on loopback or in network namespaces, with a fixed number of requests.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from lab.install import NotInstalled, install
from lab.process import NotStarted, ended_by_signals
from lab.verdict import drain, keepalive, kernel, nodes, rollout, stops, timeouts
from lab.verdict.experiment import Experiment, Row, misjudged, ran
from lab.verdict.results import contradictions, write

_MODULES = keepalive, drain, stops, rollout, timeouts, nodes, kernel


def experiments() -> Iterator[Experiment]:
    """All experiments."""
    return chain.from_iterable(module.experiments() for module in _MODULES)


def main() -> int:
    """Count; 1 where something is not as the rules say, or could not be run."""
    parser = argparse.ArgumentParser(prog="python -m lab.verdict", description=__doc__)
    parser.add_argument("rules", nargs="*", metavar="RULE", help="rules, or parts of what an experiment is about")
    parser.add_argument("--write", action="store_true", help="write lab/evidence.yaml")
    parser.add_argument("--jobs", type=int, default=2, help="how many setups run at the same time")
    chosen = parser.parse_args()
    known = list(experiments())
    wanted = [
        one for one in known if not chosen.rules or any(word in f"{one.rule} {one.who}" for word in chosen.rules)
    ]
    if not wanted:
        parser.error(f"no experiment is about {', '.join(chosen.rules)}")
    failed = False
    able: list[Experiment] = []
    for experiment in wanted:
        for wrong in filter(None, (misjudged(experiment.rule, setup) for setup in experiment.setups)):
            failed = True
            print(f"the linter: {wrong}", flush=True)
        try:
            for server in experiment.servers:
                install(server)
            able.append(experiment)
        except NotInstalled as error:
            failed = True
            print(f"{experiment.rule} is left out: {error}", flush=True)
    rows: list[Row] = []
    with ThreadPoolExecutor(chosen.jobs) as pool:
        waiting = [(one, [pool.submit(ran, one, setup) for setup in one.setups]) for one in able]
        for experiment, futures in waiting:
            try:
                found = [future.result() for future in futures]
            except NotStarted as error:
                failed = True
                print(f"{experiment.rule} is left out: {error}", flush=True)
                continue
            rows += found
            for row in found:
                came = f"{row.failed} of {row.requests} {dict(row.statuses)}"
                print(f"{row.rule}, {row.who}, {row.configuration}: {came}", flush=True)
            if chosen.write:
                write(found, [(one.rule, one.who) for one in known])
    for wrong in contradictions(rows):
        print(wrong)
    return int(failed or any(contradictions(rows)))


if __name__ == "__main__":
    with ended_by_signals():
        sys.exit(main())
