from __future__ import annotations

from collections.abc import Mapping

import pytest

from kubelint5xx.core.node import Node, Scalar, Sequence, Unresolved
from kubelint5xx.core.source import Source, Span
from kubelint5xx.formats import argv


def line(text: str) -> Scalar:
    source = Source("cmd", text)
    return Scalar(Span(source, 0, len(text)), text, text)


def words(text: str, env: Mapping[str, Node] | None = None) -> Sequence:
    scalar = line(text)
    found = argv.split(scalar, env)
    assert not isinstance(found, Unresolved)
    return Sequence(scalar.span, found)


def values(nodes: tuple[Node, ...]) -> list[object]:
    return [node.value if isinstance(node, Scalar) else "?" for node in nodes]


@pytest.mark.parametrize(
    ("text", "key", "value", "place"),
    [
        ("gunicorn --keep-alive 75 app", "--keep-alive", "75", "75"),
        ("gunicorn --keep-alive=75 app", "--keep-alive", "75", "75"),
        ("gunicorn -k gthread app", "-k", "gthread", "gthread"),
        ("gunicorn -kgthread app", "-k", "gthread", "gthread"),
        ("java -Dserver.idle=75 -jar x.jar", "-Dserver.idle", "75", "75"),
        ("java -jar start.jar jetty.http.idleTimeout=75000", "jetty.http.idleTimeout=", "75000", "75000"),
        ("serve --idle -1 x", "--idle", "-1", "-1"),
        ("gunicorn --keep-alive='75' app", "--keep-alive", "75", "75"),
        ("gunicorn --reload --preload", "--reload", True, "--reload"),
        ("gunicorn --preload", "--preload", True, "--preload"),
    ],
)
def test_flag_has_its_value_and_the_values_place(text: str, key: str, value: object, place: str) -> None:
    (node,) = argv.lookup(words(text), key, None)
    assert isinstance(node, Scalar)
    assert (node.value, node.span.text) == (value, place)


def test_repeated_flags_come_in_order_and_longer_flags_do_not_match() -> None:
    root = words("x --keep-alive 5 --keep-alive-max 9 --keep-alive=7")
    assert values(argv.lookup(root, "--keep-alive", None)) == ["5", "7"]


def test_a_word_of_its_own_is_found_by_its_end() -> None:
    root = words("uwsgi --ini /app/base.ini --stats=x.ini prod.ini $MORE")
    assert values(argv.lookup(root, "*.ini", None)) == ["/app/base.ini", "prod.ini", "?"]
    assert argv.lookup(words("uwsgi --http :80 --module ini"), "*.ini", None) == ()


def test_unknown_words_that_may_hold_the_flag_are_results() -> None:
    assert values(argv.lookup(words("gunicorn $OPTS app"), "--keep-alive", None)) == ["?"]
    assert values(argv.lookup(words('exec gunicorn "$@"'), "--keep-alive", None)) == ["?"]
    assert values(argv.lookup(words("gunicorn --keep-alive=$KA app"), "--keep-alive", None)) == ["?"]
    assert values(argv.lookup(words("gunicorn --keep-alive $KA app"), "--keep-alive", None)) == ["?"]
    assert argv.lookup(words("gunicorn --bind 0.0.0.0:$PORT app"), "--keep-alive", None) == ()
    assert argv.lookup(words("gunicorn --workers $WORKERS app"), "--keep-alive", None) == ()


def test_split_reads_quotes_and_escapes() -> None:
    root = words("""sh -c "exec gunicorn \\"a b\\"" 'c $d' e\\ f '' # g""")
    assert values(root.items) == ["sh", "-c", 'exec gunicorn "a b"', "c $d", "e f", "", "#", "g"]
    assert root.items[3].span.text == "'c $d'"


def test_open_quote_is_unresolved() -> None:
    assert isinstance(argv.split(line("sh -c 'x")), Unresolved)


@pytest.mark.parametrize("text", ["$X", "${X:-75}", "`x`", "$(x y)", '"a$X"', "$((60 + 15))"])
def test_substitutions_are_unresolved_with_the_words_place(text: str) -> None:
    (node,) = words(text).items
    assert isinstance(node, Unresolved)
    assert node.span.text == text
    assert node.reason.startswith("the shell ")


def test_known_variables_are_substituted_with_their_place() -> None:
    value = line("75")
    for text in ("$KA", "${KA}", "${KA:-5}", "$(KA)", '"$KA"'):
        node = words(f"--keep-alive {text}", {"KA": value}).items[1]
        assert isinstance(node, Scalar)
        assert node.value == "75"
        assert node.span == value.span
        assert [span.text for span in node.via] == [text]
    (joined,) = argv.lookup(words("x --keep-alive=$(KA)", {"KA": value}), "--keep-alive", None)
    assert values((joined,)) == ["75"]


def test_unquoted_variable_is_split_into_words_at_their_places() -> None:
    options = line("-w 4  --keep-alive 75")
    root = words("gunicorn $OPTS app", {"OPTS": options})
    assert values(root.items) == ["gunicorn", "-w", "4", "--keep-alive", "75", "app"]
    assert root.items[4].span == Span(options.span.source, 19, 21)


def test_unresolved_variable_keeps_its_reason_and_place() -> None:
    secret = Unresolved(line("secretKeyRef").span, "from a Secret")
    (node,) = words("$KA", {"KA": secret}).items
    assert isinstance(node, Unresolved)
    assert (node.reason, node.span) == ("from a Secret", secret.span)
    assert values(argv.lookup(words("g $KA", {"KA": secret}), "--x", None)) == ["?"]


def test_decoded_text_is_found_by_counting() -> None:
    source = Source("x.yaml", '"sh -c \\"sleep 20\\" x 20"')
    scalar = Scalar(Span(source, 0, len(source.text)), 'sh -c "sleep 20" x 20', 'sh -c "sleep 20" x 20', quoted=True)
    found = argv.split(scalar)
    assert not isinstance(found, Unresolved)
    assert found[-1].span == Span(source, source.text.rindex("20"), source.text.rindex("20") + 2)
