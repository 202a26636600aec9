"""The command line. Does the input and output that the check itself never does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubelint5xx import __version__
from kubelint5xx.core.record import replace

if TYPE_CHECKING:
    from kubelint5xx.config import Config
    from kubelint5xx.core.finding import Report
    from kubelint5xx.core.tree import Tree

LEVELS = ("info", "warning", "error")
FORMATS = ("text", "json", "sarif")
# 2 wins over 1, 1 over 3.
CLEAN, FINDINGS, FAILED, UNRESOLVED = 0, 1, 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="kubelint5xx %(version)s")
def cli() -> None:
    """Find the causes of HTTP 502, 503 and 504 errors in configuration, before it is deployed."""


_paths = click.argument("paths", nargs=-1, type=click.Path())
_color = click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours in text.")
_config = click.option("--config", "config_file", type=click.Path(dir_okay=False), help="The configuration file.")
_no_config = click.option("--no-config", is_flag=True, help="Read no configuration file.")
_var_file = click.option("--var-file", "var_files", multiple=True, help="A Terraform variable file that is in use.")
_var = click.option("--var", "variables", multiple=True, metavar="K=V", help="A Terraform variable's value.")
_kube_version = click.option("--kube-version", metavar="V", help="The version of the cluster, where no file tells.")


@cli.command()
@_paths
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", help="What to print.")
@click.option("--output", multiple=True, metavar="FORMAT=FILE", help="Write this format to a file; repeatable.")
@click.option("--select", multiple=True, metavar="SLUG|GROUP", help="Only these rules; repeatable, or with commas.")
@click.option("--ignore", multiple=True, metavar="SLUG|GROUP", help="Not these rules; repeatable, or with commas.")
@click.option("--min-severity", type=click.Choice(LEVELS), help="Leave out what is below.")
@click.option("--min-confidence", type=click.Choice(["low", "medium", "high"]), help="Leave out what is below.")
@click.option("--fail-on", type=click.Choice([*reversed(LEVELS), "never"]), default="warning", show_default=True)
@click.option("--exit-zero", is_flag=True, help="The same as --fail-on never.")
@click.option(
    "--fail-confidence",
    type=click.Choice(["low", "medium", "high"]),
    default="medium",
    show_default=True,
    help="Findings that are less sure are shown, and do not fail the run.",
)
@click.option("--show-unknown", is_flag=True, help="List what could not be decided, and why.")
@click.option("--require-resolved", is_flag=True, help="Fail (3) when anything could not be analysed.")
@click.option("--show-suppressed", is_flag=True, help="Put suppressed findings into SARIF as well.")
@_config
@_no_config
@_var_file
@_var
@_kube_version
@click.option("--quiet", "-q", is_flag=True, help="Print no text when there is nothing to report.")
@click.option("--verbose", "-v", is_flag=True, help="Print every file that was not analysed.")
@_color
def check(paths: tuple[str, ...], format_: str, output: tuple[str, ...], **options: Any) -> None:
    """Check PATHs (default: the working directory; - reads a stream such as helm template's).

    Exits with 0 when nothing is at or above --fail-on, 1 with findings, 2 on wrong usage or configuration, and 3 only
    with --require-resolved, when something could not be analysed.
    """
    from kubelint5xx.check import check as run_check
    from kubelint5xx.core.value import Confidence, Severity

    outputs = _outputs(output)
    tree, config = _inputs(paths, options)
    severities, sureness = {str(s): s for s in Severity}, {str(c): c for c in Confidence}
    config = replace(
        config,
        select=_split(options["select"]) or config.select,
        ignore=(*config.ignore, *_split(options["ignore"])),
        min_severity=severities[options["min_severity"]] if options["min_severity"] else config.min_severity,
        min_confidence=sureness[options["min_confidence"]] if options["min_confidence"] else config.min_confidence,
    )
    _check_names(config)
    report = run_check(tree, config)
    for kind, path in outputs:
        try:
            Path(path).write_text(_render(report, kind, options, color=False), encoding="utf-8")
        except OSError as error:
            raise click.FileError(path, error.strerror or str(error)) from None
    text = _render(report, format_, options, color=_colors(options["color"]))
    if format_ != "text" or not options["quiet"] or report.findings:
        click.echo(text, nl=not text.endswith("\n"), color=True)
    if format_ != "text":
        for problem in report.problems:
            if problem.kind != "notice" and not options["quiet"]:
                click.echo(str(problem), err=True)
    sys.exit(_status(report, options))


def _status(report: Report, options: dict[str, Any]) -> int:
    from kubelint5xx.core.value import Confidence, Severity

    fail_on = "never" if options["exit_zero"] else options["fail_on"]
    if fail_on != "never":
        least = {str(s): s for s in Severity}[fail_on]
        sure = {str(c): c for c in Confidence}[options["fail_confidence"]]
        if any(finding.severity >= least and finding.confidence >= sure for finding in report.findings):
            return FINDINGS
    if options["require_resolved"]:
        coverage = report.coverage
        if coverage.unreadable or coverage.unrendered or report.unknowns or not coverage.files:
            return UNRESOLVED
    return CLEAN


def _render(report: Report, kind: str, options: dict[str, Any], color: bool) -> str:
    if kind == "json":
        from kubelint5xx.report import json

        return json.render(report)
    if kind == "sarif":
        from kubelint5xx.report import sarif

        return sarif.render(report, include_suppressed=options["show_suppressed"])
    from kubelint5xx.report import text

    return text.render(report, color=color, show_unknown=options["show_unknown"], verbose=options["verbose"])


def _outputs(wanted: tuple[str, ...]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for one in wanted:
        kind, given, path = one.partition("=")
        if kind not in FORMATS or not given or not path:
            raise click.BadParameter(f"{one!r} is not FORMAT=FILE with one of {', '.join(FORMATS)}", param_hint="--output")
        found.append((kind, path))
    return found


def _split(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def _check_names(config: Config) -> None:
    """Refuse slugs and groups that do not exist: a misspelt --ignore would silently do nothing."""
    from difflib import get_close_matches

    from kubelint5xx.engine.rule import shipped_rules

    rules = shipped_rules()
    known = {rule.slug for rule in rules} | {rule.group for rule in rules}
    for name in (*config.select, *config.ignore, *config.severity):
        if name not in known:
            near = get_close_matches(name, sorted(known), 1)
            hint = f"; did you mean {near[0]!r}?" if near else "; `kubelint5xx rules` lists them"
            raise click.UsageError(f"{name!r} is no rule and no group{hint}")


def _colors(wanted: str) -> bool:
    if wanted != "auto":
        return wanted == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("CLICOLOR_FORCE")) or sys.stdout.isatty()


def _inputs(paths: tuple[str, ...], options: dict[str, Any]) -> tuple[Tree, Config]:
    """The tree to check, and its configuration. A wrong configuration ends the run with status 2."""
    from kubelint5xx.config import Config
    from kubelint5xx.core.tree import MemoryTree
    from kubelint5xx.discover import DirectoryTree, repository_root
    from kubelint5xx.inputs import STREAM

    if "-" in paths:
        if len(paths) > 1:
            raise click.UsageError("- stands alone: a stream is one tree")
        tree: Tree = MemoryTree({STREAM: sys.stdin.buffer.read()})
        root = Path.cwd()
        parts = [root]
    else:
        parts = [Path(path) for path in paths or (".",)]
        for part in parts:
            if not part.exists():
                raise click.BadParameter(f"{part} does not exist", param_hint="PATH")
        root = repository_root(parts[0])
        if not all(part.resolve().is_relative_to(root) for part in parts):
            root = Path(os.path.commonpath([root, *(part.resolve() for part in parts)]))
        tree = DirectoryTree(root, parts)
    config = Config() if options["no_config"] else _configuration(options["config_file"], parts[0], root)
    pairs: dict[str, str] = {}
    for variable in options["variables"]:
        name, given, value = variable.partition("=")
        if not given:
            raise click.BadParameter(f"{variable!r} is not K=V", param_hint="--var")
        pairs[name] = value
    var_files = tuple(_relative(path, root) for path in options["var_files"])
    config = replace(config, var_files=(*config.var_files, *var_files), variables={**config.variables, **pairs})
    if options["kube_version"]:
        from kubelint5xx.core.node import Scalar
        from kubelint5xx.core.source import Source, Span

        version = options["kube_version"]
        said = Source("--kube-version", version)
        node = Scalar(Span(said, 0, len(version)), version, version)
        config = replace(config, cluster={**config.cluster, "kubernetes_version": node})
    return tree, config


def _relative(path: str, root: Path) -> str:
    full = Path(path).resolve()
    if not full.is_file():
        raise click.BadParameter(f"{path} does not exist", param_hint="--var-file")
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else full.as_posix()


def _configuration(given: str | None, start: Path, root: Path) -> Config:
    from kubelint5xx.config import FILE_NAMES, Config
    from kubelint5xx.config_file import load_config
    from kubelint5xx.core.problem import InputError
    from kubelint5xx.core.source import Source

    file = Path(given) if given else None
    if file is None:
        start = start.resolve()
        directory = start if start.is_dir() else start.parent
        for folder in (directory, *directory.parents):
            file = next((folder / name for name in FILE_NAMES if (folder / name).is_file()), None)
            if file or folder == root:
                break
    if file is None:
        return Config()
    full = file.resolve()
    shown = full.relative_to(root).as_posix() if full.is_relative_to(root) else str(file)
    try:
        return load_config(Source(shown, full.read_text(encoding="utf-8-sig")))
    except InputError as error:
        click.echo(f"Error: {error.problem}", err=True)
    except UnicodeDecodeError:
        click.echo(f"Error: {shown}: not valid UTF-8", err=True)
    except OSError as error:
        click.echo(f"Error: {shown}: cannot be read: {error.strerror or error}", err=True)
    sys.exit(FAILED)


@cli.command()
@_paths
@_config
@_no_config
@_var_file
@_var
@_kube_version
@_color
def path(paths: tuple[str, ...], **options: Any) -> None:
    """Show the request paths that were found: each hop, each number and where it comes from."""
    from kubelint5xx.check import understand
    from kubelint5xx.report.path import render

    tree, config = _inputs(paths, options)
    click.echo(render(understand(tree, config), color=_colors(options["color"])), nl=False, color=True)


@cli.command()
@click.argument("slug")
@_color
def explain(slug: str, color: str) -> None:
    """Say why a rule exists, when it fails and when it does not, with examples."""
    from difflib import get_close_matches

    from kubelint5xx.engine.rule import rule_files
    from kubelint5xx.report.explain import render

    files = {name: (group, file) for group, name, file in rule_files()}
    if slug not in files:
        near = get_close_matches(slug, list(files), 1)
        hint = f"; did you mean {near[0]!r}?" if near else "; `kubelint5xx rules` lists them"
        raise click.UsageError(f"there is no rule {slug!r}{hint}")
    group, file = files[slug]
    click.echo(render(file.read_text(encoding="utf-8"), slug, group, color=_colors(color)), nl=False, color=True)


@cli.command()
def rules() -> None:
    """List what is checked."""
    from itertools import groupby

    from kubelint5xx.engine.rule import shipped_rules

    for group, members in groupby(shipped_rules(), lambda rule: rule.group):
        click.echo(group)
        for rule in members:
            click.echo(f"  {rule.slug:34}{rule.severity!s:9}{rule.title}")


@cli.command()
@click.argument("kind", type=click.Choice(["config", "rule", "hop", "report"]))
def schema(kind: str) -> None:
    """Print a JSON Schema, for editors: of the configuration, a rule, a server's table, or the JSON report."""
    from importlib.resources import files

    click.echo((files("kubelint5xx") / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8"), nl=False)
