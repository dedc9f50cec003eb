"""Networks and facilitators: the table that the operator keeps, and whom a buyer finds in it."""

import pytest

from api.admin.networks import networks_in_table
from domain.errors import InvalidContent
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, key

TABLE = """nom;genre;Territoires;Réservations;Courriel;Téléphone;Site
CRESS Bretagne;cress;region:53;ess;contact@cress.example.org;;https://cress.example.org
Facilitateur du Morbihan;facilitator;departement:56;iae|handicap;;02 97 00 00 00;
Gesat;gesat;;handicap;;;
""".encode()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Facilitateur du Morbihan", "CRESS Bretagne", "Gesat"]),
        ("territory=commune:56178", ["Facilitateur du Morbihan", "CRESS Bretagne", "Gesat"]),
        ("territory=departement:35&reserved=ess", ["CRESS Bretagne"]),
        ("territory=departement:75&reserved=handicap&reserved=iae", ["Gesat"]),
        ("territory=departement:75&reserved=penitentiary", []),
    ],
)
async def test_whom_to_call(served: Client, query: str, names: list[str]) -> None:
    items = [
        {"name": "Gesat", "kind": "gesat", "reserved": ["handicap"]},
        {"name": "CRESS Bretagne", "kind": "cress", "territories": ["region:53"], "reserved": ["ess"]},
        {"name": "Facilitateur du Morbihan", "territories": ["departement:56"], "reserved": ["iae", "handicap"]},
    ]
    assert (await served.put("/networks", json={"items": items})).status_code == 200
    found = await served.get(f"/networks?{query}", headers=await key(served, "match"))
    assert [each["name"] for each in found.json()["items"]] == names


async def test_only_the_operator_keeps_it_and_faults_are_told_where_they_stand(served: Client) -> None:
    administrator = await key(served, "admin")
    assert_refused(await served.put("/networks", json={"items": []}, headers=administrator), 403, "missing-scope")
    refused = await served.put("/networks", json={"items": [{"name": "X", "territories": ["departement:99"]}]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/items/0/territories/0"
    assert (await served.get("/networks?territory=departement:99")).status_code == 422


def test_a_table_is_read_by_french_titles() -> None:
    bretagne, morbihan, gesat = networks_in_table(TABLE)
    assert (bretagne.kind, bretagne.territories) == ("cress", ("region:53",))
    assert (morbihan.reserved, morbihan.phone) == (("iae", "handicap"), "02 97 00 00 00")
    assert gesat.territories == ("country:FR",)
    with pytest.raises(InvalidContent) as refused:
        networks_in_table(b"nom,genre,couleur\nX,club,rouge\n")
    assert [each.code for each in refused.value.problems] == ["unknown_column", "invalid"]
