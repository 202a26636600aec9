"""One rule, told from its own file: when it fails and when not, why, how to fix it, and examples as diffs."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from difflib import unified_diff
from typing import Any

import yaml

from kubelint5xx.engine.rule import load_rule
from kubelint5xx.report.snippet import visible
from kubelint5xx.report.style import BOLD, CYAN, DIM, GREEN, RED, Style
from kubelint5xx.report.wording import BITES

WIDTH = 100
_INDENT = "  "
_LABELS = 11
_ABOUT = {
    "edge": "each hop: a sender and the receiver of its requests",
    "serving": "each pod on a request path: its server, and the sender of its requests",
    "membership": "each node group whose nodes are targets of a load balancer",
    "cluster": "each cluster",
    "setting": "each setting, where it stands",
    "target_group": "each target group of a load balancer",
    "reference": "each port that something names, of a Service or of its pods",
    "attribute": "each attribute that several objects set for one load balancer",
}
_MEETS = {"reset": "a reset connection", "timeout": "a timeout", "no_target": "no target", "crash": "a crash"}


def render(text: str, slug: str, group: str, *, color: bool) -> str:
    """The rule of the file ``text`` as prose for a terminal, wrapped to 100 columns, ending with a line break.

    Only what cannot be broken is longer: code of examples, and addresses. Raises RuleError where it is no rule.
    """
    rule = load_rule(text, slug, group)
    data: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    style = Style(color)
    bites = BITES[rule.bites]
    about = [
        *_row("group", group),
        *_row("severity", ", ".join(map(str, sorted({case.severity for case in rule.cases}, reverse=True)))),
        *_row("meets", f"{_MEETS[rule.symptom]}, {bites}"),
        *_row("about", _ABOUT.get(rule.over, rule.over)),
        *_row("since", rule.since),
    ]
    sections = [
        [style(slug, BOLD), *_hanging("", rule.title), "", *about],
        [style("When it fails", BOLD), *_cases(data, style)],
        [style("Why", BOLD), *_prose(rule.why)],
    ]
    if fixes := list(dict.fromkeys(_fixes(data))):
        mark = "- " if len(fixes) > 1 else ""
        sections.append([style("How to fix it", BOLD), *(line for fix in fixes for line in _prose(mark + fix))])
    if data.get("examples"):
        examples = [line for each in data["examples"] for line in _example(each, style)]
        sections.append([style("Examples", BOLD), *examples[1:]])
    sections.append([style("To ignore it", BOLD), *_prose(_suppressing(slug))])
    if rule.references:
        sections.append([style("References", BOLD), *(_INDENT + visible(each) for each in rule.references)])
    return "\n\n".join("\n".join(line.rstrip() for line in section) for section in sections) + "\n"


def _suppressing(slug: str) -> str:
    return f"Write `# kubelint5xx: ignore[{slug}] reason` on a line that the finding shows, or above its block."


def _row(label: str, text: str) -> list[str]:
    return _hanging(f"{_INDENT}{label.ljust(_LABELS)}", text)


def _hanging(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        visible(" ".join(text.split())),
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cases(data: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The conditions that all cases share, then each case with its severity and what it has of its own."""
    shared, cases = _conditions(data, style), data.get("cases") or ()
    yield from shared
    if cases:
        yield f"{_INDENT}{'and then the' if shared else 'The'} first of these that fails counts:"
    for at, case in enumerate(cases):
        severity = str(case.get("severity", data.get("severity", "")))
        own = _conditions(case, style) or [f"{_INDENT}{'otherwise' if at else 'always'}"]
        yield ""
        yield f"{_INDENT}{style(severity, CYAN)}"
        yield from (_INDENT + line for line in own)


def _conditions(data: Mapping[str, Any], style: Style) -> list[str]:
    found: list[str] = []
    for key, label in (("when", "where"), ("require", "must hold")):
        if key in data:
            head = f"{_INDENT}{label.ljust(_LABELS)}"
            for at, line in enumerate(_expression(str(data[key]))):
                found.append((style(head, CYAN) if at == 0 else " " * len(head)) + visible(line))
    return found


def _expression(text: str) -> list[str]:
    """An expression on one line where it fits, else with each operand of its `and` or `or` on a line of its own."""
    text = " ".join(text.split())
    width = WIDTH - len(_INDENT) * 2 - _LABELS
    if len(text) <= width:
        return [text]
    tree = ast.parse(text, mode="eval").body
    if not isinstance(tree, ast.BoolOp):
        return textwrap.wrap(text, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
    word = "and" if isinstance(tree.op, ast.And) else "or"
    lines: list[str] = []
    for at, operand in enumerate(tree.values):
        part = ast.get_source_segment(text, operand) or ""
        part = f"({part})" if isinstance(operand, ast.BoolOp) else part
        said = f"{word} {part}" if at else part
        indent = _INDENT if not at else " " * (len(word) + 1)
        lines += textwrap.wrap(said, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines


def _prose(text: str) -> Iterator[str]:
    """Paragraphs, wrapped anew; items of lists stay apart, and code blocks stay as they are."""
    fenced = False
    for at, block in enumerate(text.strip().split("\n\n")):
        if at:
            yield ""
        paragraph: list[str] = []
        for line in block.splitlines():
            if line.strip().startswith("```"):
                fenced = not fenced
            elif fenced or line.startswith("    "):
                yield from _paragraph(paragraph)
                yield _INDENT + visible(line)
            else:
                if line.lstrip().startswith(("- ", "* ")):
                    yield from _paragraph(paragraph)
                paragraph.append(line.strip())
        yield from _paragraph(paragraph)


def _paragraph(lines: list[str]) -> list[str]:
    """The wrapped lines of a paragraph, which is emptied for the next one."""
    text = " ".join(lines)
    lines.clear()
    mark = text[:2] if text.startswith(("- ", "* ")) else ""
    return _hanging(_INDENT + mark, text.removeprefix(mark)) if text else []


def _fixes(data: Mapping[str, Any]) -> Iterator[str]:
    for part in (data, *(data.get("cases") or ())):
        fix = part.get("fix")
        if isinstance(fix, dict) and fix.get("title"):
            title = " ".join(str(fix["title"]).split())
            yield title.replace("{to}", f"{{{' '.join(str(fix['to']).split())}}}") if "to" in fix else title


def _example(example: Mapping[str, Any], style: Style) -> Iterator[str]:
    yield ""
    finds = example.get("finds")
    silent = not isinstance(finds, dict)
    about = str(example.get("about") or "")
    said = f"stays silent: {about}" if silent and about else "stays silent" if silent else about
    stack = f"examples/{example.get('stack', '')}"
    yield from _hanging(_INDENT, f"{stack}: {said}" if said else f"{stack}:")
    edits = example.get("break") or example.get("edit") or {}
    for file, changes in edits.items():
        yield f"{_INDENT * 2}{style(visible(str(file)), DIM)}"
        for at, (old, new) in enumerate(changes.items()):
            if at:
                yield f"{_INDENT * 2}{style('…', DIM)}"
            yield from _diff(str(old), str(new or ""), style)
    for file, text in (example.get("add") or {}).items():
        yield f"{_INDENT * 2}{style(f'{visible(str(file))} (a new file)', DIM)}"
        yield from _diff("", str(text), style)
    for file in example.get("remove") or ():
        yield f"{_INDENT * 2}{style(f'{visible(str(file))} (removed)', RED)}"
    if isinstance(finds, dict):
        for file, text in finds.items():
            where = f"{visible(str(file))}: {visible(' '.join(str(text).split()))}"
            yield f"{_INDENT * 2}{style('finds', CYAN)} {where}"


def _diff(old: str, new: str, style: Style) -> Iterator[str]:
    colours: dict[str, tuple[int, ...]] = {"-": (RED,), "+": (GREEN,)}
    for line in _changed(old.splitlines(), new.splitlines()):
        yield f"{_INDENT * 2}{style(f'{line[0]} {visible(line[1:])}', *colours.get(line[0], ()))}".rstrip()


def _changed(old: list[str], new: list[str]) -> Iterable[str]:
    # Without the two lines of file names and the one of line numbers.
    return (line for line in [*unified_diff(old, new, n=2, lineterm="")][2:] if not line.startswith("@@"))
