"""A link signs in once, and not for long."""

from api.runtime.one_time_links import LINK_SECONDS, OneTimeLinks


def test_a_link_opens_once() -> None:
    links = OneTimeLinks()
    token = links.issue("key")
    assert [links.redeem(token), links.redeem(token), links.redeem("other")] == ["key", None, None]


def test_a_link_that_is_too_old_opens_nothing() -> None:
    now = [0.0]
    links = OneTimeLinks(lambda: now[0])
    token = links.issue("key")
    now[0] = LINK_SECONDS
    assert links.redeem(token) is None
