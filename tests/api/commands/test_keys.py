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


def test_a_key_may_end_and_have_a_quota(within: Within) -> None:
    """The end is that of the day in France; a day that is over makes no key."""
    create = ("keys", "create", "--name", "Relais", "--organisation", "o", "--scope", "match")
    assert within(*create, "--expires", "2020-01-01").status == 2
    assert within(*create, "--rate", "0").status == 2
    assert within(*create, "--expires", "2099-06-30", "--rate", "600").status == 0
    listed = within("keys", "list").out
    assert "2099-06-30" in listed
    assert "600/min" in listed


def test_a_key_that_writes_names_its_sources(within: Within) -> None:
    """A key that could write nothing is a slip, and is said to be one."""
    create = ("keys", "create", "--name", "n", "--organisation", "o", "--scope")
    assert within(*create, "sync").status == 2
    assert within(*create, "match", "--source", "a").status == 2
    assert within(*create, "sync", "--source", "a").status == 0


def test_an_organisation_is_named_by_its_id_or_a_new_one_by_words(within: Within) -> None:
    """Else there were two organisations that one id stands for."""
    create = ("keys", "create", "--name", "n", "--scope", "match", "--organisation")
    refused = within(*create, "01a21b0d-0723-7687-bfc3-066c8dd7d12f")
    assert (refused.status, "words are expected" in refused.err) == (2, True)
