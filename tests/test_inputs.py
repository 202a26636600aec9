"""Which files are read: an object is found however its kind is written."""

from __future__ import annotations

import pytest

from kubelint5xx.config import Config
from kubelint5xx.core.tree import MemoryTree
from kubelint5xx.inputs import read_inputs


@pytest.mark.parametrize(
    "kind",
    [
        "kind: Service", "kind : Service", "'kind':\tService", '"kind" : "Service"', "kind: 'Service' # x",
        "kind: &it Service", "kind: !!str Service", "kind: !!str &it 'Service'\r", "kind: ReplicationController",
    ],
)  # fmt: skip
def test_an_object_is_read_however_its_kind_is_written(kind: str) -> None:
    inputs = read_inputs(MemoryTree({"a.yaml": f"apiVersion: v1\n{kind}\nmetadata: {{name: a}}\n"}), Config())
    assert len(inputs.documents) == 1 and not inputs.problems


def test_other_kinds_are_not_read() -> None:
    inputs = read_inputs(MemoryTree({"a.yaml": "apiVersion: v1\nkind: ServiceAccount\nspec: [\n"}), Config())
    assert not inputs.documents and not inputs.problems
