"""The program's entry: ``python -m kubelint5xx`` and the command ``kubelint5xx``."""

from __future__ import annotations

import sys


def main() -> None:
    """Answer ``--version`` at once; everything else goes to the command line proper."""
    if sys.argv[1:] == ["--version"]:
        from kubelint5xx import __version__

        print(f"kubelint5xx {__version__}")
        return
    import gc

    # Trees of small objects that live until the end: collecting them again and again would double the time.
    gc.disable()
    from kubelint5xx.cli import cli

    cli()


if __name__ == "__main__":
    main()
