"""A text with a name, and places in it."""

from __future__ import annotations

from bisect import bisect_right

from kubelint5xx.core.record import field, record


@record(eq=False)
class Source:
    """One file's text. ``path`` is relative to the tree's root, with forward slashes, or ``<stdin>``.

    Sources compare by identity: two files with the same text are two sources. ``inside`` tells where the text stands
    when it is not a file but a value in one (a server's configuration in a ConfigMap): its offsets and lines are the
    text's own, and ``Span.in_file`` leads to the file's.

    A file of another repository is known by the lines that were told of it: ``stated`` is where the configuration
    names who told, and ``path`` begins with that name.
    """

    path: str
    text: str
    _starts: list[int] = field(default_factory=list)
    inside: Embedding | None = None
    stated: Span | None = None

    def line_of(self, offset: int) -> int:
        """The line (from 1) in which the code point at ``offset`` stands."""
        return bisect_right(self._line_starts(), max(0, min(offset, len(self.text))))

    def line_start(self, line: int) -> int:
        """The offset of the first code point of ``line`` (from 1)."""
        return self._line_starts()[line - 1]

    def line_text(self, line: int) -> str:
        """The text of ``line`` (from 1), without its line break."""
        starts = self._line_starts()
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")

    def span_of_line(self, line: int) -> Span:
        """The span of ``line`` (from 1; beyond the file: its last line), without surrounding blanks."""
        line = max(1, min(line, len(self._line_starts())))
        start, text = self.line_start(line), self.line_text(line)
        blank = len(text) - len(text.lstrip())
        return Span(self, start + blank, start + max(len(text.rstrip()), blank))

    def _line_starts(self) -> list[int]:
        # Computed on the first question: most files never yield a finding.
        if not self._starts:
            self._starts.append(0)
            find, at = self.text.find, -1
            while (at := find("\n", at + 1)) >= 0:
                self._starts.append(at + 1)
        return self._starts


@record
class Embedding:
    """Where an embedded text stands: in the value at ``span``.

    Its first line stands in ``line`` of the span's source, and each of its lines is preceded by ``indent`` code
    points there. ``indent`` is None where the lines are not the same in both (escapes, folding, base64). With a
    ``product`` the text does not stand there at all: it is what the product named at the span does by itself, as
    ``cite`` tells.
    """

    span: Span
    line: int = 0
    indent: int | None = None
    product: str = ""
    cite: str = ""

    def offset(self, inner: Source, offset: int) -> int:
        """The offset in the span's source of the code point at ``offset`` of the embedded text."""
        outer = self.span.source
        line = inner.line_of(offset)
        column = offset - inner.line_start(line)
        # The value can end with a line break that the file's last line does not have.
        line = min(line + self.line - 1, outer.line_of(len(outer.text)))
        return outer.line_start(line) + min(column + (self.indent or 0), len(outer.line_text(line)))


@record
class Span:
    """A half-open range of code points of one source. Lines and columns are those of the file that holds it."""

    source: Source
    start: int
    end: int

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def in_file(self) -> Span:
        """This span in the text of the file itself; the first line of the value that holds it where its own place
        there is not known."""
        inside = self.source.inside
        if inside is None:
            return self
        if inside.indent is None:
            return inside.span.in_file().first_line()
        outer = inside.span.source
        start = inside.offset(self.source, self.start)
        end = inside.offset(self.source, self.end - 1) + 1 if self.end > self.start else start
        return Span(outer, start, max(start, min(end, len(outer.text)))).in_file()

    @property
    def foreign(self) -> bool:
        """Whether this is in a file of another repository, which nobody can open here."""
        return self.source.stated is not None

    @property
    def document(self) -> str:
        """How the configuration calls the document that tells of a file of another repository; else empty."""
        stated = self.source.stated
        return stated.text.strip("\"'") if stated is not None else ""

    @property
    def own_path(self) -> str:
        """The path in the repository that the file is of."""
        return self.path.removeprefix(f"{self.document}:") if self.foreign else self.path

    def here(self) -> Span:
        """This span in its file; of one in another repository, where the configuration names who told of it."""
        stated = self.source.stated
        return self.in_file() if stated is None else stated.in_file()

    @property
    def line(self) -> int:
        """The line of the first code point, from 1."""
        here = self.in_file()
        return here.source.line_of(here.start)

    @property
    def column(self) -> int:
        """The column of the first code point, from 1, in code points."""
        here = self.in_file()
        return here.start - here.source.line_start(here.line) + 1

    @property
    def end_line(self) -> int:
        here = self.in_file()
        return here.source.line_of(max(here.start, here.end - 1))

    @property
    def end_column(self) -> int:
        """The column after the last code point, from 1, in code points."""
        here = self.in_file()
        return max(here.start, here.end) - here.source.line_start(here.end_line) + 1

    def first_line(self) -> Span:
        """This span in its file, cut at the end of its first line (annotations need regions of one line)."""
        here = self.in_file()
        line = here.line
        limit = here.source.line_start(line) + len(here.source.line_text(line))
        return Span(here.source, here.start, max(here.start, min(here.end, limit)))

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"
