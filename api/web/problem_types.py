"""The catalogue of problem types, from `problem_types.toml`; each is explained at its path."""

import tomllib
from importlib.resources import files

import msgspec

from domain.text.bilingual import Text


class ProblemType(msgspec.Struct, frozen=True):
    """A type of problem. `slug` and `status` never change; `description` says what happened and what to do."""

    slug: str
    status: int
    title: Text
    description: Text

    @property
    def path(self) -> str:
        return f"/problems/{self.slug}"


_FILE = tomllib.loads((files("api.web") / "problem_types.toml").read_text("utf-8"))
CATALOGUE: dict[str, ProblemType] = {
    kind.slug: kind for kind in msgspec.convert(_FILE["type"], tuple[ProblemType, ...])
}
