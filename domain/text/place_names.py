"""The names of places within French sentences."""

from domain.text.normalise import fold


def of_place(name: str) -> str:
    """ "de Redon", "d'Étel", "du Mans", "des Herbiers"."""
    if name.startswith("Le "):
        return "du " + name.removeprefix("Le ")
    if name.startswith("Les "):
        return "des " + name.removeprefix("Les ")
    return ("d'" if fold(name)[:1] in tuple("aeiouy") else "de ") + name
