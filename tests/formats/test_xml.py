from __future__ import annotations

import pytest

from kubelint5xx.core.node import Mapping, Node, Scalar, Unresolved, text
from kubelint5xx.core.source import Source
from kubelint5xx.formats import xml

JETTY = """<?xml version="1.0"?>
<!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN" "https://jetty.org/configure_10_0.dtd">
<!-- <Set name="idleTimeout">1</Set> ü -->
<Configure id="Server" class="org.eclipse.jetty.server.Server">
  <Call name="addConnector"><Arg>
    <New class="org.eclipse.jetty.server.ServerConnector">
      <Arg name="factories"><New class="HttpConnectionFactory"><Set name="idleTimeout">9</Set></New></Arg>
      <Set name="port"><Property name="jetty.http.port" default="8080"/></Set>
      <Set name="idleTimeout"><Property name="jetty.http.idleTimeout" deprecated="http.timeout" default="30000"/></Set>
    </New></Arg></Call>
  <New class="org.eclipse.jetty.server.ServerConnector">
    <Set name="port">9090</Set>
    <Set name='idleTimeout'> 75000 </Set>
  </New>
  <Set name="stopTimeout" property="jetty.server.stopTimeout">5000</Set>
  <Set name="size"><Property><Name>a.b</Name><Default>32</Default></Property></Set>
  <Set name="made"><New class="X"/></Set>
</Configure>"""
TOMCAT = """<Server port="8005"><Service>
  <Connector port="8080" connectionTimeout="20000"
             keepAliveTimeout="75000"/>
  <Connector port='8443' keepAliveTimeout='5&#48;00'/><Connector port="${p}" keepAliveTimeout="${ka}" />
</Service></Server>"""


def root(source: str) -> Node:
    reading = xml.read(Source("x.xml", source))
    assert not reading.problems
    return reading.documents[0].root


def plain(node: Node) -> object:
    if isinstance(node, Mapping):
        return {str(entry.key.value): text(entry.value) for entry in node.entries}
    return text(node)


@pytest.mark.parametrize(
    ("key", "port", "expected"),
    [
        (
            "New[class=org.eclipse.jetty.server.ServerConnector]/Set[name=idleTimeout]", None,
            [{"property": "jetty.http.idleTimeout", "default": "30000", "deprecated": "http.timeout"}, "75000"],
        ),
        ("New[class=org.eclipse.jetty.server.ServerConnector]/Set[name=idleTimeout]", 9090,
         [{"property": "jetty.http.idleTimeout", "default": "30000", "deprecated": "http.timeout"}, "75000"]),
        ("Set[name=stopTimeout]", None, [{"property": "jetty.server.stopTimeout", "default": "5000"}]),
        ("Set[name=size]", None, [{"property": "a.b", "default": "32"}]),
        ("Set[name=made]", None, [None]),
        ("Set[name=none]", None, []),
        ("Configure/@id", None, ["Server"]),
    ],
)  # fmt: skip
def test_jetty_paths(key: str, port: int | None, expected: list[object]) -> None:
    assert [plain(node) for node in xml.lookup(root(JETTY), key, port)] == expected


def test_jetty_connector_of_another_port_is_left_out() -> None:
    key = "New[class=org.eclipse.jetty.server.ServerConnector]/Set[name=idleTimeout]"
    assert len(xml.lookup(root(JETTY), key, 8080)) == 1


def test_tomcat_connector_is_chosen_by_its_port() -> None:
    def places(port: int | None) -> list[str]:
        return [node.span.text for node in xml.lookup(root(TOMCAT), "Connector/@keepAliveTimeout", port)]

    assert places(8080) == ["75000", "${ka}"]
    assert places(8443) == ["5&#48;00", "${ka}"]
    found = xml.lookup(root(TOMCAT), "Connector/@keepAliveTimeout", 8443)
    assert isinstance(found[0], Scalar)
    assert found[0].value == "5000"
    assert isinstance(found[1], Unresolved)


def test_places_are_exact_after_wide_characters() -> None:
    (node,) = xml.lookup(root("<a x='é'>\n<b y='😀' z='7'/> <c> 42 </c></a>"), "b/@z", None)
    assert (node.span.text, node.span.line, node.span.column) == ("7", 2, 13)
    (node,) = xml.lookup(root("<a x='é😀'><c> 42 </c></a>"), "c", None)
    assert node.span.text == "42"


@pytest.mark.parametrize(
    "source",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://e/x"> %x;]><a/>',
        "<a>" * 100_000,
        "<a><b></a>",
        "",
        "<a>&x;</a>",
    ],
)
def test_entities_depth_and_broken_files_are_problems(source: str) -> None:
    reading = xml.read(Source("x.xml", source))
    assert not reading.documents
    assert len(reading.problems) == 1
    assert reading.problems[0].line >= 1
