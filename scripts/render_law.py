"""Write docs/law.md from domain/data/law.toml: `python -m scripts.render_law`."""

from pathlib import Path

from domain.law.documents import guide_page, rules_page
from domain.law.rules import load

PAGE = Path(__file__).parent.parent / "docs" / "law.md"

if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(rules_page(load()), encoding="utf-8")
    PAGE.with_name("achat.md").write_text(guide_page(load()), encoding="utf-8")
    print(f"{PAGE.relative_to(Path.cwd())} written")
