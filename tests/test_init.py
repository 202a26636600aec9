"""``kubelint5xx init``: what it proposes, that it changes nothing by itself, and that what it proposes is true."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.cli import cli
from kubelint5xx.config_file import load_config
from kubelint5xx.core.source import Source
from kubelint5xx.propose.lines import Proposal, Section, document, names, scalar
from tests.test_nested_configuration import INFRA, SLUG, stack, write

EXAMPLES = Path(__file__).parents[1] / "examples"
DOCKERFILE = 'FROM python:3.12\nCMD ["gunicorn", "-k", "gthread", "--keep-alive", "2", "app:app"]\n'
NO_INGRESS = stack(75).partition("---\napiVersion: networking")[0]
BINDING = """\
apiVersion: elbv2.k8s.aws/v1beta1
kind: TargetGroupBinding
metadata: {name: web}
spec:
  serviceRef: {name: web, port: 80}
  targetGroupARN: GROUP
  targetType: ip
---
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def tree(root: Path, files: dict[str, str]) -> Path:
    (root / ".git").mkdir(parents=True)
    write(root, files)
    return root


def proposed(root: Path) -> str:
    done = run("init", root, "--output", "-", "--render", "never")
    assert done.exit_code == 0, done.output
    return done.stdout


def used(text: str) -> str:
    """All settings, with the sign in front of them taken away."""
    return re.sub(r"^#(?=\S|  )", "", text, flags=re.M)


def settings(text: str) -> Any:
    return yaml.safe_load(used(text)) or {}


def findings(root: Path) -> list[tuple[str, str]]:
    done = run("check", root, "--select", SLUG, "--format", "json", "--render", "never")
    assert done.exit_code in (0, 1), done.output
    return [(one["place"]["path"], one["confidence"]) for one in json.loads(done.stdout)["findings"]]


def taken(root: Path) -> list[tuple[str, str]]:
    """The findings when every proposed line is in use."""
    (root / "kubelint5xx.yaml").write_text(used(proposed(root)))
    return findings(root)


# Joins


def test_a_lone_dockerfile_is_proposed_for_the_image_that_nothing_builds(tmp_path: Path) -> None:
    root = tree(tmp_path / "r", {"ops/web.yaml": stack(None), "code/Dockerfile": DOCKERFILE})
    assert [confidence for _, confidence in findings(root) if confidence != "low"] == []
    text = proposed(root)
    assert settings(text)["links"] == [{"image": "registry.example/web", "build": "code"}]
    assert "Deployment web (ops/web.yaml:9) uses this image" in text.replace("\n# ", " ")
    assert taken(root) == [("code/Dockerfile", "medium")]


def test_the_build_that_is_left_is_proposed_for_the_image_that_is_left(tmp_path: Path) -> None:
    other = stack(None).replace("name: web", "name: other").replace("example/web", "example/other")
    files = {"ops/web.yaml": stack(None), "ops/other.yaml": other}
    root = tree(tmp_path / "r", files | {"x/other/Dockerfile": DOCKERFILE, "x/code/Dockerfile": DOCKERFILE})
    assert settings(proposed(root))["links"] == [{"image": "registry.example/web", "build": "x/code"}]
    assert "is the only Dockerfile that builds no other one here" in proposed(root).replace("\n# ", " ")
    assert ("x/code/Dockerfile", "medium") in taken(root)


def test_an_assumed_build_is_proposed_and_then_certain(tmp_path: Path) -> None:
    root = tree(tmp_path / "r", {"k8s/web.yaml": stack(None), "Dockerfile": DOCKERFILE})
    assert findings(root) == [("Dockerfile", "low")]
    text = proposed(root)
    assert settings(text)["links"] == [{"image": "registry.example/web", "build": "."}]
    assert "Assumed so far: the only Dockerfile beside the manifests" in text
    assert taken(root) == [("Dockerfile", "medium")]
    # What the file says is not proposed again.
    assert "links" not in settings(proposed(root))


def test_of_several_builds_that_may_be_meant_each_is_a_line(tmp_path: Path) -> None:
    files = {"ops/web.yaml": stack(None), "a/web/Dockerfile": DOCKERFILE, "b/web/Dockerfile": DOCKERFILE}
    root = tree(tmp_path / "r", files)
    assert [one["build"] for one in settings(proposed(root))["links"]] == ["a/web", "b/web"]
    assert "Keep the one that does" in proposed(root)
    assert taken(root) == [("a/web/Dockerfile", "medium")]


def test_a_dockerfile_that_would_build_several_images_is_proposed_for_none(tmp_path: Path) -> None:
    other = stack(None).replace("example/web", "example/other")
    root = tree(tmp_path / "r", {"a/k8s/web.yaml": stack(None), "b/k8s/web.yaml": other, "Dockerfile": DOCKERFILE})
    assert len(settings(proposed(root)).get("links", [])) != 1


def test_a_dockerfile_that_is_nearer_to_other_manifests_is_not_proposed(tmp_path: Path) -> None:
    other = stack(None).replace("name: web", "name: other").replace("example/web", "example/other")
    files = {"web/front.yaml": stack(None), "old/dns.yaml": other, "old/img/web-x/Dockerfile": DOCKERFILE}
    links = settings(proposed(tree(tmp_path / "r", files))).get("links", [])
    assert "registry.example/web" not in {one["image"] for one in links}


@pytest.mark.parametrize("image", ["nginx:1.29", "quay.io/prometheus/prometheus:v3"])
def test_published_images_are_not_built_here(tmp_path: Path, image: str) -> None:
    manifest = stack(None).replace("registry.example/web:1", image)
    root = tree(tmp_path / "r", {"ops/web.yaml": manifest, "code/Dockerfile": DOCKERFILE})
    assert "links" not in settings(proposed(root)) or "prometheus" in image


def test_a_target_group_without_a_binding_is_proposed_for_a_service(tmp_path: Path) -> None:
    infra = INFRA.replace("default = 60", "default = 90")
    root = tree(tmp_path / "r", {"k8s/web.yaml": NO_INGRESS, "infra/main.tf": infra})
    assert findings(root) == []
    assert settings(proposed(root))["links"] == [{"service": "web", "target_group": "aws_lb_target_group.web"}]
    assert [path for path, _ in taken(root)] == ["k8s/web.yaml"]


def test_what_a_binding_means_is_proposed(tmp_path: Path) -> None:
    infra = INFRA.replace("default = 60", "default = 90")
    binding = BINDING.replace("GROUP", "${target_group}")
    root = tree(tmp_path / "r", {"k8s/web.yaml": binding + NO_INGRESS, "infra/main.tf": infra})
    assert findings(root) == [("k8s/web.yaml", "low")]
    assert settings(proposed(root))["links"][0] == {"service": "web", "target_group": "aws_lb_target_group.web"}
    assert taken(root) == [("k8s/web.yaml", "high")]


def test_copies_of_a_service_are_not_joined_by_one_line(tmp_path: Path) -> None:
    files = {"a/web.yaml": NO_INGRESS, "b/web.yaml": NO_INGRESS, "infra/main.tf": INFRA}
    assert "links" not in settings(proposed(tree(tmp_path / "r", files)))


def test_the_cluster_of_manifests_is_proposed(tmp_path: Path) -> None:
    root = tmp_path / "r"
    shutil.copytree(EXAMPLES / "incident", root)
    (root / ".git").mkdir()
    (root / "kubelint5xx.yaml").unlink()
    text = proposed(root)
    assert settings(text)["links"] == [{"manifests": "k8s", "cluster": "harbor"}]
    assert settings(text)["complete"] == ["node-groups", "lifecycle-hooks", "termination-handlers"]
    low = json.loads(run("check", root, "--format", "json").stdout)["findings"]
    (root / "kubelint5xx.yaml").write_text(used(text))
    now = json.loads(run("check", root, "--format", "json").stdout)["findings"]
    assert {one["rule"] for one in now if "only cluster" in json.dumps(one["assumptions"])} == set()
    assert {one["rule"] for one in low if "only cluster" in json.dumps(one["assumptions"])} != set()


# What no file tells


def test_a_workload_whose_server_is_not_known_is_listed(tmp_path: Path) -> None:
    root = tree(tmp_path / "r", {"k8s/web.yaml": stack(None)})
    text = proposed(root)
    assert settings(text)["servers"] == {"Deployment web": "NAME@VERSION"}
    (root / "kubelint5xx.yaml").write_text(used(text).replace("NAME@VERSION", "jetty@12"))
    assert [path for path, _ in findings(root)] == ["k8s/web.yaml"]


def test_a_target_group_of_another_repository_is_asked_for(tmp_path: Path) -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop-web/0123456789abcdef"
    root = tree(tmp_path / "r", {"k8s/web.yaml": BINDING.replace("GROUP", arn) + NO_INGRESS})
    text = proposed(root)
    (group,) = settings(text)["assume"]["target_groups"]
    assert group == {"arn": arn, "target_type": "ip", "balancer": {"type": "alb"}}
    written = used(text).replace("type: alb }", "type: alb, idle_timeout: 90s }")
    (root / "kubelint5xx.yaml").write_text(written)
    assert [path for path, _ in findings(root)] == ["k8s/web.yaml"]


def test_environments_are_told_apart_by_the_names_of_files(tmp_path: Path) -> None:
    files = {
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/web/values.yaml": "a: 1\n",
        "charts/web/values-prod.yaml": "a: 2\n",
        "charts/web/staging.values.yaml": "a: 3\n",
        "charts/web/values-ha.yaml": "a: 3\n",
        "charts/web/templates/web.yaml": stack(),
        "deploy/base/kustomization.yaml": "resources: []\n",
        "deploy/overlays/production/kustomization.yaml": "resources: [../../base]\n",
        "infra/main.tf": INFRA,
        "infra/terraform.tfvars": "idle = 60\n",
        "infra/production.tfvars": "idle = 90\n",
        "infra/live.auto.tfvars": "idle = 61\n",
    }
    root = tree(tmp_path / "r", files)
    assert settings(proposed(root))["environments"] == {
        "staging": {"helm": [{"chart": "charts/web", "values": ["charts/web/staging.values.yaml"]}]},
        "production": {
            "terraform": {"var-files": ["infra/production.tfvars"]},
            "helm": [{"chart": "charts/web", "values": ["charts/web/values-prod.yaml"]}],
            "kustomize": ["deploy/overlays/production"],
        },
    }
    (root / "kubelint5xx.yaml").write_text(used(proposed(root)))
    assert run("check", root, "--env", "production", "--render", "never").exit_code in (0, 1)
    # They are there now.
    assert "environments" not in settings(proposed(root))


def test_paths_are_relative_to_the_directory(tmp_path: Path) -> None:
    files = {"k8s/web.yaml": stack(None), "Dockerfile": DOCKERFILE, "infra/prod.tfvars": ""}
    root = tree(tmp_path / "r", {f"team/{path}": text for path, text in files.items()})
    said = settings(proposed(root / "team"))
    assert said["links"] == [{"image": "registry.example/web", "build": "."}]
    assert said["environments"] == {"production": {"terraform": {"var-files": ["infra/prod.tfvars"]}}}
    assert settings(proposed(root))["links"] == [{"image": "registry.example/web", "build": "team"}]


# The file


def test_it_changes_no_verdict_and_is_the_same_each_time(tmp_path: Path) -> None:
    for example in ("incident", "alb-gunicorn", "nlb-ingress-nginx-node"):
        root = tmp_path / example
        shutil.copytree(EXAMPLES / example, root)
        (root / ".git").mkdir()
        (root / "kubelint5xx.yaml").unlink()
        before = run("check", root, "--format", "json").stdout
        done = run("init", root)
        assert done.exit_code == 0 and "kubelint5xx.yaml: proposed" in done.stdout
        text = (root / "kubelint5xx.yaml").read_text()
        assert yaml.safe_load(text) is None
        assert run("check", root, "--format", "json").stdout == before
        assert proposed(root) == text
        assert max(map(len, text.splitlines())) < 200


def test_every_line_that_is_proposed_loads(tmp_path: Path) -> None:
    for example in EXAMPLES.iterdir():
        root = tmp_path / example.name
        shutil.copytree(example, root)
        (root / ".git").mkdir()
        (root / "kubelint5xx.yaml").unlink(missing_ok=True)
        config = load_config(Source("kubelint5xx.yaml", used(proposed(root))))
        assert set(config.budgets) == {"endpoint_propagation", "deregistration_propagation", "idle_margin"}
        plain = load_config(Source("kubelint5xx.yaml", ""))
        assert all(config.budget(name).data == plain.budget(name).data for name in config.budgets)


def test_every_key_is_told_of(tmp_path: Path) -> None:
    schema = json.loads(run("schema", "config").stdout)
    for files in ({"k8s/web.yaml": stack(None), "Dockerfile": DOCKERFILE}, {"x.txt": ""}):
        text = proposed(tree(tmp_path / str(len(files)), files))
        assert [key for key in schema["properties"] if not re.search(rf"^# (.*, )?{key}\b.*:", text, re.M)] == []


@pytest.mark.parametrize("name", ["kubelint5xx.yaml", ".kubelint5xx.yaml", "pyproject.toml"])
def test_a_configuration_that_is_there_is_not_overwritten(tmp_path: Path, name: str) -> None:
    text = "[tool.kubelint5xx]\nignore = []\n" if name == "pyproject.toml" else "ignore: []\n"
    root = tree(tmp_path / "r", {name: text})
    done = run("init", root)
    hint = "; `kubelint5xx init --output -` prints what could be added"
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: {root / name} is there already, and is not overwritten{hint}\n"
    assert (root / name).read_text() == text
    assert "budgets" in proposed(root)


def test_another_file_is_not_overwritten_either(tmp_path: Path) -> None:
    root = tree(tmp_path / "r", {"k8s/web.yaml": stack(None), "mine.yaml": "a: b\n"})
    done = run("init", root, "--output", root / "mine.yaml")
    assert (done.exit_code, (root / "mine.yaml").read_text()) == (2, "a: b\n")
    assert run("init", root, "--output", root / "other.yaml").exit_code == 0
    assert settings((root / "other.yaml").read_text())["servers"]
    assert run("init", root / "k8s" / "web.yaml").exit_code == 2
    assert run("init", root / "nowhere").exit_code == 2


def test_a_pyproject_of_something_else_is_in_nobodys_way(tmp_path: Path) -> None:
    root = tree(tmp_path / "r", {"pyproject.toml": "[tool.ruff]\nline-length = 120\n"})
    assert run("init", root).exit_code == 0
    assert "nothing to propose" in run("init", root, "--output", root / "x.yaml").stdout


# Names may be anything


@pytest.mark.parametrize(
    "folder",
    ["a b", "true", "1.33", "ümlaut", "[x]", "it's", '"q"', "a: b", "#x", "- y", "{z}", "@at", "*", "a,b", "~"],
)
def test_a_directory_may_be_called_anything(tmp_path: Path, folder: str) -> None:
    root = tree(tmp_path / "r", {"ops/web.yaml": stack(None), f"{folder}/Dockerfile": DOCKERFILE})
    assert settings(proposed(root))["links"] == [{"image": "registry.example/web", "build": folder}]
    assert taken(root) == [(f"{folder}/Dockerfile", "medium")]


def test_a_line_break_in_a_name_is_written_as_an_escape(tmp_path: Path) -> None:
    root = tree(tmp_path / "r", {"ops/web.yaml": stack(None), "new\nline/Dockerfile": DOCKERFILE})
    text = proposed(root)
    assert "links" in settings(text) and settings(text)["links"][0]["build"] == "new\nline"


def test_names_do_not_break_out_of_a_comment(tmp_path: Path) -> None:
    manifest = stack(None).replace("name: web", 'name: "web\\nignore: [drain]"')
    root = tree(tmp_path / "r", {"k8s/web.yaml": manifest})
    assert set(settings(proposed(root))) <= {"servers", "budgets"}


@given(st.text())
def test_a_text_is_read_as_it_is_written(text: str) -> None:
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        return
    assert yaml.safe_load(scalar(text)) == text
    line = names({"image": text, "build": text})
    (link,) = load_config(Source("kubelint5xx.yaml", f"links: [{line}]\n")).links
    assert link.ends["image"] == text


@given(st.text(max_size=300))
def test_a_reason_stays_a_comment(reason: str) -> None:
    text = document("Head", [Section("ignore", reason, (Proposal(("- drain",), reason),), reason)], [reason])
    assert yaml.safe_load(text) is None
    assert yaml.safe_load(used(text)) == {"ignore": ["drain"]}
