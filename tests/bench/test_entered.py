"""The walks of the guide to the house, held against what the interpreter enters."""

from bench.results import ROOT
from bench.serving.entered import files_entered

WALKS = {
    "POST /match, first": ("A need",),
    "POST /besoin/resultat": ("A need", "An answer on the desk"),
    "PUT a record": ("A need", "A record"),
}
MOST = {"POST /match, first": 80, "POST /besoin/resultat": 90}


async def test_walks_name_every_file_that_is_entered_and_they_are_few(database_url: str) -> None:
    guide = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = {section.partition("\n")[0]: section for section in guide.split("\n## ")}
    entered = await files_entered(database_url)
    for request, sections in WALKS.items():
        walk = "".join(told[section] for section in sections)
        modules = [name for name in entered[request] if name.endswith(".py")]
        assert not [name for name in modules if name.rpartition("/")[2] not in walk], request
        assert len(modules) > 20, "the requests were carried out"
    for request, most in MOST.items():
        assert len(entered[request]) <= most, request
