"""Who gets the signal that stops a container."""

from __future__ import annotations

import pytest

from kubelint5xx.core.node import Sequence
from kubelint5xx.core.record import replace
from kubelint5xx.core.source import Span
from kubelint5xx.core.value import Confidence, Value, Written
from kubelint5xx.hops.detect import server_commands
from kubelint5xx.hops.first_process import first_process
from tests.hops.launches import launch, scalar

START = {"/app/start.sh": "#!/bin/sh\nset -e\npython manage.py migrate\ngunicorn app:app\n"}
EXEC = {"/app/start.sh": '#!/bin/sh\nset -e\npython manage.py migrate\nexec gunicorn "$@" app:app\n'}
PASS_ON = {"/entrypoint.sh": '#!/bin/bash\nif [ "$1" = migrate ]; then\n  exec migrate\nfi\nexec "$@"\n'}
NPM = '{"scripts": {"start": "node server.js", "serve": "exec node server.js"}}'


def passes(argv: list[str], sh: str = "dash", files=None, package: str | None = None) -> bool | None:
    return value(argv, sh, files, package)[0].data


def value(argv, sh="dash", files=None, package=None, shell=True):
    started = launch(files=files, sources=None if package is None else {"package.json": package})
    words = tuple(scalar(word) for word in argv)
    started = replace(started, argv=Sequence(words[0].span, words))
    place: Span = scalar("node:20").span
    known = Value(sh, Written(place)) if sh else Value.unknown("which shell the image holds is not known", place)
    return first_process(started, server_commands(), known, Value(shell, Written(place)))


@pytest.mark.parametrize(
    ("script", "dash", "ash", "bash"),
    [
        ("gunicorn app:app", False, True, True),
        ("cd /srv && gunicorn app:app", False, True, True),
        ("python manage.py migrate; gunicorn app:app", False, True, True),
        ("exec gunicorn app:app", True, True, True),
        ("python manage.py migrate && exec gunicorn app:app", True, True, True),
        ("gunicorn app:app | tee /tmp/log", False, None, None),
        ("gunicorn app:app 2>&1", False, None, None),
        ("gunicorn app:app || true", False, None, None),
        ("true\ngunicorn app:app\n", False, None, None),
        ("trap 'kill -TERM $pid' TERM; gunicorn app:app & pid=$!; wait", None, None, None),
        ("celery worker & gunicorn app:app", None, None, None),
        ("if [ -n \"$DEBUG\" ]; then exec flask run; else gunicorn app:app; fi", None, None, None),
        (". /etc/profile; gunicorn app:app", None, None, None),
    ],
)
def test_what_shells_put_in_their_own_place(script, dash, ash, bash):
    assert passes(["/bin/sh", "-c", script], "dash") is dash
    assert passes(["sh", "-c", script], "ash") is ash
    assert passes(["busybox", "sh", "-c", script], "") is ash
    assert passes(["/bin/bash", "-c", script], "dash") is bash
    assert passes(["sh", "-c", script], "") in ({True} if dash else {None})


@pytest.mark.parametrize(
    ("argv", "files", "expected"),
    [
        (["/app/start.sh"], START, False),
        (["sh", "/app/start.sh"], START, False),
        (["bash", "-e", "/app/start.sh"], START, False),
        (["/app/start.sh"], EXEC, True),
        (["/entrypoint.sh", "gunicorn", "app:app"], PASS_ON, True),
        (["/entrypoint.sh", "/app/start.sh"], PASS_ON | START, False),
        (["/app/start.sh"], {}, None),
        (["/app/server"], {}, None),
        (["/app/start.sh"], {"/app/start.sh": "#!/usr/bin/env python3\nimport app\n"}, True),
    ],
)
def test_no_shell_does_so_for_the_end_of_a_script_file(argv, files, expected):
    assert all(passes(argv, sh, files) is expected for sh in ("dash", "bash", "ash"))


@pytest.mark.parametrize(
    "argv",
    [
        ["gunicorn", "app:app"],
        ["env", "A=1", "gunicorn", "app:app"],
        ["gosu", "app", "python", "-m", "uvicorn", "app:app"],
        ["tini", "--", "node", "server.js"],
        ["poetry", "run", "gunicorn", "app:app"],
        ["java", "-jar", "app.jar"],
        ["docker-entrypoint.sh", "node", "server.js"],
    ],
)
def test_programs_get_it_themselves_or_by_what_makes_room_for_them(argv):
    assert passes(argv) is True


def test_what_an_init_program_leaves_to_a_shell_is_not_judged():
    assert passes(["dumb-init", "sh", "-c", "node server.js"]) is None
    assert passes(["tini", "--", "npm", "start"], package=NPM) is None


@pytest.mark.parametrize(
    ("argv", "sh", "package", "expected"),
    [
        (["npm", "start"], "dash", NPM, False),
        (["npm", "run", "serve"], "dash", NPM, True),
        (["pnpm", "start"], "dash", NPM, False),
        (["npm", "start"], "ash", NPM, None),
        (["npm", "start"], "", NPM, None),
        (["npm", "start"], "dash", None, None),
        (["yarn", "start"], "ash", NPM.replace("{", '{"packageManager": "yarn@1.22.22", ', 1), False),
        (["yarn", "start"], "dash", NPM.replace("{", '{"packageManager": "yarn@4.5.0", ', 1), None),
        (["bun", "start"], "dash", NPM, None),
    ],
)
def test_package_runners_depend_on_the_shell_below_them(argv, sh, package, expected):
    assert passes(argv, sh, package=package) is expected


def test_which_yarn_runs_is_a_doubt_where_nothing_says_it():
    found, first = value(["yarn", "start"], package=NPM)
    assert (found.data, found.confidence, first.data) == (False, Confidence.LOW, "yarn start")


def test_published_images_start_their_server_first():
    image = launch(image="nginx:1.27")
    nothing = Value.unknown("x")
    assert first_process(image, server_commands(), nothing, nothing)[0].data is True
    unseen = launch(argv_unseen="the image was built elsewhere")
    assert first_process(unseen, server_commands(), nothing, nothing)[0].data is None


def test_without_a_shell_every_program_is_the_server_itself():
    assert value(["/src/server"], "", shell=False)[0].data is True
