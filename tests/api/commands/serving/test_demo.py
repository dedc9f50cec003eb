"""`vivier demo`: what a newcomer sees, twice."""

import re
import shlex
import signal
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

from tests.api.commands.conftest import Running, processes, vivier


def demonstration(home: Path) -> str:
    """What one run shows, and that the request and the address it proposes work as printed."""
    demo = Running(home, "demo", "--port", "0")
    try:
        shown = demo.wait_for("Ctrl-C arrête tout.")
        _, silent, url, *options = shlex.split(re.findall(r"^curl .*$", shown, re.MULTILINE)[0])
        assert (silent, options[0::2]) == ("-s", ["-H", "-H", "-d"])
        headers = dict(option.split(": ", 1) for option in options[1:4:2])
        with urlopen(Request(url, options[5].encode(), headers)) as answer:
            assert b'"candidates":[{"rank":1' in answer.read()
        (link,) = re.findall(r"^http\S+/connexion/\S+$", shown, re.MULTILINE)
        browser = build_opener(HTTPCookieProcessor())
        with browser.open(Request(link, headers={"Accept-Language": "fr"})) as page:
            assert (urlsplit(page.url).path, "Votre besoin" in page.read().decode()) == ("/besoin", True)
        with browser.open(Request(urljoin(link, "/sources/exemple"), headers={"Accept": "text/html"})) as page:
            assert 'name="fichier"' in page.read().decode()
        demo.signal(signal.SIGINT)
        assert demo.ended() == 0
        assert demo.log == ""
    finally:
        demo.close()
    assert processes(home) == {}
    return shown


def test_a_newcomer_sees_a_shortlist_and_what_to_try(home: Path) -> None:
    """From nothing, then again: the same suppliers, the same key."""
    first = demonstration(home)
    assert "1\u00a0000 fournisseurs fictifs" in first
    for words in ("Lot 1 · ", "Peut répondre ?", "Écartés de peu :", "Concurrence", "Autrement", "Droit et conseils"):
        assert words in first
    assert "\x1b" not in first
    shortlist, _, rest = first.partition("À vous")
    assert "Sigles : EI entreprise d'insertion ; " in shortlist
    assert max(map(len, shortlist.splitlines())) <= 100
    key = re.findall(r"viv_[0-9a-f]{56}", rest)[0]
    again = demonstration(home)
    assert key in again
    assert (
        again.partition("Besoin : ")[2].partition("À vous")[0] == first.partition("Besoin : ")[2].partition("À vous")[0]
    )


def test_real_suppliers_are_not_mixed_with_invented_ones(home: Path, database_url: str) -> None:
    """A database given by its address may be somebody's own."""
    file = home / "cress.ndjson"
    file.write_text('{"external_id": "1", "name": "Vrai"}\n')
    assert vivier(home, "import", "cress", str(file), DATABASE_URL=database_url).returncode == 0
    refused = vivier(home, "demo", "--port", "0", DATABASE_URL=database_url)
    assert (refused.returncode, "cress" in refused.stderr) == (1, True), refused.stderr
