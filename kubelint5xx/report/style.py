"""Colours of a terminal, or none."""

from __future__ import annotations

from kubelint5xx.core.record import record

BOLD, DIM, RED, GREEN, YELLOW, BLUE, CYAN = 1, 2, 31, 32, 33, 34, 36


@record
class Style:
    """Puts ANSI codes around a text, or nothing where colours are off."""

    on: bool

    def __call__(self, text: str, *codes: int) -> str:
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self.on and text else text
