"""E-mail addresses as they are compared, and domains as other machines take them: look-alike letters are others."""

from api.smtp_settings import ADDRESS


def comparable(text: str) -> str | None:
    """The one form of an e-mail address: ASCII in lower case, its domain as A-labels; None for what has none.

    No letter becomes another one (ß and ſ are no s, ﬁ is not fi, the Kelvin sign is no k), and nothing is taken off.
    """
    user, _, domain = text.rpartition("@")
    named = ascii_domain(domain) if ADDRESS.fullmatch(text) and user.isascii() else None
    return None if named is None else f"{user.lower()}@{named}"


def ascii_domain(text: str) -> str | None:
    """A domain in lower case, its labels in ASCII (IDNA 2008, RFC 5891); None where it has no such form.

    The codec of Python follows IDNA 2003, which makes eßonne.fr the domain of somebody else, essonne.fr.
    """
    if text.isascii():
        return text.lower() if all(0 < len(label) <= 63 for label in text.split(".")) else None
    from idna import IDNAError, encode  # noqa: PLC0415 - large tables, and few domains need them

    try:
        return encode(text, strict=True).decode().lower()
    except IDNAError:
        return None
