"""Sets a page with typst, in a process of its own: template, page and moment in, PDF out.

typst keeps what it has set, for documents that are set again: some 70 MB for each report, until the process ends. And
where it breaks down, it breaks down alone. Run as a script; imports nothing of ours.
"""

import ctypes
import json
import signal
import sys
from typing import Any

import typst

PR_SET_PDEATHSIG = 1
STANDARDS: list[Any] = ["a-2a", "ua-1"]


def library_fonts() -> typst.Fonts:
    """The typefaces of the library, without those of the machine: the same document is made anywhere."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def main() -> None:
    """Typeset what standard input asks for as JSON, and write the PDF to standard output.

    The template reads `sys.inputs.page`; the moment is in seconds since 1970.
    """
    if sys.platform == "linux":  # nobody waits for the page where the server has ended
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    request = json.load(sys.stdin.buffer)
    written = typst.compile(
        request["template"].encode(),
        format="pdf",
        font_paths=library_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"page": request["page"]},
        pdf_standards=STANDARDS,
        timestamp=request["moment"],
    )
    sys.stdout.buffer.write(written)


if __name__ == "__main__":
    main()
