"""What a text of HCL stands for: its escapes, and Unicode's form NFC, in which HCL has all texts."""

from __future__ import annotations

import re

from kubelint5xx.core.pattern import pattern

_ESCAPE = pattern(r'\\([nrt"\\]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|([$%])\2\{')
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def unescape(text: str) -> str:
    """The text between a pair of quotes."""
    if "\\" not in text and "{" not in text:
        return _composed(text)

    def decoded(match: re.Match[str]) -> str:
        escape = match.group(1)
        if not escape:
            return match.group(2) + "{"
        if escape in _PLAIN:
            return _PLAIN[escape]
        code = int(escape[1:], 16)
        return chr(code) if code < 0x110000 else match.group()

    return _composed(_ESCAPE.sub(decoded, text))


def unescape_heredoc(text: str) -> str:
    """The text of a heredoc, where only templates are escaped."""
    return _composed(text.replace("$${", "${").replace("%%{", "%{"))


def _composed(text: str) -> str:
    """The form NFC: https://github.com/hashicorp/hcl/blob/main/spec.md."""
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFC", text)
