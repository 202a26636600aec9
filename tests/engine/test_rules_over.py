"""A check compiles the rules that it can use, and imports the modules that it can use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.engine.rule import rule_names, rules_over, shipped_rules

INCIDENT = Path(__file__).parents[2] / "examples" / "incident"


def test_rules_are_known_by_their_files_before_any_is_compiled() -> None:
    assert rule_names() == {rule.slug: rule.group for rule in shipped_rules()}


def test_rules_over_a_kind_are_all_of_that_kind() -> None:
    for kind in {rule.over for rule in shipped_rules()}:
        slugs = [rule.slug for rule in rules_over({kind})]
        assert slugs == [rule.slug for rule in shipped_rules() if rule.over == kind]
    assert not list(rules_over(()))


def test_rules_that_are_left_out_would_not_have_found_anything() -> None:
    files = {path.relative_to(INCIDENT).as_posix(): path.read_bytes() for path in INCIDENT.rglob("*") if path.is_file()}
    own, all_ = (check(MemoryTree(files), Config(), rules) for rules in (None, shipped_rules()))
    assert [finding.key for finding in own.findings] == [finding.key for finding in all_.findings] != []
    assert own.coverage == all_.coverage and list(own.rules) == list(all_.rules)


def test_manifests_alone_need_neither_terraform_nor_subprocesses() -> None:
    code = (
        "import sys\n"
        "from kubelint5xx.check import check\n"
        "from kubelint5xx.config import Config\n"
        "from kubelint5xx.core.tree import MemoryTree\n"
        "check(MemoryTree({'a.yaml': 'kind: Pod\\napiVersion: v1\\nmetadata: {name: a}\\n'}), Config())\n"
        "unwanted = ('eval.', 'formats.hcl', 'link.terraform\\n', 'link.autoscaling')\n"
        "print(*[name for name in sys.modules if any(word in name + '\\n' for word in unwanted)])\n"
        "print(*{'subprocess', 'difflib', 'importlib.resources'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
