"""A client, a node and a pod in network namespaces of their own, and packets that conntrack calls invalid.

`python -m lab.verdict.packets ARM` runs as the node, inside of ``unshare --map-root-user --net``. The node translates
a Service's address to the pod's, as kube-proxy does. After each 40th response the pod sends that segment once more,
with a sequence number ahead of the window, which conntrack calls invalid. Segments that come late are that only to
kernels before 6.1. What the balancer answered is printed as JSON.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from lab.catalogue import Run, Server, catalogue
from lab.process import started
from lab.verdict.balancers import nginx
from lab.verdict.load import Load, counted

NFTABLES = Server(
    "nftables", "nft --version", "",
    needs={"debian": ["nftables", "libnftables1", "libnftnl11", "libmnl0", "libjansson4", "libxtables12", "libedit2"]},
)  # fmt: skip
SERVICE, CLIENT, POD, PORT = "10.96.0.10", "10.7.1.2", "10.7.2.2", 8000
_LIBERAL = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal")
_TRANSLATE = f"""
table ip lab {{
  chain services {{
    type nat hook prerouting priority -100
    ip daddr {SERVICE} tcp dport 80 dnat to {POD}:{PORT}
  }}
}}
"""
_DROP = """
table ip lab {
  chain invalid {
    type filter hook forward priority 0
    ct state invalid drop
  }
}
"""


def node(arm: str) -> str:
    """Builds the network, runs client and pod, and gives what the client counted."""
    command = ["unshare", "--net", "--", sys.executable, "-m", "lab.verdict.packets"]
    parts = {
        name: subprocess.Popen([*command, name, arm], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("client", "pod")
    }
    try:
        for number, (name, process) in enumerate(parts.items(), 1):
            assert process.stdout
            process.stdout.readline()
            _ip(f"link add {name} type veth peer name eth0 netns {process.pid}")
            _ip(f"addr add 10.7.{number}.1/24 dev {name}")
            _ip(f"link set {name} up")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1", "ascii")
        rules = _TRANSLATE + (_DROP if arm == "drop" else "")
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, env=NFTABLES.environment)
        if arm == "liberal on the node":
            _LIBERAL.write_text("1", "ascii")
        for name in ("pod", "client"):
            stdin, stdout = parts[name].stdin, parts[name].stdout
            assert stdin and stdout
            stdin.write("\n")
            stdin.flush()
            said = stdout.readline()
        return said
    finally:
        # At the end of their input they end what they have started, and then themselves.
        for process in parts.values():
            process.communicate(timeout=20)


def client(_: str) -> None:
    """The balancer and its clients."""
    _joined(CLIENT)
    with nginx(80, host=SERVICE) as port:
        print(json.dumps(counted(port, Load(30, 60, (0.01, 0.05)))), flush=True)
    sys.stdin.read()


def pod(arm: str) -> None:
    """The server, which now and then sends a segment that is out of the window."""
    _joined(POD)
    if arm == "liberal in the pod":
        _LIBERAL.write_text("1", "ascii")
    (server,) = catalogue("uvicorn")
    words = f"uvicorn --timeout-keep-alive 75 --host 0.0.0.0 --port {PORT} pod:app"
    with started(server, Run("uvicorn", "pod", words, cwd="python"), port=PORT):
        threading.Thread(target=_send_invalid, daemon=True).start()
        print("started", flush=True)
        sys.stdin.read()


def _joined(address: str) -> None:
    print("unshared", flush=True)
    sys.stdin.readline()
    _ip("link set lo up")
    _ip(f"addr add {address}/24 dev eth0")
    _ip("link set eth0 up")
    _ip(f"route add default via {address.rpartition('.')[0]}.1")


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


def _send_invalid() -> None:
    every = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    seen = 0
    while True:
        packet = every.recv(65536)
        header = (packet[0] & 15) * 4
        segment = packet[header : int.from_bytes(packet[2:4])]
        if packet[9] != 6 or int.from_bytes(segment[:2]) != PORT or not segment[(segment[12] >> 4) * 4 :]:
            continue
        seen += 1
        if seen % 40 == 0:
            raw.sendto(ahead(packet[:header], segment), (socket.inet_ntoa(packet[16:20]), 0))


def ahead(header: bytes, segment: bytes) -> bytes:
    """The packet of an IP ``header`` and a TCP ``segment``, with a sequence number far ahead of the window."""
    number = (int.from_bytes(segment[4:8]) + 1_000_000) % 2**32
    segment = segment[:4] + number.to_bytes(4) + segment[8:16] + b"\0\0" + segment[18:]
    pseudo = header[12:20] + struct.pack("!BBH", 0, 6, len(segment))
    data = pseudo + segment + b"\0" * (len(segment) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~(total + (total >> 16)) & 0xFFFF
    return header + segment[:16] + total.to_bytes(2) + segment[18:]


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    parts: dict[str, Callable[[str], None]] = {"client": client, "pod": pod}
    if role in parts:
        parts[role](rest[0])
    else:
        print(node(role), end="")
