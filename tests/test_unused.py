"""What is said of servers' files that are not judged."""

from __future__ import annotations

from kubelint5xx.check import check
from kubelint5xx.config import Config
from kubelint5xx.core.tree import MemoryTree
from tests.rules.stacks import config_of, files_of

STACK = files_of("alb-gunicorn")


def notices(files: dict[str, str], config: Config | None = None) -> list[str]:
    problems = check(MemoryTree(files), config or config_of(files)).problems
    return [str(one) for one in problems if "no request path" in one.message]


def test_a_server_that_no_path_leads_to_is_named_once_for_all() -> None:
    assert notices({**STACK}) == []
    more = {"proxy/nginx.conf": "events {}", "worker/Dockerfile": "FROM python:3.12\nCMD python work.py\n"}
    (said,) = notices({**STACK, **more})
    assert said.startswith("proxy/nginx.conf: no request path leads to this file of a server, nor to 1 more;")


def test_what_is_left_out_or_serves_tests_is_not_meant() -> None:
    more = {"proxy/nginx.conf": "events {}", "tests/Dockerfile": "FROM python:3.12\n"}
    assert notices({**STACK, **more}, Config(exclude=("proxy/*",))) == []
