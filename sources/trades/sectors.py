"""Sectors by which le marché de l'inclusion classes its suppliers, which declare them."""

import tomllib
from functools import cache
from importlib.resources import files

import msgspec


@cache
def sectors() -> dict[str, tuple[str, ...]]:
    """The segments and families that each sector stands for, by its slug; () for one that stands for none."""
    text = (files("domain") / "data" / "lemarche_sectors.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["sectors"], dict[str, tuple[str, ...]])
