"""The classes of buyers, a table of what each is bound to: thresholds, publicity, advances, payment, quotas."""

from functools import lru_cache

import msgspec

from domain.errors import Problem
from domain.law.rules import InForce, Rules, load
from domain.needs.need import Buyer, BuyerBody, BuyerKind
from domain.text.bilingual import OR, Text, listed
from domain.text.labels import BODIES


class BuyerClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A class of buyers, of a body or of a kind alone; `buyer_classes.toml` says what each field means.

    Null: it depends on what is not said. `threshold_else`, `payment_else`: those of some buyers of this kind.
    """

    kinds: tuple[BuyerKind, ...] = ()
    body: BuyerBody | None = None
    authority: bool | None = None
    threshold: str | None = None
    threshold_else: str | None = None
    social_threshold: str | None = None
    notice: str = "unsaid"
    advance: bool | None = None
    firm_rates: tuple[str, ...] = ()
    firms: str | None = None
    payment: str | None = None
    payment_else: str | None = None
    quota: bool | None = None
    spaser_before: bool = False

    @property
    def is_utility(self) -> bool:
        """Whether it buys as a utility (entité adjudicatrice)."""
        return self.kinds == ("utility",)


UNKNOWN = BuyerClass()
"""The class of a buyer of whom neither body nor kind is said."""


def buyer_classes(law: Rules) -> tuple[BuyerClass, ...]:
    """The classes of buyers, those of bodies before those of kinds."""
    return law.table("buyer_classes.toml", dict[str, tuple[BuyerClass, ...]])["class"]


@lru_cache(maxsize=1024)
def _class_of(kind: BuyerKind | None, body: BuyerBody | None, law: Rules) -> BuyerClass:
    named = (each for each in buyer_classes(law) if each.body == body and (body or kind in each.kinds))
    return next(named, UNKNOWN)


def class_of(buyer: Buyer | None, view: InForce) -> BuyerClass:
    """The class of a buyer: of its body, else of its kind; UNKNOWN where neither is said."""
    return UNKNOWN if buyer is None else _class_of(buyer.kind, buyer.body, view.law)


def possible_thresholds(buyer: Buyer | None, view: InForce) -> tuple[str, ...]:
    """The ids of the rules with the EU threshold of supplies and services that may be the buyer's."""
    known, every = class_of(buyer, view).threshold, buyer_classes(view.law)
    return (known,) if known else tuple(dict.fromkeys(each.threshold for each in every if each.threshold))


def social_thresholds(buyer: Buyer | None, view: InForce) -> tuple[str, ...]:
    """The ids of the rules with the EU threshold of social services that may be the buyer's."""
    known, every = class_of(buyer, view).social_threshold, buyer_classes(view.law)
    return (known,) if known else tuple(dict.fromkeys(each.social_threshold for each in every if each.social_threshold))


def buyer_problems(buyer: Buyer | None) -> list[Problem]:
    """The facts that contradict the body of a buyer: its kind, or whether it is a contracting authority."""
    if buyer is None or buyer.body is None:
        return []
    of_body, found = _class_of(buyer.kind, buyer.body, load()), []
    name = BODIES[buyer.body]
    if buyer.kind is not None and buyer.kind not in of_body.kinds:
        detail = Text("{body} : `kind` est {kinds}, et non {kind}", "{body}: `kind` is {kinds}, not {kind}")
        detail = detail.filled(body=name, kinds=listed(of_body.kinds, OR), kind=buyer.kind)
        found.append(Problem("/buyer/body", "contradicts_kind", detail))
    if buyer.contracting_authority is not None and buyer.contracting_authority != of_body.authority:
        said = Text("un pouvoir adjudicateur", "a contracting authority")
        if not of_body.authority:
            said = Text("une entreprise publique, qui n'est pas pouvoir adjudicateur", "no contracting authority")
        detail = Text("{body} : c'est {said}", "{body}: it is {said}").filled(body=name, said=said)
        found.append(Problem("/buyer/contracting_authority", "contradicts_body", detail))
    return found
