"""The command line. Does the input and output that the check itself never does."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from kubelint5xx import __version__
from kubelint5xx.core.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubelint5xx.config import Config
    from kubelint5xx.core.finding import Report
    from kubelint5xx.core.tree import Tree

LEVELS = ("info", "warning", "error")
MAX_STREAM = 200_000_000
FORMATS = ("text", "json", "sarif")
# Usage, configuration and internal errors end with 2, which wins over 1; and 1 wins over 3.
CLEAN, FINDINGS, UNRESOLVED = 0, 1, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="kubelint5xx %(version)s")
def cli() -> None:
    """Find the causes of HTTP 502, 503 and 504 errors in configuration, before it is deployed."""


_paths = click.argument("paths", nargs=-1, type=click.Path())
_color = click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours.")
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
    from kubelint5xx.output import colored, diagnose, say, write

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
    report = run_check(tree, config)
    text = _render(report, format_, options, color=colored(options["color"]))
    # All of them are ready before the first is written.
    for path, content in [(path, _render(report, kind, options, color=False)) for kind, path in outputs]:
        write(path, content)
    diagnose(report.problems, everything=options["verbose"])
    if format_ != "text" or not options["quiet"] or report.findings:
        say(text)
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
            message = f"{one!r} is not FORMAT=FILE with one of {', '.join(FORMATS)}"
            raise click.BadParameter(message, param_hint="--output")
        found.append((kind, path))
    return found


def _split(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def _check_names(names: Iterable[str]) -> None:
    """Refuse slugs and groups that do not exist: a misspelt --ignore would silently do nothing."""
    for name in names:
        if name not in (known := _rule_names()):
            from kubelint5xx.config_file import no_such_rule

            raise click.UsageError(no_such_rule(name, known))


def _rule_names() -> frozenset[str]:
    from kubelint5xx.engine.rule import rule_names

    names = rule_names()
    return frozenset((*names, *names.values()))


def _inputs(paths: tuple[str, ...], options: dict[str, Any]) -> tuple[Tree, Config]:
    """The tree to check, and its configuration. A wrong configuration ends the run with status 2."""
    from kubelint5xx.config import Config
    from kubelint5xx.discover import DirectoryTree, is_below, repository_root

    _check_names((*_split(options.get("select", ())), *_split(options.get("ignore", ()))))
    if "-" in paths:
        if len(paths) > 1:
            raise click.UsageError("- stands alone: a stream is one tree")
        parts = [os.getcwd()]
        root = repository_root(parts[0])
        tree = _stream()
    else:
        parts = list(paths or (".",))
        for part in parts:
            _must_be_readable(part)
        root = repository_root(parts[0])
        found = [os.path.realpath(part) for part in parts]
        if not all(is_below(part, root) for part in found):
            root = os.path.commonpath([root, *found])
        tree = DirectoryTree(root, parts)
    config = Config() if options["no_config"] else _configuration(options["config_file"], parts[0], root)
    return tree, _with_arguments(config, options, root)


def _stream() -> Tree:
    from kubelint5xx.core.tree import MemoryTree
    from kubelint5xx.inputs import STREAM
    from kubelint5xx.output import Failed

    try:
        data = sys.stdin.buffer.read(MAX_STREAM + 1)
    except (OSError, AttributeError) as error:
        raise Failed(f"cannot read stdin: {getattr(error, 'strerror', None) or 'it is closed'}") from None
    if len(data) > MAX_STREAM:
        raise Failed(f"cannot read stdin: larger than {MAX_STREAM // 1_000_000} MB")
    return MemoryTree({STREAM: data})


def _must_be_readable(part: str) -> None:
    if os.path.isdir(part) or os.path.isfile(part):
        return
    try:
        os.lstat(part)
        there = True
    except FileNotFoundError:
        there = False
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise click.BadParameter(f"{part}: {said}", param_hint="PATH") from None
    said = "is neither a file nor a directory; a stream is read from -" if there else "does not exist"
    raise click.BadParameter(f"{part} {said}", param_hint="PATH")


def _with_arguments(config: Config, options: dict[str, Any], root: str) -> Config:
    """The configuration with what the command line says over it."""
    from kubelint5xx.core.value import Version
    from kubelint5xx.inputs import argument

    variables = dict(config.variables)
    for at, variable in enumerate(options["variables"]):
        name, given, value = variable.partition("=")
        if not given or not name.strip():
            raise click.BadParameter(f"{variable!r} is not K=V", param_hint="--var")
        variables[name.strip()] = argument(name.strip(), value, at)
    cluster = dict(config.cluster)
    if (version := options["kube_version"]) is not None:
        if Version.parse(version) is None:
            raise click.BadParameter(f"{version!r} is not a version such as 1.29", param_hint="--kube-version")
        cluster["kubernetes_version"] = argument("kubernetes_version", version, len(options["variables"]))
    var_files = tuple(_relative(path, root) for path in options["var_files"])
    return replace(config, var_files=(*config.var_files, *var_files), variables=variables, cluster=cluster)


def _relative(path: str, root: str) -> str:
    from kubelint5xx.discover import relative

    if not os.path.isfile(path):
        raise click.BadParameter(f"{path} does not exist", param_hint="--var-file")
    return relative(os.path.realpath(path), root)


def _configuration(given: str | None, start: str, root: str) -> Config:
    from kubelint5xx.config import Config

    file = given or _nearest_config(os.path.realpath(start), root)
    if file is None:
        return Config()
    from kubelint5xx.config_file import load_config
    from kubelint5xx.core.problem import InputError
    from kubelint5xx.core.source import Source
    from kubelint5xx.discover import is_below, relative
    from kubelint5xx.output import Failed

    full = os.path.realpath(file)
    shown = relative(full, root) if is_below(full, root) else file
    try:
        with open(full, encoding="utf-8-sig") as opened:
            text = opened.read()
        return load_config(Source(shown, text), _rule_names())
    except InputError as error:
        raise Failed(str(error.problem)) from None
    except UnicodeDecodeError:
        raise Failed(f"{shown}: not valid UTF-8") from None
    except OSError as error:
        raise Failed(f"{shown}: cannot be read: {error.strerror or error}") from None


def _nearest_config(start: str, root: str) -> str | None:
    """The configuration in the directory of ``start`` or the nearest one above, up to ``root``."""
    from kubelint5xx.config import FILE_NAMES
    from kubelint5xx.discover import above

    for folder in above(start if os.path.isdir(start) else os.path.dirname(start)):
        files = (os.path.join(folder, name) for name in FILE_NAMES)
        found = next((file for file in files if os.path.isfile(file)), None)
        if found or folder == root:
            return found
    return None


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
    from kubelint5xx.output import colored, diagnose, say
    from kubelint5xx.report.path import render

    tree, config = _inputs(paths, options)
    model = understand(tree, config)
    diagnose(model.problems, everything=False)
    say(render(model, color=colored(options["color"])))


@cli.command()
@click.argument("slug")
@_color
def explain(slug: str, color: str) -> None:
    """Say why a rule exists, when it fails and when it does not, with examples."""
    from kubelint5xx.config_file import no_such_rule
    from kubelint5xx.engine.rule import rule_files, rule_text
    from kubelint5xx.output import colored, say
    from kubelint5xx.report.explain import render

    files = {name: (group, file) for group, name, file in rule_files()}
    if slug not in files:
        raise click.UsageError(no_such_rule(slug, files))
    group, file = files[slug]
    say(render(rule_text(file), slug, group, color=colored(color)))


@cli.command()
def rules() -> None:
    """List what is checked."""
    from itertools import groupby

    from kubelint5xx.engine.rule import shipped_rules
    from kubelint5xx.output import say

    lines: list[str] = []
    for group, members in groupby(shipped_rules(), lambda rule: rule.group):
        lines += [group, *(f"  {rule.slug:34}{rule.severity!s:9}{rule.title}" for rule in members)]
    say("\n".join(lines))


@cli.command()
@click.argument("names", nargs=-1)
def servers(names: tuple[str, ...]) -> None:
    """List the servers, proxies and load balancers that are known (or only NAMES), with their defaults."""
    from kubelint5xx.core.problem import RuleError
    from kubelint5xx.hops.table import products
    from kubelint5xx.output import say
    from kubelint5xx.report.servers import render

    try:
        say(render(names or products()))
    except RuleError as error:
        raise click.UsageError(str(error)) from None


@cli.command()
@click.argument("kind", type=click.Choice(["config", "rule", "hop", "report"]))
def schema(kind: str) -> None:
    """Print a JSON Schema, for editors: of the configuration, a rule, a server's table, or the JSON report."""
    from importlib.resources import files

    from kubelint5xx.output import say

    say((files("kubelint5xx") / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8"))
