"""The needs that speed is measured on are varied, valid and never the same body twice."""

from collections import Counter
from itertools import islice

import msgspec

from bench.needs import DENSE, KINDS, bodies, needs, other_segments
from domain.needs.need import Need
from tests.factories import reference

ROTATION = 200


def test_they_are_valid_and_of_all_kinds() -> None:
    asked = needs(ROTATION, 7, reference())
    assert Counter(each.kind for each in asked) == {kind: 10 * count for kind, count in Counter(KINDS).items()}
    for body in islice(bodies(asked), ROTATION):
        reference().reader.read(msgspec.json.decode(body, type=Need))
    segments = {segment for each in asked for lot in each.segments for segment in lot}
    assert segments == set(reference().taxonomy.segments)
    assert reference().reader.read(msgspec.json.decode(DENSE, type=Need))


def test_a_seed_says_which_and_no_body_is_sent_twice() -> None:
    asked = needs(20, 7, reference())
    assert asked == needs(20, 7, reference()) != needs(20, 8, reference())
    sent = [*islice(bodies(asked), 40), *islice(bodies(asked), 40)]
    assert len(set(sent)) == 80
    assert {msgspec.json.decode(body, type=Need).reference for body in sent[:20]} != {None}


def test_other_segments_leave_the_rest_as_it_is() -> None:
    asked = needs(20, 7, reference())
    others = other_segments(asked, 9, reference())
    assert [each.content["territory"] for each in others] == [each.content["territory"] for each in asked]
    assert [each.segments for each in others] != [each.segments for each in asked]
