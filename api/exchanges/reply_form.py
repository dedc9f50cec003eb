"""The form of the reply page, as browsers send it, and the reply in it."""

from hashlib import blake2b
from typing import Annotated
from uuid import UUID

import msgspec

from api.web.forms import read_fields, unreadable_form
from api.web.request_body import AnyRequest, Share
from domain.decoding.explain import explain
from domain.errors import InvalidContent, Problem
from domain.exchanges.exchange import ReplyRequest
from domain.text.bilingual import Text

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
    def corrected(self) -> UUID | None:
        """The message to be corrected, where one is named."""
        try:
            return UUID(self.corrects)
        except ValueError:
            return None

    @property
    def own_key(self) -> str | None:
        """The key under which the reply is stored once; other words have another key, also after going back."""
        if not self.key:
            return None
        return f"{self.key} {blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()}"


async def read_form(request: AnyRequest, limit: int, share: Share) -> ReplyForm:
    """The form in the body. Raises Refusal: 400 where it is none, 413, 415, 429."""
    fields = await read_fields(request, limit, MOST_FIELDS, share)
    form = {name: texts[-1] for name, texts in fields.items()}
    try:
        return msgspec.convert({**form, "barriers": tuple(fields.get("barriers", ()))}, ReplyForm)
    except msgspec.ValidationError:
        raise unreadable_form() from None


def reply_in(form: ReplyForm) -> ReplyRequest:
    """The reply in the form. Raises InvalidContent with everything to be corrected."""
    problems = []
    if not form.body:
        problems.append(Problem("/body", "missing_field", NO_BODY))
    if "other" in form.barriers and not form.barriers_note:
        problems.append(Problem("/barriers_note", "missing_field", NOT_EXPLAINED))
    if problems:
        raise InvalidContent(tuple(problems))
    # words in the field of another barrier name one, whether or not its box was ticked
    barriers = (*form.barriers, "other") if form.barriers_note and "other" not in form.barriers else form.barriers
    reply = {
        "body": form.body,
        "stance": form.stance or None,
        "barriers": barriers,
        "barriers_note": form.barriers_note or None,
        "confidential": bool(form.confidential),
        "corrects": form.corrects or None,
    }
    try:
        return msgspec.convert(reply, ReplyRequest)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, ReplyRequest),)) from None
