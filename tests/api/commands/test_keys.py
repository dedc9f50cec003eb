"""`vivier keys` beside a running server."""

from tests.api.commands.conftest import Server, Within

NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'


def test_the_life_of_a_key(server: Server, within: Within) -> None:
    """Created, used at once, listed without its secret, revoked, refused."""
    create = ("keys", "create", "--name", "Achats", "--organisation", "Ville [de] Rennes", "--scope", "match")
    key = within(*create).out.splitlines()[-1]
    assert server.ask("POST", "/match", NEED, key=key).status == 200
    listed = within("keys", "list").out
    assert "Achats" in listed
    assert key not in listed
    assert within("keys", "revoke", key[:15]).status == 0
    assert server.ask("POST", "/match", NEED, key=key).status == 401
    assert within("keys", "revoke", key[:15]).status == 1


def test_a_key_may_end_and_have_a_quota_and_sources(within: Within) -> None:
    """The end is that of the day in France; a key that could write nothing, or works no more, is a slip.

    An organisation is named by its id, or a new one by words: else there were two that one id stands for.
    """
    create = ("keys", "create", "--name", "Relais", "--organisation", "o", "--scope")
    assert within(*create, "match", "--expires", "2099-06-30", "--rate", "600").status == 0
    listed = within("keys", "list").out
    assert "2099-06-30" in listed
    assert "600/min" in listed
    assert within(*create, "sync", "--source", "a").status == 0
    for wrong in (
        ("match", "--expires", "2020-01-01"),
        ("match", "--rate", "0"),
        ("sync",),
        ("match", "--source", "a"),
    ):
        assert within(*create, *wrong).status == 2
    refused = within(*create, "match", "--organisation", "01a21b0d-0723-7687-bfc3-066c8dd7d12f")
    assert (refused.status, "words are expected" in refused.err) == (2, True)
