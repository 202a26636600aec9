from __future__ import annotations

import pytest

from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.source import Source
from kubelint5xx.formats import envoy

MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
STATIC = f"""
static_resources:
  listeners:
  - address: {{ socket_address: {{ port_value: 80 }} }}
    filter_chains:
    - filters:
      - typed_config:
          "@type": {MANAGER}
          commonHttpProtocolOptions: {{ idleTimeout: 70s }}
          route_config:
            virtual_hosts:
            - retry_policy: {{ retry_on: 'reset, 5xx' }}
              routes:
              - route: {{ cluster: a, timeout: 3s }}
              - redirect: {{ path_redirect: / }}
  - address: {{ socketAddress: {{ portValue: 81 }} }}
    filter_chains:
    - filters:
      - typed_config:
          "@type": {MANAGER}
          common_http_protocol_options: {{ idle_timeout: 71s }}
          route_config:
            virtual_hosts:
            - routes:
              - route: {{ weighted_clusters: {{ clusters: [{{ name: a }}, {{ name: b }}] }}, timeout: 3s }}
              - route: {{ cluster_header: x, timeout: 4s }}
  - address: {{ socket_address: {{ port_value: 82 }} }}
    filter_chains: [{{ filters: [{{ typed_config: {{ "@type": {MANAGER}, rds: {{}} }} }}] }}]
  clusters:
  - name: a
    connect_timeout: 1s
    typed_extension_protocol_options:
      any.name: {{ common_http_protocol_options: {{ idle_timeout: 9s }} }}
  - name: b
"""


def root(text: str = STATIC) -> Node:
    (document,) = envoy.read(Source("envoy.yaml", text)).documents
    return document.root


@pytest.mark.parametrize(
    ("key", "port", "expected"),
    [
        ("manager/common_http_protocol_options.idle_timeout", 80, ["70s"]),
        ("manager/common_http_protocol_options.idle_timeout", 81, ["71s"]),
        ("manager/common_http_protocol_options.idle_timeout", 82, []),
        ("manager/common_http_protocol_options.idle_timeout", None, ["?"]),
        ("manager/stream_idle_timeout", None, []),
        ("manager/stream_idle_timeout", 9999, ["?"]),
        ("route/timeout", 80, ["3s"]),
        ("route/timeout", 81, ["?"]),
        ("route/timeout", 82, ["?"]),
        ("route/retry_policy.retry_on ,", 80, ["reset", "5xx"]),
        ("cluster/connect_timeout", 80, ["1s"]),
        ("cluster/connect_timeout", 81, ["?"]),
        ("cluster/typed_extension_protocol_options.*.common_http_protocol_options.idle_timeout", 80, ["9s"]),
    ],
)
def test_lookup_gives_the_field_of_what_handles_the_port(key: str, port: int | None, expected: list[object]) -> None:
    assert [node.value if isinstance(node, Scalar) else "?" for node in envoy.lookup(root(), key, port)] == expected


def test_what_a_control_plane_gives_is_unresolved() -> None:
    (node,) = envoy.lookup(root('{"dynamicResources": {"ads_config": {}}}'), "manager/stream_idle_timeout")
    assert isinstance(node, Unresolved)
    assert "control plane" in node.reason
