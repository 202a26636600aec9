"""Root modules: a directory of Terraform's files, with the values that its variables are given from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kubelint5xx.core.node import Node, Scalar, Unresolved
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.eval.declarations import Files, declarations
from kubelint5xx.eval.installed import Installed
from kubelint5xx.eval.module_files import ModuleFiles, Place
from kubelint5xx.eval.terraform import Module
from kubelint5xx.eval.variables import VariableFiles
from kubelint5xx.formats.hcl import Block, Body, constant, parse


def load_module(
    directory: str,
    files: Files,
    var_files: Sequence[Source] = (),
    variables: Mapping[str, Node] | None = None,
    child_modules: Callable[[str], Files | None] | None = None,
    installed: Mapping[str, Installed] | None = None,
    planned: Mapping[str, Node] | None = None,
    text: Callable[[str], Source | None] | None = None,
    others: Unresolved | None = None,
    ambient: Mapping[str, Node] | None = None,
) -> Module:
    """The root module in ``directory`` (relative to the tree's root, which is the empty string), made of ``files``.

    ``var_files`` win over the variable files that Terraform reads by itself, later ones over earlier ones, and
    ``variables`` win over all. Texts among them are taken as ``-var`` takes them: by the variable's type. ``planned``
    are the values that a plan was made with: they win over those that Terraform reads by itself. ``text`` reads any
    other file of the tree. ``others`` stands for variables that have no value by all this, but a default; ``ambient``
    ones have no value by any of it.
    ``child_modules`` gives the files of another directory, or None where it is not in the tree; ``installed`` tells
    the directories of modules that are not local ones. Never raises on the files' contents.
    """
    tree = ModuleFiles(child_modules, directory, text, installed or {})
    parsed = [_variable_file(source) for source in var_files]
    problems = tuple(problem for _, found in parsed for problem in found)
    found = declarations(files)
    values, weakest = (
        {name: _argument(name, node, found.variables.get(name)) for name, node in (given or {}).items()}
        for given in (variables, ambient)
    )
    scope = VariableFiles(found.tfvars, [body for body, _ in parsed], values, planned or {}, others, weakest)
    return Module(Place(directory), "", found, scope.value, tree, problems)


def _variable_file(source: Source) -> tuple[Body, tuple[Problem, ...]]:
    if not source.path.endswith(".json"):
        return parse(source)
    from kubelint5xx.formats.hcl_json import parse_variables

    return parse_variables(source)


def _argument(name: str, node: Node, variable: Block | None) -> Node:
    """A value of the command line: a text, and where the variable's type is not a primitive one, an expression.

    Source: https://developer.hashicorp.com/terraform/language/values/variables#complex-typed-values
    """
    constraint = variable.attribute("type") if variable else None
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or constraint is None:
        return node
    if constraint.expression.span.text in ("string", "number", "bool"):
        return node
    line = "\n" * (node.span.line - 1)
    body, problems = parse(Source(node.span.path, f"{line}{name} = {node.value}\n"))
    attribute = body.attribute(name)
    if problems or attribute is None:
        return Unresolved(node.span, f"{node.value!r} is not an expression that its type can be read from")
    return constant(attribute.expression)
