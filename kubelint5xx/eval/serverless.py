"""What SAM makes of a function and of the events that come to it through API Gateway.

An ``Api`` event makes an integration of a REST API, an ``HttpApi`` event one of an HTTP API. Only the latter can set
how long the gateway waits; an API that brings an OpenAPI document of its own may set it there, which is not read.
Sources: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html,
sam-property-function-api.html, sam-property-function-httpapi.html and sam-specification-template-anatomy-globals.html
"""

from __future__ import annotations

from collections.abc import Iterator

from kubelint5xx.core.node import Entry, Mapping, Node, Reference, Scalar, Unresolved, child, entries, text
from kubelint5xx.core.source import Span
from kubelint5xx.eval.resource import Resource
from kubelint5xx.eval.template_functions import Evaluator

FUNCTION = "AWS::Serverless::Function"
_APIS = {"Api": ("AWS::Serverless::Api", "RestApiId"), "HttpApi": ("AWS::Serverless::HttpApi", "ApiId")}
_INTEGRATIONS = {
    "Api": ("aws_api_gateway_integration", "uri"),
    "HttpApi": ("aws_apigatewayv2_integration", "integration_uri"),
}
_DEFINITIONS = ("DefinitionBody", "DefinitionUri")
_ELSEWHERE = "the API's own definition may set it"


def serverless_resources(
    declared: Entry, root: Mapping, evaluator: Evaluator, prefix: str, maybe: bool
) -> Iterator[Resource]:
    """The function of one of SAM's resources, and an integration for each of its events that is of an API; nothing
    where the resource is of another type."""
    if text(child(declared.value, "Type")) != FUNCTION:
        return
    name, span = str(declared.key.value), declared.key.span
    given = child(declared.value, "Properties")
    value = evaluator.value(given) if given is not None else None
    properties = value if isinstance(value, Mapping) else Mapping(span, (), "its properties are not known")
    timeout = properties.get("Timeout")
    shared = child(root, "Globals", "Function", "Timeout")
    if timeout is None and shared is not None:
        timeout = evaluator.value(shared)
    found = [_entry(span, "timeout", timeout)] if timeout is not None else []
    named = properties.get("FunctionName")
    found += [_entry(span, "function_name", named)] if named is not None else []
    body = Mapping(span, tuple(found), properties.open)
    yield Resource(prefix + name, "aws_lambda_function", name, body, span, None, maybe, False)
    for event in entries(properties.get("Events")):
        kind = text(child(event.value, "Type")) or ""
        if kind in _INTEGRATIONS:
            type_, uri = _INTEGRATIONS[kind]
            place = event.key.span
            own = [_entry(place, uri, Reference(place, prefix + name))]
            waits = child(event.value, "Properties", "TimeoutInMillis") if kind == "HttpApi" else None
            waits = waits or _of_definition(kind, event.value, root, place)
            own += [_entry(place, "timeout_milliseconds", waits)] if waits is not None else []
            address = f"{name}.{event.key.value}"
            yield Resource(
                prefix + address, type_, str(event.key.value), Mapping(place, tuple(own)), place, None, maybe, False
            )


def _of_definition(kind: str, event: Node, root: Mapping, place: Span) -> Node | None:
    """Unknown where the API has a definition of its own, or is not SAM's; None where SAM makes all of it."""
    type_, key = _APIS[kind]
    api = child(event, "Properties", key)
    if api is None:
        return None
    name = api.address.rpartition(".")[2] if isinstance(api, Reference) else text(api) or ""
    declared = child(root, "Resources", name)
    if text(child(declared, "Type")) != type_:
        return Unresolved(place, "the API is not made by SAM, and may set it")
    if any(child(declared, "Properties", one) is not None for one in _DEFINITIONS):
        return Unresolved(place, _ELSEWHERE)
    return None


def _entry(span: Span, key: str, value: Node) -> Entry:
    return Entry(Scalar(span, key, key), value)
