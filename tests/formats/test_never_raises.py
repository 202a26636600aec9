from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelint5xx.core.node import Mapping, Node, Reference, Scalar, Sequence
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import argv, dockerfile, lookup, nginx, reader, shell

FRAGMENTS = {
    "python_assign": ["x = ", "if a:\n ", "1", "+", "(", ")", "'", "\n", "[", "{", "é", "\r", "global x"],
    "argv": ["--a", "=", " ", "'", '"', "$X", "${X:-", "}", "$(", "`", "\\", "-k", "é"],
    "shell": ["sleep ", "if ", "fi", "case ", "esac", ";;", "(", ")", "{", "}", "&&", "|", "&", "<<E", "\n", "'", "$"],
    "dockerfile": ["FROM ", "CMD ", "[", '"', "]", "\\\n", "ENV ", "A=", "$A", "\n", "RUN <<E", "# escape=`\n", "ARG "],
    "nginx": ["server ", "{", "}", ";", "listen 80", "'", '"', "$", "\\", "#", "\n", "location / ", "proxy_pass http://"],
    "haproxy": ["global", "defaults", "frontend a", "bind :80", "\n", " ", "'", '"', "\\", "$X", "no option a", "é"],
    "envoy": ["static_resources:", " listeners:", " - a", "{", "}", "[", ",", "route: ", "\n", "  ", "*a"],
    "toml": ["a", ".b", " = ", "1", "[", "]", "{", "}", ",", "'", '"', '"""', "\n", "\\u12", "#", "é", "true"],
    "traefik": ["entryPoints", ".a", ".address", ".b", " = ", "':80'", "[", "]", ":", "\n", "  ", "{", "}"],
    "caddyfile": ["a", " {", "}", "\n", "servers", "timeouts", "reverse_proxy", "<<H\n", '"', "`", "{$X}", ":80", ","],
    "gradle": ["api", "'a:b:1'", '"$x"', "(", ")", "{", "}", ",", "\n", "'", '"""', "//", "/*", "\\", "é", "`"],
    "hocon": ["a", ".b", " = ", "1 s", "{", "}", "[", "]", '"', '"""', "${x}", "+=", "include", "\n", "#", "//", ","],
    "apache": ["<VirtualHost *:80", ">", "</VirtualHost>", "<If", "ProxyPass / b ", "c=1", "\n", "'", "${X}", "#"],
    "xml": ["<a", ">", "</a>", "/>", " x='", "'", "<!--", "-->", "<!DOCTYPE a [", "<Set name='b'>", "&", "<![CDATA["],
    "properties": ["a", "=", ":", "\\", "\n", "\r", "\\u00", "#", " ", "é"],
    "ini": ["--module=", "a", "=", "?=", "\n", "[", "]", "#", ",", "é", "-D"],
    "javascript": ["server.keepAliveTimeout", " = ", "1", "(", ")", "{", "}", "const a", "=>", "'", "`", "\n", "é"],
    "go_source": ["http.Server", "{", "}", "IdleTimeout", ":", "s.", ":= ", "&", "import ", '"net/http"', "(", "1"],
    "java_source": ["ServerConnector c", ";", "c.setIdleTimeout", "(", ")", "{", "}", "var o = new ", "1", "->"],
    "kotlin_source": ["val c = ", "ServerConnector", "(", ")", "{", "}", "c.", "idleTimeout", " = ", "1", "\n", "é"],
    "python_source": ["import uvicorn\n", "uvicorn.run", "(", ")", "a=", "1", "**", "{", "}", "if a:\n ", "é", "\n"],
    "ruby_source": ["timeout ", "1", "ENV[", "'a'", "]", " || ", "{", "}", "do", "end", " if ", "\n", "é", "(", ")"],
    "csharp_source": ["o.Limits.KeepAliveTimeout", " = ", "TimeSpan.FromSeconds", "(", ")", "1", ";", "{", "}", "é"],
}  # fmt: skip
KEYS = {
    "apache": "proxy/c",
    "caddyfile": "transport/a",
    "traefik": "entryPoints.<address>.b",
    "envoy": "cluster/a.*",
    "haproxy": "backend/option a|b",
    "nginx": "location/keepalive",
    "xml": "Set[name=b]/@x",
    "argv": "--a",
}


def _spans(node: Node) -> list[Span]:
    match node:
        case Mapping(entries=entries):
            below = [span for entry in entries for each in (entry.key, entry.value) for span in _spans(each)]
        case Sequence(items=items):
            below = [span for item in items for span in _spans(item)]
        case Scalar(via=via) | Reference(via=via):
            below = list(via)
        case _:
            below = []
    return [node.span, *below]


@pytest.mark.parametrize("name", FRAGMENTS)
def test_reader_never_raises_and_its_places_are_inside_the_text(name: str) -> None:
    text = st.one_of(st.text(st.characters(), max_size=40), st.lists(st.sampled_from(FRAGMENTS[name])).map("".join))

    @settings(max_examples=150, deadline=None)
    @given(text)
    def check(written: str) -> None:
        reading = reader(name).read(Source("f", written))
        for problem in reading.problems:
            assert problem.line >= 1
            assert problem.message
        for document in reading.documents:
            for span in _spans(document.root):
                assert 0 <= span.start <= span.end <= len(written)
            for port in (None, 80):
                lookup(name, document.root, KEYS.get(name, "a"), port)

    check()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*FRAGMENTS["shell"], *FRAGMENTS["argv"], *FRAGMENTS["dockerfile"]])).map("".join))
def test_nothing_built_on_a_reader_raises(written: str) -> None:
    scalar = Scalar(Span(Source("f", written), 0, len(written)), written, written)
    argv.split(scalar, {"X": scalar})
    shell.sleep_seconds(shell.commands(scalar, {"X": scalar}))
    dockerfile.final_stage(dockerfile.read(scalar.span.source).documents[0].root)
    nginx.duration(written)
