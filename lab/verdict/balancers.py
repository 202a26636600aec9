"""nginx and HAProxy in the place of a load balancer: they keep connections, and send no request a second time."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence

from lab.catalogue import Run, catalogue
from lab.measure import HOST
from lab.process import Started, started

# In a user namespace there is nobody but root.
_NGINX = """
user root;
daemon off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 100000;
  upstream app {
    server %(host)s:@UPSTREAM@ max_fails=0;
    keepalive 200;
    keepalive_timeout %(idle)gs;
    keepalive_requests 100000;
  }
  server {
    listen 127.0.0.1:@PORT@;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout %(response)gs;
      proxy_next_upstream off;
    }
  }
}
"""
_HAPROXY = """
global
  stats socket %(socket)s mode 600 level admin
defaults
  mode http
  option httpchk GET %(check)s
  timeout client 300s
  timeout connect 2s
  timeout server %(response)gs
  timeout http-keep-alive 300s
  retries 0
frontend web
  bind 127.0.0.1:@PORT@
  http-request return status 200 content-type text/plain string ok if { path /lab-balancer }
  default_backend app
backend app
  http-reuse always
  balance roundrobin
  default-server pool-purge-delay 300s%(health)s
"""


@contextlib.contextmanager
def nginx(upstream: int, idle: float = 60.0, response: float = 60.0, host: str = HOST) -> Iterator[int]:
    """nginx in front of the port ``upstream``, and its own port. ``idle`` and ``response``: its timeouts."""
    (server,) = catalogue("nginx")
    text = _NGINX % {"idle": idle, "response": response, "host": host}
    run = Run("nginx", "balancer", "nginx -e stderr -p @DIR@ -c nginx.conf", files={"nginx.conf": text})
    with started(server, run, upstream) as process:
        yield process.port


class HAProxy:
    """HAProxy in front of several servers, told by its socket which of them take part, as a control plane does it."""

    def __init__(self, process: Started) -> None:
        self.port, self._socket = process.port, str(process.folder / "admin")

    def tell(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(self._socket)
            control.sendall(command.encode() + b"\n")
            said = b""
            while part := control.recv(65536):
                said += part
        return said.decode()

    def register(self, at: int) -> None:
        self.tell(f"set server app/s{at} state ready")

    def deregister(self, at: int) -> None:
        """No new requests to this server; those in progress go on."""
        self.tell(f"set server app/s{at} state drain")

    def cut(self, at: int) -> None:
        """Ends the requests in progress."""
        self.tell(f"set server app/s{at} state maint")
        self.tell(f"shutdown sessions server app/s{at}")


@contextlib.contextmanager
def haproxy(
    ports: Sequence[int], response: float = 60.0, health: str = "", check: str = "/", out: Sequence[int] = ()
) -> Iterator[HAProxy]:
    """HAProxy in front of servers on ``ports``. ``health``: options of health checks, which ask for ``check``.

    ``out``: servers that do not take part yet, by their numbers.
    """
    (server,) = catalogue("haproxy")
    said = {"socket": "@DIR@/admin", "response": response, "check": check, "health": health and f" check {health}"}
    text = _HAPROXY % said + "".join(
        f"  server s{at} 127.0.0.1:{port}{' disabled' if at in out else ''}\n" for at, port in enumerate(ports)
    )
    run = Run("haproxy", "balancer", "haproxy -W -db -f @DIR@/haproxy.cfg", files={"haproxy.cfg": text})
    with started(server, run) as process:
        yield HAProxy(process)
