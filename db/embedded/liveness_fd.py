"""File descriptors that mean "this process is alive": kept from forked children, which may outlive it."""

import os

_kept: set[int] = set()


def keep(descriptor: int) -> int:
    """Have `descriptor` closed in every process forked from this one; programs it runs never inherit it."""
    os.set_inheritable(descriptor, False)
    _kept.add(descriptor)
    return descriptor


def kept(descriptor: int) -> bool:
    """Whether this is the process that called `keep`, and `close` has not been called."""
    return descriptor in _kept


def close(descriptor: int) -> None:
    """Close a kept descriptor; nothing in a forked child, where it is closed already."""
    if descriptor in _kept:
        _kept.remove(descriptor)
        os.close(descriptor)


def _let_go() -> None:
    while _kept:
        os.close(_kept.pop())


os.register_at_fork(after_in_child=_let_go)
