"""Files of servers that no request path leads to: named, since they are not judged."""

from __future__ import annotations

from collections.abc import Collection

from kubelint5xx.config import Config
from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.tree import Tree
from kubelint5xx.inputs import included
from kubelint5xx.link.images import ASIDE

_OF_A_SERVER = pattern(
    r"(?:^|/)(?:(?:Dockerfile|Containerfile)(?:\.[^/]*)?|[^/]*\.Dockerfile|nginx\.conf|haproxy\.cfg|Caddyfile|"
    r"(?:httpd|apache2)\.conf|gunicorn\.conf\.py|puma\.rb|uwsgi\.ini|application(?:-[\w-]+)?\.properties)$"
)


def unused(tree: Tree, read: Collection[str], config: Config) -> list[Problem]:
    """One notice about all files that are called as those of a server, and that none led to. Those of tests,
    tools and examples are not meant to be deployed."""
    left = [
        path
        for path in tree.paths()
        if _OF_A_SERVER.search(path) and path not in read and not ASIDE.search(path) and included(path, config)
    ]
    if not left:
        return []
    others = f", nor to {len(left) - 1} more" if len(left) > 1 else ""
    message = f"no request path leads to this file of a server{others}; what it sets is not judged"
    return [Problem(left[0], 0, message, "notice")]
