"""The page behind a reply link: the exchange, the form to answer, and beside it what the supplier does, for all buyers.

Both parts are one form, sent once; they are told apart: the answer is the buyer's record, the declaration is
everybody's directory.
"""

from collections.abc import Sequence
from hashlib import blake2b
from secrets import token_urlsafe
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.declarations.link_pages import last_day, render_page
from api.declarations.page import PageOfSupplier, findable_words, form_variables
from api.declarations.page_form import (
    Understood,
    declaration_of_form,
    form_of_declaration,
    read_declaration_form,
    understand_form,
)
from api.exchanges.reply_links import ReplyRequest, VisibleExchange
from api.web import html_pages
from api.web.html_pages import Fields
from domain.decoding.requests import explain
from domain.errors import InvalidContent, Problem, require_no_problem
from domain.exchanges.letter import buyer_in_sentence, shown_buyer
from domain.text.bilingual import Language, said_by
from domain.text.labels import OWN_BARRIERS, OWN_STANCES
from matching.reference import Reference

_SAID = said_by(__name__)

LONGEST_KEY = 64
BESIDE_FIELD = "fiche"
"""The field that says that the form has the part for all buyers."""
IN_ANSWER = "/declaration"
"""The pointer to the declaration in an answer."""


class ReplyForm(msgspec.Struct, frozen=True):
    """The form fields of a reply; a field left empty is an empty text.

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


class SentForm(NamedTuple):
    """The form of the page as it was sent; `beside`: its part for all buyers, None where the form had none."""

    reply: ReplyForm
    beside: Understood | None = None

    @property
    def submission_key(self) -> str | None:
        """The key under which the form is carried out once; a form with other words has another key."""
        if not self.reply.key:
            return None
        typed = msgspec.json.encode((self.reply, self.beside and self.beside.form))
        return f"{self.reply.key} {blake2b(typed, digest_size=16).hexdigest()}"


def read_reply_form(fields: Fields, reference: Reference) -> SentForm:
    """The form of the page that the submitted fields fill in. Raises Refusal (400) where they are none of it."""
    texts = {name: given[-1] for name, given in fields.items()}
    try:
        reply = msgspec.convert({**texts, "barriers": tuple(fields.get("barriers", ()))}, ReplyForm)
    except msgspec.ValidationError:
        raise html_pages.unreadable_form() from None
    beside = understand_form(read_declaration_form(fields), reference) if texts.get(BESIDE_FIELD) else None
    return SentForm(reply, beside)


def request_of_form(sent: SentForm, page: PageOfSupplier | None) -> ReplyRequest:
    """The answer that a form makes, with the declaration in it where the form says another than the page showed.

    Raises InvalidContent with everything to be corrected in both parts.
    """
    form, problems, declaration = sent.reply, list[Problem](), None
    if not form.body:
        problems.append(Problem("/body", "missing_field", _SAID["no_body"]))
    if "other" in form.barriers and not form.barriers_note:
        problems.append(Problem("/barriers_note", "missing_field", _SAID["not_explained"]))
    if page is not None and sent.beside is not None:
        before = page.shown.declaration
        if sent.beside.form != form_of_declaration(before, page.shown.supplier, page.today):
            try:
                declaration = declaration_of_form(sent.beside, before)
            except InvalidContent as wrong:
                problems += [msgspec.structs.replace(each, pointer=IN_ANSWER + each.pointer) for each in wrong.problems]
    require_no_problem(problems)
    # words in the field of another barrier name one, whether or not its box was ticked
    barriers = (*form.barriers, "other") if form.barriers_note and "other" not in form.barriers else form.barriers
    said = {name: getattr(form, name) or None for name in ("stance", "barriers_note", "corrects")}
    reply = said | {"body": form.body, "barriers": barriers, "confidential": bool(form.confidential)}
    try:
        return msgspec.structs.replace(msgspec.convert(reply, ReplyRequest), declaration=declaration)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, ReplyRequest),)) from None


def exchange_page(  # noqa: PLR0913 - keywords that say what is shown
    exchange: VisibleExchange,
    page: PageOfSupplier | None,
    language: Language,
    *,
    status: int = 200,
    sent_id: UUID | None = None,
    has_declared: bool = False,
    corrected_id: UUID | None = None,
    form: SentForm | None = None,
    problems: Sequence[Problem] = (),
    searched: bool = False,
) -> Response[bytes]:
    """The page of the exchange, with a form to answer as long as answers are taken.

    `page`: the supplier's own, whose form stands beside the answer. `sent_id`: of the answer just given, with which the
    supplier `has_declared` what it does. `corrected_id`: of an own message to be corrected. `form`, `problems`: the
    form as it was filled in and what is wrong with it, where it was not carried out; `searched`: as words were to be
    looked up.
    """
    own = {each.id: each for each in exchange.messages if each.author == "supplier"}
    apart = [each for each in problems if each.pointer.startswith(IN_ANSWER)]
    inner = [msgspec.structs.replace(each, pointer=each.pointer.removeprefix(IN_ANSWER)) for each in apart]
    declared = page and page.shown.declaration
    return render_page(
        "exchange.html",
        status,
        language,
        exchange=msgspec.structs.replace(exchange, buyer=shown_buyer(exchange.buyer).to(language)),
        buyer=buyer_in_sentence(exchange.buyer).to(language),
        until=last_day(exchange.link_expires_at),
        by_id={each.id: each for each in exchange.messages},
        sent=own.get(sent_id) if sent_id else None,
        corrected=own.get(corrected_id) if corrected_id else None,
        form=form.reply if form else ReplyForm(key=token_urlsafe(16)),
        refused=form is not None and not searched,
        searched=searched,
        problems=[
            (each.pointer.split("/")[1] if each.pointer else "body", each.detail.to(language))
            for each in problems
            if each not in apart
        ],
        stances=OWN_STANCES,
        barriers=OWN_BARRIERS,
        has_declared=has_declared,
        declared=declared,
        found_by=findable_words(declared, page) if page and declared else None,
        beside_answer=page is not None,
        **(form_variables(page, form and form.beside, inner) if page else {"mistakes": []}),
    )
