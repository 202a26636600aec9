"""Command lines that are already split into words, and the splitting of those that are not.

A looked-up value is a string and has the place of the value alone, also in ``--flag=value``, where that part can
be found in the source. A flag without a value is ``True``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kubelint5xx.core.document import Document, Reading
from kubelint5xx.core.node import Node, Scalar, Sequence, Unresolved, items
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats.shell_words import BLANKS, Lexer, as_written, portions, text_of


def read(source: Source) -> Reading:
    """The words of a command line that is a text of its own. An open quote makes the root unresolved."""
    place = Span(source, 0, len(source.text))
    words = split(Scalar(place, source.text, source.text))
    root = words if isinstance(words, Unresolved) else Sequence(place, words)
    return Reading((Document(source, "argv", root),))


def split(scalar: Scalar, env: Mapping[str, Node] | None = None) -> tuple[Node, ...] | Unresolved:
    """The words of a command line as a POSIX shell splits it; operators such as ``&&`` are words like others.

    ``env`` has the variables that are known, also for Kubernetes' ``$(NAME)``. A word that substitutes anything
    else is unresolved; so is the whole line where a quote stays open. The place of a quoted word has its quotes.
    """
    lexer = Lexer(scalar, env)
    words: list[Node] = []
    at = 0
    while True:
        while at < len(lexer.text) and lexer.text[at] in BLANKS:
            at += 1
        if at >= len(lexer.text):
            return tuple(words)
        word = lexer.word(at, BLANKS)
        if word is None:
            return Unresolved(scalar.span, "a quote stays open in this command line")
        words.extend(word.nodes(lexer.place(word.start, word.end)))
        at = word.end


def lookup(root: Node, key: str, port: int | None = None) -> tuple[Node, ...]:
    """Where the words of a command line set ``key``, in their order.

    The key is a flag as it is written (``--keep-alive``, ``-k``, ``-idle-timeout``), a Java property's
    (``-Dname``), with ``=`` at its end a ``name=value`` argument's (``jetty.http.idleTimeout=``) or, with ``*`` at its
    start, the end of a word that is no flag (``*.ini``). A word that cannot be known and may hold it is among the
    results. Only the server knows whether a flag takes a value: the word after a bare flag counts as its value unless
    it is a flag itself.
    """
    if isinstance(root, Unresolved):
        return (root,)
    return tuple(_found(items(root), key))


def _found(words: tuple[Node, ...], key: str) -> Iterator[Node]:
    argument = key.endswith("=")
    ending = key[1:] if key.startswith("*") else ""
    java = key.startswith("-D") and len(key) > 2
    short = len(key) == 2 and key.startswith("-") and key != "--"
    after_flag = False
    for at, word in enumerate(words):
        written = as_written(word)
        if ending and isinstance(word, Scalar):
            if text_of(word).endswith(ending) and not written.startswith("-"):
                yield word
        elif isinstance(word, Scalar):
            rest = _rest(text_of(word), key, argument=argument, short=short)
            if rest is not None and rest > 0:
                yield _value(word, rest)
            elif rest == 0:
                following = None if java or at + 1 == len(words) else words[at + 1]
                yield following if following and not _is_flag(following) else Scalar(word.span, True, "", via=word.via)
        elif written.startswith(key if argument else f"{key}=") or (not after_flag and _may_be_any(written)):
            yield word
        after_flag = written.startswith("-") and "=" not in written


def _rest(text: str, key: str, *, argument: bool, short: bool) -> int | None:
    """The offset of the value in a word that sets the key, 0 where it is in the next word, None if it does not."""
    if argument:
        return len(key) if text.startswith(key) else None
    if text == key:
        return 0
    if text.startswith(f"{key}="):
        return len(key) + 1
    return len(key) if short and text.startswith(key) else None


def _value(word: Scalar, start: int) -> Scalar:
    text = text_of(word)
    return Scalar(portions(word)(start, len(text)), text[start:], text[start:], False, word.via)


def _is_flag(word: Node) -> bool:
    written = as_written(word)
    return written.startswith("-") and not written[1:2].isdigit()


def _may_be_any(written: str) -> bool:
    """Whether an unknown word may be flags: an unquoted variable, or all arguments of a script."""
    return written.startswith(("$", "`")) or written in ('"$@"', '"$*"')
