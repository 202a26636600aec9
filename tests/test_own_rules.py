"""Rules of the user's own: named in the configuration, checked, shown, tested, and refused with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kubelint5xx.cli import cli
from kubelint5xx.core.problem import InputError
from kubelint5xx.core.source import Source
from kubelint5xx.engine.own_rules import own_rule
from kubelint5xx.engine.rule import rule_names

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "docs/own-rules/house"
BAN, DRAIN = "cluster-traffic-policy", "drain-below-house-minimum"
GOOD = (HOUSE / f"{BAN}.yaml").read_text(encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "examples/alb-spot-nodes", tmp_path, dirs_exist_ok=True)
    shutil.copytree(HOUSE, tmp_path / "platform/house")
    config = tmp_path / "kubelint5xx.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "rules: [platform]\n", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_own_rules_are_checked_beside_the_shipped_ones(repository: Path) -> None:
    done = run("check")
    assert done.exit_code == 1
    assert f"error[{BAN}]" in done.stdout and f"[{DRAIN}]" not in done.stdout
    assert run("check", "--ignore", BAN).exit_code == 0
    assert run("check", "--ignore", "house").exit_code == 0
    assert run("check", "--select", "keepalive").exit_code == 0
    assert run("check", "--select", "drain").exit_code == 0


def test_own_rules_are_found_from_a_folder_below_the_configuration(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "k8s")
    assert f"[{BAN}]" in run("check").stdout


def test_own_rules_reach_sarif_and_can_be_suppressed(repository: Path) -> None:
    assert f'"id": "{BAN}"' in run("check", "--format", "sarif").stdout
    service = repository / "k8s/service.yaml"
    text = service.read_text(encoding="utf-8")
    ignored = f"externalTrafficPolicy: Cluster  # kubelint5xx: ignore[{BAN}]"
    service.write_text(text.replace("type: NodePort", f"type: NodePort\n  {ignored}"), encoding="utf-8")
    assert run("check").exit_code == 0


def test_own_rules_are_listed_and_explained(repository: Path) -> None:
    listed = run("rules").stdout
    assert f"house\n  {BAN}" in listed and "  server-closes-first" in listed
    assert BAN not in run("rules", "--no-config").stdout
    assert "We ban that" not in run("explain", "server-closes-first").stdout
    assert "edge.target_type" in run("explain", BAN).stdout
    assert run("explain", BAN, "--no-config").exit_code == 2


def test_a_name_in_the_configuration_may_be_one_of_them(repository: Path) -> None:
    config = repository / "kubelint5xx.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(f"ignore: [{BAN}]\n" + text, encoding="utf-8")
    assert run("check").exit_code == 0
    config.write_text("ignore: [cluster-trafic-policy]\n" + text, encoding="utf-8")
    done = run("check")
    assert done.exit_code == 2 and f"did you mean '{BAN}'" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("edge.target_type", "edge.targt_type", 6, "edge has no 'targt_type'; did you mean 'target_type'?"),
        ('== "instance"', "> 5", 6, "a text does not compare with a literal number"),
        ('== "instance"', '== "instance" and sender.idle_timeout > budget', 6, "does not compare with"),
        ("edge.target_type ==", "__import__('os').system('x') ==", 6, "is not part of the grammar"),
        ("edge.target_type ==", "(x for x in edge) ==", 6, "is not part of the grammar"),
        ("severity: error", "severity: fatal", 8, "severity is 'fatal'; it is one of info, warning, error"),
        ("bites: scale", "bites: never", 4, "bites is 'never'; it is one of"),
        ("symptom:", "symptoms:", 3, "a rule has no 'symptoms'; did you mean 'symptom'?"),
        ("{receiver}", "{reciever}", 10, "'reciever' is not known here; did you mean 'receiver'?"),
        ("{receiver}", "{receiver", 10, "a brace is not closed"),
        ("over: edge", "over: edges", 5, "over is 'edges'; it is one of edge"),
        ("over: edge", "over: [edge]", 5, "over is not a text"),
        ("severity: error", "severity: [error]", 8, "severity is not a text"),
        ("severity: error", "severity: error\nyields_to: [no-drain-dely]", 9, "yields to no-drain-dely, which is no"),
        ("over: edge", "over: [", 7, "not valid YAML"),
        ("over: edge", "over: " + "[" * 500, 5, "nests deeper"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_its_line(
    repository: Path, old: str, new: str, line: int, said: str
) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    (repository / f"platform/house/{BAN}.yaml").write_text(text, encoding="utf-8")
    done = run("check")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: platform/house/{BAN}.yaml:{line}: ") and said in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_aliases_that_stand_for_much_are_refused() -> None:
    bomb = "why: &a0 x\n" + "".join(f"k{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9))
    with pytest.raises(InputError):
        own_rule(Source("a.yaml", bomb), "a", "b", rule_names())
    with pytest.raises(InputError):
        own_rule(Source("a.yaml", "why: &a [*a]\n" + GOOD), "a", "b", rule_names())


def test_a_folder_or_a_slug_that_is_wrong_is_refused(repository: Path) -> None:
    config = repository / "kubelint5xx.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[platform]", "[platfrom]"), encoding="utf-8")
    done = run("check")
    assert done.exit_code == 2 and "platfrom is no folder of rules" in done.stderr
    assert done.stderr.startswith("Error: kubelint5xx.yaml:")
    config.write_text(text, encoding="utf-8")
    shutil.copy(HOUSE / f"{BAN}.yaml", repository / "platform/house/no-drain-delay.yaml")
    done = run("check")
    assert done.exit_code == 2 and "another rule is called no-drain-delay" in done.stderr


def test_the_examples_in_the_docs_are_as_they_say() -> None:
    done = run("test", str(HOUSE.parent))
    assert (done.exit_code, done.stdout) == (
        0,
        "2 rules, 4 examples: 2 that fire and 2 that stay silent; 0 wrong, 0 rules without one\n",
    )


def test_an_example_that_is_not_as_it_says_fails(repository: Path) -> None:
    rule = repository / f"platform/house/{DRAIN}.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace(">= 20", ">= 10"), encoding="utf-8")
    done = run("test", "platform")
    assert done.exit_code == 1
    assert f"platform/house/{DRAIN}.yaml: example 1: {DRAIN} does not find" in done.stdout


def test_a_stack_may_lie_beside_the_rule(repository: Path) -> None:
    rule = repository / f"platform/house/{DRAIN}.yaml"
    shutil.copytree(ROOT / "examples/alb-gunicorn", repository / "platform/house/shop")
    compiled = repository / "platform/house/shop/__pycache__/gunicorn.conf.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"\xa7\r\r\n")
    rule.write_text(rule.read_text(encoding="utf-8").replace("alb-gunicorn", "shop"), encoding="utf-8")
    assert run("test", "platform").exit_code == 0
    rule.write_text(rule.read_text(encoding="utf-8").replace("shop", "shoe"), encoding="utf-8")
    done = run("test", "platform")
    assert done.exit_code == 2 and "there is no stack shoe" in done.stderr


def test_a_rule_without_examples_is_said(repository: Path) -> None:
    rule = repository / f"platform/house/{DRAIN}.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").partition("examples:")[0], encoding="utf-8")
    done = run("test", "platform")
    assert done.exit_code == 0
    assert f"{DRAIN}.yaml: has no examples" in done.stdout and "1 rules without one" in done.stdout


def test_a_folder_to_test_that_is_not_there_is_one_line() -> None:
    done = run("test", "no/such/folder")
    assert done.exit_code == 2 and "no/such/folder: cannot be read: No such file" in done.stderr
