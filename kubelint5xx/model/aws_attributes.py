"""The attributes of AWS load balancers, by what they belong to, and the annotations that controllers read.

Sources: the ELBv2 API's LoadBalancerAttribute, TargetGroupAttribute and ListenerAttribute; pkg/annotations/constants.go
and docs/guide of kubernetes-sigs/aws-load-balancer-controller, releases 2 and 3; pkg/providers/v1 of
kubernetes/cloud-provider-aws, which shares the prefix of Services' annotations with it.
"""

from __future__ import annotations

from functools import cache

BALANCER, TARGET_GROUP, LISTENER = "load balancer", "target group", "listener"
INGRESS_PREFIX, SERVICE_PREFIX = "alb.ingress.kubernetes.io/", "service.beta.kubernetes.io/aws-load-balancer-"

# The lengths of time that AWS accepts, in seconds, by the API's keys and by Terraform's arguments.
RANGES = {
    "idle_timeout.timeout_seconds": (1.0, 4000.0),
    "client_keep_alive.seconds": (60.0, 604800.0),
    "deregistration_delay.timeout_seconds": (0.0, 3600.0),
    "stickiness.lb_cookie.duration_seconds": (1.0, 604800.0),
    "stickiness.app_cookie.duration_seconds": (1.0, 604800.0),
    "target_health_state.unhealthy.draining_interval_seconds": (0.0, 360000.0),
    "tcp.idle_timeout.seconds": (60.0, 6000.0),
    "idle_timeout": (1.0, 4000.0),
    "client_keep_alive": (60.0, 604800.0),
    "deregistration_delay": (0.0, 3600.0),
    "tcp_idle_timeout_seconds": (60.0, 6000.0),
    "connection_draining_timeout": (1.0, 3600.0),
    f"{SERVICE_PREFIX}connection-idle-timeout": (1.0, 4000.0),
    f"{SERVICE_PREFIX}connection-draining-timeout": (1.0, 3600.0),
}

_KEYS = {
    BALANCER: """
        deletion_protection.enabled load_balancing.cross_zone.enabled access_logs.s3.enabled access_logs.s3.bucket
        access_logs.s3.prefix ipv6.deny_all_igw_traffic zonal_shift.config.enabled idle_timeout.timeout_seconds
        client_keep_alive.seconds connection_logs.s3.enabled connection_logs.s3.bucket connection_logs.s3.prefix
        health_check_logs.s3.enabled health_check_logs.s3.bucket health_check_logs.s3.prefix
        routing.http.desync_mitigation_mode routing.http.drop_invalid_header_fields.enabled
        routing.http.preserve_host_header.enabled routing.http.x_amzn_tls_version_and_cipher_suite.enabled
        routing.http.xff_client_port.enabled routing.http.xff_header_processing.mode routing.http2.enabled
        waf.fail_open.enabled dns_record.client_routing_policy secondary_ips.auto_assigned.per_subnet
    """,
    TARGET_GROUP: """
        deregistration_delay.timeout_seconds stickiness.enabled stickiness.type load_balancing.cross_zone.enabled
        target_group_health.dns_failover.minimum_healthy_targets.count
        target_group_health.dns_failover.minimum_healthy_targets.percentage
        target_group_health.unhealthy_state_routing.minimum_healthy_targets.count
        target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage
        load_balancing.algorithm.type load_balancing.algorithm.anomaly_mitigation slow_start.duration_seconds
        stickiness.app_cookie.cookie_name stickiness.app_cookie.duration_seconds stickiness.lb_cookie.duration_seconds
        lambda.multi_value_headers.enabled deregistration_delay.connection_termination.enabled
        preserve_client_ip.enabled proxy_protocol_v2.enabled
        target_health_state.unhealthy.connection_termination.enabled
        target_health_state.unhealthy.draining_interval_seconds target_failover.on_deregistration
        target_failover.on_unhealthy
    """,
    LISTENER: """
        tcp.idle_timeout.seconds
        routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name
        routing.http.request.x_amzn_mtls_clientcert_issuer.header_name
        routing.http.request.x_amzn_mtls_clientcert_subject.header_name
        routing.http.request.x_amzn_mtls_clientcert_validity.header_name
        routing.http.request.x_amzn_mtls_clientcert_leaf.header_name
        routing.http.request.x_amzn_mtls_clientcert.header_name routing.http.request.x_amzn_tls_version.header_name
        routing.http.request.x_amzn_tls_cipher_suite.header_name routing.http.response.server.enabled
        routing.http.response.strict_transport_security.header_value
        routing.http.response.access_control_allow_origin.header_value
        routing.http.response.access_control_allow_methods.header_value
        routing.http.response.access_control_allow_headers.header_value
        routing.http.response.access_control_allow_credentials.header_value
        routing.http.response.access_control_expose_headers.header_value
        routing.http.response.access_control_max_age.header_value
        routing.http.response.content_security_policy.header_value
        routing.http.response.x_content_type_options.header_value routing.http.response.x_frame_options.header_value
    """,
}

# Below these a name of the user's own follows: an action, a condition, a listener.
_NAMED = (
    f"{INGRESS_PREFIX}actions.", f"{INGRESS_PREFIX}conditions.", f"{INGRESS_PREFIX}transforms.",
    f"{INGRESS_PREFIX}listener-attributes.", f"{INGRESS_PREFIX}target-control-port.",
    f"{SERVICE_PREFIX}listener-attributes.",
)  # fmt: skip

_OF_INGRESS = """
    load-balancer-name group.name group.order tags ip-address-type scheme subnets customer-owned-ipv4-pool
    load-balancer-attributes wafv2-acl-arn wafv2-acl-name waf-acl-id web-acl-id shield-advanced-protection
    security-groups listen-ports ssl-redirect inbound-cidrs certificate-arn ssl-policy target-type backend-protocol
    backend-protocol-version target-group-attributes healthcheck-port healthcheck-protocol healthcheck-path
    healthcheck-interval-seconds healthcheck-timeout-seconds healthy-threshold-count unhealthy-threshold-count
    success-codes auth-type auth-idp-cognito auth-idp-oidc auth-on-unauthenticated-request auth-scope
    auth-session-cookie auth-session-timeout jwt-validation target-node-labels manage-backend-security-group-rules
    mutual-authentication security-group-prefix-lists multi-cluster-target-group minimum-load-balancer-capacity
    ipam-ipv4-pool-id enable-frontend-nlb frontend-nlb-scheme frontend-nlb-subnets frontend-nlb-security-groups
    frontend-nlb-listener-port-mapping frontend-nlb-eip-allocations frontend-nlb-healthcheck-port
    frontend-nlb-healthcheck-protocol frontend-nlb-healthcheck-path frontend-nlb-healthcheck-interval-seconds
    frontend-nlb-healthcheck-timeout-seconds frontend-nlb-healthcheck-healthy-threshold-count
    frontend-nlb-healthcheck-unhealthy-threshold-count frontend-nlb-healthcheck-success-codes frontend-nlb-attributes
    frontend-nlb-tags use-regex-path-match target-control-port create-acm-cert acm-pca-arn dry-run-plan
"""
_OF_SERVICE = """
    type nlb-target-type name scheme internal proxy-protocol proxy-protocol-per-target-group ip-address-type
    access-log-enabled access-log-emit-interval access-log-s3-bucket-name access-log-s3-bucket-prefix
    cross-zone-load-balancing-enabled ssl-cert ssl-ports ssl-negotiation-policy backend-protocol
    additional-resource-tags healthcheck-healthy-threshold healthcheck-unhealthy-threshold healthcheck-timeout
    healthcheck-interval healthcheck-protocol healthcheck-port healthcheck-path healthcheck-success-codes
    target-group-attributes subnets eip-allocations eip-allocations-discovery-tags private-ipv4-addresses
    ipv6-addresses alpn-policy target-node-labels attributes security-groups extra-security-groups
    manage-backend-security-group-rules inbound-sg-rules-on-private-link-traffic security-group-prefix-lists
    multi-cluster-target-group enable-prefix-for-ipv6-source-nat source-nat-ipv6-prefixes
    minimum-load-balancer-capacity enable-icmp-for-path-mtu-discovery enable-tcp-udp-listener disable-nlb-sg
    quic-enabled-ports quic-enabled-containers connection-draining-enabled connection-draining-timeout
    connection-idle-timeout
"""


@cache
def attributes_of(holder: str) -> frozenset[str]:
    """The keys that AWS knows for a load balancer, a target group or a listener."""
    return frozenset(_KEYS.get(holder, "").split())


@cache
def known_annotations() -> frozenset[str]:
    """The annotations that any release reads, with their prefixes; those that go on with a name are left out."""
    return frozenset(
        [INGRESS_PREFIX + name for name in _OF_INGRESS.split()]
        + [SERVICE_PREFIX + name for name in _OF_SERVICE.split()]
    )


def is_read(annotation: str) -> bool:
    """Whether any release of a controller reads it."""
    return annotation in known_annotations() or annotation.startswith(_NAMED)


def out_of_range(key: str, written: str) -> bool:
    """Whether AWS refuses ``written`` as the length of time that ``key`` sets."""
    limits = RANGES.get(key)
    if limits is None:
        return False
    text = written.strip()
    whole = text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 16
    return not whole or not limits[0] <= int(text) <= limits[1]
