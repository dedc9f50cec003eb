"""How the PDF is set: in a process of its own, whose failures say nothing of what was to be set."""

import pytest

from api.reports import pdf as sheet


def test_what_cannot_be_set_is_told_without_quoting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "_template", lambda: '#panic("prix de revient")')
    with pytest.raises(RuntimeError, match=r"^a report could not be set: 1 typst\.TypstError$"):
        sheet._set("{}", 0)


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "LONGEST_SECONDS", 0)
    with pytest.raises(RuntimeError, match="more than 0 s"):
        sheet._set("{}", 0)
