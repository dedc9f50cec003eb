"""All settings of a process, read once from environment variables; no other module reads the environment."""

# ruff: noqa: RUF009 - each call of `_setting` makes a field of its own

import base64
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from api import people_settings as people
from domain.law.rules import Rules
from domain.organisation import Scope
from domain.privacy import LEAST_YEARS_OF_NEEDS, RetentionPeriods
from domain.suppliers.record_check import MOST_VERTICES

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]
MIB = 1 << 20
DAYS, YEARS, SECONDS = "a number of days", "a number of years", "a number of seconds"
CONNECTIONS = "a number of connections"
SHORTEST_ADMIN_KEY = 8
GRACE_SECONDS = 3
"""The usual time that requests under way may take to finish; the whole stop then fits in a container's ten seconds."""


class BadSetting(Exception):
    """An environment variable whose value cannot be used; the message says which and what would be right."""


def _choice_of(*allowed: str) -> Callable[[str], str]:
    """A parser of a text that is one of the `allowed` words."""

    def read_choice(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text.lower()

    return read_choice


def _parse_yes_or_no(text: str) -> bool:
    return _choice_of("true", "false")(text) == "true"


def _number_in(low: float, high: float, what: str, scale: int = 1) -> Callable[[str], int]:
    """A parser of a whole number from `low` to `high`, times `scale`; `what`: the words of its ValueError."""

    def read_number(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise ValueError(f"{what} from {low} to {high}")
        return int(text) * scale

    return read_number


def _parse_secret(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("printable ASCII characters without spaces")
    return text


def _parse_admin_key(text: str) -> str:
    if len(_parse_secret(text)) < SHORTEST_ADMIN_KEY:
        raise ValueError(f"at least {SHORTEST_ADMIN_KEY} characters, such as `openssl rand -hex 24` gives")
    return text


def _parse_database_url(text: str) -> str:
    if urlsplit(text).scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("postgresql://user:password@host:port/name")
    return text


def _parse_read_url(text: str) -> str:
    """The address of a database to read from; a standby will do unless the address says otherwise."""
    if "target_session_attrs=" in _parse_database_url(text):
        return text
    return f"{text}{'&' if urlsplit(text).query else '?'}target_session_attrs=any"


def _parse_web_url(text: str) -> str:
    if not _is_web_address(text) or urlsplit(text).query or urlsplit(text).fragment:
        raise ValueError("an http or https address without query, such as https://vivier.example.org")
    return text.rstrip("/")


def _parse_tiles_url(text: str) -> str:
    # its origin stands in the policy of the pages, to which nothing else may be added
    is_plain = re.fullmatch(r"[\w.-]+(:\d+)?", urlsplit(text).netloc, re.ASCII) is not None
    if not (_is_web_address(text) and is_plain and all(part in text for part in ("{z}", "{x}", "{y}"))):
        raise ValueError(
            "an http or https address with {z}, {x} and {y}, such as https://tuiles.example.org/{z}/{x}/{y}.png"
        )
    return text


def _parse_origins(text: str) -> tuple[str, ...]:
    origins = tuple(each.strip().lower() for each in text.split(","))
    for each in origins:
        parts = urlsplit(each)
        is_origin = parts.scheme in {"http", "https"} and parts.hostname and each == f"{parts.scheme}://{parts.netloc}"
        if not is_origin or "@" in parts.netloc or "*" in parts.netloc:
            raise ValueError(
                "origins with commas between them, such as https://portail.example.org, without path or slash"
            )
    return origins


def _load_rules(text: str) -> Rules:
    from domain.law.own_law import read_own_law  # noqa: PLC0415 - few installations have rules of their own

    try:
        return read_own_law(Path(text).expanduser())
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise ValueError(
            f"the files of the law, as in domain/data, or one of them, whole and without gap ({error})"
        ) from None


def _parse_need_ids(text: str) -> tuple[UUID, ...]:
    try:
        return tuple(UUID(each.strip()) for each in text.split(","))
    except ValueError:
        raise ValueError("ids of needs with commas between them") from None


def _parse_journal_key(text: str) -> bytes:
    expected = ValueError("the 32 random bytes of an Ed25519 key in base64, such as `openssl rand -base64 32` makes")
    try:
        seed = base64.b64decode(text, validate=True)
    except ValueError:
        raise expected from None
    if len(seed) != 32:
        raise expected
    return seed


def _parse_journal_target(text: str) -> str:
    is_mailbox = text.startswith("mailto:") and people.ADDRESS.fullmatch(text.removeprefix("mailto:")) is not None
    if not (is_mailbox or _is_web_address(text) or Path(text).is_absolute()):
        raise ValueError("the absolute path of a file, an http or https address, or mailto: and an e-mail address")
    return text


def _parse_contact(text: str) -> str:
    if not (_is_web_address(text) or people.ADDRESS.fullmatch(text)):
        raise ValueError("an e-mail address, or the https address of a page")
    return text


def _is_web_address(text: str) -> bool:
    return urlsplit(text).scheme in {"http", "https"} and bool(urlsplit(text).netloc)


def _parse_folder(text: str) -> Path:
    return Path(text).expanduser()


def _setting(variable: str, read: Callable[[str], object], default: Any = None, *, secret: bool = False) -> Any:
    """A `Settings` field read from an environment variable; `read` raises ValueError with what would be right."""
    return field(default=default, repr=not secret, metadata={"variable": variable, "read": read})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process. Secrets do not show in its `repr`."""

    database_url: str | None = _setting("DATABASE_URL", _parse_database_url, secret=True)
    listen_url: str | None = _setting("VIVIER_LISTEN_URL", _parse_database_url, secret=True)
    read_url: str | None = _setting("VIVIER_READ_URL", _parse_read_url, secret=True)
    database_connections: int = _setting("VIVIER_DATABASE_CONNECTIONS", _number_in(6, 200, CONNECTIONS), 12)
    database_seconds: int = _setting("VIVIER_DATABASE_SECONDS", _number_in(1, 60, SECONDS), 5)
    ready_lag_seconds: int | None = _setting("VIVIER_READY_LAG_SECONDS", _number_in(1, 86_400, SECONDS))
    pg_bin: Path | None = _setting("PG_BIN", _parse_folder)
    home: Path = _setting("VIVIER_HOME", _parse_folder, MISSING)
    admin_key: str | None = _setting("VIVIER_ADMIN_KEY", _parse_admin_key, secret=True)
    metrics_key: str | None = _setting("VIVIER_METRICS_KEY", _parse_secret, secret=True)
    host: str = _setting("VIVIER_HOST", str, "127.0.0.1")
    port: int = _setting("VIVIER_PORT", _number_in(0, 65_535, "a port number"), 8000)
    workers: int = _setting("VIVIER_WORKERS", _number_in(1, 64, "a number of processes"), 1)
    grace_seconds: int = _setting("VIVIER_GRACE_SECONDS", _number_in(0, 3_600, SECONDS), GRACE_SECONDS)
    public_url: str | None = _setting("VIVIER_PUBLIC_URL", _parse_web_url)
    cors_origins: tuple[str, ...] = _setting("VIVIER_CORS_ORIGINS", _parse_origins, ())
    embed_origins: tuple[str, ...] = _setting("VIVIER_EMBED_ORIGINS", _parse_origins, ())
    smtp: people.MailServer | None = _setting("VIVIER_SMTP_URL", people.mail_server, secret=True)
    mail_from: str | None = _setting("VIVIER_MAIL_FROM", people.sender_address)
    reply_link_days: int = _setting("VIVIER_REPLY_LINK_DAYS", _number_in(1, 730, DAYS), 60)
    log_level: LogLevel = _setting("VIVIER_LOG_LEVEL", _choice_of("debug", "info", "warning", "error"), "info")
    log_format: LogFormat = _setting("VIVIER_LOG_FORMAT", _choice_of("json", "console"), "json")
    body_limit: int = _setting("VIVIER_BODY_LIMIT_MIB", _number_in(1, 1_024, "a number of MiB", MIB), 10 * MIB)
    import_limit: int = _setting("VIVIER_IMPORT_LIMIT_MIB", _number_in(1, 65_536, "a number of MiB", MIB), 1024 * MIB)
    key_cache_seconds: int = _setting("VIVIER_KEY_CACHE_SECONDS", _number_in(0, 60, SECONDS), 5)
    connections: int = _setting("VIVIER_CONNECTIONS", _number_in(1, 100_000, CONNECTIONS), 1_000)
    match_processes: int = _setting("VIVIER_MATCH_PROCESSES", _number_in(1, 64, "a number of processes"), 2)
    emails_per_day: int = _setting("VIVIER_EMAILS_PER_DAY", _number_in(1, 10_000_000, "a number of e-mails"), 5_000)
    storage_quota: int = _setting(
        "VIVIER_STORAGE_QUOTA_MIB", _number_in(1, 1 << 30, "a number of MiB", MIB), 10_240 * MIB
    )
    source_vertices: int = _setting(
        "VIVIER_SOURCE_VERTICES", _number_in(1, 1_000_000_000, "a number of vertices"), MOST_VERTICES
    )
    session_hours: int = _setting("VIVIER_SESSION_HOURS", _number_in(1, 720, "a number of hours"), 12)
    tiles_url: str | None = _setting("VIVIER_TILES_URL", _parse_tiles_url)
    tiles_credit: str | None = _setting("VIVIER_TILES_CREDIT", str)
    contact: str | None = _setting("VIVIER_CONTACT", _parse_contact)
    operator: str | None = _setting("VIVIER_OPERATOR", str)
    publisher: str | None = _setting("VIVIER_PUBLISHER", str)
    hosted_by: str | None = _setting("VIVIER_HOSTED_BY", str)
    oidc_issuer: str | None = _setting("VIVIER_OIDC_ISSUER", people.issuer_address)
    oidc_client_id: str | None = _setting("VIVIER_OIDC_CLIENT_ID", _parse_secret)
    oidc_client_secret: str | None = _setting("VIVIER_OIDC_CLIENT_SECRET", _parse_secret, secret=True)
    oidc_name: str = _setting("VIVIER_OIDC_NAME", str, "OpenID Connect")
    oidc_scopes: str = _setting("VIVIER_OIDC_SCOPES", people.openid_scopes, "openid email profile")
    oidc_members: tuple[tuple[str, str], ...] = _setting("VIVIER_OIDC_MEMBERS", people.organisations_of_members, ())
    oidc_rights: tuple[Scope, ...] = _setting("VIVIER_OIDC_RIGHTS", people.scopes_of_members, people.RIGHTS)
    oidc_administrators: frozenset[str] = _setting(
        "VIVIER_OIDC_ADMINISTRATORS", people.comparable_addresses, frozenset()
    )
    webhook_private: bool = _setting("VIVIER_WEBHOOK_PRIVATE", _parse_yes_or_no, False)
    pool_fetch: bool = _setting("VIVIER_POOL_FETCH", _parse_yes_or_no, False)
    keep_needs_years: int = _setting("VIVIER_KEEP_NEEDS_YEARS", _number_in(LEAST_YEARS_OF_NEEDS, 100, YEARS), 5)
    keep_persons_years: int = _setting("VIVIER_KEEP_PERSONS_YEARS", _number_in(1, 100, YEARS), 3)
    keep_reply_links_days: int = _setting("VIVIER_KEEP_REPLY_LINKS_DAYS", _number_in(1, 3_650, DAYS), 90)
    keep_import_errors_days: int = _setting("VIVIER_KEEP_IMPORT_ERRORS_DAYS", _number_in(1, 3_650, DAYS), 365)
    keep_campaigns_years: int = _setting("VIVIER_KEEP_CAMPAIGNS_YEARS", _number_in(1, 100, YEARS), 3)
    retention: Literal["manual", "daily"] = _setting("VIVIER_RETENTION", _choice_of("manual", "daily"), "manual")
    retention_spare: tuple[UUID, ...] = _setting("VIVIER_RETENTION_SPARE", _parse_need_ids, ())
    journal_key: bytes | None = _setting("VIVIER_JOURNAL_KEY", _parse_journal_key, secret=True)
    journal_to: str | None = _setting("VIVIER_JOURNAL_TO", _parse_journal_target, secret=True)
    timestamp_url: str | None = _setting("VIVIER_TIMESTAMP_URL", _parse_web_url)
    rules: Rules | None = _setting("VIVIER_LAW_FILE", _load_rules)
    trace_to: str | None = _setting("OTEL_EXPORTER_OTLP_ENDPOINT", _parse_web_url)
    metrics_dir: Path | None = _setting("PROMETHEUS_MULTIPROC_DIR", _parse_folder)
    unknown: tuple[str, ...] = ()

    @property
    def address_connections(self) -> int:
        """The most connections that an address may have at a time: a quarter of all, so that nobody takes them all."""
        return max(1, self.connections // 4)

    def rights_on_ground(self, ground: str) -> tuple[Scope, ...]:
        """The rights of a person whom a verified address, SIRET or domain (`ground`) makes one of an organisation.

        Administrators are those who are named by their very address: a SIRET or a domain is no ground for it, as it
        might lead an administrator of one organisation to another.
        """
        is_named = not ground.startswith("@") and ground in self.oidc_administrators
        return (*self.oidc_rights, "admin") if is_named else self.oidc_rights

    def still_leads(self, ground: str, organisation_id: UUID, name: str, siret: str | None) -> bool:
        """Whether a ground leads to the organisation of this id, name and SIRET, as it did at a sign-in."""
        named = dict(self.oidc_members).get(ground)
        return ground == siret if named is None else named in {str(organisation_id), name}

    @property
    def pool_size(self) -> int:
        """The connections that the pool keeps open: two thirds of the most, as it opens half as many more at a peak."""
        return (2 * self.database_connections + 1) // 3

    @property
    def index_folder(self) -> Path:
        """The folder of the indexes built from the directory; they are built again where the folder is lost."""
        return self.home / "index"

    @property
    def periods(self) -> RetentionPeriods:
        """The retention period of each kind of data."""
        return RetentionPeriods(**{name: getattr(self, f"keep_{name}") for name in RetentionPeriods.__struct_fields__})


_FIELDS = {each.metadata["variable"]: each for each in fields(Settings) if each.metadata}
VARIABLES = tuple(_FIELDS)
"""The names of all settings, as docs/settings.md lists them."""


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ` (the process's own by default). An empty variable counts as absent.

    Raises BadSetting for the first value that cannot be used. `unknown` names the VIVIER_ variables that mean nothing.
    """
    given = {name: text for name, text in (os.environ if environ is None else environ).items() if text.strip()}
    if sys.platform == "darwin":
        data_home = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        data_home = Path(given.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        data_home = Path.home() / ".local" / "share"
    values: dict[str, object] = {"home": Path(given.get("XDG_DATA_HOME") or data_home) / "vivier"}
    for name in filter(given.__contains__, VARIABLES):
        try:
            values[_FIELDS[name].name] = _FIELDS[name].metadata["read"](given[name].strip())
        except ValueError as error:
            shown = f" {given[name]!r}" if _FIELDS[name].repr else ""
            raise BadSetting(f"{name}{shown} cannot be used; expected {error}") from None
    if values.get("smtp") and not (values.get("mail_from") and values.get("public_url")):
        raise BadSetting("VIVIER_SMTP_URL needs VIVIER_MAIL_FROM, who writes, and VIVIER_PUBLIC_URL, where links lead")
    if str(values.get("journal_to", "")).startswith("mailto:") and not values.get("smtp"):
        raise BadSetting("VIVIER_JOURNAL_TO is a mailbox: it needs VIVIER_SMTP_URL, the server that takes the e-mail")
    if values.get("oidc_issuer") and not all(map(values.get, ("oidc_client_id", "oidc_client_secret", "public_url"))):
        raise BadSetting(
            "VIVIER_OIDC_ISSUER needs VIVIER_OIDC_CLIENT_ID and VIVIER_OIDC_CLIENT_SECRET, by which it knows this "
            "server, and VIVIER_PUBLIC_URL, where it leads back"
        )
    administrators, members = values.get("oidc_administrators") or frozenset(), values.get("oidc_members") or ()
    lacking = cast("frozenset[str]", administrators) - {who for who, _ in cast("tuple[tuple[str, str], ...]", members)}
    if lacking:
        raise BadSetting(
            f"VIVIER_OIDC_ADMINISTRATORS names {', '.join(sorted(lacking))}: VIVIER_OIDC_MEMBERS has to say which "
            "organisation such an address administers, such as `anne@exemple.fr=Ville de Vannes`"
        )
    values["unknown"] = tuple(sorted(n for n in given if n.startswith("VIVIER_") and n not in _FIELDS))
    return Settings(**cast("dict[str, Any]", values))


def nearest_variable(name: str) -> str | None:
    """The setting whose name `name` may be a misspelling of; None where no name is near it."""
    return next(iter(get_close_matches(name, VARIABLES, n=1)), None)


def share_metrics(folder: Path) -> None:
    """Let the processes started from here on count their metrics together in `folder`, which is empty at first.

    To be called before the metrics library is imported: it chooses on import how it counts.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
