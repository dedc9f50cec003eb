"""Refusals as their page says them: the cause and what to do there, without the headers and settings for programs."""

from domain.text.bilingual import Text

REFUSALS: dict[str, Text] = {
    "missing-scope": Text(
        "Vos droits n'ouvrent pas cette page : demandez-les à qui administre les clés de votre organisation.",
        "Your rights do not open this page: ask the person who manages the keys of your organisation for them.",
    ),
    "storage-quota": Text(
        "Les besoins, listes, échanges et réunions de votre organisation occupent toute la place qu'elle a : rien n'a "
        "été enregistré. Effacez des brouillons, ou voyez avec l'exploitant du service.",
        "The needs, shortlists, exchanges and meetings of your organisation take all the room that it has: nothing was "
        "stored. Delete drafts, or see the operator of the service.",
    ),
    "stale-version": Text(
        "Quelqu'un d'autre a changé cela depuis que vous l'avez ouvert : ouvrez-le à nouveau, puis refaites votre "
        "changement.",
        "Somebody else changed this since you opened it: open it again, then make your change once more.",
    ),
    "body-too-large": Text(
        "Ce que vous envoyez est plus volumineux que ce service n'en reçoit, et rien n'a été enregistré. Revenez à la "
        "page précédente, où votre saisie est gardée, et enregistrez-la en plusieurs fois.",
        "What you send is larger than this service takes, and nothing was stored. Go back to the page before, where "
        "what you typed is kept, and save it in several parts.",
    ),
    "email-quota": Text(
        "Votre organisation a envoyé autant de courriels qu'elle le peut en 24 heures : écrivez à moins de "
        "destinataires, par un autre moyen, ou recommencez plus tard.",
        "Your organisation has sent as many e-mails as it may in 24 hours: write to fewer recipients, by other means, "
        "or try again later.",
    ),
    "internal-error": Text(
        "Le service a échoué, et l'incident est journalisé. Recommencez ; s'il se répète, dites à l'exploitant du "
        "service à quelle heure, et ce que vous faisiez.",
        "The service failed, and the incident is logged. Try again; if it happens once more, tell the operator of the "
        "service at what time, and what you were doing.",
    ),
    "stopping": Text(
        "Le service redémarre et n'a pas fini : recommencez dans un instant.",
        "The service restarts and has not finished: try again in a moment.",
    ),
    "query-not-finished": Text(
        "La base de données n'a pas fini à temps : recommencez plus tard.",
        "The database did not finish in time: try again later.",
    ),
    "database-away": Text(
        "La base de données ne répond pas : recommencez dans un instant. La recherche de fournisseurs fonctionne "
        "encore.",
        "The database does not answer: try again in a moment. The search for suppliers still works.",
    ),
    "storage-full": Text(
        "Le service n'a plus de place, et rien n'a été enregistré : recommencez plus tard. Son exploitant en est "
        "averti.",
        "The service has no room left, and nothing was stored: try again later. Its operator is told.",
    ),
    "not-ready": Text(
        "Le service démarre et charge les fournisseurs : recommencez dans un instant.",
        "The service is starting and loading the suppliers: try again in a moment.",
    ),
}
"""By the slug of the type of problem; of the other types the detail is said as it is."""
