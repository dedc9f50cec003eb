"""A mail server is one address; passwords do not travel in the clear unless that is asked for.

An address is that of one mailbox: what only looks like it, or folds to it, is another or none.
"""

from collections.abc import Callable

import pytest

from api.people_settings import MailServer, ascii_domain, comparable_address, mail_server, sender_address


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("smtps://u:p@h", MailServer("h", 465, "u", "p", "tls")),
        ("smtp://u:p@h", MailServer("h", 587, "u", "p", "always")),
        ("smtp://h:25/", MailServer("h", 25, None, None, "offered")),
        ("smtp://h?starttls=always", MailServer("h", 587, None, None, "always")),
        ("smtp://u:p@h?starttls=never", MailServer("h", 587, "u", "p", "never")),
        ("smtp://u%40x:p%2F%3A@[::1]:25", MailServer("::1", 25, "u@x", "p/:", "always")),
    ],
)
def test_an_address_says_where_and_how(text: str, server: MailServer) -> None:
    assert mail_server(text) == server
    assert sender_address("vivier@localhost") == "vivier@localhost"


NO_SENDERS = ("", "vivier", "a b@c.fr", "Vivier <a@b.fr>", "a@b.fr\nBcc: c@d.fr", "é@b.fr", "a@@b")
NO_SERVERS = [
    *("mail.example.org", "smtp://", "smtp://h/path", "smtp://h:port", "smtp://u@h", "smtp://h?starttls=maybe"),
    *("smtp://h?startls=never", "smtps://h?starttls=always"),
]


@pytest.mark.parametrize(
    ("read", "text"), [*((sender_address, each) for each in NO_SENDERS), *((mail_server, each) for each in NO_SERVERS)]
)
def test_what_is_no_such_address_is_refused(read: Callable[[str], object], text: str) -> None:
    """A sender is a bare address."""
    with pytest.raises(ValueError, match=r"address|smtp|password"):
        read(text)


WRITTEN = {
    "chef@essonne.fr": "chef@essonne.fr",
    "Chef@Essonne.FR": "chef@essonne.fr",
    "chef@eßonne.fr": "chef@xn--eonne-lqa.fr",
    "chef@xn--eonne-lqa.fr": "chef@xn--eonne-lqa.fr",
    "chef@XN--EONNE-LQA.fr": "chef@xn--eonne-lqa.fr",
    "chef@école.fr": "chef@xn--cole-9oa.fr",
    "chef@XN--cole-9oa.FR": "chef@xn--cole-9oa.fr",
    "o'neill+a.b_c@x-y.example": "o'neill+a.b_c@x-y.example",
}
NOT_COMPARED = (
    # each a letter of its own, none of IDNA
    *("chef@e\u017f\u017fonne.fr", "chef@essonne.\ufb01", "che\ufb00@essonne.fr", "\u212aarl@essonne.fr"),
    *("karl@\u212aarl.fr", "ſophie@essonne.fr", "chéf@essonne.fr", "chef@\uff45ssonne.fr", "\uff43hef@essonne.fr"),
    *("chef@École.fr", "chef@e\u0301cole.fr", "chef@ess\u00adonne.fr", "chef@ess\u200donne.fr"),
    # dots, ends and blanks
    *("chef@essonne\u3002fr", "chef@essonne\uff0efr", "chef@essonne.fr.", "chef@essonne..fr", "chef@.fr"),
    *(" chef@essonne.fr", "chef@essonne.fr\n", "chef@essonne.fr\u3000", "che f@essonne.fr", "chef@essonne.fr\0"),
    # other forms
    *('"chef"@essonne.fr', '"a@b"@essonne.fr', "chef\uff20essonne.fr", "x@chef@essonne.fr", "chef@[127.0.0.1]"),
    *("chef(x)@essonne.fr", "@essonne.fr", "chef@", "essonne.fr", "", f"chef@{'e' * 64}.fr"),
)


@pytest.mark.parametrize(("text", "form"), WRITTEN.items())
def test_an_address_has_one_form(text: str, form: str) -> None:
    assert comparable_address(text) == comparable_address(form) == form


@pytest.mark.parametrize("text", NOT_COMPARED, ids=ascii)
def test_what_only_looks_like_an_address_has_no_form(text: str) -> None:
    assert comparable_address(text) is None


def test_mail_goes_to_the_domain_that_is_written() -> None:
    domains = {"eßonne.fr": "xn--eonne-lqa.fr", "Essonne.fr": "essonne.fr", "e\u017fsonne.fr": None, "a_b.fr": "a_b.fr"}
    assert {each: ascii_domain(each) for each in domains} == domains
