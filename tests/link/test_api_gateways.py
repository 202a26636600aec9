"""API Gateway waits only so long: for Lambda functions, and for load balancers behind a VPC link."""

from __future__ import annotations

import pytest

from tests.link.manifests import SERVICE, WEB
from tests.link.test_assemble import TERRAFORM
from tests.same_verdict import report, same_verdict

HCL = """
resource "aws_lambda_function" "orders" {
  timeout = 60
}

resource "aws_api_gateway_integration" "orders" {
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.orders.invoke_arn
}

resource "aws_lambda_function" "quotes" {
  timeout = 15
}

resource "aws_apigatewayv2_api" "quotes" {
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "quotes" {
  api_id               = aws_apigatewayv2_api.quotes.id
  integration_type     = "AWS_PROXY"
  integration_uri      = aws_lambda_function.quotes.arn
  timeout_milliseconds = 10000
}
"""
SAM = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 60, Runtime: python3.12}}
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Get: {Type: Api, Properties: {Path: /orders, Method: get}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Quotes:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 15
      Events:
        Get: {Type: HttpApi, Properties: {Path: /quotes, Method: get, TimeoutInMillis: 10000}}
"""
SAM_NAMES = {
    "aws_api_gateway_integration.orders": "Orders.Get",
    "aws_apigatewayv2_integration.quotes": "Quotes.Get",
    "aws_lambda_function.orders": "Orders",
    "aws_lambda_function.quotes": "Quotes",
}
CFN = """
Resources:
  Orders: {Type: AWS::Lambda::Function, Properties: {Timeout: 60}}
  OrdersMethod:
    Type: AWS::ApiGateway::Method
    Properties:
      HttpMethod: GET
      Integration:
        Type: AWS_PROXY
        IntegrationHttpMethod: POST
        Uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Orders.Arn}/invocations
  Quotes: {Type: AWS::Lambda::Function, Properties: {Timeout: 15}}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  QuotesRoute:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: {Fn::Join: ["", ["arn:", {Ref: AWS::Partition}, ":", {Fn::GetAtt: [Quotes, Arn]}, "/x"]]}
      TimeoutInMillis: 10000
"""


def findings(tree: dict[str, str]) -> list[tuple[str, str]]:
    return sorted((one.rule, one.place.text) for one in report(tree).findings)


def test_sam_and_cloudformation_are_judged_as_terraform_is() -> None:
    assert findings({"main.tf": HCL}) == [("outer-timeout-first", "15"), ("outer-timeout-first", "60")]
    same_verdict({"main.tf": HCL}, {"template.yaml": SAM}, names=SAM_NAMES)
    names = {**SAM_NAMES, "aws_api_gateway_integration.orders": "OrdersMethod"}
    names["aws_apigatewayv2_integration.quotes"] = "QuotesRoute"
    same_verdict({"main.tf": HCL}, {"template.yaml": CFN}, names=names)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Timeout: 60", "Timeout: 29"),  # one of the two ends the request
        ("Timeout: 60,", ""),  # Lambda's own 3 s
        ("{Path: /orders, Method: get}", "{Path: /o, Method: get, RestApiId: !Ref Elsewhere}"),
        ("Type: Api,", "Type: SQS,"),
    ],
)
def test_what_ends_in_time_or_is_not_known_is_no_finding(old: str, new: str) -> None:
    changed = SAM.replace(old, new)
    assert changed != SAM
    assert findings({"template.yaml": changed}) == [("outer-timeout-first", "15")]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [("{StageName: prod}", 2), ("{StageName: prod, DefinitionUri: api.yaml}", 1), ("{DefinitionBody: {paths: {}}}", 1)],
)
def test_an_api_with_a_definition_of_its_own_may_wait_longer(properties: str, expected: int) -> None:
    api = f"  Api: {{Type: AWS::Serverless::Api, Properties: {properties}}}\n"
    own = SAM.replace("{Path: /orders, Method: get}", "{Path: /o, Method: get, RestApiId: !Ref Api}") + api
    assert len(findings({"template.yaml": own})) == expected


def test_an_alias_is_its_function_and_websockets_wait_for_messages() -> None:
    alias = HCL.replace("aws_lambda_function.orders.invoke_arn", "aws_lambda_alias.live.invoke_arn")
    alias += 'resource "aws_lambda_alias" "live" {\n  function_name = aws_lambda_function.orders.function_name\n}\n'
    same_verdict({"main.tf": HCL}, {"main.tf": alias})
    assert len(findings({"main.tf": HCL.replace('"HTTP"', '"WEBSOCKET"')})) == 1


LINKED = (
    TERRAFORM.replace("idle_timeout = 60", "idle_timeout = 120")
    + """
resource "aws_apigatewayv2_api" "web" {
  protocol_type = "HTTP"
}
resource "aws_apigatewayv2_integration" "web" {
  api_id           = aws_apigatewayv2_api.web.id
  integration_type = "HTTP_PROXY"
  connection_type  = "VPC_LINK"
  integration_uri  = aws_lb_listener.web.arn
}
"""
)


def test_behind_a_vpc_link_stands_the_load_balancer() -> None:
    apps = {"k8s/service.yaml": SERVICE, "k8s/web.yaml": WEB.replace('"75"', '"200"')}
    (first,) = [one for one in report({"main.tf": LINKED, **apps}).findings if one.rule == "outer-timeout-first"]
    assert "30 s" in str(first.message[2]) and first.place.text == "120"
    assert not findings({"main.tf": LINKED.replace("= 120", "= 60")})
    network = LINKED.replace("  idle_timeout = 120\n", '  load_balancer_type = "network"\n')
    network += """
resource "aws_api_gateway_vpc_link" "web" {
  target_arns = [aws_lb.web.arn]
}
resource "aws_api_gateway_integration" "web" {
  type            = "HTTP_PROXY"
  connection_type = "VPC_LINK"
  connection_id   = aws_api_gateway_vpc_link.web.id
  uri             = "https://example.com/"
}
"""
    slow = {**apps, "k8s/web.yaml": WEB.replace("gthread, --keep-alive", 'sync, --timeout, "90", --keep-alive')}
    found = [one for one in report({"main.tf": network, **slow}).findings if one.rule == "outer-timeout-first"]
    assert {one.message[0] for one in found} <= {
        "The HTTP API's integration aws_apigatewayv2_integration.web",
        "The REST API's integration aws_api_gateway_integration.web",
    }
    assert found


CFN_LINKED = """
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Name: web, LoadBalancerAttributes: [{Key: idle_timeout.timeout_seconds, Value: "120"}]}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {LoadBalancerArn: !Ref Balancer, DefaultActions: [{Type: forward, TargetGroupArn: !Ref Group}]}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {Name: web, Port: 30080, TargetType: instance}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: HTTP_PROXY
      ConnectionType: VPC_LINK
      ConnectionId: !Ref Link
      IntegrationUri: !Ref Listener
  Link: {Type: AWS::ApiGatewayV2::VpcLink, Properties: {SubnetIds: []}}
"""
NETWORK = """
  Network: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Type: network}}
  Tcp:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {LoadBalancerArn: !Ref Network, DefaultActions: [{Type: forward, TargetGroupArn: !Ref Group}]}
  RestLink: {Type: AWS::ApiGateway::VpcLink, Properties: {TargetArns: [!Ref Network]}}
  Rest:
    Type: AWS::ApiGateway::Method
    Properties:
      Integration:
        Type: HTTP_PROXY
        ConnectionType: VPC_LINK
        ConnectionId: !Ref RestLink
        Uri: !Sub http://${Network.DNSName}/
"""


def test_links_in_cloudformation_are_judged_as_in_terraform() -> None:
    apps = {"k8s/service.yaml": SERVICE, "k8s/web.yaml": WEB.replace('"75"', '"200"')}
    names = {
        "aws_lb.web": "Balancer", "aws_lb_target_group.web": "Group",
        "aws_apigatewayv2_integration.web": "Integration",
    }  # fmt: skip
    same_verdict({"main.tf": LINKED, **apps}, {"stack.yaml": CFN_LINKED, **apps}, names=names)
    slow = {**apps, "k8s/web.yaml": WEB.replace("gthread, --keep-alive", 'sync, --timeout, "90", --keep-alive')}
    found = [one for one in report({"stack.yaml": CFN_LINKED + NETWORK, **slow}).findings if "outer" in one.rule]
    assert any("REST API's integration Rest" in str(one.message) for one in found)


def test_what_an_integration_sends_to_and_is_not_known_is_said() -> None:
    unknown = 'variable "arn" {}\n' + HCL.replace("aws_lambda_function.orders.invoke_arn", "var.arn")
    found = report({"main.tf": unknown})
    assert any(one.about == "what aws_api_gateway_integration.orders sends to" for one in found.unknowns)
    elsewhere = HCL.replace("aws_lambda_function.orders.invoke_arn", '"https://example.com/"')
    assert not any("sends to" in one.about for one in report({"main.tf": elsewhere}).unknowns)
