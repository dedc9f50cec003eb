"""The failure of a command."""

FAILED = 1
USAGE = 2


class CommandFailed(Exception):
    """The message is for the person who typed the command; `status` is the command's exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status
