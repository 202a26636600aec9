"""Running a tool of the user's: within a time limit, without the network as far as it can be told, never by a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record

T = TypeVar("T")
AT_ONCE = 2
SECONDS = 60.0
MAX_OUTPUT = 100_000_000
# kubectl says it in a line for machines.
_LOGGED = pattern(r'err="((?:[^"\\]|\\.)*)"$')
_KEPT = ("PATH", "LANG", "TMPDIR", "SYSTEMROOT", "PATHEXT")
# A proxy where nobody listens: what would reach out fails at once, and says so.
_NOWHERE = "http://127.0.0.1:9"


@record
class Outcome:
    """What a tool printed. ``error`` is one line that says why it failed, else empty."""

    text: str
    error: str = ""


def all_of(calls: Iterable[Callable[[], T]]) -> list[T]:
    """What the calls give, in their order. Two of them run at once, since each mostly waits for a tool."""
    waiting = list(calls)
    if len(waiting) < 2:
        return [call() for call in waiting]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # After an interrupt the tools that have not begun need not begin.
        try:
            return list(pool.map(lambda call: call(), waiting))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def run_tool(command: Sequence[str], cwd: str) -> Outcome:
    """Run ``command`` in ``cwd`` and give what it prints on stdout. Never raises for what the tool does."""
    with tempfile.TemporaryDirectory(prefix="kubelint5xx-") as home, tempfile.TemporaryFile() as out:
        environment = _environment(home)
        try:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            return Outcome("", f"{command[0]} cannot be started: {error.strerror or error}")
        try:
            _, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            _kill(process)
            return Outcome("", f"{os.path.basename(command[0])} took longer than {SECONDS:.0f} s")
        except BaseException:
            _kill(process)
            raise
        if process.returncode:
            reason = _reason(said.decode("utf-8", "replace")).replace(os.path.join(os.path.realpath(cwd), ""), "")
            return Outcome("", reason or f"exit status {process.returncode}")
        size = out.seek(0, os.SEEK_END)
        if size > MAX_OUTPUT:
            return Outcome("", f"it prints more than {MAX_OUTPUT // 1_000_000} MB")
        out.seek(0)
        return Outcome(out.read().decode("utf-8", "replace"))


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, OSError):
        process.kill()
    process.communicate()


def _environment(home: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    proxies = {name: _NOWHERE for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    # Plugins and settings of the user's could do anything; git could ask, or clone.
    return {
        **kept,
        **proxies,
        "HOME": home,
        "USERPROFILE": home,
        "XDG_CONFIG_HOME": home,
        "XDG_CACHE_HOME": home,
        "XDG_DATA_HOME": home,
        "HELM_PLUGINS": os.path.join(home, "plugins"),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "NO_COLOR": "1",
    }


def _reason(said: str) -> str:
    """What the tool says of its error, in one line and without its own prefix."""
    lines = [line.strip() for line in said.splitlines()]
    starts = [at for at, line in enumerate(lines) if line.lower().startswith("error")]
    first = starts[-1] if starts else 0
    end = next((at for at in range(first + 1, len(lines)) if not lines[at]), len(lines))
    line = " ".join(lines[first:end]) if starts else next((line for line in reversed(lines) if line), "")
    if logged := _LOGGED.search(line):
        line = logged[1].replace('\\"', '"').replace("\\n", " ").replace("\\t", " ")
    text = line.partition(":")[2].strip() if line.lower().startswith("error:") else line
    return text if len(text) <= 400 else f"{text[:400]}…"
