"""What is suppressed of what sources send: exactly what was taken out, and nothing of who is called the same."""

import pytest

from db.core.engine import Engine, transaction
from db.suppliers.suppression_list import EVERYWHERE, Suppression, Suppressions, suppress, suppressions_of
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.supplier import Contact
from tests.db.suppliers.samples import NOW, record

HERS = Contact(
    email="a.legoff@esat.example", phone="02 97 00 00 00", person="Anne Le Goff", website="https://e.example"
)
HERE = RecordKey("reseau", "1")


async def suppressed(engine: Engine, source: str, *details: Suppression) -> Suppressions | None:
    async with transaction(engine) as connection:
        await suppress(connection, details, NOW)
        return await suppressions_of(connection, source)


def left(found: Suppressions | None, external_id: str, contact: Contact) -> Contact | None:
    assert found is not None
    return found.redact(external_id, record(contact=contact)).contact


async def test_an_address_is_suppressed_wherever_it_comes(engine: Engine) -> None:
    found = await suppressed(engine, "elsewhere", Suppression("email", HERS.email or ""))
    shouted = Contact(email=" A.LeGoff@ESAT.example ", person="Anne Le Goff")
    assert left(found, "9", shouted) == Contact(person="Anne Le Goff")
    assert left(found, "9", Contact(email="b@esat.example")) == Contact(email="b@esat.example")


async def test_a_name_is_suppressed_in_its_record_or_beside_the_address(engine: Engine) -> None:
    found = await suppressed(
        engine,
        "reseau",
        Suppression("email", "a.legoff@esat.example"),
        Suppression("person", "anne goff le", HERE),
        Suppression("person", "anne goff le", EVERYWHERE, "a.legoff@esat.example"),
    )
    assert left(found, "1", Contact(person="LE GOFF, Anne")) == Contact()
    assert left(found, "2", HERS) == Contact(phone="02 97 00 00 00", website="https://e.example")
    assert left(found, "2", Contact(email="b@x.example", person="Anne Le Goff")) == Contact(
        email="b@x.example", person="Anne Le Goff"
    )


@pytest.mark.parametrize("phone", ["+33 2 97 00 00 00", "02.97.00.00.00"])
async def test_a_number_is_suppressed_in_any_spelling(engine: Engine, phone: str) -> None:
    found = await suppressed(engine, "reseau", Suppression("phone", "0297000000", HERE))
    assert left(found, "1", Contact(phone=phone)) == Contact()
    assert left(found, "2", Contact(phone=phone)) == Contact(phone=phone)


async def test_of_another_source_only_what_holds_everywhere_is_read(engine: Engine) -> None:
    assert await suppressed(engine, "other", Suppression("person", "anne goff le", HERE)) is None
    async with transaction(engine) as connection:
        assert await suppressions_of(connection, "reseau", "2") is None
        assert await suppressions_of(connection, "reseau", "1") is not None


async def test_a_record_without_anything_suppressed_is_the_same_object(engine: Engine) -> None:
    found = await suppressed(
        engine, "reseau", Suppression("email", "a.legoff@esat.example"), Suppression("phone", "1", HERE)
    )
    assert found is not None
    for given in (record(), record(contact=Contact()), record(contact=Contact(email="b@x.example", phone="2"))):
        assert found.redact("1", given) is given


async def test_the_same_again_is_kept_once(engine: Engine) -> None:
    detail = Suppression("email", "a.legoff@esat.example")
    await suppressed(engine, "reseau", detail, detail)
    found = await suppressed(engine, "reseau", detail, Suppression("email", ""))
    assert found is not None
    assert len(found.everywhere) == 1
