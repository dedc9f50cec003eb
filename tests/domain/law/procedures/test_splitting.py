"""Needs of one family and year that pass a threshold together: who counts, by how much, and what is said."""

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
import pytest

from domain.law.findings import LegalAdvice
from domain.law.other_contracts import MOST_ADDENDS, advise_no_split, may_pass_with_others
from domain.law.rules import load
from domain.needs.need import Buyer, Lot, Need, OtherNeed, buyer_siret, year_of
from tests.domain.law.samples import LOCAL, TODAY, need, services, works

HERE = "22560001400016"
CARE = "85320000"
"""Social services, on the list of social and other specific ones."""


def warned(asked: Need, *others: Need, on: date = TODAY) -> list[LegalAdvice]:
    """The advice on a need beside the other needs of 2026."""
    counted = [OtherNeed(UUID(int=number), buyer_siret(other), other) for number, other in enumerate(others, 1)]
    return advise_no_split(asked, counted, 2026, lambda lot, _: lot.segments, load().view(on, asked.contract))


def the(found: list[LegalAdvice]) -> LegalAdvice:
    (only,) = found
    return only


def care(*values: float | None, buyer: Buyer | None = LOCAL, reference: str | None = None) -> Need:
    lots = (Lot(id=str(n), segments=("so-domicile",), cpv=(CARE,), value_eur=value) for n, value in enumerate(values))
    return need(*lots, buyer=buyer, reference=reference)


def bought_by(siret: str | None, value: float, **more: object) -> Need:
    return services(value, buyer=Buyer(kind="local", siret=siret), **more)


def test_the_amount_that_is_passed() -> None:
    """59 999,99 € together stay below 60 000 €; one cent more does not; by day, by buyer, the highest of two."""
    assert warned(services(30_000), services(29_999.99)) == []
    found = the(warned(services(30_000), services(30_000)))
    assert (found.code, found.severity, found.article, found.lots) == ("NO_SPLIT_TO_EVADE", "warning", "R2121-4", ())
    assert warned(services(59_999.99), services(0.01)) != []
    assert warned(services(60_000), services(60_000)) == []
    assert warned(services(20_000), services(20_000), on=date(2026, 3, 31)) != []
    assert warned(services(20_000), services(20_000), on=date(2026, 4, 1)) == []
    found = the(warned(services(30_000), services(186_000)))
    assert "= 216 000 € ≥ 216 000 €, seuil européen" in found.message.fr
    assert (
        "= €215,999.99 ≥ €60,000, the threshold of awards"
        in the(warned(services(30_000), services(185_999.99))).message.en
    )
    assert warned(services(30_000, 30_000)) == []
    military = [services(value, buyer=Buyer(body="central_authority", defence=True)) for value in (50_000, 49_999.99)]
    assert warned(*military) == []
    found = the(warned(military[0], military[0]))
    assert (found.rule, found.article) == ("defence_no_split", "R2321-3")
    assert "= 100 000 € ≥ 100 000 €, seuil des achats sans publicité" in found.message.fr
    for kind, cents in [("state", 14_000_000), ("local", 21_600_000), ("utility", 43_200_000)]:
        buyer = Buyer(kind=kind)  # type: ignore[arg-type]
        asked = services(100_000, buyer=buyer)
        assert warned(asked, services((cents - 10_000_001) / 100, buyer=buyer)) == []
        found = the(warned(asked, services((cents - 10_000_000) / 100, buyer=buyer)))
        assert "seuil européen de cet acheteur" in found.message.fr
        assert warned(services(100_000, buyer=None), services(1_000_000)) == []


def test_renewals_and_options_count_in_every_need() -> None:
    """Without a duration the firm amount counts, and the need is named as not wholly known."""
    own = Lot(id="1", segments=("pr-locaux",), value_eur=10_000, duration_months=12, renewal_months=12)
    other = msgspec.structs.replace(own, options_eur=20_000)
    assert "20 000 € + 40 000 € (" in the(warned(need(own), need(other))).message.fr
    assert warned(need(own), need(msgspec.structs.replace(other, options_eur=19_999.99))) == []
    assert warned(need(own), need(msgspec.structs.replace(other, value_covers="all"))) == []
    endless = need(msgspec.structs.replace(own, value_eur=50_000, duration_months=None), reference="X")
    assert "20 000 € + 50 000 € (réf. X) = 70 000 € ≥ 60 000 €" in the(warned(need(own), endless)).message.fr
    assert "ce qui est inconnu n'est pas compté : réf. X" in the(warned(need(own), endless)).message.fr
    assert warned(need(msgspec.structs.replace(own, value_eur=30_000)), need(other)) == []


def test_the_computation_is_shown() -> None:
    """The need's own value, then the others, the largest first, of many those; by reference, else title, else id."""
    others = (services(5_000, title="Vitres"), services(30_000, reference="NETT-2"), services(20_000))
    found = the(warned(services(7_000, 5_000), *others))
    assert found.message.fr.startswith(
        "Ce besoin et les autres de la famille « Propreté & hygiène » prévus ou engagés en 2026 : 12 000 € + 30 000 € "
        f"(réf. NETT-2) + 20 000 € (besoin {UUID(int=3)}) + 5 000 € (« Vitres ») = 67 000 € ≥ 60 000 €, "
        "seuil des achats sans publicité ni mise en concurrence ; s'ils sont homogènes, ils se comptent ensemble "
        "(R2121-6)"
    )
    assert "€12,000 + €30,000 (ref. NETT-2)" in found.message.en
    assert found.message.fr.endswith("(R2121-4)")
    found = the(warned(services(5_000), *[services(6_000)] * (MOST_ADDENDS + 3)))
    assert found.message.fr.count("6 000 € (besoin") == MOST_ADDENDS
    assert "+ 18 000 € (3 de plus) = 95 000 €" in found.message.fr


def test_what_counts_in_a_sum() -> None:
    """Lots of the family, at stated totals; unknown values are named and count for nothing."""
    green = Lot(id="g", segments=("ev-entretien",), value_eur=50_000)
    clean = Lot(id="c", segments=("pr-locaux",), value_eur=9_000)
    assert warned(need(clean), need(green)) == []
    assert warned(services(30_000), need(clean, green)) == []
    found = the(warned(need(clean), services(30_000), need(clean, green), services(25_000)))
    assert "9 000 € + 30 000 € (" in found.message.fr
    assert the(warned(need(clean, green), services(51_000))).message.fr.startswith("Ce besoin (lot c) et les autres")
    assert "= 73 000 €" in found.message.fr
    without_segment = [need(Lot(id="1", cpv=("09310000",), value_eur=30_000))] * 2
    assert "du groupe CPV 093" in the(warned(*without_segment)).message.fr
    unknown = services(None, reference="INCONNU")
    assert warned(services(30_000), unknown, services(29_999.99)) == []
    assert "n'est pas compté : réf. INCONNU ;" in the(warned(services(30_000), unknown, services(30_000))).message.fr
    found = the(warned(services(None, 10_000), services(50_000)))
    assert ": 10 000 € + 50 000 €" in found.message.fr
    assert "what is unknown is not counted: this need" in found.message.en
    assert ": 60 000 € (besoin" in the(warned(services(None), services(60_000))).message.fr
    assert warned(services(10_000, estimated_total_eur=30_000), services(30_000)) != []
    assert warned(services(None, estimated_total_eur=60_000), services(30_000)) == []
    assert warned(services(30_000), services(None, estimated_total_eur=30_000)) != []
    lots = (Lot(id="1", segments=("pr-locaux",), value_eur=70_000), Lot(id="2", segments=("ev",), value_eur=1_000))
    assert warned(need(*lots, estimated_total_eur=50_000), services(30_000)) == []


def test_one_warning_for_the_same_lots_and_needs() -> None:
    """Told for the higher threshold, else with the larger sum."""
    both = need(Lot(id="1", segments=("pr-locaux", "ev-entretien"), value_eur=40_000))
    assert len(warned(both, both)) == 1
    assert len(warned(both, both, services(1_000))) == 2
    asked = need(Lot(id="1", segments=("ev-entretien", "pr-locaux"), value_eur=50_000))

    def other(green: float, clean: float) -> Need:
        return need(
            Lot(id="g", segments=("ev-entretien",), value_eur=green),
            Lot(id="c", segments=("pr-locaux",), value_eur=clean),
        )

    for values in ((200_000, 20_000), (20_000, 200_000)):
        assert "= 250 000 € ≥ 216 000 €" in the(warned(asked, other(*values))).message.fr
    for values in ((30_000, 20_000), (20_000, 30_000)):
        assert "= 80 000 € ≥ 60 000 €" in the(warned(asked, other(*values))).message.fr


def test_a_sum_is_as_sure_as_what_it_counts() -> None:
    """A buyer taken for the same is said, and doubt, as is a total below its lots in any need that counts."""
    asked = bought_by(HERE, 30_000)
    assert "faute de SIRET" not in the(warned(asked, bought_by(HERE, 30_000))).message.fr
    assert "faute de SIRET : réf. B" in the(warned(asked, bought_by(None, 30_000, reference="B"))).message.fr
    assert (
        "for want of a SIRET: ref. B"
        in the(warned(services(30_000), bought_by(HERE, 30_000, reference="B"))).message.en
    )
    assert the(warned(asked, bought_by(HERE, 30_000))).confidence == "high"
    assert the(warned(services(30_000), services(30_000))).confidence == "high"
    assert the(warned(asked, bought_by(HERE, 30_000), bought_by(None, 1))).confidence == "medium"
    assert the(warned(asked, bought_by(HERE, 30_000), services(None))).confidence == "high"
    below = services(40_000, estimated_total_eur=30_000)
    for asked, other in ((below, services(30_000)), (services(30_000), below)):
        found = the(warned(asked, other))
        assert (found.confidence, "à vérifier" in found.message.fr) == ("low", True)
    assert the(warned(services(30_000), services(30_000, estimated_total_eur=40_000))).confidence == "high"
    assert the(warned(services(30_000), services(30_000), works(9, estimated_total_eur=1))).confidence == "high"


def test_light_services_works_and_concessions() -> None:
    """Adapted from 60 000 € on; works are added up by operation."""
    assert "≥ 60 000 €" in the(warned(care(30_000), care(30_000))).message.fr
    assert warned(care(100_000), care(800_000)) == []
    assert warned(services(100_000), services(116_000)) != []
    assert warned(works(60_000), works(60_000)) == []
    assert warned(services(30_000), works(60_000)) == []
    assert warned(services(30_000, contract="concession"), services(30_000)) == []
    mixed = need(*works(90_000).lots, Lot(id="s", segments=("pr-locaux",), value_eur=30_000))
    assert the(warned(mixed, services(30_000))).lots == (("s",),)
    view = load().view(TODAY)
    mixed = need(*works(1e6).lots, msgspec.structs.replace(services(9).lots[0], id="s"))
    for asked in (services(215_999.99), services(None), care(59_999.99), mixed):
        assert may_pass_with_others(asked, view)
    for asked in (services(216_000), care(60_000), works(1), services(1, contract="concession")):
        assert not may_pass_with_others(asked, view)
    painting = Lot(id="p", keywords=("peinture",), value_eur=1e6)
    assert may_pass_with_others(need(*services(30_000).lots, painting), view)


@pytest.mark.parametrize(
    ("planned", "created", "year"),
    [
        (date(2027, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), 2027),
        (date(2026, 12, 31), datetime(2025, 1, 1, tzinfo=UTC), 2026),
        (None, datetime(2026, 12, 31, 22, 59, tzinfo=UTC), 2026),
        (None, datetime(2026, 12, 31, 23, tzinfo=UTC), 2027),
    ],
)
def test_the_year_is_that_of_publication_else_of_creation_in_france(
    planned: date | None, created: datetime, year: int
) -> None:
    assert year_of(planned, created) == year
