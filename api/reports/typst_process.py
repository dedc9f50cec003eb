"""Sets a page, or letters, with typst, or joins PDFs, in a process of its own: JSON in, PDF out.

typst keeps what it has set until its process ends: some 70 MB for each report, 0.3 MB for each letter, so letters are
set by the hundred. And where it breaks down, it breaks down alone. Drawing the QR codes takes the interpreter a while,
here and not in the server. Run as a script; imports nothing of ours.
"""

import ctypes
import io
import json
import re
import signal
import sys
from typing import Any

import typst

PR_SET_PDEATHSIG = 1
STANDARDS: list[Any] = ["a-2a", "ua-1"]
MASK = 2
"""The pattern of all QR codes: choosing the best for each takes four times as long, and readers take any."""
DARK = re.compile(rb"\x01+")


def library_fonts() -> typst.Fonts:
    """The typefaces of the library, without those of the machine: the same document is made anywhere."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def qr_code(text: str) -> str:
    """A QR code of a text as SVG, with paths and no frame."""
    import segno  # noqa: PLC0415 - letters alone need it

    rows = segno.make_qr(text, error="m", mask=MASK).matrix
    # by rows of dark modules: segno's own SVG takes three times as long
    runs = "".join(f"M{run.start()} {y}.5h{len(run[0])}" for y, row in enumerate(rows) for run in DARK.finditer(row))
    box = f"0 0 {len(rows)} {len(rows)}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"><path stroke="#000" d="{runs}"/></svg>'


def join_pdfs(paths: list[str]) -> bytes:
    """One PDF of the pages of several, in their order."""
    import pypdf  # noqa: PLC0415 - joining alone needs it

    writer, written = pypdf.PdfWriter(), io.BytesIO()
    for each in paths:
        writer.append(each, import_outline=False)
    writer.write(written)
    return written.getvalue()


def set_page(request: dict[str, Any]) -> bytes:
    """The PDF of a `page`, which the template reads as `sys.inputs.page`; `moment`: seconds since 1970.

    Of letters the page is made here: what they have in `common`, and each of them with a QR code of its `link`.
    """
    page = request.get("page")
    if page is None:
        letters = [each | {"qr": qr_code(each["link"])} for each in request["letters"]]
        page = json.dumps({"common": request["common"], "letters": letters})
    return typst.compile(
        request["template"].encode(),
        format="pdf",
        font_paths=library_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"page": page},
        pdf_standards=STANDARDS if "page" in request else [],
        timestamp=request["moment"],
    )


def main() -> None:
    """Answer the request on standard input (`join`, or a page or letters to be set) with a PDF on standard output."""
    if sys.platform == "linux":  # nobody waits for the page where the server has ended
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    request = json.load(sys.stdin.buffer)
    sys.stdout.buffer.write(join_pdfs(request["join"]) if "join" in request else set_page(request))


if __name__ == "__main__":
    main()
