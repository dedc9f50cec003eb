"""Sets letters with typst, or joins PDFs, in a process of its own: JSON in, PDF out.

typst keeps what it has set until its process ends, some 0.3 MB a page, so letters are set by the hundred. Drawing the
QR codes takes the interpreter a while, here and not in the server. Run as a script; imports nothing of ours.
"""

import ctypes
import io
import json
import re
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
MASK = 2
"""The pattern of all QR codes: choosing the best for each takes four times as long, and readers take any."""
DARK = re.compile(rb"\x01+")


def qr_code(text: str) -> str:
    """A QR code of a text as SVG, with paths and no frame."""
    import segno  # noqa: PLC0415 - joining needs none

    rows = segno.make_qr(text, error="m", mask=MASK).matrix
    # by rows of dark modules: segno's own SVG takes three times as long
    runs = "".join(f"M{run.start()} {y}.5h{len(run[0])}" for y, row in enumerate(rows) for run in DARK.finditer(row))
    box = f"0 0 {len(rows)} {len(rows)}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"><path stroke="#000" d="{runs}"/></svg>'


def set_letters(request: dict[str, Any]) -> bytes:
    """The PDF of some letters; each is given its QR code from its `link`."""
    import typst  # noqa: PLC0415 - joining needs none

    page = {
        "common": request["common"],
        "letters": [each | {"qr": qr_code(each["link"])} for each in request["letters"]],
    }
    return typst.compile(
        request["template"].encode(),
        format="pdf",
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=True),
        ignore_system_fonts=True,
        sys_inputs={"page": json.dumps(page)},
        timestamp=request["moment"],
    )


def join_pdfs(paths: list[str]) -> bytes:
    """One PDF of the pages of several, in their order."""
    import pypdf  # noqa: PLC0415 - setting needs none

    writer, written = pypdf.PdfWriter(), io.BytesIO()
    for each in paths:
        writer.append(each, import_outline=False)
    writer.write(written)
    return written.getvalue()


def main() -> None:
    """Answer the request on standard input (`join`, or letters to be set) with a PDF on standard output."""
    if sys.platform == "linux":  # nobody waits for the letters where the server has ended
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    request = json.load(sys.stdin.buffer)
    sys.stdout.buffer.write(join_pdfs(request["join"]) if "join" in request else set_letters(request))


if __name__ == "__main__":
    main()
