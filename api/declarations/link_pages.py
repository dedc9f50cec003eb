"""Pages behind secret links: where a supplier answers an exchange, and where it says what it does.

They are plain HTML in French and English, and work without scripts. Nothing is loaded from
elsewhere: style and script stand in the page, and the policy names their digests. The address is a secret, so it is
passed on to nobody, nor kept.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, wraps
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from litestar import Response
from markupsafe import Markup

from api.runtime.endpoint import Call, Handler, negotiate_media
from api.web import html_pages
from api.web.content_negotiation import HTML, JSON
from api.web.problems import answer_failure, refusal_of
from domain.text.bilingual import PARIS, Language, Text, long_date, printed_euros, typeset

TOKEN_BYTES = 32
FOLDER = Path(__file__).parent / "templates"
OF_EXCHANGES = FOLDER.parents[1] / "exchanges" / "templates"
FRAME_STYLE = html_pages.STYLE + (FOLDER / "style.css").read_text(encoding="utf-8")
"""The style that the pages of the desk begin with too."""
STYLE = FRAME_STYLE + (FOLDER / "fiche.css").read_text(encoding="utf-8")
SCRIPT = (FOLDER / "live.js").read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


PRIVATE: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(SCRIPT)}; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "accept, accept-language",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
"""The headers of everything behind a link whose address is a secret."""


def render_page(template: str, status: int, language: Language = "fr", **variables: Any) -> Response[bytes]:
    """The page that a template makes of the variables, in a language where it has two."""
    content = templates(language).get_template(template).render(**variables)
    return Response(content.encode(), status_code=status, media_type=HTML)


@cache
def templates(language: Language = "fr") -> Environment:
    """The templates of the pages, with their style, their script, and moments, days and amounts in words."""

    def moment_in_words(at: datetime) -> str:
        local = at.astimezone(PARIS)
        day = long_date(local.date())
        return Text(f"{day.fr} à {local.hour} h {local.minute:02}", f"{day.en}, {local:%H:%M}").to(language)

    def day_in_words(day: date) -> str:
        return long_date(day).to(language)

    def say(pair: tuple[str, str], *values: object) -> Markup:
        """The sentence in this language, of a pair that a template has, with these values."""
        return Markup(Text(*pair).to(language)).format(*values)  # noqa: S704 - ours; values are escaped

    environment = html_pages.html_environment(FileSystemLoader([FOLDER, OF_EXCHANGES]))
    environment.filters |= {"moment": moment_in_words, "day": day_in_words, "say": say}
    environment.filters["euros"] = lambda amount: printed_euros(amount, language)
    environment.filters["typeset"] = lambda text: typeset(text, language)
    environment.globals["language"] = language
    environment.globals["style"] = Markup(STYLE)  # noqa: S704 - ours, and its digest is in the policy
    environment.globals["script"] = Markup(SCRIPT)  # noqa: S704 - likewise
    return environment


def answered_privately(refusal_template: str) -> Callable[[Handler], Handler]:
    """A decorator of a handler whose address is a secret: headers keep it; for browsers a refusal is a page."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def answer_privately(call: Call, **arguments: Any) -> Response[bytes]:
            try:
                answer: Response[bytes] = await handler(call, **arguments)
            except Exception as failure:  # noqa: BLE001 - described, and logged where it is our own
                answer = answer_failure(call, failure)
                if negotiate_media(call, (JSON, HTML)) == HTML:
                    refusal = refusal_of(failure)
                    said = {"kind": refusal.kind, "detail": refusal.detail.to(call.language)}
                    answer = render_page(refusal_template, refusal.kind.status, call.language, **said)
                    answer.headers.update(refusal.headers)
            answer.headers.update(PRIVATE)
            return answer

        return answer_privately

    return decorate


def end_of(day: date) -> datetime:
    """The moment at which a day ends in France."""
    return datetime.combine(day + timedelta(days=1), time(), PARIS).astimezone(UTC)


def link_expiry(now: datetime, days: int) -> datetime:
    """The moment a link made now expires: the end of a day in France, so that its last day can be named."""
    return end_of(now.astimezone(PARIS).date() + timedelta(days=days))


def last_day(expires_at: datetime) -> date:
    """The last day, in France, on which a link with this expiry works."""
    return (expires_at.astimezone(PARIS) - timedelta(microseconds=1)).date()


def midnight(now: datetime) -> datetime:
    """The moment at which the day began in France."""
    return datetime.combine(now.astimezone(PARIS).date(), datetime.min.time(), PARIS)
