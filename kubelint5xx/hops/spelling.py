"""How the frameworks of the JVM spell one property in files, in variables and on the command line.

A table with ``canon`` writes each name once (``property: server.tomcat.keep-alive-timeout``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.problem import RuleError

_SIGNS = pattern(r"[^A-Za-z0-9]")
_DASHED = pattern(r"-([a-z])")
_FILES = ("properties", "yaml", "json", "hocon")


def spellings(canon: str, name: str) -> Mapping[str, tuple[str, ...]]:
    """The keys of the property ``name`` (dots between parts, dashes in them) by format. Raises RuleError for a
    framework that is not known.

    ``spring`` binds relaxedly: https://docs.spring.io/spring-boot/reference/features/external-config.html; ``smallrye``
    (Quarkus, Helidon) knows the exact name and its variable: https://smallrye.io/smallrye-config/Main/config/environment-variables/;
    ``micronaut`` takes every spelling for the one with dashes: https://docs.micronaut.io/latest/guide/#propertySource;
    ``hocon`` knows the exact name, also as a system property: https://github.com/lightbend/config.
    """
    match canon:
        case "spring" | "micronaut":
            known = tuple(dict.fromkeys((name, _DASHED.sub(_capital, name), name.replace("-", "_"))))
            flags = tuple(f"{mark}{one}" for mark in ("-D", "--", *_single(canon)) for one in known)
            plain = _SIGNS.sub("_", name).upper()
            bound = _SIGNS.sub("_", name.replace("-", "")).upper()
            variables = (plain, bound) if canon == "spring" else (plain,)
            return dict.fromkeys(_FILES, known) | {"argv": flags, "env": tuple(dict.fromkeys(variables))}
        case "smallrye":
            variable = _SIGNS.sub("_", name)
            # What a file says for the profile that programs run in wins over what it says for all.
            files = dict.fromkeys(_FILES, (name, f"%prod.{name}"))
            return files | {"argv": (f"-D{name}",), "env": (variable.upper(), variable, name)}
        case "hocon":
            return dict.fromkeys(_FILES, (name,)) | {"argv": (f"-D{name}", f"-P:{name}")}
    raise RuleError(f"canon is {canon!r}, not spring, micronaut, smallrye or hocon")


def _capital(found: re.Match[str]) -> str:
    return found[1].upper()


def _single(canon: str) -> tuple[str, ...]:
    return ("-",) if canon == "micronaut" else ()
