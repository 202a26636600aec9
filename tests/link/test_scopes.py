from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.formats import yaml
from kubelint5xx.link.objects import objects_of
from kubelint5xx.link.scopes import Scope, may_meet, scopes_of


def thing(kind: str, name: str = "web", namespace: str = "", api: str = "v1") -> str:
    space = f", namespace: {namespace}" if namespace else ""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}{space}}}\n"


def scopes(files: Mapping[str, str]) -> tuple[tuple[Scope, ...], list[Problem]]:
    problems: list[Problem] = []
    documents = [
        document for path, text in sorted(files.items()) for document in yaml.read(Source(path, text)).documents
    ]
    return scopes_of(objects_of(documents, problems), problems), problems


def together(files: Mapping[str, str]) -> list[list[str]]:
    """The files of each scope."""
    return sorted(sorted({one.path for one in scope.objects}) for scope in scopes(files)[0])


A, B, C = thing("Ingress"), thing("Service"), thing("Deployment")


def test_what_is_unique_in_a_tree_is_one_scope() -> None:
    files = {"ingress.yaml": A, "apps/web/service.yaml": B, "apps/web/src/deployment.yaml": C}
    assert together(files) == [["apps/web/service.yaml", "apps/web/src/deployment.yaml", "ingress.yaml"]]


@pytest.mark.parametrize(
    "files",
    [
        {"dev/all.yaml": A, "prod/all.yaml": B},
        {"dev.yaml": A, "prod.yaml": B},
        {"k8s/web-dev.yaml": A, "k8s/web_prod.yaml": B},
        {"k8s/overlays/dev/x.yaml": A, "k8s/overlays/prod/x.yaml": B},
        {"clusters/eu-staging/x.yaml": A, "clusters/us-production/x.yaml": B},
        {"prod/eu/x.yaml": A, "qa/eu/x.yaml": B},
        {"apps/web/dev/x.yaml": A, "apps/api/prod/x.yaml": B},
        {"a/x.yaml": A + "---\n" + C, "b/x.yaml": B + "---\n" + C},
        {"a.yaml": A + "---\n" + C, "b.yaml": B + "---\n" + C},
        {"one/deep/x.yaml": A + "---\n" + C, "two/x.yaml": B, "two/y.yaml": C},
    ],
)
def test_environments_and_copies_do_not_meet(files: Mapping[str, str]) -> None:
    for scope in scopes(files)[0]:
        assert {"Ingress", "Service"} != {one.kind for one in scope.objects} - {"Deployment"}, scope.name


@pytest.mark.parametrize("name", ["devices", "product", "latest", "stages", "contest"])
def test_words_that_only_hold_the_name_of_an_environment_are_none(name: str) -> None:
    assert len(together({f"{name}/a.yaml": A, "other/b.yaml": B})) == 1


def test_what_belongs_to_no_environment_stays_together() -> None:
    files = {"base/a.yaml": A, "base/b.yaml": B, "dev/c.yaml": C}
    assert together(files) == [["base/a.yaml", "base/b.yaml"], ["dev/c.yaml"]]


def test_the_same_name_of_another_kind_namespace_or_group_is_another_object() -> None:
    others = [
        thing("Service", "other"),
        thing("Service", namespace="shop"),
        thing("Service", api="serving.knative.dev/v1"),
    ]
    for other in others:
        assert len(together({"a/x.yaml": B, "b/x.yaml": other})) == 1, other
    assert len(together({"a/x.yaml": B, "b/x.yaml": thing("Service", namespace="default")})) == 2
    assert len(together({"a/x.yaml": B, "b/x.yaml": thing("Service", api="v1")})) == 2


def test_an_object_that_stands_twice_in_a_file_is_said_and_joined_to_nothing() -> None:
    found, problems = scopes({"all.yaml": "---\n".join([A, B, C, B])})
    assert [one.kind for scope in found for one in scope.objects] == ["Ingress", "Deployment"]
    assert [str(problem) for problem in problems] == [
        "all.yaml:15: Service web stands in this file twice; neither is joined"
    ]
    assert problems[0].kind == "unreadable"


def test_objects_without_a_name_never_collide() -> None:
    nameless = "apiVersion: v1\nkind: Service\nmetadata: {generateName: web-}\n"
    found, problems = scopes({"all.yaml": f"{nameless}---\n{nameless}"})
    assert (len(found[0].objects), problems) == (2, [])


def test_patches_are_no_objects_and_their_bases_are_marked() -> None:
    kustomization = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../base]
patches: [{path: patch.yaml}]
"""
    files = {"base/x.yaml": C, "overlays/eu/kustomization.yaml": kustomization, "overlays/eu/patch.yaml": C}
    (scope,) = scopes(files)[0]
    (only,) = scope.objects
    assert (only.path, only.patched_by) == ("base/x.yaml", "overlays/eu/kustomization.yaml")


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("infra/prod/main.tf", "k8s/prod/web.yaml", True),
        ("infra/production/main.tf", "k8s/prod/web.yaml", True),
        ("infra/stage.tf", "k8s/overlays/staging/web.yaml", True),
        ("infra/prod/main.tf", "k8s/dev/web.yaml", False),
        ("infra/main.tf", "k8s/dev/web.yaml", True),
        ("infra/main.tf", "k8s/web.yaml", True),
        ("test/infra/dev/main.tf", "test/k8s/prod/web.yaml", False),
        ("test/infra/main.tf", "test/k8s/web.yaml", True),
        ("prod/main.tf", "prod/web.yaml", True),
    ],
)
def test_files_of_different_environments_may_not_meet(one: str, other: str, answer: bool) -> None:
    assert may_meet(one, other) is may_meet(other, one) is answer


FOLDERS = st.lists(st.sampled_from(["a", "b", "dev", "prod"]), max_size=3)
PATHS = st.tuples(FOLDERS, st.sampled_from(["x.yaml", "y.yaml", "dev.yaml"])).map(
    lambda one: "/".join([*one[0], one[1]])
)


@given(st.dictionaries(PATHS, st.sampled_from([A, B, C, A + "---\n" + B]), max_size=8))
def test_every_object_is_in_one_scope_and_no_scope_holds_two_of_a_name(files: dict[str, str]) -> None:
    found, problems = scopes(files)
    objects = [one for scope in found for one in scope.objects]
    assert len(objects) == len(set(objects)) == sum(text.count("kind:") for text in files.values())
    assert not problems
    for scope in found:
        names = [(one.kind, one.name) for one in scope.objects]
        assert len(names) == len(set(names))
