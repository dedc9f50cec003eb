"""The pages of networks: the operator's table, and whom a buyer may call."""

from tests.api.admin.test_networks import TABLE
from tests.api.desk.steps import Browser, send_file


async def test_the_pages_take_a_table_and_show_whom_to_call(own: Browser) -> None:
    await own.open("/admin/reseaux")
    sent = await send_file(own, "admin/reseaux", "fichier", TABLE)
    assert sent.status_code == 303, sent.text
    shown = await own.get("/reseaux?lieu=departement:56&reserve=iae&")
    assert "Facilitateur du Morbihan" in shown.text
    assert "CRESS Bretagne" not in shown.text
    await own.open("/admin/reseaux")
    refused = await send_file(own, "admin/reseaux", "fichier", b"nom,territoires\nX,departement:99\n")
    assert (refused.status_code, "/items/0/territories/0" in refused.text) == (422, True)
