"""The page of sources, licences and credits, and its package."""

import io
import zipfile

from tests.api.desk.steps import Browser
from tests.api.sync.factories import Client, put


async def test_sources_are_told_with_their_licence_and_the_package_is_one_click_away(
    served: Client, own: Browser, source: str
) -> None:
    await put(served, f"/sources/{source}", {"label": "Carte du Blavet", "licence": "ODbL"})
    await put(served, f"/sources/{source}-closed", {"label": "Carte fermée", "licence": "CC-BY-NC-4.0"})
    page = await own.get("/donnees")
    told = {row.split("</th>")[0].strip(): row for row in page.text.split('<th scope="row">')}
    assert "Open Database License 1.0" in told["Carte du Blavet"]
    assert "CC-BY-NC-4.0" in told["Carte fermée"]
    assert "<td>non</td>" in told["Carte fermée"]
    assert '/donnees"' in (await own.get("/annuaire")).text
    package = await own.get("/donnees/vivier.zip")
    assert zipfile.ZipFile(io.BytesIO(package.content)).testzip() is None
    await put(served, f"/sources/{source}", {})
