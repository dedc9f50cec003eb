"""Organisations in a real database: which one a name or an id leads to."""

from db.api_keys import ensure_organisation
from db.core.engine import Engine, transaction
from db.organisations import find_by_name_or_id
from tests.db.suppliers.samples import NOW


async def test_an_id_leads_to_its_own_organisation_even_where_another_is_called_so(engine: Engine) -> None:
    async with transaction(engine) as connection:
        one = await ensure_organisation(connection, "Morbihan", NOW)
        other = await ensure_organisation(connection, str(one), NOW)
        found = [await find_by_name_or_id(connection, text) for text in (str(one), "Morbihan", str(other), "Vannes")]
    assert [each and each.id for each in found] == [one, one, other, None]
