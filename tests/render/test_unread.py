"""Values of a chart that no template reads are named, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubelint5xx.check import check
from kubelint5xx.config import Chart, Config
from tests.render.test_helm import CHART, TEMPLATE, VALUES
from tests.render.trees import needs_helm, tree_of, written

pytestmark = needs_helm


def notices(root: Path, config: Config | None = None) -> list[str]:
    problems = check(tree_of(root, config), config or Config()).problems
    return [f"{one.path}:{one.line}: {one.message}" for one in problems if one.kind == "notice"]


def test_a_grace_period_that_no_template_reads_is_named(tmp_path: Path) -> None:
    values = f"{VALUES}terminationGracePeriodSeconds: 90\npod:\n  readinessProbe: {{periodSeconds: 3}}\n"
    prod = "lifecycle:\n  preStop:\n    sleep: {seconds: 30}\n"
    root = written(tmp_path, {**CHART, "charts/web/values.yaml": values, "charts/web/prod.yaml": prod})
    own = [
        "charts/web/values.yaml:8: no template reads terminationGracePeriodSeconds, so it does nothing",
        "charts/web/values.yaml:10: no template reads readinessProbe, so it does nothing",
    ]
    # The template's own field of that name does not read the value.
    assert notices(root) == own
    config = Config(charts=(Chart("charts/web", ("charts/web/prod.yaml",)),))
    said = "charts/web/prod.yaml:1: no template reads lifecycle, so it does nothing"
    assert notices(root, config) == sorted([said, *own], key=lambda line: (line.partition(":")[0], -len(line)))


@pytest.mark.parametrize(
    "reads",
    [
        "{{- if .Values.off }}x: {{ .Values.replicaCount }}{{ end }}",
        '{{- if .Values.off }}x: {{ index .Values "replicaCount" }}{{ end }}',
        "{{- if .Values.off }}{{ toYaml .Values }}{{ end }}",
        "{{- if .Values.off }}{{ with .Values }}{{ toYaml . }}{{ end }}{{ end }}",
    ],
)
def test_a_value_that_is_read_at_times_is_not_named(tmp_path: Path, reads: str) -> None:
    values = {"charts/web/values.yaml": f"{VALUES}replicaCount: 3\n"}
    assert notices(written(tmp_path / "unread", {**CHART, **values})) == [
        "charts/web/values.yaml:8: no template reads replicaCount, so it does nothing"
    ]
    template = {"charts/web/templates/deployment.yaml": f"{TEMPLATE}{reads}\n"}
    assert notices(written(tmp_path / "read", {**CHART, **values, **template})) == []


def test_what_is_below_a_key_that_is_taken_as_a_whole_is_not_named(tmp_path: Path) -> None:
    values = f"{VALUES}off: false\npod:\n  replicaCount: 3\n"
    reads = "{{- if .Values.off }}{{ toYaml .Values.pod }}{{ end }}\n"
    template = {"charts/web/templates/deployment.yaml": f"{TEMPLATE}{reads}"}
    assert notices(written(tmp_path, {**CHART, "charts/web/values.yaml": values, **template})) == []
