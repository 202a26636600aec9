"""The command line. Does the input and output that the check itself never does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from kubelint5xx import __version__
from kubelint5xx.core.record import replace

if TYPE_CHECKING:
    from kubelint5xx.arguments import Run
    from kubelint5xx.core.finding import Report

LEVELS = ("info", "warning", "error")
FORMATS = ("text", "json", "sarif")
PATH_FORMATS = ("text", "json", "mermaid")
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
_helm_values = click.option(
    "--helm-values", "helm_values", multiple=True, metavar="FILE", help="Values for charts that are rendered."
)
_environment = click.option(
    "--env", "environments", multiple=True, metavar="NAME", help="Only this environment of the configuration."
)
_rendering = click.option(
    "--render",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Build overlays and render charts: where the tool is installed, or else fail, or not at all.",
)
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
@_helm_values
@_kube_version
@_environment
@_rendering
@click.option("--quiet", "-q", is_flag=True, help="Print no text when there is nothing to report.")
@click.option("--verbose", "-v", is_flag=True, help="Print every file that was not analysed.")
@_color
def check(paths: tuple[str, ...], format_: str, output: tuple[str, ...], **options: Any) -> None:
    """Check PATHs (default: the working directory; - reads a stream such as helm template's).

    Exits with 0 when nothing is at or above --fail-on, 1 with findings, 2 on wrong usage or configuration, and 3 only
    with --require-resolved, when something could not be analysed.
    """
    from kubelint5xx.arguments import prepare, split
    from kubelint5xx.check import check as run_check
    from kubelint5xx.core.value import Confidence, Severity
    from kubelint5xx.output import colored, diagnose, say, write

    outputs = _outputs(output)
    run = prepare(paths, options)
    severities, sureness = {str(s): s for s in Severity}, {str(c): c for c in Confidence}
    wanted, ignored = split(options["select"]), split(options["ignore"])
    least, surest = severities.get(options["min_severity"]), sureness.get(options["min_confidence"])
    config = run.config.changed(
        lambda part: replace(
            part,
            select=wanted or part.select,
            ignore=(*part.ignore, *ignored),
            min_severity=least or part.min_severity,
            min_confidence=surest or part.min_confidence,
        )
    )
    run = replace(run, config=config)
    if run.environments:
        from kubelint5xx.environments import merged

        report = merged({name: run_check(*run.within(name), own=run.own) for name in run.environments})
    else:
        report = run_check(*run.within(), own=run.own)
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


@cli.command()
@_paths
@click.option("--format", "format_", type=click.Choice(PATH_FORMATS), default="text", help="What to print.")
@_config
@_no_config
@_var_file
@_var
@_helm_values
@_kube_version
@_environment
@_rendering
@_color
def path(paths: tuple[str, ...], format_: str, **options: Any) -> None:
    """Show the request paths that were found: each hop, each number and where it comes from.

    As JSON they can be given to the check of another repository (assume.paths of its configuration), and mermaid is
    a flowchart for documentation.
    """
    from kubelint5xx.arguments import prepare
    from kubelint5xx.check import understand
    from kubelint5xx.output import colored, diagnose, say
    from kubelint5xx.report.path import render

    run = prepare(paths, options)
    if format_ == "json":
        say(_told(run))
        return
    if format_ == "mermaid":
        from kubelint5xx.report import mermaid

        if len(run.environments) > 1:
            raise click.UsageError(f"{format_} is of one environment: name it with --env")
        model = understand(*run.within(*run.environments))
        diagnose(model.problems, everything=False)
        say(mermaid.render(model))
        return
    shown: list[str] = []
    for name in run.environments or ("",):
        model = understand(*run.within(name))
        diagnose(model.problems, everything=False)
        said = render(model, color=colored(options["color"]))
        shown.append(f"{name}\n\n{said}" if name else said)
    say("\n".join(shown))


def _told(run: Run) -> str:
    """What the tree tells to the checks of others, in each of its environments."""
    from kubelint5xx.check import tell
    from kubelint5xx.output import diagnose
    from kubelint5xx.report import path_json

    found = {name: tell(*run.within(name)) for name in run.environments or ("",)}
    for model, _, _ in found.values():
        diagnose(model.problems, everything=False)
    return path_json.render(found)


@cli.command()
@click.argument("slug")
@_config
@_no_config
@_color
def explain(slug: str, color: str, **options: Any) -> None:
    """Say why a rule exists, when it fails and when it does not, with examples."""
    from kubelint5xx.arguments import own_texts
    from kubelint5xx.config_file import no_such_rule
    from kubelint5xx.engine.rule import rule_files, rule_text
    from kubelint5xx.output import colored, say
    from kubelint5xx.report.explain import render

    files = {name: (group, file) for group, name, file in rule_files()}
    if slug in files:
        group, file = files[slug]
        text = rule_text(file)
    else:
        own = own_texts(options)
        if slug not in own:
            raise click.UsageError(no_such_rule(slug, {*files, *own}))
        group, text = own[slug]
    say(render(text, slug, group, color=colored(color)))


@cli.command()
@_config
@_no_config
def rules(**options: Any) -> None:
    """List what is checked: the rules that come with kubelint5xx, and those that the configuration adds."""
    from itertools import groupby

    from kubelint5xx.arguments import own_here
    from kubelint5xx.engine.rule import shipped_rules
    from kubelint5xx.output import say

    lines: list[str] = []
    for group, members in groupby((*shipped_rules(), *own_here(options)), lambda rule: rule.group):
        lines += [group, *(f"  {rule.slug:34}{rule.severity!s:9}{rule.title}" for rule in members)]
    say("\n".join(lines))


@cli.command()
@click.argument("folders", nargs=-1, metavar="DIR...", required=True)
def test(folders: tuple[str, ...]) -> None:
    """Run the examples inside the rule files in DIR. Exits with 1 where one is not as it says."""
    from kubelint5xx.core.problem import InputError, RuleError
    from kubelint5xx.output import Failed, say
    from kubelint5xx.rule_tests import run_examples

    try:
        outcome = run_examples(folders)
    except InputError as error:
        raise Failed(str(error.problem)) from None
    except RuleError as error:
        raise Failed(str(error)) from None
    say("\n".join(outcome.lines))
    sys.exit(FINDINGS if outcome.wrong else CLEAN)


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
@click.argument("path", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--output", metavar="FILE", help="Write to this file instead of kubelint5xx.yaml; - is stdout.")
@_rendering
def init(path: str, output: str | None, render: str) -> None:
    """Write a first kubelint5xx.yaml into PATH (default: the working directory).

    It proposes what would settle the questions that the files leave open, each with its reason and commented out: it
    changes no verdict before somebody has looked. A configuration that is there already is never overwritten.
    """
    from kubelint5xx.initial import write_draft

    write_draft(path, output, render)


@cli.command()
@click.argument("kind", type=click.Choice(["config", "rule", "hop", "report", "path"]))
def schema(kind: str) -> None:
    """Print a JSON Schema, for editors: of the configuration, a rule, a server's table, the JSON report, or paths."""
    from importlib.resources import files

    from kubelint5xx.output import say

    say((files("kubelint5xx") / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8"))
