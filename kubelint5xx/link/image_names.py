"""What an image's name alone tells: whether it is used as published, and whether it holds a shell."""

from __future__ import annotations

from kubelint5xx.core.pattern import pattern
from kubelint5xx.core.record import record

# Published images whose content is known well enough: servers that hop tables know, and bases with a shell.
_SERVERS = frozenset({
    "nginx", "nginx-unprivileged", "httpd", "jetty", "tomcat", "tomee", "node", "python", "php", "ruby", "golang",
    "haproxy", "traefik", "caddy", "envoy", "kong", "wildfly", "openresty", "varnish",
})  # fmt: skip
_BASES = frozenset({
    "debian", "ubuntu", "alpine", "busybox", "centos", "fedora", "rockylinux", "almalinux", "oraclelinux",
    "amazonlinux", "amazoncorretto", "openjdk", "eclipse-temurin", "ibmjava", "ibm-semeru-runtimes", "sapmachine",
    "perl", "erlang", "elixir", "rust", "buildpack-deps", "maven", "gradle", "ubi8", "ubi9", "ubi8-minimal",
    "ubi9-minimal", "ubi-minimal", "redis", "postgres", "mysql", "mongo", "bash", "debian-base",
})  # fmt: skip
_PUBLISHERS = (
    "", "library", "docker.io", "docker.io/library", "index.docker.io/library", "public.ecr.aws/docker/library",
    "public.ecr.aws/amazonlinux", "public.ecr.aws/nginx", "mirror.gcr.io/library", "nginxinc", "envoyproxy",
    "docker.io/envoyproxy", "docker.io/nginxinc", "haproxytech", "registry.access.redhat.com/ubi8",
    "registry.access.redhat.com/ubi9", "registry.k8s.io", "quay.io/centos", "openresty", "jetty", "quay.io/jetty",
    "quay.io/wildfly",
)  # fmt: skip
# Whose images are products, whatever a repository with manifests of theirs builds itself.
_PRODUCTS = pattern(
    r"^(?:docker\.io/|index\.docker\.io/|mirror\.gcr\.io/|public\.ecr\.aws/docker/|ghcr\.io/|quay\.io/|gcr\.io/|"
    r"public\.ecr\.aws/)?(?:(?:library|nginx|nginxinc|envoyproxy|traefik|kong|haproxytech|jcmoraisjr|istio|istio-release|"
    r"projectcontour|linkerd|emissary-ingress|datawire|karpenter|eks|aws-ec2|aws-observability|"
    r"jetstack|prometheus|prometheus-operator|prom|thanos|grafana|bitnami|bitnamilegacy|datadog|datadoghq|newrelic|"
    r"otel|open-telemetry|opentelemetry-collector-releases|fluent|calyptia|hashicorp|kedacore|cilium|calico|tigera|"
    r"rancher|openpolicyagent|velero|argoproj|argoprojlabs|fluxcd|oauth2-proxy|dexidp|minio|timberio|jaegertracing|"
    r"openzipkin|elastic|opensearchproject|external-dns|external-secrets|kyverno|crossplane|knative-releases|"
    r"google-containers|kubebuilder|cloudsql-docker|cloud-sql-connectors|distroless|kubernetes-ingress-controller|"
    r"brancz|kiwigrid|stakater|bitnami-labs|weaveworks|coredns|kubernetes-sigs|nats-io|strimzi|amazon)/|"
    r"(?:602401143452|800184023465|877085696533|900889452093|759879836304|918309763551|961992271922|590381155156|"
    r"558608220178|455263428931|066635153087|013241004608|151742754352)\.dkr\.ecr\.[^/]+/(?:eks|amazon)/)|"
    r"^(?:registry\.k8s\.io|k8s\.gcr\.io|docker\.elastic\.co|mcr\.microsoft\.com|cr\.l5d\.io|cgr\.dev|"
    r"registry\.access\.redhat\.com|registry\.redhat\.io|container-registry\.oracle\.com|nvcr\.io)/"
)
_PRODUCT_NAMES = frozenset({
    "memcached", "rabbitmq", "mariadb", "nats", "vault", "consul", "zookeeper", "influxdb", "elasticsearch", "kibana",
    "logstash", "telegraf", "registry", "adminer", "eclipse-mosquitto", "cassandra", "couchdb", "neo4j", "solr",
    "chronograf", "kapacitor", "etcd", "coredns", "haproxy-ingress", "percona", "docker", "valkey", "hello-world",
})  # fmt: skip
# What their sh is, where their tag does not say otherwise.
_DASH = frozenset({
    "nginx", "nginx-unprivileged", "httpd", "jetty", "tomcat", "node", "python", "php", "ruby", "golang", "haproxy",
    "debian", "ubuntu", "eclipse-temurin", "sapmachine", "perl", "erlang", "elixir", "rust", "buildpack-deps",
    "maven", "gradle", "redis", "postgres", "mongo", "debian-base",
})  # fmt: skip
_BASH = frozenset({
    "centos", "fedora", "rockylinux", "almalinux", "oraclelinux", "amazonlinux", "amazoncorretto", "ubi8", "ubi9",
    "ubi8-minimal", "ubi9-minimal", "ubi-minimal",
})  # fmt: skip
_DEBIAN_TAG = pattern(r"(?:^|[-.])(?:debian|stretch|buster|bullseye|bookworm|trixie|jammy|noble|focal)")
_ALPINE_TAG = pattern(r"(?:^|[-.])alpine")
_RED_HAT_TAG = pattern(r"(?:^|[-.])(?:ubi|centos|oracle|al2|amazon|corretto|fedora|rocky|alma)")
_OTHER_TAG = pattern(r"windows|nanoserver|ltsc|busybox|azurelinux|mariner|photon|wolfi")
_SHELLLESS = pattern(
    r"^scratch$|distroless|^cgr\.dev/chainguard/|^ghcr\.io/wolfi/static|(?:^|/)static(?:-debian\d+)?$|^ko://|-static$"
)
_SHELLLESS_TAG = pattern(r"distroless|chiseled|^static$|-static$")
_SHELL_TAG = pattern(r"(?:^|-)(?:dev|debug|shell)(?:$|-)")


@record
class ImageName:
    """``repository`` with registry, ``tag`` without digest; empty where none is written."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, written: str) -> ImageName:
        rest, _, digest = written.strip().partition("@")
        head, slash, last = rest.rpartition("/")
        name, _, tag = last.partition(":")
        return cls(head + slash + name, tag, digest)

    @property
    def name(self) -> str:
        """The last component of the repository."""
        return self.repository.rpartition("/")[2]

    @property
    def published(self) -> bool:
        """It is a well-known image, used as its publisher built it."""
        return self.name in _SERVERS | _BASES and self.repository.rpartition("/")[0] in _PUBLISHERS

    @property
    def product(self) -> bool:
        """It is something that its publisher builds, and no repository that only deploys it."""
        return self.published or self.repository in _PRODUCT_NAMES or bool(_PRODUCTS.search(self.repository + "/"))

    @property
    def sh(self) -> str:
        """What ``sh`` is in it: dash, ash or bash; empty where the name does not tell."""
        if self.shell is False or _OTHER_TAG.search(self.tag):
            return ""
        if _ALPINE_TAG.search(self.tag):
            return "ash"
        if _DEBIAN_TAG.search(self.tag):
            return "dash"
        if not self.published:
            return ""
        if self.name in ("alpine", "busybox"):
            return "ash"
        if self.name in _BASH or _RED_HAT_TAG.search(self.tag):
            return "bash"
        return "dash" if self.name in _DASH else ""

    @property
    def shell(self) -> bool | None:
        """Whether it holds a shell; None where the name does not tell."""
        if _SHELLLESS.search(self.repository) or _SHELLLESS_TAG.search(self.tag):
            return None if _SHELL_TAG.search(self.tag) else False
        if not self.published:
            return None
        # Envoy and Traefik publish variants without one; their tags do not always say so.
        return None if self.name in ("envoy", "traefik", "kong", "caddy") else True
