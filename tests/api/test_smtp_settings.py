"""A mail server is one address; passwords do not travel in the clear unless that is asked for."""

import pytest

from api.smtp_settings import MailServer, mail_server, sender


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


@pytest.mark.parametrize(
    "text",
    [
        "mail.example.org",
        "smtp://",
        "smtp://h/path",
        "smtp://h:port",
        "smtp://u@h",
        "smtp://h?starttls=maybe",
        "smtp://h?startls=never",
        "smtps://h?starttls=always",
    ],
)
def test_what_is_no_such_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"smtp|password"):
        mail_server(text)


@pytest.mark.parametrize("text", ["", "vivier", "a b@c.fr", "Vivier <a@b.fr>", "a@b.fr\nBcc: c@d.fr", "é@b.fr", "a@@b"])
def test_a_sender_is_a_bare_address(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        sender(text)


def test_a_sender_may_have_any_domain() -> None:
    assert [sender(text) for text in ("sourcing@example.org", "vivier@localhost")]
