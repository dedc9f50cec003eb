"""The fields by which each kind of form says that a lot is reserved, and what they say."""

from collections.abc import Mapping

from sources.notices.notice import ReservedMark

OF_EFORMS: Mapping[str, ReservedMark] = {"res-ws": "sheltered", "res-pub-ser": "mission"}
"""reserved-procurement (BT-71)."""
OF_TED: Mapping[str, ReservedMark] = {
    "RESTRICTED_SHELTERED_WORKSHOP": "sheltered",
    "RESTRICTED_SHELTERED_PROGRAM": "programme",
    "RESTRICTED_TO_SHELTERED_WORKSHOPS": "sheltered",
    "RESTRICTED_TO_FRAMEWORK": "programme",
    "RESERVED_ORGANISATIONS_SERVICE_MISSION": "mission",
}
"""Elements of both schemas."""
OF_BOAMP: Mapping[str, ReservedMark] = {
    "marchereserveoui": "sheltered",
    "ateliersproteges": "sheltered",
    "emploisproteges": "programme",
}
"""Plain names of elements of the national forms; the one that names the kind stands in the other."""
