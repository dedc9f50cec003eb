"""The table of published files."""

import pytest

from sources.pool.manifest import PublishedFile, published_files

every_file = pytest.mark.parametrize("file", published_files(), ids=lambda file: file.id)


@every_file
def test_a_file_says_where_it_is_and_whom_to_credit(file: PublishedFile) -> None:
    assert file.address.startswith("https://")
    assert all((file.name, file.publisher, file.licence, file.rhythm, file.credit))
    assert file.required
    assert not file.fields or set(file.required) <= set(file.fields)


@every_file
def test_what_can_be_fetched_is_described_by_its_publisher(file: PublishedFile) -> None:
    """In the catalogue's entry of the very file that the stable address leads to."""
    if file.catalogue is not None:
        number = file.address.removeprefix("https://www.data.gouv.fr/datasets/r/")
        assert file.catalogue == f"https://www.data.gouv.fr/api/2/datasets/resources/{number}/"


def test_no_column_is_of_a_person() -> None:
    """Names, sex and contacts of persons, and names of winners, have no column that is read."""
    personal = (
        "prenom",
        "nomUniteLegale",
        "nomUsage",
        "sexe",
        "pseudonyme",
        "mail",
        "courriel",
        "telephone",
        "phone",
        "adrg_",
    )
    columns = {name for file in published_files() for name in (*file.required, *file.optional, *file.fields)}
    assert [name for name in columns if any(word in name for word in personal) or name == "titulaire_nom"] == []
