"""Versions that do not work together although the installer allowed them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gpufix.knowledge.table import table
from gpufix.knowledge.versions import at_least


@dataclass(frozen=True, slots=True)
class Conflict:
    """Holds when every distribution of `trigger` is installed in the range given.

    `remedies` are alternatives: each a range for one distribution. `declared`: the packages'
    own metadata says so too, hence `pip check` names it as well.
    """

    id: str
    trigger: dict[str, str]
    symptom: str
    remedies: tuple[dict[str, str], ...]
    declared: bool
    source: str


@cache
def all() -> tuple[Conflict, ...]:
    """Every known conflict."""
    return tuple(
        Conflict(**(row | {"remedies": tuple(row["remedies"])}))
        for row in table("conflicts")["conflicts"]
    )


def caps(package: str, version: str) -> dict[str, str]:
    """What a release of a package declares about others: name -> specifier, where read."""
    found = {}
    for other, rows in table("conflicts")["caps"].get(package, {}).items():
        holding = [spec for since, spec in rows if at_least(version, since)]
        if holding and holding[-1] is not None:
            found[other] = holding[-1].split(";")[0].strip()
    return found


def known_good(requirement: str) -> dict[str, str]:
    """A set of versions that ran together, for "gradio==4.44.1"; empty when none is known."""
    return dict(table("conflicts")["known_good"].get(requirement, {}))
