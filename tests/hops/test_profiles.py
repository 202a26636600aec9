"""Which files and documents of a program count, and what its packages say."""

from __future__ import annotations

import pytest

from kubelint5xx.core.problem import RuleError
from kubelint5xx.core.value import Confidence, Value
from kubelint5xx.hops.detect import Unrecognised, hop_of, recognise
from kubelint5xx.hops.spelling import spellings
from kubelint5xx.model.topology import Hop
from tests.hops.launches import launch

WEB = {"build.gradle": "dependencies { implementation 'org.springframework.boot:spring-boot-starter-web' }"}
MAIN = "src/main/resources/application"


def idle(sources: dict[str, str], command: str = "java -jar app.jar", **more: object) -> Value:
    hop = hop_of(launch(command, sources=WEB | sources, **more))  # type: ignore[arg-type]
    assert isinstance(hop, Hop), hop
    return hop.inbound.read("idle_timeout")


def key(seconds: int) -> str:
    return f"server.tomcat.keep-alive-timeout={seconds}s\n"


@pytest.mark.parametrize("spelled", ["keep-alive-timeout", "keepAliveTimeout", "keep_alive_timeout"])
def test_every_spelling_of_a_property_counts(spelled: str) -> None:
    assert idle({f"{MAIN}.properties": f"server.tomcat.{spelled}=70000"}).data == 70
    assert idle({f"{MAIN}.yml": f"server:\n  tomcat:\n    {spelled}: 70s\n"}).data == 70
    assert idle({}, f"java -jar app.jar --server.tomcat.{spelled}=PT70S").data == 70


def test_later_places_win() -> None:
    sources = {f"{MAIN}.yml": "server.tomcat.keep-alive-timeout: 1s", f"{MAIN}.properties": key(2)}
    assert idle(sources).data == 2
    sources[f"{MAIN}-prod.properties"] = key(3)
    assert idle(sources).data == 2
    env = {"SPRING_PROFILES_ACTIVE": "prod"}
    assert idle(sources, env=env).data == 3
    files = {"/app/config/application.properties": key(4)}
    assert idle(sources, env=env, files=files).data == 4
    env["SERVER_TOMCAT_KEEPALIVETIMEOUT"] = "5s"
    assert idle(sources, env=env, files=files).data == 5
    assert idle(sources, "java -Dserver.tomcat.keep-alive-timeout=6s -jar app.jar", env=env, files=files).data == 6


def test_a_profile_that_is_not_known_to_be_active_leaves_its_settings_unknown() -> None:
    sources = {f"{MAIN}-prod.properties": key(3)}
    assert idle(sources, env_open="variables come from Secret app").reason.endswith("is active")
    assert idle({}, env_open="variables come from Secret app").data == 60
    conditional = {f"{MAIN}.yml": "spring.config.activate.on-profile: prod & eu\nserver.tomcat.keep-alive-timeout: 3s"}
    assert not idle(conditional).known


def test_what_a_configuration_server_may_set_is_unsure() -> None:
    sources = {f"{MAIN}.properties": key(75) + "spring.config.import=configserver:http://config"}
    value = idle(sources)
    assert (value.data, value.confidence) == (75, Confidence.LOW)
    assert idle({f"{MAIN}.properties": key(75)}).confidence > Confidence.LOW


def test_options_that_a_script_passes_on_count_and_unset_ones_are_none() -> None:
    script = "sh -c 'exec java $JAVA_OPTS -jar app.jar'"
    assert idle({}, script).data == 60
    assert idle({}, script, env={"JAVA_OPTS": "-Xmx1g -Dserver.tomcat.keep-alive-timeout=70s"}).data == 70
    assert not idle({}, script, env_open="variables come from Secret app").known
    assert idle({}, "/app/bin/app").confidence > Confidence.LOW
    assert idle({}, "/app/bin/app", env={"APP_OPTS": "-Xmx1g"}).confidence is Confidence.LOW


def test_copied_sources_are_no_settings_of_the_container() -> None:
    sources = {f"{MAIN}.properties": key(2), f"{MAIN}-prod.properties": key(3)}
    files = {f"/app/{path}": written for path, written in sources.items()}
    assert idle(sources, env={"SPRING_PROFILES_ACTIVE": "prod"}, files=files).data == 3


@pytest.mark.parametrize(
    ("command", "sources", "expected"),
    [
        ("java -jar app.jar", {"build.gradle": "dependencies { api 'io.undertow:undertow-core:2' }"}, "undertow"),
        (
            "java -cp app.jar com.acme.Main",
            {"build.gradle": "dependencies { implementation 'io.undertow:undertow-core:2'\n"
             "implementation 'org.eclipse.jetty:jetty-server:12' }"},
            "by its packages it may be jetty_embedded or undertow",
        ),
        (
            "java -jar app.jar",
            {"build.gradle": WEB["build.gradle"] + "\ndependencies { implementation 'io.undertow:undertow-core:2' }"},
            "spring_boot",
        ),
        ("java -jar a.jar", {"package.json": '{"dependencies": {"express": "4"}}'}, "a.jar is no server that is known"),
        ("sleep 3600", WEB, "sleep is no server that is known, and what it does is not seen"),
        ("/usr/bin/tail -f x", WEB, "/usr/bin/tail is no server that is known, and what it does is not seen"),
    ],
)  # fmt: skip
def test_a_program_of_its_own_is_recognised_by_the_one_server_that_it_is_built_from(
    command: str, sources: dict[str, str], expected: str
) -> None:
    found = recognise(launch(command, sources=sources))
    assert (found.reason if isinstance(found, Unrecognised) else found.product) == expected


def test_a_canon_that_nobody_knows_is_refused() -> None:
    with pytest.raises(RuleError, match="canon is 'sprnig'"):
        spellings("sprnig", "a.b")
