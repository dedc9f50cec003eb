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
    # each a letter of its own, none of IDNA
    "chef@e\u017f\u017fonne.fr": None,
    "chef@essonne.\ufb01": None,
    "che\ufb00@essonne.fr": None,
    "\u212aarl@essonne.fr": None,
    "karl@\u212aarl.fr": None,
    "ſophie@essonne.fr": None,
    "chéf@essonne.fr": None,
    "chef@\uff45ssonne.fr": None,
    "\uff43hef@essonne.fr": None,
    "chef@École.fr": None,
    "chef@e\u0301cole.fr": None,
    "chef@ess\u00adonne.fr": None,
    "chef@ess\u200donne.fr": None,
    # dots, ends and blanks
    "chef@essonne\u3002fr": None,
    "chef@essonne\uff0efr": None,
    "chef@essonne.fr.": None,
    "chef@essonne..fr": None,
    "chef@.fr": None,
    " chef@essonne.fr": None,
    "chef@essonne.fr\n": None,
    "chef@essonne.fr\u3000": None,
    "che f@essonne.fr": None,
    "chef@essonne.fr\0": None,
    # other forms
    '"chef"@essonne.fr': None,
    '"a@b"@essonne.fr': None,
    "chef\uff20essonne.fr": None,
    "x@chef@essonne.fr": None,
    "chef@[127.0.0.1]": None,
    "chef(x)@essonne.fr": None,
    "@essonne.fr": None,
    "chef@": None,
    "essonne.fr": None,
    "": None,
    f"chef@{'e' * 64}.fr": None,
}


@pytest.mark.parametrize(("text", "form"), WRITTEN.items(), ids=map(ascii, WRITTEN))
def test_an_address_has_one_form_or_none(text: str, form: str | None) -> None:
    assert comparable_address(text) == form
    assert form is None or comparable_address(form) == form


def test_mail_goes_to_the_domain_that_is_written() -> None:
    domains = {"eßonne.fr": "xn--eonne-lqa.fr", "Essonne.fr": "essonne.fr", "e\u017fsonne.fr": None, "a_b.fr": "a_b.fr"}
    assert {each: ascii_domain(each) for each in domains} == domains
