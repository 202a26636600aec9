"""Small trees of Terraform and manifests, linked."""

from __future__ import annotations

import textwrap

from kubelint5xx.config import Config
from kubelint5xx.core.problem import Problem
from kubelint5xx.core.source import Source
from kubelint5xx.core.value import Members, Subject, Value
from kubelint5xx.eval.root_module import load_module
from kubelint5xx.eval.terraform import Module
from kubelint5xx.formats import yaml
from kubelint5xx.link.nodes import link_nodes
from kubelint5xx.link.objects import objects_of
from kubelint5xx.link.parts import Layer, NodeGroup
from kubelint5xx.link.scopes import Scope, scopes_of
from kubelint5xx.link.terraform import link_terraform
from kubelint5xx.link.terraform_root import Root


def module(text: str, directory: str = "infra") -> Module:
    return load_module(directory, {f"{directory}/main.tf": Source(f"{directory}/main.tf", textwrap.dedent(text))})


def terraform(text: str, config: Config | None = None) -> Layer:
    return link_terraform([Root("infra", module(text))], config or Config())


def scopes(manifests: str) -> tuple[Scope, ...]:
    problems: list[Problem] = []
    documents = yaml.read(Source("k8s/all.yaml", textwrap.dedent(manifests))).documents
    return scopes_of(objects_of(documents, problems), problems)


def nodes(manifests: str = "", infra: str = "", config: Config | None = None) -> Layer:
    config = config or Config()
    roots = [Root("infra", module(infra))] if infra else []
    return link_nodes(scopes(manifests), roots, link_terraform(roots, config), config)


def members(value: Value) -> Members:
    assert isinstance(value.data, Members)
    return value.data


def group(layer: Layer) -> NodeGroup:
    (found,) = layer.node_groups
    return found


def setting(layer: Layer) -> Subject:
    (found,) = layer.settings
    return found.subject


def line(value: Value) -> str:
    """The line of the file at which a person would look for the value."""
    assert value.place is not None
    place = value.place.in_file()
    return place.source.line_text(place.line).strip()
