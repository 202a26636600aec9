"""What the configuration files of a run come to together, with the user's own rules that they name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from kubelint5xx.config import Config
from kubelint5xx.core.record import record, replace
from kubelint5xx.discover import is_below, relative

if TYPE_CHECKING:
    from kubelint5xx.engine.rule import Rule


@record
class Configured:
    """What all files come to, and the user's own rules that any of them names."""

    config: Config
    own: tuple[Rule, ...] = ()


def of_file(given: str, root: str) -> Configured:
    """The configuration in one file, whatever others there are. Raises Failed where it cannot be used."""
    full = os.path.realpath(given)
    return Configured(*_loaded(relative(full, root) if is_below(full, root) else given, full, root, ()))


def of_files(around: Iterable[str], inside: Iterable[str], root: str) -> Configured:
    """What the files of directories come to: of those ``around`` all that is checked, outermost first, and of those
    ``inside`` of it, of which each extends the ones around it for its own files, where it is not excluded.

    Raises Failed where one of them cannot be used.
    """
    whole = Config()
    own: tuple[Rule, ...] = ()
    for count, file in enumerate(around):
        found, own = _loaded(relative(file, root), file, root, own)
        whole = _extended(whole, found) if count else found
    directories = [(relative(os.path.dirname(file), root), file) for file in inside]
    return _with_directories(whole, own, directories, root) if directories else Configured(whole, own)


def _extended(outer: Config, inner: Config) -> Config:
    from kubelint5xx.config_nesting import extended

    return extended(outer, inner)


def _with_directories(
    whole: Config, own: tuple[Rule, ...], directories: Iterable[tuple[str, str]], root: str
) -> Configured:
    from kubelint5xx.config_nesting import nested
    from kubelint5xx.inputs import excluded
    from kubelint5xx.output import Failed

    parts: dict[str, Config] = {}
    ours: dict[str, set[str]] = {"": {rule.slug for rule in own}}
    for directory, file in directories:
        path = relative(file, root)
        around = nested(whole, parts).at(path)
        if excluded(path, around):
            continue
        if not is_below(os.path.realpath(file), root):
            raise Failed(f"{path}: a symbolic link that leads out of the tree")
        before = len(own)
        parts[directory], own = _loaded(path, file, root, own)
        ours[directory] = {rule.slug for rule in own[before:]}
    config = nested(whole, parts)

    def without(part: Config, directory: str) -> Config:
        """The rules of a directory count nowhere else."""
        foreign = [slug for of, slugs in ours.items() if of and not is_below(directory, of) for slug in sorted(slugs)]
        return replace(part, ignore=(*part.ignore, *foreign))

    inside = {directory: without(part, directory) for directory, part in config.nested.items()}
    return Configured(replace(without(config, ""), nested=inside), own)


def _loaded(path: str, file: str, root: str, own: tuple[Rule, ...]) -> tuple[Config, tuple[Rule, ...]]:
    """The configuration in ``file``, called ``path``, and its rules beside ``own``. Raises Failed."""
    from kubelint5xx.config_file import load_config
    from kubelint5xx.core.problem import InputError
    from kubelint5xx.core.source import Source
    from kubelint5xx.output import Failed

    added: list[Rule] = []

    def names(config: Config) -> Collection[str]:
        added.extend(_own_rules(config, root if is_below(file, root) else "", own))
        return rule_names_with((*own, *added))

    try:
        with open(file, encoding="utf-8-sig") as opened:
            text = opened.read()
        config = load_config(Source(path, text), names)
        if config.assume or any(environment.assume for environment in config.environments.values()):
            from kubelint5xx.config_assume import reader_of, with_files

            config = with_files(config, reader_of(os.path.dirname(file)))
        return config, (*own, *added)
    except InputError as error:
        raise Failed(str(error.problem)) from None
    except UnicodeDecodeError:
        raise Failed(f"{path}: not valid UTF-8") from None
    except OSError as error:
        raise Failed(f"{path}: cannot be read: {error.strerror or error}") from None


def rule_names_with(own: Iterable[Rule]) -> frozenset[str]:
    """The slugs and groups of all rules: those that are shipped, and ``own``."""
    from kubelint5xx.engine.rule import rule_names

    names = {**rule_names(), **{rule.slug: rule.group for rule in own}}
    return frozenset((*names, *names.values()))


def _own_rules(config: Config, base: str, others: Collection[Rule]) -> Iterator[Rule]:
    """The rules in the folders that ``config`` names from ``base``. Raises InputError at the first that is none."""
    if not config.rules:
        return
    from kubelint5xx.core.problem import InputError
    from kubelint5xx.engine.own_rules import own_rules

    folders: dict[str, str] = {}
    for folder, span in config.rules.items():
        folders[folder] = os.path.join(base, folder)
        if not os.path.isdir(folders[folder]):
            raise InputError.at(span, f"{folder} is no folder of rules")
    taken = {rule.slug for rule in others}
    for rule in own_rules(folders):
        if rule.slug in taken:
            span = next(iter(config.rules.values()))
            raise InputError.at(span, f"another rule is called {rule.slug}")
        yield rule
