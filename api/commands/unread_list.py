"""The unread parts of a notice on a terminal: in French, what matters to the need in sentences, the rest as paths."""

from rich.console import Console

from api.commands.console import plain
from api.commands.need_files import ReadNeed

SHOWN = 40
"""The parts that a need has no place for, of which the paths are shown; all are in the answer of POST /notices."""


def write_unread(read: ReadNeed, to: Console) -> None:
    """Write what was not read; nothing where the need was no notice."""
    if not read.unread:
        return
    noted = [each for each in read.unread if not each.expected]
    others = [each for each in read.unread if each.expected]
    to.print(plain(f"Avis lu : {read.name}"), style="bold")
    if noted:
        to.print("À vérifier, lu autrement ou pas lu :")
        for each in noted:
            to.print(plain(f"  • {each.detail.fr} ({each.path})"), soft_wrap=True)
    if others:
        to.print("Sans place dans un besoin :")
        for each in others[:SHOWN]:
            to.print(plain(f"  · {each.path}"), soft_wrap=True)
        if len(others) > SHOWN:
            to.print(f"  · et {len(others) - SHOWN} autres")
    to.print()
