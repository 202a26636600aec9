"""What a YAML scalar means to Kubernetes: the rules of sigs.k8s.io/yaml (its go-yaml v2, then JSON).

They are neither YAML 1.1 nor 1.2: ``y`` and ``on`` are booleans, ``0o644`` and ``0644`` are octal, ``1_000`` and
``1e3`` are numbers, ``1:30`` and dates are text. kubectl and Helm both read this way.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode

from kubelint5xx.core.pattern import pattern

Value = str | int | float | bool | None

_CORE = "tag:yaml.org,2002:"
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_TYPES: dict[str, tuple[type, ...]] = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (int, float)}
_INT = pattern(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = pattern(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# Go's rule for numbers that start with a dot; in all others go-yaml drops every underscore.
_STRAY_UNDERSCORE = pattern(r"(?<![0-9])_|_(?![0-9])")
# Longer digit strings fit no 64-bit integer, and int() refuses or takes quadratic time for very long ones.
_LONGEST_INT = 80


def resolve(text: str) -> Value:
    """The value of a plain scalar without a tag."""
    value = _read(text)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)  # the way through JSON writes 1e3 as 1000
    return value


def resolve_tagged(tag: str, text: str) -> Value:
    """The value of a scalar with one of YAML's own tags, or the non-specific tag ``!``.

    Raises ValueError where the text does not fit the tag, and LookupError for a tag that an application defines.
    """
    if not tag.startswith(_CORE):
        if tag == "!":
            return text
        raise LookupError(tag)
    match tag.removeprefix(_CORE):
        case "binary":
            return _binary(text)
        case "null" | "bool" | "int" | "float" as name:
            types = _TYPES[name]
            value = _read(text)
            if not isinstance(value, types) or (isinstance(value, bool) and name != "bool"):
                raise ValueError(text)
            return resolve(text)
    return text


def application_tag(tag: str) -> bool:
    """Whether an application gives ``tag`` its meaning, as CloudFormation does to ``!Ref``."""
    return tag != "!" and not tag.startswith(_CORE)


def short_tag(tag: str) -> str:
    """The tag as people write it."""
    return "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag


def key_text(text: str) -> str:
    """What a plain mapping key becomes in JSON, where every key is text."""
    value = _read(text)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else text
    return str(value)


def _read(text: str) -> Value:
    value = _WORDS.get(text, text)
    return _number(text) if value is text and text[0] in "0123456789+-." else value


def _number(text: str) -> str | int | float:
    if text[0] == "." and _STRAY_UNDERSCORE.search(text):
        return text
    digits = text.replace("_", "")
    whole = _INT.fullmatch(digits) if len(digits) <= _LONGEST_INT else None
    if whole:
        sign, base16, base2, base8, base10 = whole.groups()
        number = int(base16 or base2 or base8 or base10, 16 if base16 else 2 if base2 else 8 if base8 else 10)
        number = -number if sign == "-" else number
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(digits):
        number_or_inf = float(digits)
        if not math.isinf(number_or_inf):
            return number_or_inf
    return text


def _binary(text: str) -> str:
    try:
        return b64decode(text.replace("\n", ""), validate=True).decode(errors="replace")
    except binascii.Error as error:
        raise ValueError(text) from error
