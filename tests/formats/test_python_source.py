from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping
from kubelint5xx.core.source import Source
from kubelint5xx.formats import python_source, reader
from tests.formats.trees import UNKNOWN, plain, tree


def made(text: str, maker: str) -> object:
    return plain(tree("python_source", text).get(maker))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("75", 75),
        ("60 + 15", 75),
        ("A * 5", 75),
        ("float('7.5')", 7.5),
        ("-1", -1),
        ("settings.keep", UNKNOWN),
        ("B", UNKNOWN),
        ("int(os.environ['K'])", {"env": "K"}),
        ("int(os.environ.get('K', '75'))", {"env": "K", "default": "75"}),
        ("int(os.getenv('K') or 75) * 2", {"env": "K", "default": 150, "empty": True, "times": 2}),
        ("KEEP", {"module": ".limits", "name": "KEEP"}),
    ],
)
def test_values_of_arguments(written: str, value: object) -> None:
    head = "import os, uvicorn\nfrom .limits import KEEP\nA = 15\nB = 1\nB = 2\n"
    assert made(f"{head}uvicorn.run(app, timeout_keep_alive={written})", "uvicorn.run") == {"timeout_keep_alive": value}


@pytest.mark.parametrize(
    ("text", "maker", "found"),
    [
        ("import uvicorn as u\nu.run(a, port=1)", "uvicorn.run", {"port": 1}),
        ("from uvicorn import Config\nConfig(a, timeout_keep_alive=1)", "uvicorn.Config", {"timeout_keep_alive": 1}),
        ("from waitress import serve\nserve(a, channel_timeout=1)", "waitress.serve", {"channel_timeout": 1}),
        (
            "from hypercorn.config import Config\nc = Config()\nc.keep_alive_timeout = 1",
            "hypercorn.Config",
            {"keep_alive_timeout": 1},
        ),
        (
            "import gunicorn.app.base\noptions = {'bind': x, 'keepalive': 1}",
            "gunicorn",
            {"bind": UNKNOWN, "keepalive": 1},
        ),
        ("import uvicorn\nif x:\n  uvicorn.run(a, port=1)", "uvicorn.run", {"port": UNKNOWN}),
        ("import uvicorn\nif __name__ == '__main__':\n  uvicorn.run(a, port=1)", "uvicorn.run", {"port": 1}),
        ("# uvicorn\nrun(a, port=1)", "uvicorn.run", None),
        ("import os\noptions = {'keepalive': 1} # gunicorn", "gunicorn", None),
    ],
)
def test_servers_are_known_by_their_imports(text: str, maker: str, found: object) -> None:
    assert made(text, maker) == found


def test_arguments_that_are_computed_leave_the_call_open() -> None:
    call = tree("python_source", "import uvicorn\nuvicorn.run(app, **options)").get("uvicorn.run")
    assert isinstance(call, Mapping) and call.open


def test_a_constant_is_followed_where_it_is_assigned_once() -> None:
    source = Source("limits.py", "KEEP = 5 * 15\nif x:\n  OTHER = 1\nTWICE = 1\nTWICE = 2\n")
    found = [plain(python_source.constant(source, name)) for name in ("KEEP", "OTHER", "TWICE", "GONE")]
    assert found == [75, None, None, None]
    assert python_source.modules("app/main.py", ".limits") == ("app/limits.py",)
    assert "*/app/limits.py" in python_source.modules("main.py", "app.limits")


def test_what_is_no_python_is_a_problem() -> None:
    assert reader("python_source").read(Source("a.py", "import uvicorn\nprint 'a'")).problems
