"""The key of the journal: one for all processes of a home, and never shown."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api.journal.signing_key import FILE, JournalKey, journal_key, signature_checker
from api.settings import Settings

ONE, OTHER = JournalKey(bytes(32)), JournalKey(bytes(31) + b"1")


def test_a_signature_is_known_by_the_keys_that_are_trusted() -> None:
    signature = ONE.sign(b"hash")
    assert signature_checker([OTHER.public, ONE.public])(b"hash", signature)
    assert not signature_checker([ONE.public])(b"another", signature)
    assert not signature_checker([OTHER.public])(b"hash", signature)
    assert not signature_checker([])(b"hash", signature)


def test_processes_that_start_at_once_have_one_key_which_others_cannot_read(tmp_path: Path) -> None:
    """Also where they have one number, as in containers of their own."""
    for attempt in range(30):
        settings = Settings(home=tmp_path / f"new-{attempt}")
        with ThreadPoolExecutor(8) as starting:
            keys = [each.public for each in starting.map(lambda _, its=settings: journal_key(its), range(8)) if each]
        assert len(keys) == 8
        assert len(set(keys)) == 1
        assert [each.name for each in settings.home.iterdir()] == [FILE]
        assert (settings.home / FILE).stat().st_mode & 0o777 == 0o600


def test_the_key_of_the_settings_comes_first(tmp_path: Path) -> None:
    key = journal_key(Settings(home=tmp_path, journal_key=bytes(32)))
    assert key is not None
    assert key.public == ONE.public
    assert not (tmp_path / FILE).exists()


def test_without_a_place_for_it_there_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert journal_key(Settings(home=tmp_path / "file" / "home")) is None
    (tmp_path / FILE).write_text("too short")
    assert journal_key(Settings(home=tmp_path)) is None


def test_it_is_not_shown(tmp_path: Path) -> None:
    assert "AAAA" not in repr(Settings(home=tmp_path, journal_key=bytes(32)))
    assert repr(ONE) == f"JournalKey({ONE.public!r})"
