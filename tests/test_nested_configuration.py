"""A configuration file in a directory extends the ones around it, for the files of that directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from kubelint5xx.cli import cli

EXAMPLES = Path(__file__).parents[1] / "examples"
STACK = """\
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
          COMMAND
          ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: alb
  rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]
"""
INFRA = """\
variable "idle" { default = 60 }
resource "aws_lb" "web" {
  load_balancer_type = "application"
  idle_timeout       = var.idle
}
resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
resource "aws_lb_target_group" "web" {
  port        = 8080
  protocol    = "HTTP"
  target_type = "ip"
}
"""
SLUG = "server-closes-first"
Repo = Callable[..., Path]


def stack(keep_alive: int | None = 2) -> str:
    command = f'command: [gunicorn, -k, gthread, --keep-alive, "{keep_alive}", app:app]'
    return STACK.replace("COMMAND", command if keep_alive is not None else "tty: false")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with the same stack for two teams, and the configurations that are given."""

    def make(*, manifest: str = stack(), **files: str) -> Path:
        # Git's root, whatever the temporary directory lies in.
        (tmp_path / ".git").mkdir(exist_ok=True)
        contents = {"a/web.yaml": manifest, "b/web.yaml": manifest}
        contents |= {name.replace("__", "/").replace("_yaml", ".yaml"): text for name, text in files.items()}
        write(tmp_path, contents)
        return tmp_path

    return make


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def configured(top: Path, /, **texts: str) -> None:
    write(top, {f"{'' if place == 'root' else place + '/'}kubelint5xx.yaml": text for place, text in texts.items()})


def findings(*arguments: str | Path, select: str = SLUG, stdin: str | None = None) -> list[str]:
    """The first directory of each finding's place, and its severity where it is not an error."""
    chosen = ["--select", select] if select else []
    line = ["check", *map(str, arguments), "--format", "json", *chosen]
    done = CliRunner().invoke(cli, line, input=stdin)
    assert done.exit_code in (0, 1), done.output
    return [describe(one) for one in json.loads(done.stdout)["findings"]]


def describe(one: dict[str, dict[str, str]]) -> str:
    place = one["place"]["path"].partition("/")[0]
    return place if one["severity"] == "error" else f"{place} {one['severity']}"  # type: ignore[comparison-overlap]


# What each key means in the file of a directory, of two directories with the same fault


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("{}", ["a", "b"]),
        ("exclude: [web.yaml]", ["b"]),
        ("exclude: ['**/web.yaml']", ["b"]),
        ("exclude: [../b]", ["a", "b"]),
        ("include: [other.yaml]", ["b"]),
        ("include: [web.yaml]", ["a", "b"]),
        ("select: [drain]", ["b"]),
        (f"ignore: [{SLUG}]", ["b"]),
        ("ignore: keepalive", ["b"]),
        (f"per-path-ignore: {{ web.yaml: [{SLUG}] }}", ["b"]),
        (f"per-path-ignore: {{ '*': [{SLUG}] }}", ["b"]),
        (f"per-path-ignore: {{ a/web.yaml: [{SLUG}] }}", ["a", "b"]),
        (f"severity: {{ {SLUG}: info }}", ["a info", "b"]),
    ],
)
def test_what_is_checked_is_said_for_the_files_of_the_directory(repo: Repo, text: str, left: list[str]) -> None:
    root = repo()
    configured(root, a=text)
    done = CliRunner().invoke(cli, ["check", str(root), "--format", "json"])
    found = [describe(one) for one in json.loads(done.stdout)["findings"] if one["rule"] == SLUG]
    assert found == left


def test_budgets_are_those_of_the_directory(repo: Repo) -> None:
    root = repo(manifest=stack(62))
    assert findings(root, select="thin-idle-margin") == ["a warning", "b warning"]
    configured(root, a="budgets: { idle_margin: 1s }")
    assert findings(root, select="thin-idle-margin") == ["b warning"]
    configured(root, root="budgets: { idle_margin: 1s }", a="budgets: { idle_margin: 30s }")
    assert findings(root, select="thin-idle-margin") == ["a warning"]


def test_how_long_a_removal_takes_to_spread_is_said_of_the_directorys_pods(repo: Repo) -> None:
    pod = "          lifecycle: {preStop: {sleep: {seconds: 16}}}\n"
    manifest = stack().replace("          ports:", pod + "          ports:")
    root = repo(manifest=manifest.replace("metadata: {name: web}\nspec:\n  ingress", TARGETS))
    assert findings(root, select="no-drain-delay") == []
    configured(root, b="budgets: { deregistration_propagation: 40s }")
    assert [one.split()[0] for one in findings(root, select="no-drain-delay")] == ["b"]


TARGETS = "metadata: {name: web, annotations: {alb.ingress.kubernetes.io/target-type: ip}}\nspec:\n  ingress"


def test_a_server_is_declared_for_the_workloads_of_the_directory(repo: Repo) -> None:
    root = repo(manifest=stack(None))
    assert findings(root) == []
    configured(root, a='servers: { "Deployment *": jetty }')
    assert findings(root) == ["a"]
    configured(root, root='servers: { "Deployment *": gunicorn }', a='servers: { "Deployment web": jetty }')
    shown = CliRunner().invoke(cli, ["path", str(root)]).stdout
    assert "Jetty" in shown and "Gunicorn" in shown


def test_the_same_image_has_another_build_in_each_directory(repo: Repo) -> None:
    root = repo(manifest=stack(None))
    docker = 'FROM python:3.12\nCMD ["gunicorn", "-k", "gthread", "--keep-alive", "{}", "app:app"]\n'
    write(root, {"a/x/Dockerfile": docker.format(2), "b/x/Dockerfile": docker.format(90)})
    assert findings(root) == []
    link = "links: [{ image: registry.example/web, build: x }]"
    configured(root, a=link, b=link)
    assert findings(root) == ["a"]
    write(root, {"b/x/Dockerfile": docker.format(3)})
    assert findings(root) == ["a", "b"]


def test_names_in_a_link_mean_what_lies_in_the_directory(repo: Repo) -> None:
    manifest = stack(75).partition("---\napiVersion: networking")[0]
    root = repo(manifest=manifest)
    link = "links: [{ service: default/web, target_group: web }]"
    write(root, {"a/infra/main.tf": INFRA, "b/infra/main.tf": INFRA.replace("default = 60", "default = 90")})
    assert findings(root) == []
    configured(root, a=link, b=link)
    assert findings(root) == ["b"]
    # One that has no such thing means that of the others.
    write(root, {"infra/main.tf": INFRA.replace("default = 60", "default = 120")})
    shutil.rmtree(root / "a" / "infra")
    shutil.rmtree(root / "b")
    assert findings(root) == ["a"]


@pytest.mark.parametrize(("place", "confidence"), [(".", "high"), ("infra", "high"), ("k8s", "low")])
def test_what_the_directory_calls_complete_is(tmp_path: Path, place: str, confidence: str) -> None:
    root = tmp_path / "all"
    shutil.copytree(EXAMPLES / "incident", root)
    (root / ".git").mkdir()
    (root / "infra" / "drainer.tf").unlink()
    links, complete, sets = (root / "kubelint5xx.yaml").read_text().partition("complete:")
    (root / "kubelint5xx.yaml").write_text(links)
    assert ("termination-hook-without-actor", "low") in report(root)
    with (root / place / "kubelint5xx.yaml").open("a") as opened:
        opened.write(complete + sets)
    assert ("termination-hook-without-actor", confidence) in report(root)


def report(root: Path) -> list[tuple[str, str]]:
    done = CliRunner().invoke(cli, ["check", str(root), "--format", "json"])
    return [(one["rule"], one["confidence"]) for one in json.loads(done.stdout)["findings"]]


@pytest.mark.parametrize(
    ("root_says", "infra_says", "severity"),
    [
        ("{}", "{}", "error"),
        ("{}", "stable: ['*bulk*']", "warning"),
        ("stable: ['*bulk*']", "volatile: ['*bulk*']", "error"),
        ("volatile: ['*bulk*']", "stable: ['*bulk*']", "warning"),
    ],
)
def test_the_inner_word_on_node_groups_counts(tmp_path: Path, root_says: str, infra_says: str, severity: str) -> None:
    shutil.copytree(EXAMPLES / "incident", tmp_path / "all")
    (tmp_path / "all" / ".git").mkdir()
    config = tmp_path / "all" / "kubelint5xx.yaml"
    config.write_text(config.read_text() + root_says.replace("{}", "") + "\n")
    (tmp_path / "all" / "infra" / "kubelint5xx.yaml").write_text(infra_says)
    done = CliRunner().invoke(cli, ["check", str(tmp_path / "all"), "--format", "json"])
    (found,) = [one for one in json.loads(done.stdout)["findings"] if one["rule"] == "node-removed-abruptly"]
    assert found["severity"] == severity


def test_the_cluster_is_that_of_the_directory(repo: Repo) -> None:
    root = repo()
    configured(root, a='cluster: { kube_proxy_version: "1.14" }')
    assert findings(root, select="conntrack-resets-connections") == ["a"]
    configured(root, root='cluster: { kube_proxy_version: "1.14" }', a='cluster: { kube_proxy_version: "1.33" }')
    assert "a" not in findings(root, select="conntrack-resets-connections")


def test_what_another_repository_sets_is_said_for_the_directory(repo: Repo) -> None:
    binding = """\
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec:
  serviceRef: {name: web, port: 80}
  targetGroupName: NAME
  targetType: ip
---
"""
    root = repo()
    manifest = stack(75).partition("---\napiVersion: networking")[0]
    write(root, {f"{team}/web.yaml": binding.replace("NAME", team) + manifest for team in "ab"})
    assume = "assume: { target_groups: [{ name: NAME, port: 8080, balancer: { type: alb, idle_timeout: 90s } }] }"
    configured(root, a=assume.replace("NAME", "a"))
    assert findings(root) == ["a"]
    configured(root, root=assume.replace("NAME", "b"))
    assert findings(root) == ["a", "b"]
    shown = CliRunner().invoke(cli, ["check", str(root), "--select", SLUG]).stdout
    assert "says what another repository sets" in shown


def test_a_namespace_is_told_of_for_the_directory(repo: Repo) -> None:
    ingress = stack().replace("metadata: {name: web}\nspec:\n  ingress", TARGETS)
    root = repo(manifest=ingress)
    slug = "no-readiness-gate"
    on = "assume: { namespaces: { default: { labels: { elbv2.k8s.aws/pod-readiness-gate-inject: enabled } } } }"
    off = "assume: { namespaces: { default: { labels: {} } } }"
    configured(root, a=on, b=off)
    assert {one.split()[0] for one in findings(root, select=slug)} == {"b"}
    configured(root, root=off, a=on)
    (root / "b" / "kubelint5xx.yaml").unlink()
    assert {one.split()[0] for one in findings(root, select=slug)} == {"kubelint5xx.yaml"}
    configured(root, root=on, a=on)
    assert findings(root, select=slug) == []


def test_variables_are_those_of_the_directorys_roots(repo: Repo) -> None:
    root = repo(manifest=stack(75).partition("---\napiVersion: networking")[0])
    link = "links: [{ service: default/web, target_group: web }]\n"
    write(root, {"a/infra/main.tf": INFRA, "b/infra/main.tf": INFRA, "b/live.tfvars": "idle = 100\n"})
    configured(root, a=link + "terraform: { vars: { idle: 90 } }", b=link)
    assert findings(root) == ["a"]
    configured(root, a=link, b=link + "terraform: { var-files: [live.tfvars] }")
    assert findings(root) == ["b"]
    configured(root, root="terraform: { vars: { idle: 120 } }", b=link + "terraform: { vars: { idle: 61 } }")
    assert findings(root) == ["a"]
    assert findings(root, "--var", "idle=200") == ["a", "b"]


def test_environments_of_a_directory_extend_those_of_the_same_name(repo: Repo) -> None:
    root = repo(manifest=stack(75).partition("---\napiVersion: networking")[0])
    link = "links: [{ service: default/web, target_group: web }]\n"
    write(root, {"a/infra/main.tf": INFRA, "b/infra/main.tf": INFRA})
    environments = "environments: { live: { terraform: { vars: { idle: IDLE } } }, test: }\n"
    configured(root, root=environments.replace("IDLE", "90"), a=link + environments.replace("IDLE", "62"), b=link)
    assert findings(root) == ["b"]
    assert findings(root, "--env", "test") == []
    configured(root, root="{}", a=link + environments.replace("IDLE", "90"))
    assert findings(root, "--env", "live") == ["a"]
    done = CliRunner().invoke(cli, ["check", str(root), "--env", "lve"])
    assert done.exit_code == 2 and "did you mean 'live'?" in done.output


RULE = """\
title: It has a keep-alive
since: 0.1.0
severity: error
symptom: reset
bites: idle
over: edge
require: receiver.idle_timeout > 999
message: The idle timeout is {receiver.idle_timeout}.
at: receiver.idle_timeout
why: A rule of one team.
references: [https://example.com]
examples: []
"""


def test_rules_of_the_users_own_count_in_the_directory(repo: Repo) -> None:
    root = repo()
    write(root, {"a/house/timeouts/very-long.yaml": RULE})
    configured(root, a="rules: [house]")
    done = CliRunner().invoke(cli, ["check", str(root), "--format", "json"])
    assert done.exit_code == 1, done.output
    found = [describe(one) for one in json.loads(done.stdout)["findings"] if one["rule"] == "very-long"]
    assert found == ["a"]
    assert findings(root, select="very-long") == ["a"]
    configured(root, b="ignore: [very-lng]")
    done = CliRunner().invoke(cli, ["check", str(root)])
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: b/kubelint5xx.yaml:1: 'very-lng' is no rule and no group; did you mean 'very-long'?\n",
    )
    write(root, {"b/house/timeouts/very-long.yaml": RULE})
    configured(root, b="rules: [house]")
    done = CliRunner().invoke(cli, ["check", str(root)])
    assert done.stderr == "Error: b/kubelint5xx.yaml:1: another rule is called very-long\n"


@pytest.mark.skipif(not (shutil.which("kustomize") or shutil.which("kubectl")), reason="nothing builds overlays")
def test_overlays_are_chosen_for_the_directory(repo: Repo) -> None:
    root = repo()
    for team in "ab":
        write(root, {f"{team}/base/kustomization.yaml": "resources: [web.yaml]\n", f"{team}/base/web.yaml": stack()})
        (root / team / "web.yaml").unlink()
        for name in ("live", "test"):
            overlay = f"resources: [../../base]\nnamespace: {team}-{name}\n"
            write(root, {f"{team}/overlays/{name}/kustomization.yaml": overlay})
    shown = CliRunner().invoke(cli, ["path", str(root)]).stdout
    assert all(one in shown for one in ("a-live", "a-test", "b-live", "b-test"))
    configured(root, a="kustomize: [overlays/live]")
    shown = CliRunner().invoke(cli, ["path", str(root)]).stdout
    assert [one in shown for one in ("a-live", "a-test", "b-live", "b-test")] == [True, False, True, True]


# Which files count, and in which order


def test_the_inner_word_counts_and_lists_add_up(repo: Repo) -> None:
    root = repo()
    configured(root, root=f"severity: {{ {SLUG}: info }}\nignore: [drain]", a=f"severity: {{ {SLUG}: warning }}")
    assert findings(root) == ["a warning", "b info"]
    configured(root, root="select: [drain]", a="select: [keepalive]")
    done = CliRunner().invoke(cli, ["check", str(root), "--format", "json"])
    groups = {(one["place"]["path"][0], one["rule"] == SLUG) for one in json.loads(done.stdout)["findings"]}
    assert ("a", True) in groups and ("b", True) not in groups
    configured(root, root=f"ignore: [{SLUG}]", a="ignore: [drain]")
    assert findings(root, select="keepalive") == []


def test_a_directory_that_is_checked_alone_has_what_is_said_around_it(repo: Repo) -> None:
    root = repo()
    configured(root, root=f"severity: {{ {SLUG}: info }}\nper-path-ignore: {{ 'b/*': [{SLUG}] }}", a="exclude: [x]")
    assert findings(root / "a") == ["a info"]
    assert findings(root / "a" / "web.yaml") == ["a info"]
    assert findings(root / "b") == []
    assert findings(root / "a", root / "b") == ["a info"]
    configured(root, a=f"severity: {{ {SLUG}: warning }}")
    assert findings(root / "a", root / "b") == ["a warning"]


def test_a_stream_has_the_configuration_of_the_working_directory(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repo()
    configured(root, root=f"severity: {{ {SLUG}: info }}", a=f"severity: {{ {SLUG}: warning }}", b="ignore: [drain]")
    for place, severity in (("", "info"), ("a", "warning"), ("b", "info")):
        monkeypatch.chdir(root / place)
        assert findings("-", stdin=stack()) == [f"<stdin> {severity}"]


def test_files_three_deep_extend_one_another(repo: Repo) -> None:
    root = repo()
    write(root, {"a/c/web.yaml": stack(), "a/c/d/web.yaml": stack()})
    write(root, {"a/c/.kubelint5xx.yaml": f"severity: {{ {SLUG}: info }}"})
    configured(root, root=f"severity: {{ {SLUG}: warning }}", a="ignore: [drain]")
    done = CliRunner().invoke(cli, ["check", str(root), "--select", SLUG, "--format", "json"])
    found = {one["place"]["path"]: one["severity"] for one in json.loads(done.stdout)["findings"]}
    assert found == {
        "a/web.yaml": "warning",
        "a/c/web.yaml": "info",
        "a/c/d/web.yaml": "info",
        "b/web.yaml": "warning",
    }


def test_a_file_that_is_given_counts_alone(repo: Repo) -> None:
    root = repo()
    configured(root, a=f"ignore: [{SLUG}]", root=f"severity: {{ {SLUG}: info }}")
    (root / "other.yaml").write_text(f"severity: {{ {SLUG}: warning }}")
    assert findings(root) == ["b info"]
    assert findings(root, "--config", root / "other.yaml") == ["a warning", "b warning"]
    assert findings(root, "--no-config") == ["a", "b"]


def test_the_command_line_wins_everywhere(repo: Repo) -> None:
    root = repo()
    configured(root, a="select: [drain]", b="select: [drain]")
    assert findings(root) == ["a", "b"]
    assert findings(root, "--ignore", SLUG, select="") == findings(root, "--ignore", SLUG, select="drain")
    done = CliRunner().invoke(cli, ["check", str(root), "--kube-version", "1.14", "--format", "json"])
    assert done.exit_code in (0, 1)


def test_what_is_left_out_neither_fails_a_hop_nor_leaves_a_question_open(repo: Repo) -> None:
    root = repo()

    def failing() -> tuple[int, int]:
        coverage = json.loads(CliRunner().invoke(cli, ["check", str(root), "--format", "json"]).stdout)["coverage"]
        return coverage["hops"], coverage["failing"]

    configured(root, root="select: [keepalive]")
    assert failing() == (2, 2)
    configured(root, a="select: [nodes]")
    assert failing() == (2, 1)


# Errors


def test_an_error_in_a_directorys_file_has_its_place(repo: Repo) -> None:
    root = repo()
    configured(root, a="ignore: [drain]\nselekt: [keepalive]\n")
    done = CliRunner().invoke(cli, ["check", str(root)])
    said = "Error: a/kubelint5xx.yaml:2: 'selekt' is not a key of the configuration; did you mean 'select'?\n"
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", said)
    assert CliRunner().invoke(cli, ["check", str(root / "b")]).exit_code == 1
    assert CliRunner().invoke(cli, ["check", str(root / "b"), str(root / "a")]).exit_code == 2


def test_what_is_excluded_has_no_configuration(repo: Repo) -> None:
    root = repo()
    configured(root, a="no configuration: [")
    configured(root, root="exclude: [a]")
    assert findings(root) == ["b"]
    configured(root, root="{}", b="{}")
    write(root, {"b/fixtures/kubelint5xx.yaml": "- no mapping\n"})
    (root / "a" / "kubelint5xx.yaml").unlink()
    assert CliRunner().invoke(cli, ["check", str(root)]).exit_code == 2
    configured(root, b="exclude: [fixtures]")
    assert findings(root) == ["a", "b"]


def test_a_file_that_leads_out_of_the_tree_is_refused(repo: Repo, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = repo()
    other = tmp_path_factory.mktemp("other") / "config.yaml"
    other.write_text("ignore: [keepalive]")
    (root / "a" / "kubelint5xx.yaml").symlink_to(other)
    done = CliRunner().invoke(cli, ["check", str(root)])
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: a/kubelint5xx.yaml: a symbolic link that leads out of the tree\n",
    )


# pyproject.toml


def test_a_table_of_pyproject_is_a_configuration(repo: Repo) -> None:
    root = repo()
    project = f'[project]\nname = "a"\n\n[tool.kubelint5xx.severity]\n{SLUG} = "info"\n'
    write(root, {"a/pyproject.toml": project, "b/pyproject.toml": '[tool.ruff]\nselect = ["E"]\n'})
    assert findings(root) == ["a info", "b"]
    write(root, {"pyproject.toml": '[tool.kubelint5xx]\nexclude = ["b"]\nlinks = [{ service = "x", image = "y" }]\n'})
    assert findings(root) == ["a info"]
    write(root, {"pyproject.toml": '[tool.kubelint5xx]\nexclude = ["b"]\n\nselekt = []\n'})
    done = CliRunner().invoke(cli, ["check", str(root)])
    assert done.exit_code == 2 and "pyproject.toml:4: 'selekt' is not a key" in done.stderr
    configured(root, root="{}")
    assert findings(root) == ["a info", "b"]


def test_the_name_of_a_cluster_means_the_directorys_own(repo: Repo) -> None:
    root = repo()
    for team, version in (("a", "1.14"), ("b", "1.33")):
        cluster = f'resource "aws_eks_cluster" "main" {{\n  name    = "main"\n  version = "{version}"\n}}\n'
        write(root, {f"{team}/infra/main.tf": cluster})
    link = "links: [{ manifests: ., cluster: main }]"
    configured(root, a=link, b=link)
    done = CliRunner().invoke(cli, ["path", str(root)])
    assert done.exit_code == 0
    from kubelint5xx.arguments import configuration
    from kubelint5xx.check import understand
    from kubelint5xx.discover import DirectoryTree

    files = DirectoryTree(root)
    config, _ = configuration(None, [str(root)], str(root), files.paths())
    edges = understand(files, config).edges
    versions = {edge.cluster.read("kubernetes_version").place for edge in edges if edge.cluster is not None}
    assert {place.path for place in versions if place is not None} == {"a/infra/main.tf", "b/infra/main.tf"}


@pytest.mark.skipif(not shutil.which("helm"), reason="nothing renders charts")
def test_a_finding_in_a_values_file_is_graded_where_it_stands(repo: Repo) -> None:
    root = repo()
    write(
        root,
        {
            "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
            "charts/web/values.yaml": "keep: 90\n",
            "charts/web/templates/web.yaml": stack().replace('"2"', "{{ .Values.keep | quote }}"),
            "live/values.yaml": "keep: 3\n",
            "live/kubelint5xx.yaml": f"severity: {{ {SLUG}: warning }}\nexclude: [x]\n",
            "kubelint5xx.yaml": "helm: [{ chart: charts/web, values: [live/values.yaml] }]\nexclude: [a, b]\n",
        },
    )
    assert findings(root) == ["live warning"]
    write(root, {"live/kubelint5xx.yaml": f"ignore: [{SLUG}]\n"})
    assert findings(root) == []
