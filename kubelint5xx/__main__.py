"""The program's entry: ``python -m kubelint5xx`` and the command ``kubelint5xx``."""

from __future__ import annotations

import os
import sys

FAILED = 2
INTERRUPTED = 130


def main() -> None:
    """Answer ``--version`` at once; everything else goes to the command line proper.

    Whatever goes wrong ends in one line on stderr: never a traceback, unless it is asked for.
    """
    if sys.argv[1:] == ["--version"]:
        from kubelint5xx import __version__

        print(f"kubelint5xx {__version__}")
        return
    import gc

    # Trees of small objects that live until the end: collecting them again and again would double the time.
    gc.disable()
    try:
        status = _run()
    except KeyboardInterrupt:
        status = INTERRUPTED
    _leave(status)


def _leave(status: int) -> None:
    """End with ``status``, without taking every module and tree apart first: a tenth of a run, small or large."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        # A stream that is closed or gone is Python's to speak about.
        sys.exit(status)
    os._exit(status)


def _run() -> int:
    """The command line's exit status."""
    import click

    from kubelint5xx.cli import cli
    from kubelint5xx.output import forgiving

    forgiving()
    try:
        status = cli.main(prog_name="kubelint5xx", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return FAILED
    except click.Abort:
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:
        return _internal(error)
    return status if isinstance(status, int) else 0


def _internal(error: Exception) -> int:
    if os.environ.get("KUBELINT5XX_DEBUG", "0") not in ("", "0") or {"-v", "--verbose"} & set(sys.argv[1:]):
        import traceback

        traceback.print_exception(error)
    said = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    if len(said) > 300:
        said = said[:300] + "…"
    print(f"internal error: {said}; please report it, with what KUBELINT5XX_DEBUG=1 prints", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    main()
