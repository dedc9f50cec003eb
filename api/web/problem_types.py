"""The catalogue of problem types: each has a path that clients may rely on, and an explanation served there."""

from typing import NamedTuple

from domain.text.bilingual import Text


class ProblemType(NamedTuple):
    """A type of problem. `slug` and `status` never change; `description` says what happened and what to do."""

    slug: str
    status: int
    title: Text
    description: Text

    @property
    def path(self) -> str:
        return f"/problems/{self.slug}"


def _type(slug: str, status: int, title: tuple[str, str], description: tuple[str, str]) -> ProblemType:
    return ProblemType(slug, status, Text(*title), Text(*description))


_TYPES = (
    _type(
        "bad-request",
        400,
        ("Requête incompréhensible", "Request not understood"),
        (
            "La requête HTTP elle-même est mal formée (en-tête Host ou Content-Length invalide, par exemple).",
            "The HTTP request itself is malformed (an invalid Host or Content-Length header, for example).",
        ),
    ),
    _type(
        "malformed-body",
        400,
        ("Corps illisible", "Unreadable body"),
        (
            "Le corps n'est pas du JSON en UTF-8, ou sa compression est rompue. Rien n'a été enregistré.",
            "The body is not JSON in UTF-8, or its compression is broken. Nothing was stored.",
        ),
    ),
    _type(
        "unknown-query-parameter",
        400,
        ("Paramètre inconnu", "Unknown parameter"),
        (
            "L'adresse contient un paramètre que cette route ne connaît pas ; aucun n'est ignoré en silence.",
            "The address holds a parameter that this route does not know; none is silently ignored.",
        ),
    ),
    _type(
        "bad-cursor",
        400,
        ("Curseur inutilisable", "Unusable cursor"),
        (
            "Le curseur n'est pas l'un de ceux que cette liste a donnés. Reprendre next_cursor tel quel.",
            "The cursor is not one that this list gave. Use next_cursor as it came, or start again without.",
        ),
    ),
    _type(
        "no-valid-key",
        401,
        ("Clé absente ou inconnue", "No valid key"),
        (
            "Cette route demande l'en-tête « Authorization: Bearer <clé> » avec une clé en vigueur.",
            "This route needs the header “Authorization: Bearer <key>” with a key that is in force.",
        ),
    ),
    _type(
        "missing-scope",
        403,
        ("Droit manquant", "Missing scope"),
        (
            "La clé est valable mais n'a pas le droit que cette route demande.",
            "The key is valid but does not have the scope that this route needs.",
        ),
    ),
    _type(
        "source-not-on-key",
        403,
        ("Source étrangère à la clé", "Source not on the key"),
        (
            "La clé permet d'écrire les fournisseurs de certaines sources, et celle-ci n'en est pas.",
            "The key may write the suppliers of certain sources, and this is not one of them.",
        ),
    ),
    _type(
        "not-found",
        404,
        ("Introuvable", "Not found"),
        (
            "Rien ne se trouve à cette adresse, ou rien qui soit à vous.",
            "There is nothing at this address, or nothing of yours.",
        ),
    ),
    _type(
        "method-not-allowed",
        405,
        ("Méthode non admise", "Method not allowed"),
        (
            "Cette adresse existe, mais pas pour cette méthode ; l'en-tête Allow donne celles qui conviennent.",
            "This address exists, but not for this method; the Allow header lists those that work.",
        ),
    ),
    _type(
        "not-acceptable",
        406,
        ("Format de réponse indisponible", "No acceptable format"),
        (
            "L'en-tête Accept refuse tous les formats que cette route sait produire.",
            "The Accept header refuses every format that this route can produce.",
        ),
    ),
    _type(
        "conflict",
        409,
        ("Conflit d'état", "Conflict of state"),
        (
            "La demande est bien formée, mais l'état présent de l'objet l'interdit.",
            "The request is well formed, but the present state of the object forbids it.",
        ),
    ),
    _type(
        "after-publication",
        409,
        ("Après publication", "After publication"),
        (
            "L'avis est publié, ou le besoin a pris fin : on n'échange plus avec les fournisseurs, on relit seulement.",
            "The notice is published, or the need has ended: no more exchange with suppliers, only reading.",
        ),
    ),
    _type(
        "too-many-removed",
        409,
        ("Trop de fiches retirées", "Too many records removed"),
        (
            "Cet envoi « snapshot » retirerait plus d'une fiche sur cinq de la source ; force=true le confirme.",
            "This snapshot would remove more than one in five of the source's records; force=true confirms it.",
        ),
    ),
    _type(
        "stale-version",
        412,
        ("Version périmée", "Stale version"),
        (
            "L'objet a changé depuis que vous l'avez lu : relisez-le, puis reprenez avec son nouvel ETag.",
            "The object changed since you read it: read it again, then retry with its new ETag.",
        ),
    ),
    _type(
        "body-too-large",
        413,
        ("Corps trop volumineux", "Body too large"),
        (
            "Le corps dépasse la taille admise par cette route.",
            "The body is larger than this route takes.",
        ),
    ),
    _type(
        "unsupported-media-type",
        415,
        ("Type de contenu non admis", "Unsupported media type"),
        (
            "L'en-tête Content-Type ou Content-Encoding annonce un format que cette route ne lit pas.",
            "The Content-Type or Content-Encoding header announces a format that this route does not read.",
        ),
    ),
    _type(
        "invalid-content",
        422,
        ("Contenu invalide", "Invalid content"),
        (
            "Le corps se lit, mais son contenu ne convient pas ; errors dit où et ce qui conviendrait.",
            "The body can be read, but its content will not do; errors says where and what would be right.",
        ),
    ),
    _type(
        "unknown-territory",
        422,
        ("Territoire inconnu", "Unknown territory"),
        (
            "Un code de territoire n'existe pas, ni actuel ni ancien. GET /territories les cherche.",
            "A territory code does not exist, neither today nor among retired codes. GET /territories searches them.",
        ),
    ),
    _type(
        "unknown-segment",
        422,
        ("Segment inconnu", "Unknown segment"),
        (
            "Un code de segment n'existe pas dans la nomenclature. GET /segments/search permet de chercher.",
            "A segment code does not exist in the taxonomy. GET /segments/search searches them.",
        ),
    ),
    _type(
        "outside-france",
        422,
        ("Hors de France", "Outside France"),
        (
            "Le lieu indiqué ne touche pas le sol français ; latitude et longitude sont peut-être inversées.",
            "The place given does not touch French ground; latitude and longitude may be swapped.",
        ),
    ),
    _type(
        "invalid-query",
        422,
        ("Paramètre invalide", "Invalid parameter"),
        (
            "Un paramètre de l'adresse a une valeur qui ne convient pas ; errors dit lequel et ce qui conviendrait.",
            "A parameter of the address has a value that will not do; errors says which and what would be right.",
        ),
    ),
    _type(
        "too-many-requests",
        429,
        ("Trop de requêtes", "Too many requests"),
        (
            "Trop de requêtes à la fois ; Retry-After dit quand reprendre.",
            "Too many requests at once; Retry-After says when to try again.",
        ),
    ),
    _type(
        "internal-error",
        500,
        ("Erreur interne", "Internal error"),
        (
            "Le service a échoué. L'incident est journalisé sous l'identifiant de l'en-tête X-Request-Id.",
            "The service failed. The incident is logged under the id in the X-Request-Id header.",
        ),
    ),
    _type(
        "database-away",
        503,
        ("Base de données indisponible", "Database unavailable"),
        (
            "La base de données ne répond pas ; /match et les données de référence continuent. Reprendre plus tard.",
            "The database does not answer; /match and reference data go on. Try again after Retry-After.",
        ),
    ),
    _type(
        "not-ready",
        503,
        ("Pas encore prêt", "Not ready yet"),
        (
            "Le service démarre et charge les fournisseurs. Reprendre après Retry-After.",
            "The service is starting and loading the suppliers. Try again after Retry-After.",
        ),
    ),
)

CATALOGUE: dict[str, ProblemType] = {kind.slug: kind for kind in _TYPES}
