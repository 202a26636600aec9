"""Settings that a configuration file leaves to the environment: the manifest's variable, else the file's default."""

from __future__ import annotations

import pytest

from kubelint5xx.core.value import Value
from tests.link.manifests import INGRESS, SERVICE, joined, only, web

DOCKERFILE = """
FROM python:3.12
WORKDIR /app
COPY . .
{env}
CMD ["gunicorn", "-k", "gthread", "app:app"]
"""


def idle(conf: str, env: str = "", more: str = "", **container: str) -> Value:
    files = {"src/web/Dockerfile": DOCKERFILE.format(env=more), "src/web/gunicorn.conf.py": conf}
    layer = joined(INGRESS, SERVICE, web(command="", env=env, **container), files=files)
    return only(layer).receiver.inbound.read("idle_timeout")


@pytest.mark.parametrize(
    "expression",
    [
        'int(os.getenv("KA", "7"))',
        'os.environ.get("KA", 7)',
        'int(os.environ.get("KA", default=7))',
        'float(environ.get("KA") or 7)',
        'int(os.environ["KA"]) if "KA" in os.environ else 7',
        'int(os.getenv("KA")) if os.getenv("KA") else 7',
        'int(os.getenv("KA", 7)) * 1',
    ],
)
def test_the_default_holds_unless_the_manifest_sets_the_variable(expression: str) -> None:
    conf = f"import os\nkeepalive = {expression}\n"
    default = idle(conf)
    assert default.data == 7.0 and default.place is not None and default.place.path == "src/web/gunicorn.conf.py"
    given = idle(conf, '[{name: KA, value: "75"}]')
    assert given.data == 75.0 and given.place is not None and given.place.path == "k8s/all.yaml"
    assert idle(conf, more="ENV KA=76").data == 76.0
    secret = "[{name: KA, valueFrom: {secretKeyRef: {name: a, key: b}}}]"
    assert not idle(conf, secret).known
    assert not idle(conf, envFrom="[{configMapRef: {name: elsewhere}}]").known


def test_a_name_that_holds_a_variable_and_one_that_is_not_set() -> None:
    conf = "import os\nseconds = int(os.getenv('KA', '7'))\nkeepalive = seconds\n"
    assert idle(conf).data == 7.0 and idle(conf, '[{name: KA, value: "75"}]').data == 75.0
    assert not idle("import os\nkeepalive = int(os.environ['KA'])\n").known
    assert not idle("import os\nkeepalive = len(os.getenv('KA', '7'))\n").known
    assert idle("import os\nkeepalive = {'env': 'KA'}\n").data != 75.0
