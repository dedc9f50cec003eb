"""The encoding of tables as they are published: a line is UTF-8, and one that is not is read as Windows-1252."""


def windows_1252_text(line: bytes) -> str:
    """The text of a line that is not UTF-8, read as Windows-1252; U+FFFD for a byte that means nothing there."""
    return line.decode("cp1252", "replace")


def lines_in_utf8(lines: bytes) -> bytes:
    """Convert lines to UTF-8, each by itself: one that is not UTF-8 is read as Windows-1252."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        each = lines.splitlines(keepends=True)
        return b"".join(map(lines_in_utf8, each)) if len(each) > 1 else windows_1252_text(lines).encode()
    return lines
