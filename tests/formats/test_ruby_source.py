from __future__ import annotations

import pytest

from tests.formats.trees import UNKNOWN, plain, tree

pytest.importorskip("tree_sitter_ruby")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("persistent_timeout 75", {"persistent_timeout": 75}),
        ("persistent_timeout(60 + 15)", {"persistent_timeout": 75}),
        ("KEEP = 75\npersistent_timeout KEEP", {"persistent_timeout": 75}),
        ("threads 1, 5", {"threads": [1, 5]}),
        ("force_shutdown_after :immediately", {"force_shutdown_after": "immediately"}),
        ("workers ENV.fetch('W', 2).to_i", {"workers": {"env": "W", "default": 2}}),
        ("workers ENV.fetch('W') { 2 }", {"workers": {"env": "W", "default": 2}}),
        ("workers Integer(ENV['W'] || 2)", {"workers": {"env": "W", "default": 2}}),
        ("n = ENV['W']\nworkers n", {"workers": {"env": "W"}}),
        ("workers 2 if ENV['W']", {"workers": UNKNOWN}),
        ("if x\n  workers 2\nend", {"workers": UNKNOWN}),
        ("n = 1\nn = 2\nworkers n", {"workers": UNKNOWN}),
        ("workers Etc.nprocessors", {"workers": UNKNOWN}),
        ("before_fork do\n  workers 2\nend\nserver.timeout 3\nfoo(workers(2))", {"foo": UNKNOWN}),
    ],
)
def test_calls_of_the_file_itself_are_its_settings(text: str, found: object) -> None:
    assert plain(tree("ruby_source", text)) == found
