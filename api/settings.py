"""Everything that can be configured, read once from the environment; no other module looks at it."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import msgspec

from api.smtp_settings import MailServer, mail_server, sender
from domain.law.rule_documents import read
from domain.law.rules import Rules
from domain.privacy.retention import LEAST_YEARS_OF_NEEDS, Periods

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]
MIB = 1 << 20


class BadSetting(Exception):
    """An environment variable whose value cannot be used; the message says which and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process. Secrets do not show in its `repr`."""

    database_url: str | None = field(default=None, repr=False)
    home: Path
    pg_bin: Path | None = None
    admin_key: str | None = field(default=None, repr=False)
    metrics_key: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    public_url: str | None = None
    smtp: MailServer | None = field(default=None, repr=False)
    mail_from: str | None = None
    reply_link_days: int = 60
    log_level: LogLevel = "info"
    log_format: LogFormat = "json"
    body_limit: int = 10 * MIB
    import_limit: int = 1024 * MIB
    key_cache_seconds: float = 5.0
    webhook_private: bool = True
    rules: Rules | None = field(default=None, repr=False)
    keep_needs_years: int = 5
    keep_persons_years: int = 3
    keep_reply_links_days: int = 90
    keep_import_errors_days: int = 365
    metrics_dir: Path | None = None
    unknown: tuple[str, ...] = ()

    @property
    def periods(self) -> Periods:
        """The retention periods."""
        return Periods(
            needs_years=self.keep_needs_years,
            persons_years=self.keep_persons_years,
            reply_links_days=self.keep_reply_links_days,
            import_errors_days=self.keep_import_errors_days,
        )


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: the field it fills, how its text is read (a ValueError says what is expected)."""

    name: str
    field: str
    read: Callable[[str], object]


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text.lower()

    return read


def _yes_no(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _number(low: float, high: float, what: str, scale: int = 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise ValueError(f"{what} from {low} to {high}")
        return int(text) * scale

    return read


def _seconds(text: str) -> float:
    expected = ValueError("a number of seconds from 0 to 60")
    try:
        seconds = float(text)
    except ValueError:
        raise expected from None
    if not 0 <= seconds <= 60:
        raise expected
    return seconds


def _secret(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("printable ASCII characters without spaces")
    return text


def _database_url(text: str) -> str:
    if urlsplit(text).scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("postgresql://user:password@host:port/name")
    return text


def _web_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("an http or https address without query, such as https://vivier.example.org")
    return text.rstrip("/")


def _law(text: str) -> Rules:
    try:
        return read(Path(text).expanduser())
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise ValueError(f"a file of rules such as domain/data/law.toml, whole and without gap ({error})") from None


def _folder(text: str) -> Path:
    return Path(text).expanduser()


VARIABLES = (
    Variable("DATABASE_URL", "database_url", _database_url),
    Variable("PG_BIN", "pg_bin", _folder),
    Variable("VIVIER_HOME", "home", _folder),
    Variable("VIVIER_ADMIN_KEY", "admin_key", _secret),
    Variable("VIVIER_METRICS_KEY", "metrics_key", _secret),
    Variable("VIVIER_HOST", "host", str),
    Variable("VIVIER_PORT", "port", _number(0, 65_535, "a port number")),
    Variable("VIVIER_WORKERS", "workers", _number(1, 64, "a number of processes")),
    Variable("VIVIER_PUBLIC_URL", "public_url", _web_url),
    Variable("VIVIER_SMTP_URL", "smtp", mail_server),
    Variable("VIVIER_MAIL_FROM", "mail_from", sender),
    Variable("VIVIER_REPLY_LINK_DAYS", "reply_link_days", _number(1, 730, "a number of days")),
    Variable("VIVIER_LOG_LEVEL", "log_level", _one_of("debug", "info", "warning", "error")),
    Variable("VIVIER_LOG_FORMAT", "log_format", _one_of("json", "console")),
    Variable("VIVIER_BODY_LIMIT_MIB", "body_limit", _number(1, 1_024, "a number of MiB", MIB)),
    Variable("VIVIER_IMPORT_LIMIT_MIB", "import_limit", _number(1, 65_536, "a number of MiB", MIB)),
    Variable("VIVIER_KEY_CACHE_SECONDS", "key_cache_seconds", _seconds),
    Variable("VIVIER_WEBHOOK_PRIVATE", "webhook_private", _yes_no),
    Variable("VIVIER_KEEP_NEEDS_YEARS", "keep_needs_years", _number(LEAST_YEARS_OF_NEEDS, 100, "a number of years")),
    Variable("VIVIER_KEEP_PERSONS_YEARS", "keep_persons_years", _number(1, 100, "a number of years")),
    Variable("VIVIER_KEEP_REPLY_LINKS_DAYS", "keep_reply_links_days", _number(1, 3_650, "a number of days")),
    Variable("VIVIER_KEEP_IMPORT_ERRORS_DAYS", "keep_import_errors_days", _number(1, 3_650, "a number of days")),
    Variable("VIVIER_LAW_FILE", "rules", _law),
    Variable("PROMETHEUS_MULTIPROC_DIR", "metrics_dir", _folder),
)


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ` (the process's own by default). An empty variable counts as absent.

    Raises BadSetting for the first value that cannot be used. `unknown` names the VIVIER_ variables that mean nothing.
    """
    given = {name: text for name, text in (os.environ if environ is None else environ).items() if text.strip()}
    values: dict[str, object] = {"home": _data_home(given) / "vivier"}
    for variable in VARIABLES:
        if (text := given.get(variable.name)) is not None:
            try:
                values[variable.field] = variable.read(text.strip())
            except ValueError as error:
                shown = "" if variable.read in {_secret, _database_url, mail_server} else f" {text!r}"
                raise BadSetting(f"{variable.name}{shown} cannot be used; expected {error}") from None
    if values.get("smtp") and not (values.get("mail_from") and values.get("public_url")):
        raise BadSetting("VIVIER_SMTP_URL needs VIVIER_MAIL_FROM, who writes, and VIVIER_PUBLIC_URL, where links lead")
    values["unknown"] = tuple(sorted(n for n in given if n.startswith("VIVIER_") and n not in _NAMES))
    return Settings(**cast("dict[str, Any]", values))


_NAMES = tuple(variable.name for variable in VARIABLES)


def nearest_variable(name: str) -> str | None:
    """The setting that `name` may be a misspelling of."""
    return next(iter(get_close_matches(name, _NAMES, n=1)), None)


def share_metrics(folder: Path) -> None:
    """Make the processes started from now on count together in `folder` (empty at first).

    To be called before the metrics library is imported: it chooses on import how it counts.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _data_home(environ: Mapping[str, str]) -> Path:
    """The folder in which this platform keeps a user's application data."""
    if xdg := environ.get("XDG_DATA_HOME"):
        return Path(xdg)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".local" / "share"
