"""Regular expressions that are compiled when they are first used.

Some hundred patterns are defined in modules that every start-up imports, and a run uses few of them; compiling them
all takes longer than checking a small repository.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """Stands for a compiled pattern, and becomes one at the first access to any of its methods."""

    def __init__(self, text: Any, flags: int) -> None:
        self._arguments = (text, flags)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re.compile(*self._arguments)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "split", "sub", "subn", "pattern"):
            self.__dict__[method] = getattr(compiled, method)
        return getattr(compiled, name)


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """The regular expression ``text``, compiled on first use. Raises re.error only then."""
    return cast("re.Pattern[str]", _Pattern(text, flags))


def byte_pattern(text: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """The same for bytes."""
    return cast("re.Pattern[bytes]", _Pattern(text, flags))
