"""Content negotiation (RFC 9110 §12): the media type, the language and the coding that the client prefers.

Not with the framework's `Accept`, for which a quality of 0 is an acceptance.
"""

from contextlib import suppress
from operator import itemgetter

from domain.short_cache import short_cache
from domain.text.bilingual import Language

JSON = "application/json"
GEOJSON = "application/geo+json"
CSV = "text/csv"
HTML = "text/html"
XML = "application/xml"
MERGE_PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"
NDJSON = "application/x-ndjson"
KEPT, LONGEST_KEPT = 512, 256
"""The number of headers whose reading is kept, and the characters of the longest: browsers send some 100."""


@short_cache(KEPT, LONGEST_KEPT, lambda accept, _: len(accept))
def choose_media(accept: str, offered: tuple[str, ...]) -> str | None:
    """The media type of `offered` that the `Accept` header prefers; None where it refuses them all.

    Quality decides, then how precisely the type was named, then the order of `offered`. An empty header accepts all.
    """
    if not accept.strip():
        return offered[0]
    ranges, acceptable = _weighted(accept), []
    for media in offered:
        patterns = ("*/*", media.partition("/")[0] + "/*", media)
        fitting = [(patterns.index(pattern), quality) for pattern, quality in ranges if pattern in patterns]
        precision, quality = max(fitting, default=(0, 0.0))
        if quality > 0:
            acceptable.append((quality, precision, media))
    return max(acceptable, key=itemgetter(0, 1))[2] if acceptable else None


@short_cache(KEPT, LONGEST_KEPT, len)
def choose_language(accept_language: str) -> Language:
    """French, unless `Accept-Language` prefers English; on equal quality the one named first."""
    qualities: dict[str, float] = {}
    for tag, quality in _weighted(accept_language):
        qualities.setdefault(tag.partition("-")[0], quality)
    wildcard = qualities.get("*", 0.0)
    french, english = qualities.get("fr", wildcard), qualities.get("en", wildcard)
    if french == english and french > 0 and "en" in qualities:
        tags = list(qualities)
        return "en" if "fr" not in tags or tags.index("en") < tags.index("fr") else "fr"
    return "en" if english > french else "fr"


@short_cache(KEPT, LONGEST_KEPT, len)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether `Accept-Encoding` allows gzip and does not rather have the answer as it is."""
    qualities = dict(reversed(_weighted(accept_encoding)))
    quality = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return quality > 0 and quality >= qualities.get("identity", 0.0)


def _weighted(header: str) -> list[tuple[str, float]]:
    """The comma-separated items of a header in lower case, each with its `q` (default 1); unreadable ones omitted."""
    items = []
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        values = {key.strip(): text for key, _, text in (parameter.partition("=") for parameter in parameters)}
        with suppress(ValueError):
            if name and 0 <= (quality := float(values.get("q", 1))) <= 1:
                items.append((name, quality))
    return items
