"""Settings are read once, strictly, and every one of them is documented.

A mail server is one address; passwords do not travel in the clear unless that is asked for. An address is that of one
mailbox: what only looks like it, or folds to it, is another or none.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api.app import create_app
from api.people_settings import MailServer, ascii_domain, comparable_address, mail_server, sender_address
from api.settings import VARIABLES, BadSetting, read_settings
from domain.law.findings import sentences_of
from domain.law.rules import LAW_FILE
from matching.reference import Reference, load_reference
from tests.api.conftest import alive

MAIL = {
    "VIVIER_SMTP_URL": "smtp://mail.example.org",
    "VIVIER_MAIL_FROM": "sourcing@example.org",
    "VIVIER_PUBLIC_URL": "https://vivier.example.org",
}
PROVIDER = {
    "VIVIER_OIDC_ISSUER": "https://connexion.example.org/api/v2",
    "VIVIER_OIDC_CLIENT_ID": "vivier",
    "VIVIER_OIDC_CLIENT_SECRET": "a-secret-of-both",
    "VIVIER_PUBLIC_URL": "https://vivier.example.org",
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_in_the_table() -> None:
    """docs/settings.md names each variable once and nothing else."""
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert list(VARIABLES) == [row.split("`")[1] for row in rows]


def test_values_are_read() -> None:
    """Each kind as its type; limits are given in MiB, and a laptop needs none."""
    unset = read_settings({})
    assert (unset.host, unset.port, unset.workers, unset.database_url) == ("127.0.0.1", 8000, 1, None)
    assert unset.home.name == "vivier"
    settings = read_settings(
        {
            "DATABASE_URL": "postgresql://u:p@h/d",
            "VIVIER_PORT": "0",
            "VIVIER_BODY_LIMIT_MIB": "2",
            "VIVIER_LOG_FORMAT": "Console",
            "VIVIER_PUBLIC_URL": "https://vivier.example.org/",
            "VIVIER_HOME": "/srv/vivier",
            "VIVIER_TILES_URL": "https://tuiles.example.org/{z}/{x}/{y}.png?v=1",
            "VIVIER_CORS_ORIGINS": "https://portail.example.org, HTTPS://Other.example.org:8443",
        }
    )
    assert settings.tiles_url == "https://tuiles.example.org/{z}/{x}/{y}.png?v=1"
    assert settings.cors_origins == ("https://portail.example.org", "https://other.example.org:8443")
    assert (settings.port, settings.body_limit, settings.log_format) == (0, 2 << 20, "console")
    assert (settings.public_url, settings.home) == ("https://vivier.example.org", Path("/srv/vivier"))
    # `VIVIER_ADMIN_KEY=` in a compose file is no key, rather than an empty one that anybody has
    assert read_settings({"VIVIER_ADMIN_KEY": "", "VIVIER_PORT": " "}).admin_key is None


def test_the_pool_never_has_more_connections_than_are_allowed() -> None:
    """Half as many more than it keeps, at a peak; nearly all of those allowed are used."""
    for connections in range(6, 201):
        kept = read_settings({"VIVIER_DATABASE_CONNECTIONS": str(connections)}).pool_size
        assert connections - 1 <= kept + kept // 2 <= connections


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgresql://h/d", "postgresql://h/d?target_session_attrs=any"),
        ("postgresql://h/d?sslmode=require", "postgresql://h/d?sslmode=require&target_session_attrs=any"),
        ("postgresql://h/d?target_session_attrs=standby", "postgresql://h/d?target_session_attrs=standby"),
    ],
)
def test_a_copy_of_the_database_may_be_a_standby(given: str, read: str) -> None:
    assert read_settings({"VIVIER_READ_URL": given}).read_url == read


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "mysql://h/d"),
        *(("VIVIER_PORT", port) for port in ("65536", "-1", "eighty")),
        ("VIVIER_WORKERS", "0"),
        ("VIVIER_LOG_LEVEL", "loud"),
        ("VIVIER_PUBLIC_URL", "vivier.example.org"),
        ("VIVIER_KEY_CACHE_SECONDS", "61"),
        *(("VIVIER_ADMIN_KEY", key) for key in ("two words of length", "letters")),
        ("VIVIER_GRACE_SECONDS", "-1"),
        ("VIVIER_WEBHOOK_PRIVATE", "yes"),
        ("VIVIER_SMTP_URL", "https://mail.example.org"),
        ("VIVIER_MAIL_FROM", "Vivier"),
        ("VIVIER_REPLY_LINK_DAYS", "0"),
        ("VIVIER_CONTACT", "Vivier"),
        ("VIVIER_OIDC_ISSUER", "http://connexion.example.org"),
        ("VIVIER_OIDC_SCOPES", "email profile"),
        *(("VIVIER_OIDC_MEMBERS", who) for who in ("exemple.fr=Département", "@exemple.fr=A; @Exemple.fr=B")),
        ("VIVIER_OIDC_RIGHTS", "match,admin"),
        ("VIVIER_OIDC_ADMINISTRATORS", "@exemple.fr"),
        *(
            ("VIVIER_TILES_URL", address)
            for address in (
                "tuiles.example.org/{z}/{x}/{y}",
                "https://tuiles.example.org/{z}/{x}",
                "https://{s}.tuiles.example.org/{z}/{x}/{y}",
                "https://user:password@tuiles.example.org/{z}/{x}/{y}",
                "ftp://tuiles.example.org/{z}/{x}/{y}",
                "https://tuiles.example.org;script-src/{z}/{x}/{y}",
                "https://a.example.org *.example.org/{z}/{x}/{y}",
            )
        ),
        *(
            ("VIVIER_CORS_ORIGINS", text)
            for text in ("*", "a.example", "https://a.fr/", "https://a.fr/app", "ftp://a", ",")
        ),
        *(("VIVIER_JOURNAL_TO", to) for to in ("heads.jsonl", "mailto:nobody", "ftp://x.example/a")),
        *(("VIVIER_JOURNAL_KEY", key) for key in ("short", "AAAA", "é" * 44)),
    ],
)
def test_a_bad_value_is_named_with_what_would_be_right(name: str, text: str) -> None:
    """The message names the variable; secrets are not repeated in it."""
    with pytest.raises(BadSetting, match=f"^{name}.*expected") as refused:
        read_settings({name: text})
    secrets = {"DATABASE_URL", "VIVIER_ADMIN_KEY", "VIVIER_SMTP_URL", "VIVIER_JOURNAL_TO", "VIVIER_JOURNAL_KEY"}
    assert (text in str(refused.value)) == (name not in secrets)


def test_secrets_do_not_show() -> None:
    """A settings object may end up in a log."""
    mail = MAIL | {"VIVIER_SMTP_URL": "smtps://user:pa55@mail.example.org"}
    shown = repr(
        read_settings(mail | {"VIVIER_ADMIN_KEY": "s3cret-of-sixteen", "DATABASE_URL": "postgresql://u:pa55@h/d"})
    )
    assert "s3cret" not in shown
    assert "pa55" not in shown
    assert "pa55" not in repr(read_settings(mail).smtp)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"VIVIER_JOURNAL_TO": "mailto:dpo@example.org", "VIVIER_SMTP_URL": "x"}, "VIVIER_SMTP_URL"),
        *((MAIL, name) for name in ("VIVIER_MAIL_FROM", "VIVIER_PUBLIC_URL")),
        *((PROVIDER, name) for name in ("VIVIER_OIDC_CLIENT_ID", "VIVIER_OIDC_CLIENT_SECRET", "VIVIER_PUBLIC_URL")),
    ],
)
def test_mail_and_sign_in_need_all_that_makes_them_work(given: dict[str, str], lacking: str) -> None:
    """Else the first message or sign-in would fail, long after the start."""
    with pytest.raises(BadSetting, match=lacking):
        read_settings({name: value for name, value in given.items() if name != lacking})


def test_whom_a_provider_lets_in_is_read_as_machines_write_them() -> None:
    """Without regard to case, domains as IDNA has them."""
    members = "Anne@Exemple.fr = Ville de Vannes; @école.fr=Département (56); 22560001400016=A; Chef@eßonne.fr=B"
    given = {"VIVIER_OIDC_MEMBERS": members, "VIVIER_OIDC_RIGHTS": "read, match"}
    settings = read_settings({**PROVIDER, **given, "VIVIER_OIDC_ADMINISTRATORS": "chef@eßonne.fr"})
    assert dict(settings.oidc_members) == {
        "anne@exemple.fr": "Ville de Vannes",
        "@xn--cole-9oa.fr": "Département (56)",
        "22560001400016": "A",
        "chef@xn--eonne-lqa.fr": "B",
    }
    assert settings.oidc_rights == ("match", "read")
    assert settings.oidc_administrators == {"chef@xn--eonne-lqa.fr"}


@pytest.mark.parametrize("address", ["chéf@exemple.fr", "chef@eſſonne.fr", "chef@École.fr", "chef@exemple.fr."])
def test_an_address_that_is_compared_with_none_stops_the_program(address: str) -> None:
    """It would let nobody in, and its writer believe that it does."""
    for given in ({"VIVIER_OIDC_MEMBERS": f"{address}=Ville"}, {"VIVIER_OIDC_ADMINISTRATORS": address}):
        with pytest.raises(BadSetting, match="look-alikes"):
            read_settings({**PROVIDER, **given})
    with pytest.raises(BadSetting, match="look-alikes"):
        read_settings({**PROVIDER, "VIVIER_OIDC_MEMBERS": f"{address[address.index('@') :]}=Ville; é@exemple.fr=Ville"})


def test_an_administrator_needs_an_organisation_of_their_own() -> None:
    """Their domain might lead to another: they would be let in without the right that they were given."""
    given = {**PROVIDER, "VIVIER_OIDC_ADMINISTRATORS": "Anne@exemple.fr", "VIVIER_OIDC_MEMBERS": "@exemple.fr=Ville"}
    with pytest.raises(BadSetting, match=r"anne@exemple\.fr: VIVIER_OIDC_MEMBERS"):
        read_settings(given)
    named = read_settings(given | {"VIVIER_OIDC_MEMBERS": "@exemple.fr=Ville; anne@exemple.fr=Ville"})
    assert named.oidc_administrators == {"anne@exemple.fr"}


async def test_a_setting_that_means_nothing_is_told(reference: Reference) -> None:
    """A misspelt one with that probably meant."""
    settings = read_settings({"VIVIER_ADMINKEY": "x"})
    with capture_logs() as logs:
        async with alive(create_app(settings, reference, parts=())):
            pass
    assert [(each["event"], each["name"], each["nearest"]) for each in logs] == [
        ("unknown setting ignored", "VIVIER_ADMINKEY", "VIVIER_ADMIN_KEY")
    ]


def test_rules_of_ones_own_replace_the_law(tmp_path: Path) -> None:
    """A deployer sets what counsel goes by; what is served and matched follows. Nothing is matched by half a law."""
    law, other = LAW_FILE.read_text(encoding="utf-8"), tmp_path / "law.toml"
    place = law.index("{value = 3", law.index('id = "counsel_reservation_minimum"'))
    other.write_text(law[:place] + "{value = 5" + law[place + len("{value = 3") :], encoding="utf-8")
    rules = read_settings({"VIVIER_LAW_FILE": str(other)}).rules
    assert rules is not None
    assert rules.view(date(2026, 11, 24)).number("counsel_reservation_minimum") == 5
    assert load_reference(rules).rules is rules
    assert read_settings({}).rules is None
    for broken, complaint in (
        (law.replace("valid_from = 2026-04-01", "valid_from = 2026-04-02"), "2026-03-31"),
        (law.replace('id = "spaser"', 'id = "spazer"'), "spaser"),
        (law + "periods = [", "Invalid value"),
        ("", "Object missing required field"),
    ):
        other.write_text(broken, encoding="utf-8")
        with pytest.raises(BadSetting, match=f"VIVIER_LAW_FILE.*{complaint}"):
            read_settings({"VIVIER_LAW_FILE": str(other)})
    other.unlink()
    words = LAW_FILE.with_name("law_sentences.toml").read_text(encoding="utf-8")
    (tmp_path / "law_sentences.toml").write_text(words.replace("Cet acheteur paie", "Il paie"), encoding="utf-8")
    own = read_settings({"VIVIER_LAW_FILE": str(tmp_path)}).rules  # a folder, with the files that are its own
    assert own is not None
    assert sentences_of(own)["payment_time"].fr.startswith("Il paie dans les")
    with pytest.raises(BadSetting, match=r"VIVIER_LAW_FILE.*No such file"):
        read_settings({"VIVIER_LAW_FILE": str(tmp_path / "nowhere.toml")})


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
