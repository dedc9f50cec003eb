"""An address is that of one mailbox: what only looks like it, or folds to it, is another or none."""

import pytest

from api.email_address import ascii_domain, comparable

WRITTEN = {
    "chef@essonne.fr": "chef@essonne.fr",
    "Chef@Essonne.FR": "chef@essonne.fr",
    "chef@eßonne.fr": "chef@xn--eonne-lqa.fr",
    "chef@xn--eonne-lqa.fr": "chef@xn--eonne-lqa.fr",
    "chef@XN--EONNE-LQA.fr": "chef@xn--eonne-lqa.fr",
    "chef@école.fr": "chef@xn--cole-9oa.fr",
    "chef@XN--cole-9oa.FR": "chef@xn--cole-9oa.fr",
    "o'neill+a.b_c@x-y.example": "o'neill+a.b_c@x-y.example",
    # each a letter of its own, none of IDNA
    "chef@e\u017f\u017fonne.fr": None,
    "chef@essonne.\ufb01": None,
    "che\ufb00@essonne.fr": None,
    "\u212aarl@essonne.fr": None,
    "karl@\u212aarl.fr": None,
    "ſophie@essonne.fr": None,
    "chéf@essonne.fr": None,
    "chef@\uff45ssonne.fr": None,
    "\uff43hef@essonne.fr": None,
    "chef@École.fr": None,
    "chef@e\u0301cole.fr": None,
    "chef@ess\u00adonne.fr": None,
    "chef@ess\u200donne.fr": None,
    # dots, ends and blanks
    "chef@essonne\u3002fr": None,
    "chef@essonne\uff0efr": None,
    "chef@essonne.fr.": None,
    "chef@essonne..fr": None,
    "chef@.fr": None,
    " chef@essonne.fr": None,
    "chef@essonne.fr\n": None,
    "chef@essonne.fr\u3000": None,
    "che f@essonne.fr": None,
    "chef@essonne.fr\0": None,
    # other forms
    '"chef"@essonne.fr': None,
    '"a@b"@essonne.fr': None,
    "chef\uff20essonne.fr": None,
    "x@chef@essonne.fr": None,
    "chef@[127.0.0.1]": None,
    "chef(x)@essonne.fr": None,
    "@essonne.fr": None,
    "chef@": None,
    "essonne.fr": None,
    "": None,
    f"chef@{'e' * 64}.fr": None,
}


@pytest.mark.parametrize(("text", "form"), WRITTEN.items(), ids=map(ascii, WRITTEN))
def test_an_address_has_one_form_or_none(text: str, form: str | None) -> None:
    assert comparable(text) == form
    assert form is None or comparable(form) == form


def test_mail_goes_to_the_domain_that_is_written() -> None:
    assert [ascii_domain(each) for each in ("eßonne.fr", "Essonne.fr", "e\u017fsonne.fr", "a_b.fr")] == [
        "xn--eonne-lqa.fr",
        "essonne.fr",
        None,
        "a_b.fr",
    ]
