"""jinja2 as all our pages use it: values escaped, an unknown name an error, no blank lines of blocks."""

from pathlib import Path

from jinja2 import BaseLoader, Environment, StrictUndefined

STYLE = (Path(__file__).parent / "pages.css").read_text(encoding="utf-8")
"""What all pages begin with: the desk's, the one on which suppliers reply, the report."""


def html_environment(loader: BaseLoader) -> Environment:
    """An environment of templates of HTML, to which filters and globals may be added."""
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
