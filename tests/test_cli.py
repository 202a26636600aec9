from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kubelint5xx.cli import cli

EXAMPLES = Path(__file__).parents[1] / "examples"
SLUG = "server-closes-first"
NOTHING_JOINED = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
CHAIN = """\
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          command: [gunicorn, -k, gthread, --keep-alive, "2", app:app]
          ports: [{name: http, containerPort: 8080}]
---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
# Source: shop/templates/ingress.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: alb
  rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]
"""


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "init.defaultBranch=main", *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A repository with one fault: the server closes idle connections after 2 s."""
    root = tmp_path / "repo"
    shutil.copytree(EXAMPLES / "alb-gunicorn", root)
    conf = root / "gunicorn.conf.py"
    conf.write_text(conf.read_text().replace("keepalive = 75", "keepalive = 2"))
    git(root, "init", "--quiet")
    return root


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)


def program(
    *arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"", **env: str
) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "kubelint5xx", *map(str, arguments)],
        cwd=cwd,
        env={**{key: value for key, value in os.environ.items() if not key.startswith("GIT_")}, **env},
        input=stdin,
        capture_output=True,
        check=False,
    )
    said, complained = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    return subprocess.CompletedProcess(done.args, done.returncode, said, complained)


def places(text: str) -> list[str]:
    return [f"{one['place']['path']}:{one['place']['line']}" for one in json.loads(text)["findings"]]


def load(text: str) -> Any:
    return json.loads(text)


# Exit status


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([], 1),
        (["--fail-on", "error"], 1),
        (["--fail-on", "never"], 0),
        (["--exit-zero"], 0),
        (["--ignore", SLUG], 0),
        (["--ignore", "keepalive"], 0),
        (["--select", "keepalive"], 1),
        (["--select", "drain,nodes"], 0),
        (["--select", "drain", "--select", f"nodes, {SLUG}"], 1),
        (["--min-severity", "error"], 1),
    ],
)
def test_findings_that_count_fail_the_run(stack: Path, options: list[str], status: int) -> None:
    assert run("check", stack, *options).exit_code == status


def test_less_severe_findings_are_shown_and_do_not_fail_on_more_severe(stack: Path) -> None:
    config = stack / "kubelint5xx.yaml"
    config.write_text(config.read_text() + f"severity: {{{SLUG}: info}}\n")
    assert run("check", stack).exit_code == 0
    assert f"info[{SLUG}]" in run("check", stack).stdout
    assert run("check", stack, "--fail-on", "info").exit_code == 1
    assert "No findings" in run("check", stack, "--min-severity", "warning").stdout


def test_unsure_findings_fail_the_run_only_where_asked() -> None:
    unsure = CHAIN.replace("--keep-alive, ", "").replace('"2", ', "")  # the default, which gunicorn.conf.py may change
    shown = load(run("check", "-", "--no-config", "--format", "json", stdin=unsure).stdout)["findings"]
    assert [(one["rule"], one["confidence"]) for one in shown if one["rule"] == SLUG] == [(SLUG, "low")]
    only = ("check", "-", "--no-config", "--select", SLUG)
    assert run(*only, stdin=unsure).exit_code == 0
    assert run(*only, "--fail-confidence", "low", stdin=unsure).exit_code == 1
    assert "No findings" in run(*only, "--min-confidence", "medium", stdin=unsure).stdout


def test_what_is_not_resolved_fails_only_where_it_must_be(tmp_path: Path) -> None:
    lonely = CHAIN.partition("---")[2]  # a Service that selects nothing
    assert run("check", "-", "--no-config", stdin=lonely).exit_code == 0
    assert run("check", "-", "--no-config", "--require-resolved", stdin=lonely).exit_code == 3
    (tmp_path / "note.txt").write_text("nothing to analyse")
    assert "no hop found in 0 files" in run("check", tmp_path, "--no-config").stdout
    assert run("check", tmp_path, "--no-config").exit_code == 0
    assert run("check", tmp_path, "--no-config", "--require-resolved").exit_code == 3
    assert run("check", EXAMPLES / "alb-gunicorn", "--require-resolved").exit_code == 0


def test_findings_win_over_what_is_unresolved(stack: Path) -> None:
    (stack / "broken.yaml").write_text("kind: Service\n a: [\n")
    assert run("check", stack, "--require-resolved").exit_code == 1
    assert run("check", stack, "--require-resolved", "--exit-zero").exit_code == 3


def test_open_questions_of_rules_that_were_left_out_do_not_count() -> None:
    settled = CHAIN.replace('"2"', '"90"').replace(
        "      containers:", "      terminationGracePeriodSeconds: x\n      containers:"
    )
    common = ("check", "-", "--no-config", "--require-resolved", "--exit-zero")
    assert run(*common, stdin=settled).exit_code == 3
    assert run(*common, "--select", SLUG, stdin=settled).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--select", "server-close-first"], "did you mean 'server-closes-first'"),
        (["--ignore", "keepalives"], "did you mean 'keepalive'"),
        (["--ignore", "zzzzzz"], "`kubelint5xx rules` lists them"),
        (["--output", "xml=a"], "FORMAT=FILE"),
        (["--output", "json"], "FORMAT=FILE"),
        (["--output", "json=no/such/directory/a"], "cannot write no/such/directory/a: No such file or directory"),
        (["--var", "idle"], "'idle' is not K=V"),
        (["--var-file", "no.tfvars"], "no.tfvars does not exist"),
        (["--kube-version", "new"], "'new' is not a version"),
        (["--config", "no.yaml"], "no.yaml: cannot be read: No such file or directory"),
        (["--format", "html"], "'html' is not one of"),
        (["no/such/path"], "no/such/path does not exist"),
        (["-", "."], "- stands alone"),
    ],
)
def test_wrong_usage_ends_with_2_whatever_would_be_found(stack: Path, arguments: list[str], said: str) -> None:
    done = program("check", *arguments, *([] if "-" in arguments else [stack]), cwd=stack)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.replace("’", "'")
    assert "Traceback" not in done.stderr


# Formats and files


def test_stdout_holds_the_report_alone_in_every_format(stack: Path) -> None:
    (stack / "broken.yaml").write_text("kind: Service\na: [\n")
    for format_ in ("text", "json", "sarif"):
        done = run("check", stack, "--format", format_)
        assert done.stderr.splitlines() == ["broken.yaml:2: not valid YAML: did not find expected node content"], (
            format_
        )
        assert "not valid YAML" not in done.stdout or format_ != "text"
    assert load(run("check", stack, "--format", "json").stdout)["coverage"]["unreadable"] == 1
    assert "1 file not read in full" in run("check", stack).stdout
    run_ = load(run("check", stack, "--format", "sarif").stdout)["runs"][0]
    (notification,) = run_["invocations"][0]["toolExecutionNotifications"]
    assert notification["level"] == "error"
    location = notification["locations"][0]["physicalLocation"]
    assert (location["artifactLocation"]["uri"], location["region"]) == ("broken.yaml", {"startLine": 2})


def test_several_outputs_come_from_one_run(stack: Path, tmp_path: Path) -> None:
    names = {kind: tmp_path / f"out put.{kind}" for kind in ("json", "sarif", "text")}
    names["sarif"].write_text("an older report")
    done = run("check", stack, *(part for kind, file in names.items() for part in ("--output", f"{kind}={file}")))
    assert done.exit_code == 1
    for kind, file in names.items():
        assert file.read_text() == run("check", stack, "--format", kind).stdout
    assert sorted(tmp_path.iterdir()) == sorted([stack, *names.values()])


def test_no_file_is_written_where_the_run_fails(stack: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("an older report")
    code = (
        "import kubelint5xx.report.sarif as sarif\n"
        "from kubelint5xx.__main__ import main\n"
        "def fail(*_, **__): raise RuntimeError('no sarif\\ntoday')\n"
        "sarif.render = fail\n"
        "main()\n"
    )
    arguments = ["check", str(stack), "--output", f"json={kept}", "--output", f"sarif={tmp_path / 'new.sarif'}"]
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "internal error: RuntimeError: no sarif today; please report it, with what KUBELINT5XX_DEBUG=1 prints"
    ]
    assert kept.read_text() == "an older report"
    assert not (tmp_path / "new.sarif").exists()
    debug = {**os.environ, "KUBELINT5XX_DEBUG": "1"}
    assert "Traceback" in subprocess.run(command, capture_output=True, text=True, check=False, env=debug).stderr
    assert "Traceback" in subprocess.run([*command, "-v"], capture_output=True, text=True, check=False).stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "kubelint5xx", "rules"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "Error: cannot write to stdout: No space left on device\n")


def test_a_reader_that_leaves_early_is_no_error(stack: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "kubelint5xx", "check", str(stack), "--format", "sarif"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_terminal_that_knows_few_letters_gets_escapes(stack: Path) -> None:
    done = program("check", stack, PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert done.returncode == 1
    assert "\\u2192" in done.stdout
    assert done.stderr == ""


def test_an_interrupt_ends_without_a_traceback() -> None:
    command = [sys.executable, "-m", "kubelint5xx", "check", "-", "--no-config"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Whoever runs the tests in the background ignores the signal, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(2)  # now it waits for its input
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, said.strip()) == (130, b"")


def test_quiet_is_silent_only_where_nothing_was_found(stack: Path) -> None:
    assert run("check", EXAMPLES / "alb-gunicorn", "--quiet").output == ""
    assert SLUG in run("check", stack, "--quiet").stdout
    (stack / "broken.yaml").write_text("kind: Service\na: [\n")
    assert run("check", stack, "--quiet", "--ignore", SLUG).stderr.startswith("broken.yaml:2: ")


def test_many_files_that_are_not_analysed_are_folded_unless_verbose(stack: Path) -> None:
    for number in range(12):
        (stack / f"broken{number:02}.yaml").write_text("kind: Service\na: [\n")
    folded = run("check", stack).stderr.splitlines()
    assert len(folded) == 11
    assert folded[-1] == "and 2 more are unreadable; --verbose lists them"
    assert len(run("check", stack, "--verbose").stderr.splitlines()) == 12


def test_colours_follow_the_option_then_the_environment(stack: Path) -> None:
    def coloured(*options: str, no: str = "", force: str = "") -> bool:
        return "\x1b[" in program("check", stack, *options, NO_COLOR=no, CLICOLOR_FORCE=force).stdout

    assert not coloured()  # no terminal
    assert coloured("--color", "always", no="1")
    assert coloured(force="1")
    assert not coloured(force="0")
    assert not coloured(force="1", no="1")
    assert not coloured("--color", "never", force="1")


def test_unknowns_are_listed_on_request() -> None:
    stdin = CHAIN.partition("---")[2]
    assert "--show-unknown lists them" in run("check", "-", "--no-config", stdin=stdin).stdout
    assert "Service web" in run("check", "-", "--no-config", "--show-unknown", stdin=stdin).stdout


def test_suppressed_findings_come_into_sarif_with_their_reason_when_asked(stack: Path) -> None:
    conf = stack / "gunicorn.conf.py"
    conf.write_text(conf.read_text().replace("= 2", f"= 2  # kubelint5xx: ignore[{SLUG}] only robots call"))
    done = run("check", stack, "--format", "sarif")
    assert done.exit_code == 0
    assert load(done.stdout)["runs"][0]["results"] == []
    done = run("check", stack, "--format", "sarif", "--show-suppressed")
    (result,) = load(done.stdout)["runs"][0]["results"]
    assert result["suppressions"][0]["justification"] == "only robots call"
    assert "No findings; 1 suppressed" in run("check", stack).stdout


# Where files are looked for, and how they are named


def test_files_are_named_from_the_repository_wherever_the_program_runs(stack: Path) -> None:
    expected = ["gunicorn.conf.py:7"]
    assert places(program("check", "--format", "json", cwd=stack).stdout) == expected
    assert places(program("check", "..", "--format", "json", cwd=stack / "k8s").stdout) == expected
    assert places(program("check", stack, "--format", "json", cwd=Path("/")).stdout) == expected
    assert places(program("check", "k8s", ".", "--format", "json", cwd=stack).stdout) == expected
    link = stack.parent / "link"
    link.symlink_to(stack)
    assert places(program("check", link, "--format", "json", cwd=stack.parent).stdout) == expected


def test_several_paths_are_one_tree(stack: Path) -> None:
    parts = ("k8s", "Dockerfile", "gunicorn.conf.py", "app", "requirements.txt")
    done = program("check", *parts, "--format", "json", cwd=stack)
    assert places(done.stdout) == ["gunicorn.conf.py:7"]
    assert places(program("check", "k8s", "--format", "json", cwd=stack).stdout) == []


def test_paths_with_spaces_and_letters_of_any_script_are_named_in_every_format(tmp_path: Path) -> None:
    root = tmp_path / "größe 中"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "a b*").mkdir()
    (root / "a b*" / "ünï [1].yaml").write_text(CHAIN)
    done = run("check", root / "a b*", "--no-config", "--select", SLUG, "--format", "json")
    assert places(done.stdout) == ["a b*/ünï [1].yaml:12"]
    done = run("check", root, "--no-config", "--select", SLUG, "--format", "sarif")
    location = load(done.stdout)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b%2A/%C3%BCn%C3%AF%20%5B1%5D.yaml"


def test_a_file_name_that_is_no_text_breaks_nothing(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/we\xffb\x1b[31m.yaml"
    try:
        with open(name, "w") as file:
            file.write(CHAIN + "---\nkind: Service\na: [\n")
    except OSError:
        pytest.skip("the file system takes no such name")
    for format_ in ("text", "json", "sarif"):
        done = program("check", tmp_path, "--no-config", "--select", SLUG, "--format", format_)
        assert done.returncode == 1, done.stderr
        assert SLUG in done.stdout
        assert "\x1b" not in done.stdout + done.stderr


def test_what_git_ignores_or_no_longer_has_is_not_read(stack: Path) -> None:
    (stack / "rendered").mkdir()
    (stack / "rendered/all.yaml").write_text(CHAIN.replace("ingressClassName: alb", "ingressClassName: nginx"))
    (stack / ".gitignore").write_text("rendered/\n")
    gone = stack / "k8s/gone.yaml"
    gone.write_text("kind: Service\na: [\n")
    git(stack, "add", "--all")
    gone.unlink()
    done = run("check", stack)
    assert "rendered" not in done.output
    assert "gone" not in done.output
    # A directory that is named is meant.
    assert "rendered/all.yaml" in run("check", stack / "rendered", "--no-config", "--format", "json").stdout


def test_neither_file_nor_directory_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    done = run("check", tmp_path / "pipe.yaml")
    assert done.exit_code == 2
    assert "neither a file nor a directory; a stream is read from -" in done.stderr


# Configuration


def test_the_nearest_configuration_above_the_path_holds(stack: Path) -> None:
    (stack / "kubelint5xx.yaml").write_text(f"ignore: [{SLUG}]\n")
    assert run("check", stack / "k8s").exit_code == 0
    assert run("check", stack / "gunicorn.conf.py").exit_code == 0
    (stack / "k8s/.kubelint5xx.yaml").write_text("ignore: [nowhere]\n")
    done = program("check", "k8s", cwd=stack)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: k8s/.kubelint5xx.yaml:1: 'nowhere' is no rule and no group; `kubelint5xx rules` lists them\n",
    )
    assert run("check", stack / "k8s", "--no-config").exit_code == 0
    assert run("check", stack / "k8s", "--config", stack / "kubelint5xx.yaml").exit_code == 0


def test_a_stream_takes_the_configuration_of_the_working_directory(stack: Path) -> None:
    (stack / "kubelint5xx.yaml").write_text(f"select: [{SLUG}]\nseverity: {{{SLUG}: info}}\ninclude: [k8s]\n")
    done = program("check", "-", cwd=stack / "k8s", stdin=CHAIN.encode())
    assert f"info[{SLUG}]" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selects: []\n", "1: 'selects' is not a key of the configuration; did you mean 'select'?"),
        ("select: [\n", "1: not valid YAML: did not find expected node content"),
        ("- a\n", "1: the configuration is not a mapping"),
        ("\nselect: {a: b}\n", "2: a list of texts is needed here"),
        ("per-path-ignore:\n  a: [nope]\n", "2: 'nope' is no rule and no group; did you mean 'nodes'?"),
        ("severity:\n  server-closes-firs: info\n", "2: 'server-closes-firs' is no rule and no group; did you mean"),
        ("severity: {server-closes-first: fatal}\n", "1: a severity is one of info, warning, error"),
        ("budgets: {idle_margin: long}\n", "1: idle_margin is not a duration such as 5s"),
        ("complete: [nodes]\n", "1: 'nodes' is not a set that can be complete"),
        ("links: [{image: a}]\n", "1: a link joins two things"),
        ("links: [{image: a, built: b}]\n", "1: 'built' is not a key of the configuration; did you mean 'build'?"),
        ("{{ x }}: [\n", "1: contains template expressions"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(stack: Path, text: str, said: str) -> None:
    (stack / "kubelint5xx.yaml").write_text(text)
    done = run("check", stack)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: kubelint5xx.yaml:{said}")


@pytest.mark.parametrize("data", [b"select: [\xff]", b"\xff\xfes\0e\0"])
def test_a_configuration_that_is_no_text_is_refused(stack: Path, data: bytes) -> None:
    (stack / "kubelint5xx.yaml").write_bytes(data)
    done = run("check", stack)
    assert (done.exit_code, done.stderr) == (2, "Error: kubelint5xx.yaml: not valid UTF-8\n")


# Streams and variables


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_stream_of_manifests_is_analysed_as_files_are(mark: str) -> None:
    done = run("check", "-", "--no-config", "--select", SLUG, "--format", "json", stdin=mark + CHAIN)
    assert places(done.stdout) == ["<stdin>:12"]
    crlf = run("check", "-", "--no-config", "--select", SLUG, "--format", "json", stdin=CHAIN.replace("\n", "\r\n"))
    assert places(crlf.stdout) == ["<stdin>:12"]


def test_a_stream_may_be_json() -> None:
    import yaml

    items = list(yaml.safe_load_all(CHAIN))
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
    done = run("check", "-", "--no-config", "--select", SLUG, "--format", "json", stdin=listed)
    assert [place.partition(":")[0] for place in places(done.stdout)] == ["<stdin>"]


def test_a_stream_may_be_a_terraform_plan() -> None:
    resource = {
        "address": "aws_lb.web",
        "mode": "managed",
        "type": "aws_lb",
        "name": "web",
        "values": {"name": "web", "idle_timeout": 60},
    }
    plan = {"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {}}}
    plan["planned_values"] = {"root_module": {"resources": [resource]}}
    done = run("check", "-", "--no-config", "--format", "json", stdin=json.dumps(plan))
    assert done.exit_code == 0
    assert load(done.stdout)["coverage"]["files"] == 1


def test_an_empty_stream_is_nothing_to_analyse() -> None:
    done = run("check", "-", "--no-config", stdin="")
    assert (done.exit_code, "no hop found in 0 files" in done.stdout) == (0, True)
    assert run("check", "-", "--no-config", "--require-resolved", stdin="").exit_code == 3


INFRA = """\
variable "idle" {
  default = 60
}
variable "balancer" {
  type    = object({ idle = number })
  default = { idle = 60 }
}
resource "aws_lb" "web" {
  name         = "web"
  idle_timeout = var.idle
}
resource "aws_lb_target_group" "web" {
  name = "web"
  port = 8080
}
resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
"""
BINDING = (
    CHAIN.rpartition("# Source")[0]
    + """\
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec:
  serviceRef: {name: web, port: 80}
  targetGroupName: web
  targetType: ip
"""
)


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    root = tmp_path / "infra repo"
    (root / "terraform").mkdir(parents=True)
    (root / "terraform/main.tf").write_text(INFRA)
    (root / "web.yaml").write_text(BINDING.replace('"2"', '"100"'))
    git(root, "init", "--quiet")
    return root


def idle_timeouts(done: Result) -> list[tuple[str, str]]:
    """The balancer's idle timeout, and where it is said to stand, in the findings."""
    return [
        (cited["value"]["text"], cited["value"]["place"]["path"])
        for finding in load(done.stdout)["findings"]
        for cited in finding["evidence"]
        if cited["label"].startswith("idle timeout of the ALB")
    ]


def test_variables_of_the_command_line_win_and_are_the_place_of_the_value(infra: Path) -> None:
    base = ("check", infra, "--no-config", "--select", SLUG, "--format", "json")
    assert idle_timeouts(run(*base)) == []
    assert idle_timeouts(run(*base, "--var", "idle=400")) == [("400 s", "<command line>")]
    (infra / "prod.tfvars").write_text("idle = 300\n")
    assert idle_timeouts(run(*base, "--var-file", infra / "prod.tfvars")) == [("300 s", "prod.tfvars")]
    both = run(*base, "--var-file", infra / "prod.tfvars", "--var", "idle=400")
    assert idle_timeouts(both) == [("400 s", "<command line>")]
    outside = infra.parent / "outside.tfvars"
    outside.write_text("idle = 200\n")
    assert [text for text, _ in idle_timeouts(run(*base, "--var-file", outside))] == ["200 s"]


def test_variables_of_the_environment_have_the_last_word_before_defaults(
    infra: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = ("check", infra, "--no-config", "--select", SLUG, "--format", "json")
    monkeypatch.setenv("TF_VAR_idle", "350")
    assert idle_timeouts(run(*base)) == [("350 s", "<environment>")]
    (infra / "terraform/prod.auto.tfvars.json").write_text('{"idle": 250}')
    assert idle_timeouts(run(*base)) == [("250 s", "terraform/prod.auto.tfvars.json")]
    assert idle_timeouts(run(*base, "--var", "idle=400")) == [("400 s", "<command line>")]


def test_variable_files_in_json_are_read_where_terraform_reads_them_by_itself(infra: Path) -> None:
    base = ("check", infra, "--no-config", "--select", SLUG, "--format", "json")
    (infra / "terraform/prod.auto.tfvars.json").write_text('{"idle": 250}')
    assert idle_timeouts(run(*base)) == [("250 s", "terraform/prod.auto.tfvars.json")]
    assert idle_timeouts(run(*base, "--var", "idle=400")) == [("400 s", "<command line>")]


def test_a_variable_of_a_structured_type_is_given_as_an_expression(infra: Path) -> None:
    main = infra / "terraform/main.tf"
    main.write_text(INFRA.replace("= var.idle", "= var.balancer.idle"))
    base = ("check", infra, "--no-config", "--select", SLUG, "--format", "json")
    assert idle_timeouts(run(*base, "--var", "balancer={ idle = 350 }")) == [("350 s", "<command line>")]
    # What cannot be read is unknown, and never the default.
    main.write_text(main.read_text().replace("{ idle = 60 }", "{ idle = 900 }"))
    assert idle_timeouts(run(*base)) == [("900 s", "terraform/main.tf")]
    assert idle_timeouts(run(*base, "--var", "balancer={ idle = ")) == []


def test_the_cluster_version_of_the_command_line_decides() -> None:
    old = ("check", "-", "--no-config", "--select", "kernel", "--format", "json", "--kube-version")
    assert places(run(*old, "v1.14.3", stdin=CHAIN).stdout) == ["<command line>:1"]
    assert places(run(*old, "1.31", stdin=CHAIN).stdout) == []


# The other commands


def test_rules_lists_every_group_and_slug() -> None:
    lines = run("rules").stdout.splitlines()
    assert "keepalive" in lines
    assert any(line.split()[:2] == [SLUG, "error"] for line in lines)


def test_servers_lists_what_is_known_of_each_and_refuses_what_does_not_exist() -> None:
    assert {"Gunicorn (server; gunicorn)", "AWS ALB (balancer; aws_alb)"} < set(run("servers").stdout.splitlines())
    assert "Gunicorn" not in run("servers", "daphne").stdout
    refused = run("servers", "gunicron")
    assert refused.exit_code == 2
    assert "did you mean 'gunicorn'" in refused.output


@pytest.mark.parametrize("kind", ["config", "hop", "report", "rule"])
def test_schemas_are_json(kind: str) -> None:
    assert load(run("schema", kind).stdout)["$schema"]


def test_explain_tells_why_and_refuses_what_does_not_exist() -> None:
    done = program("explain", SLUG)
    assert (done.returncode, done.stderr) == (0, "")
    assert "keepalive" in done.stdout
    done = program("explain", "server-closes-firs")
    assert done.returncode == 2
    assert f"did you mean '{SLUG}'?" in done.stderr


def test_path_shows_the_hops_with_their_numbers(stack: Path) -> None:
    done = program("path", stack)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gunicorn.conf.py:7" in done.stdout
    assert "60 s" in done.stdout
    (stack / "broken.yaml").write_text("kind: Service\na: [\n")
    again = program("path", stack)
    assert again.stdout == done.stdout
    assert again.stderr.startswith("broken.yaml:2: not valid YAML")


def test_version_and_help_need_no_input() -> None:
    assert program("--version").stdout.startswith("kubelint5xx ")
    assert run("--version").exit_code == run("--help").exit_code == run("check", "-h").exit_code == 0


def test_starting_up_imports_nothing_of_the_analysis() -> None:
    code = "import sys, kubelint5xx.cli; print(sorted(m for m in sys.modules if m.startswith('kubelint5xx.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['kubelint5xx.cli', 'kubelint5xx.core', 'kubelint5xx.core.record']"
