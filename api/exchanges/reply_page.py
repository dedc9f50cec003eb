"""The pages behind a reply link: plain HTML in French, without scripts and without anything from other servers.

Their templates are in `api/exchanges/templates`. Their form is read here, with the reply in it.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any
from uuid import UUID

import msgspec
from jinja2 import Environment, FileSystemLoader
from litestar import Response
from markupsafe import Markup

from api.exchanges.reply_links import VisibleExchange, last_day
from api.web import html_pages
from api.web.content_negotiation import HTML
from api.web.problems import Refusal
from api.web.request_body import AnyRequest, Share
from domain.decoding.requests import explain
from domain.errors import InvalidContent, Problem
from domain.exchanges.exchange import Barrier, ReplyRequest, Stance
from domain.exchanges.letter import shown_buyer
from domain.text.bilingual import PARIS, Text, long_date

FOLDER = Path(__file__).parent / "templates"
STYLE = html_pages.STYLE + (FOLDER / "style.css").read_text(encoding="utf-8")
_STYLE_DIGEST = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

PRIVATE: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "vary": "accept, accept-language",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
"""The headers of everything behind a reply link, whose address is a secret."""

MOST_FIELDS = 40
LONGEST_KEY = 64
NO_BODY = Text("Votre message est vide : écrivez au moins quelques mots", "Your message is empty: write a few words")
NOT_EXPLAINED = Text(
    "Vous avez coché « autre » : dites en quelques mots ce que c'est",
    "You ticked “other”: say in a few words what it is",
)


class ReplyForm(msgspec.Struct, frozen=True):
    """The form as it was filled in; a field that was left empty is an empty text.

    `confidential`: anything but empty means yes. `key`: of this copy of the form, so that it is stored once if it is
    sent twice.
    """

    body: str = ""
    stance: str = ""
    barriers: tuple[str, ...] = ()
    barriers_note: str = ""
    confidential: str = ""
    corrects: str = ""
    key: Annotated[str, msgspec.Meta(max_length=LONGEST_KEY)] = ""

    @property
    def corrected_message(self) -> UUID | None:
        """The id of the message that the form corrects; None where it names none."""
        try:
            return UUID(self.corrects)
        except ValueError:
            return None

    @property
    def submission_key(self) -> str | None:
        """The key under which the reply is stored once; a form with other words has another key."""
        if not self.key:
            return None
        return f"{self.key} {blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()}"


async def read_form(request: AnyRequest, limit: int, share: Share) -> ReplyForm:
    """Read the form in the body. Raises Refusal: 400 where the body is none, 413, 415, 429."""
    fields, _ = await html_pages.read_form(request, limit, MOST_FIELDS, share)
    form = {name: texts[-1] for name, texts in fields.items()}
    try:
        return msgspec.convert({**form, "barriers": tuple(fields.get("barriers", ()))}, ReplyForm)
    except msgspec.ValidationError:
        raise html_pages.unreadable_form() from None


def reply_of_form(form: ReplyForm) -> ReplyRequest:
    """The reply that a form holds. Raises InvalidContent with everything to be corrected."""
    problems = []
    if not form.body:
        problems.append(Problem("/body", "missing_field", NO_BODY))
    if "other" in form.barriers and not form.barriers_note:
        problems.append(Problem("/barriers_note", "missing_field", NOT_EXPLAINED))
    if problems:
        raise InvalidContent(tuple(problems))
    # words in the field of another barrier name one, whether or not its box was ticked
    barriers = (*form.barriers, "other") if form.barriers_note and "other" not in form.barriers else form.barriers
    said = {name: getattr(form, name) or None for name in ("stance", "barriers_note", "corrects")}
    reply = said | {"body": form.body, "barriers": barriers, "confidential": bool(form.confidential)}
    try:
        return msgspec.convert(reply, ReplyRequest)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, ReplyRequest),)) from None


STANCES: dict[Stance, str] = {
    "interested": "Nous sommes intéressés",
    "declined": "Nous ne donnerons pas suite",
    "question": "Nous avons une question",
}
BARRIERS: dict[Barrier, str] = {
    "volume": "Le volume demandé, trop grand ou trop petit pour nous",
    "deadline": "Les délais",
    "guarantees": "Les garanties demandées (assurances, chiffre d'affaires, cautions…)",
    "certification": "Les certifications ou qualifications demandées",
    "price": "Le prix",
    "distance": "La distance",
    "capacity": "Nos moyens (personnel, matériel, calendrier)",
    "other": "Autre chose, que je précise ci-dessous",
}


def exchange_page(
    exchange: VisibleExchange,
    *,
    status: int = 200,
    sent: UUID | None = None,
    corrects: UUID | None = None,
    form: ReplyForm | None = None,
    problems: Sequence[Problem] = (),
) -> Response[bytes]:
    """The page of the exchange, with a form to answer as long as answers are taken.

    `sent`: the answer just given. `corrects`: a message of the recipient's own to be corrected. `form`, `problems`: the
    form as it was filled in and what is wrong with it, where the answer was refused.
    """
    own = {each.id: each for each in exchange.messages if each.author == "supplier"}
    return _render_page(
        "exchange.html",
        status,
        exchange=msgspec.structs.replace(exchange, buyer=shown_buyer(exchange.buyer).fr),
        until=long_date(last_day(exchange.link_expires_at)).fr,
        by_id={each.id: each for each in exchange.messages},
        sent=own.get(sent) if sent else None,
        corrected=own.get(corrects) if corrects else None,
        form=form or ReplyForm(key=token_urlsafe(16)),
        refused=form is not None,
        problems=[(each.pointer.split("/")[1] if each.pointer else "body", each.detail.fr) for each in problems],
        stances=STANCES,
        barriers=BARRIERS,
    )


def refusal_page(refusal: Refusal) -> Response[bytes]:
    """A page that says why the exchange cannot be shown, or the reply not be taken."""
    page = _render_page("refusal.html", refusal.kind.status, kind=refusal.kind, detail=refusal.detail.fr)
    page.headers.update(refusal.headers)
    return page


def _render_page(template: str, status: int, **shown: Any) -> Response[bytes]:
    content = _templates().get_template(template).render(**shown)
    return Response(content.encode(), status_code=status, media_type=HTML)


@cache
def _templates() -> Environment:
    environment = html_pages.html_environment(FileSystemLoader(FOLDER))
    environment.filters["moment"] = _moment_in_words
    environment.globals["style"] = Markup(STYLE)  # noqa: S704 - ours, and its digest is in the policy
    return environment


def _moment_in_words(at: datetime) -> str:
    local = at.astimezone(PARIS)
    return f"{long_date(local.date()).fr} à {local.hour} h {local.minute:02}"
