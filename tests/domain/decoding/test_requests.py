"""What does not decode is explained: where, why, and what was probably meant.

Objects that name a member twice, and halves of characters, are refused.
"""

import json
import tracemalloc
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decoding.requests import (
    decode_with_plain,
    explain,
    find_lone_surrogate,
    find_null_character,
    find_repeated_key,
)
from domain.errors import Problem
from domain.needs.need import Need

NEED: dict[str, Any] = {
    "reference": "R-1",
    "on": "2026-11-24",
    "buyer": {"siret": "22560001400016", "kind": "local"},
    "territory": {"geometry": {"type": "Polygon", "coordinates": [[[0, 47], [1, 47], [1, 48], [0, 47]]]}},
    "lots": [{"id": "1", "segments": ["pr-locaux"], "nature": "services", "reserved": ["iae"], "site": {"lat": 47.5}}],
    "limit": 5,
}


class Sundry(msgspec.Struct, forbid_unknown_fields=True):
    """Types that a need does not have."""

    counts: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}
    id: UUID | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    pair: tuple[int, str] | None = None
    initials: (
        Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", description="Two capitals", extra={"fr": "deux capitales"})]
        | None
    ) = None


def mistake(document: str | bytes, kind: Any = Need) -> Problem | None:
    try:
        msgspec.json.decode(document, type=kind)
    except msgspec.ValidationError as error:
        return explain(error, kind)
    return None


def why(document: str, kind: Any = Need) -> Problem:
    found = mistake(document, kind)
    assert found is not None
    return found


WHOLE = "Expected a whole number or null, got a"


def of_lot(member: str) -> str:
    return f'{{"lots":[{{"id":"1"}},{{"id":"2",{member}}}]}}'


@pytest.mark.parametrize(
    ("document", "pointer", "code", "english"),
    [
        ("[]", "", "wrong_type", "Expected an object, got a list"),
        ("{}", "/lots", "missing_field", "The field “lots” is required"),
        ('{"lotz":[]}', "/lotz", "unknown_field", "Unknown field: “lotz”; did you mean “lots”?"),
        ('{"lots":[]}', "/lots", "wrong_length", "Expected at least 1 item"),
        ('{"lots":[{}]}', "/lots/0/id", "missing_field", "The field “id” is required"),
        (
            of_lot('"segmets":[]'),
            "/lots/1/segmets",
            "unknown_field",
            "Unknown field: “segmets”; did you mean “segments”",
        ),
        (of_lot('"a/b":1'), "/lots/1/a~1b", "unknown_field", "Unknown field: “a/b”; allowed: id, title"),
        (of_lot('"value_eur":"1"'), "/lots/1/value_eur", "wrong_type", "Expected a number or null, got a text"),
        (of_lot('"duration_months":1.5'), "/lots/1/duration_months", "wrong_type", f"{WHOLE} number"),
        (of_lot('"duration_months":true'), "/lots/1/duration_months", "wrong_type", f"{WHOLE} boolean"),
        (of_lot('"duration_months":0'), "/lots/1/duration_months", "out_of_range", "Expected at least 1"),
        (of_lot('"value_eur":-0.5'), "/lots/1/value_eur", "out_of_range", "Expected at least 0"),
        (of_lot('"max_distance_km":0'), "/lots/1/max_distance_km", "out_of_range", "Expected more than 0"),
        (of_lot('"value_eur":1e400'), "/lots/1/value_eur", "out_of_range", "Number too large"),
        (
            of_lot('"nature":"servces"'),
            "/lots/1/nature",
            "unknown_value",
            "Unknown value: “servces”; did you mean “services”",
        ),
        (of_lot('"nature":"x"'), "/lots/1/nature", "unknown_value", "Unknown value: “x”; allowed: services, supplies"),
        (of_lot('"reserved":["iae","epi"]'), "/lots/1/reserved/1", "unknown_value", "Unknown value: “epi”"),
        (of_lot('"title":""'), "/lots/1/title", "wrong_length", "Expected at least 1 character"),
        (of_lot('"site":{"lat":91}'), "/lots/1/site/lat", "out_of_range", "Expected at most 90"),
        ('{"lots":[{"id":"1"}],"on":"2026-13-01"}', "/on", "wrong_format", "Expected a date: YYYY-MM-DD"),
        (
            '{"lots":[{"id":"1"}],"buyer":{"siret":"12"}}',
            "/buyer/siret",
            "wrong_format",
            "Expected format: SIRET: 14 digits",
        ),
        (
            of_lot('"territory":{"geometry":{"type":"Point","coordinates":[1,2]}}'),
            "/lots/1/territory/geometry/type",
            "unknown_value",
            "Unknown value: “Point”; allowed: MultiPolygon, Polygon",
        ),
        (
            of_lot('"territory":{"geometry":{"type":"Polygon","coordinates":[[[1]]]}}'),
            "/lots/1/territory/geometry/coordinates/0/0",
            "wrong_length",
            "Expected at least 2 items",
        ),
    ],
)
def test_needs(document: str, pointer: str, code: str, english: str) -> None:
    """The place to the member, the code, and a sentence; a near spelling or the allowed values where they are few."""
    problem = why(document)
    assert (problem.pointer, problem.code) == (pointer, code)
    assert problem.detail.en.startswith(english)
    assert problem.detail.fr != problem.detail.en


@pytest.mark.parametrize(
    ("document", "pointer", "code", "french"),
    [
        ('{"counts":{"a":"x"}}', "/counts", "wrong_type", "Attendu : un nombre entier ; reçu : un texte"),
        ('{"counts":{"a":-1}}', "/counts", "out_of_range", "Valeur attendue : au moins 0"),
        ('{"id":"x"}', "/id", "wrong_format", "UUID attendu"),
        ('{"at":"x"}', "/at", "wrong_format", "Date et heure attendues : 2026-11-24T09:00:00+01:00"),
        ('{"at":"2026-11-24T09:00:00"}', "/at", "wrong_format", "L'heure se donne avec son décalage"),
        ('{"pair":[1]}', "/pair", "wrong_length", "Longueur attendue : exactement 2 éléments"),
        ('{"pair":["a","b"]}', "/pair/0", "wrong_type", "Attendu : un nombre entier ; reçu : un texte"),
        ('{"initials":"ab"}', "/initials", "wrong_format", "Format attendu : deux capitales"),
    ],
)
def test_other_types(document: str, pointer: str, code: str, french: str) -> None:
    """Dictionaries are pointed to as a whole: the decoder does not say which key."""
    problem = why(document, Sundry)
    assert (problem.pointer, problem.code) == (pointer, code)
    assert problem.detail.fr.startswith(french)


def test_words_like_a_message_lead_nowhere_else() -> None:
    """The client's own words in the decoder's message name an unknown field or value."""
    for name in ["a - at `$.limit`", "`", "a`b", "- at `$", "é\n"]:
        problem = why(msgspec.json.encode({name: 1}).decode())
        assert (problem.pointer, problem.code) == ("/" + name, "unknown_field")
    for value in ["a - at `$.limit`", "`", "a`b", "- at `$", "' - at `$.limit`"]:
        lot = of_lot(f'"nature":{msgspec.json.encode(value).decode()}')
        problem = why(lot)
        assert (problem.pointer, problem.code) == ("/lots/1/nature", "unknown_value")


def test_long_words_are_neither_sent_back_nor_compared_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pointer leads to what holds the field; comparing would make a table of all letters."""
    for member, pointer, code in [
        (f'"{"x" * 300_000}":1', "/lots/1", "unknown_field"),
        (f'"nature":"{"x" * 300_000}"', "/lots/1/nature", "unknown_value"),
    ]:
        problem = why(of_lot(member))
        assert (problem.pointer, problem.code) == (pointer, code)
        assert len(problem.detail.fr) < 500
    compared: list[int] = []
    monkeypatch.setattr("domain.decoding.requests.get_close_matches", lambda word, *_, **__: compared.append(len(word)))
    why(of_lot(f'"{"x" * 300_000}":1'))
    why(of_lot(f'"nature":"{"x" * 300_000}"'))
    assert max(compared) <= 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


def places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [at] + [place for step, value in members for place in places(value, (*at, step))]


@given(place=st.sampled_from(places(NEED)), name=st.none() | st.text(max_size=4), value=JSON)
def test_any_mistake_is_found_where_it_was_made(place: tuple[Any, ...], name: str | None, value: Any) -> None:
    """One value replaced or added: the decoder takes it, or the problem points to it or into it."""
    document = msgspec.json.decode(msgspec.json.encode({"": NEED}))
    steps: tuple[Any, ...] = ("", *place)
    target: Any = document
    for step in steps[:-1]:
        target = target[step]
    if name is not None and isinstance(target[steps[-1]], dict):
        target, steps = target[steps[-1]], (*steps, name)
    target[steps[-1]] = value
    problem = mistake(msgspec.json.encode(document[""]))
    made_at = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps[1:])
    assert problem is None or problem.pointer.startswith(made_at)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (b'{"a": 1, "a": 2}', "/a"),
        (b'{"a": [1, {"b/c": 1, "b/c": 1}]}', "/a/1/b~1c"),
        (b'{"\\u0061": 1, "a": 1}', "/a"),
        (b'{"a": "\\u003a", "b": 1, "b": 1}', "/b"),
        (b'{"a": "\\u003A", "b" : 1, "b": 1}', "/b"),
        (b'{"a": 1e999, "b": 1, "b": 1}', "/b"),
        (b'{"a": "\\ud800", "b": 1, "b": 1}', "/b"),
    ],
)
def test_the_repeated_member_is_located(document: bytes, where: str) -> None:
    problem = find_repeated_key(document)
    assert problem is not None
    assert (problem.pointer, problem.code) == (where, "duplicate_key")


class Members(list[tuple[str, object]]):
    """The members of an object as they are to be written."""


_DOCUMENTS = st.recursive(
    st.none() | st.text(alphabet='a:"\\\\é\\u003a', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.tuples(st.sampled_from(["a", "b", ":", '":']), inner), max_size=4).map(Members)
    ),
    max_leaves=12,
)


@given(_DOCUMENTS, st.booleans(), st.sampled_from([":", " : "]))
def test_a_member_is_repeated_wherever_some_object_names_it_twice(value: object, ascii_: bool, colon: str) -> None:
    """However texts are escaped and whatever blanks stand about; no plain document is then vouched for."""
    raw, decoder = written(value, ascii_, colon).encode(), msgspec.json.Decoder[Any](Any)
    is_repeated = find_repeated_key(raw) is not None
    assert is_repeated == repeats(value)
    typed, document = decode_with_plain(raw, decoder)
    assert typed == decoder.decode(raw)
    assert document in ((None,) if is_repeated else (None, typed))


def test_the_search_for_a_repeated_member_holds_no_more_than_the_document() -> None:
    """Many texts deep in lists: no path is held for each of them (10 MB sent would take gigabytes)."""
    raw = ('{"\\u003a":' + "[" * 200 + '"a",' * 20_000 + '"a"' + "]" * 200 + "}").encode()
    tracemalloc.start()
    found = find_repeated_key(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is None
    assert peak < 50 * len(raw)


class Loan(msgspec.Struct):
    """A type of which JSON has no values of its own."""

    on: date
    rate: float
    by: dict[int, str] = {}


def test_decoding_once_reads_and_refuses_as_the_decoder() -> None:
    """Texts become dates and numbers."""
    for raw in [b'{"on":"2026-11-24","rate":1}', b'{"on":"2026-11-24","rate":1e2,"by":{"1":"a"}}']:
        decoder = msgspec.json.Decoder(Loan)
        assert decode_with_plain(raw, decoder) == (decoder.decode(raw), json.loads(raw))
    for raw in [b"{", b'{"on":1,"on":"2026-11-24","rate":1}', b'{"on":"2026-11-24","rate":1e999}', b"[" * 100_000]:
        decoder = msgspec.json.Decoder(Loan)
        with pytest.raises(msgspec.DecodeError) as expected:
            decoder.decode(raw)
        with pytest.raises(msgspec.DecodeError) as refused:
            decode_with_plain(raw, decoder)
        assert str(refused.value) == str(expected.value)


def written(value: object, ascii_: bool, colon: str) -> str:
    if isinstance(value, Members):
        return "{" + ",".join(text(key, ascii_) + colon + written(inner, ascii_, colon) for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(inner, ascii_, colon) for inner in value) + "]"
    return text(value, ascii_)


def text(value: object, ascii_: bool) -> str:
    """As JSON permits: plain, or its colons and all beyond ASCII escaped."""
    return json.dumps(value, ensure_ascii=ascii_).replace(":", "\\u003a" if ascii_ else ":")


def repeats(value: object) -> bool:
    if isinstance(value, Members):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(repeats, value))


def test_half_a_character_and_a_null_are_located() -> None:
    """Whole characters, and what is not JSON, are left alone."""
    for document, where in [
        (b'"\\ud800"', ""),
        (b'{"a": ["\\ud83d\\ude00", "x\\udc00"]}', "/a/1"),
        (b'{"a": {"\\ud800": 1}}', "/a"),
    ]:
        problem = find_lone_surrogate(document)
        assert problem is not None
        assert (problem.pointer, problem.code) == (where, "lone_surrogate")
    for document in [b'"\\ud83d\\ude00"', '["é😀"]'.encode(), b'"\\ud800', b"[" * 100_000, b"\xff"]:
        assert find_lone_surrogate(document) is None
    for document, where in [(b'["a", "\\u0000"]', "/1"), (b'{"a": {"\\u0000": 1}}', "/a")]:
        problem = find_null_character(document)
        assert problem is not None
        assert (problem.pointer, problem.code) == (where, "null_character")
    assert find_null_character(b'"\\\\u0000"') is None
