"""What a program is built from reaches the tables, though only what is built is copied into the image."""

from __future__ import annotations

from kubelint5xx.core.source import Source
from kubelint5xx.link.images import Builds

FILES = {
    "shop/Dockerfile": "FROM maven:3 AS build\nCOPY . .\nRUN mvn package\nFROM eclipse-temurin:21\n"
    'COPY --from=build target/app.jar app.jar\nENTRYPOINT ["java", "-jar", "app.jar"]\n',
    "shop/pom.xml": "<project/>",
    "shop/src/main/java/App.java": "class App {}",
    "shop/src/main/resources/application-prod.yml": "server.shutdown: graceful",
    "shop/src/main/resources/META-INF/microprofile-config.properties": "a=b",
    "shop/src/main/resources/logo.png": "",
    "shop/src/test/resources/application.yml": "server.shutdown: immediate",
    "other/pom.xml": "<project/>",
}


def test_manifests_and_packed_settings_are_among_the_program_s_sources() -> None:
    builds = Builds(FILES, lambda path: Source(path, FILES[path]) if path in FILES else None)
    context = builds.context_of("acme/shop:1", "k8s/shop.yaml")
    assert context is not None
    files = builds.files_of(context)
    assert not files.unseen
    assert sorted(files.sources or {}) == [
        "shop/pom.xml",
        "shop/src/main/java/App.java",
        "shop/src/main/resources/META-INF/microprofile-config.properties",
        "shop/src/main/resources/application-prod.yml",
    ]
