"""What the arguments of the command line come to: the tree to check, its configuration, and the user's own rules."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from kubelint5xx.core.record import record, replace

if TYPE_CHECKING:
    from kubelint5xx.config import Config
    from kubelint5xx.core.node import Scalar
    from kubelint5xx.core.tree import Tree
    from kubelint5xx.engine.rule import Rule

MAX_STREAM = 200_000_000


@record
class Run:
    """What a run is about. ``own``: the user's own rules, that the configuration names.

    ``root`` is the directory whose files ``tree`` holds, empty for a stream: charts and overlays are rendered there
    where ``render`` is not never. ``environments``: those of the configuration that are checked, if it has any.
    """

    tree: Tree
    config: Config
    own: tuple[Rule, ...] = ()
    root: str = ""
    render: str = "never"
    environments: tuple[str, ...] = ()

    def within(self, environment: str = "") -> tuple[Tree, Config]:
        """The tree and the configuration of one environment, or without any. Raises Failed where all must render that
        could, and something did not."""
        config = self.config.within(environment) if environment else self.config
        if not self.root or self.render == "never":
            return self.tree, config
        from kubelint5xx.output import Failed
        from kubelint5xx.render.render import rendered

        tree = rendered(self.tree, self.root, config)
        failed = getattr(tree, "failed", ())
        if self.render == "always" and failed:
            raise Failed(str(failed[0]))
        return tree, config


def split(names: Iterable[str]) -> tuple[str, ...]:
    """Names that were given several times, or with commas."""
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def _check_names(names: Iterable[str], own: Iterable[Rule]) -> None:
    """Refuse slugs and groups that do not exist: a misspelt --ignore would silently do nothing."""
    for name in names:
        from kubelint5xx.configuration import rule_names_with

        if name not in (known := rule_names_with(own)):
            from kubelint5xx.config_file import no_such_rule

            raise click.UsageError(no_such_rule(name, known))


def prepare(paths: tuple[str, ...], options: dict[str, Any]) -> Run:
    """The tree to check, and its configuration. A wrong configuration ends the run with status 2."""
    from kubelint5xx.config import Config
    from kubelint5xx.discover import DirectoryTree, is_below, repository_root

    tree: Tree
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
    config = Config()
    own: tuple[Rule, ...] = ()
    if not options["no_config"]:
        config, own = configuration(options["config_file"], parts, root, () if "-" in paths else tree.paths())
    _check_names((*split(options.get("select", ())), *split(options.get("ignore", ()))), own)
    config = _with_arguments(config, options, root)
    wanted = _environments(config, split(options.get("environments", ())))
    return Run(tree, config, own, "" if "-" in paths else root, options.get("render", "auto"), wanted)


def _environments(config: Config, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The environments to check: those that are ``wanted``, else all. Raises UsageError for one that is not there."""
    for name in wanted:
        if name not in config.environments:
            from difflib import get_close_matches

            near = get_close_matches(name, list(config.environments), 1)
            known = f"; it has {', '.join(config.environments)}" if config.environments else ""
            hint = f"; did you mean {near[0]!r}?" if near else known
            raise click.UsageError(f"the configuration has no environment {name!r}{hint}")
    return wanted or tuple(config.environments)


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


# https://developer.hashicorp.com/terraform/cli/config/environment-variables#tf_var_name
_AMBIENT = "TF_VAR_"


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
    from kubelint5xx.inputs import ENVIRONMENT, argument

    ambient = {
        name.removeprefix(_AMBIENT): argument(name, value, path=ENVIRONMENT)
        for name, value in sorted(os.environ.items())
        if name.startswith(_AMBIENT)
    }
    variables: dict[str, Scalar] = {}
    for at, variable in enumerate(options["variables"]):
        name, given, value = variable.partition("=")
        if not given or not name.strip():
            raise click.BadParameter(f"{variable!r} is not K=V", param_hint="--var")
        variables[name.strip()] = argument(name.strip(), value, at)
    cluster: dict[str, Scalar] = {}
    if (version := options["kube_version"]) is not None:
        if Version.parse(version) is None:
            raise click.BadParameter(f"{version!r} is not a version such as 1.29", param_hint="--kube-version")
        cluster["kubernetes_version"] = argument("kubernetes_version", version, len(options["variables"]))
    var_files = tuple(_relative(path, root, "--var-file") for path in options["var_files"])
    values = tuple(_relative(path, root, "--helm-values") for path in options.get("helm_values", ()))
    return config.changed(
        lambda part: replace(
            part,
            var_files=(*part.var_files, *var_files),
            variables={**part.variables, **variables},
            cluster={**part.cluster, **cluster},
            helm_values=(*part.helm_values, *values),
            ambient=ambient,
        )
    )


def _relative(path: str, root: str, option: str) -> str:
    from kubelint5xx.discover import relative

    if not os.path.isfile(path):
        raise click.BadParameter(f"{path} does not exist", param_hint=option)
    return relative(os.path.realpath(path), root)


def configuration(
    given: str | None, parts: list[str], root: str, paths: Iterable[str] = ()
) -> tuple[Config, tuple[Rule, ...]]:
    """The configuration that is ``given``, else that of all directories around ``parts`` and among ``paths``, with the
    user's own rules. Raises Failed where one of its files cannot be used."""
    from kubelint5xx.discover import config_files

    around, inside = ([], []) if given else config_files(parts, root, paths)
    if not (given or around or inside):
        from kubelint5xx.config import Config

        return Config(), ()
    from kubelint5xx.configuration import of_file, of_files

    found = of_file(given, root) if given else of_files(around, inside, root)
    return found.config, found.own


def own_here(options: dict[str, Any]) -> tuple[Rule, ...]:
    """The user's own rules, by the configuration of the working directory or the one that is given."""
    return () if options["no_config"] else configuration(options["config_file"], ["."], _root())[1]


def own_texts(options: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The group and the file's text of each of the user's own rules, by its slug."""
    if options["no_config"]:
        return {}
    from kubelint5xx.engine.own_rules import own_sources

    root = _root()
    config, own = configuration(options["config_file"], ["."], root)
    if not own:
        return {}
    inside = {folder: os.path.join(root, folder) for folder in config.rules}
    folders = {folder: full if os.path.isdir(full) else folder for folder, full in inside.items()}
    return {slug: (group, source.text) for group, slug, source in own_sources(folders)}


def _root() -> str:
    from kubelint5xx.discover import repository_root

    return repository_root(".")
