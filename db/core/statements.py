"""The statements that an engine runs, told to whoever wants to time them."""

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import event

from db.core.engine import Engine

End: TypeAlias = Callable[[bool], object]
Begin: TypeAlias = Callable[[str], End]

_UNDER_WAY = "statements_under_way"


def watch_statements(engine: Engine, begin: Begin) -> None:
    """Call `begin` with the SQL of each statement before it runs, and what it returns at its end, with its success.

    The SQL holds the places of its parameters, never their values. COPY and the listening connection are not seen.
    """

    def before(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        connection.info.setdefault(_UNDER_WAY, []).append(begin(statement))

    def after(connection: Any, *_: Any) -> None:
        _end(connection, succeeded=True)

    def failed(failure: Any) -> None:
        if failure.connection is not None:
            _end(failure.connection, succeeded=False)

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "after_cursor_execute", after)
    event.listen(engine.sync_engine, "handle_error", failed)


def _end(connection: Any, *, succeeded: bool) -> None:
    if under_way := connection.info.get(_UNDER_WAY):
        under_way.pop()(succeeded)
