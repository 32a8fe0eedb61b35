"""Packages built for one torch: which of their versions goes with a release."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.knowledge.table import table
from gpufix.knowledge.versions import minor


@dataclass(frozen=True, slots=True)
class Companion:
    """`exact` versions name this torch in their metadata; `since` are (version, torch specifier).

    `find_links` is a page of wheels by torch release and variant, `variants` those it is known
    to have, None where any may exist.
    """

    name: str
    exact: tuple[str, ...]
    since: tuple[tuple[str, str], ...]
    source: str
    find_links: str | None = None
    variants: tuple[str, ...] | None = None


def for_torch(release: str) -> dict[str, Companion]:
    """The companions that are known for a torch release, by distribution name."""
    data = table("companions")
    short = release.split("+")[0]
    found = {
        name: Companion(
            name,
            tuple(row.get("exact", ())),
            tuple((v, spec) for v, spec in row.get("since", ())),
            data["source"],
        )
        for name, row in data["releases"].get(short, {}).items()
    }
    return found | _linked(short)


def _linked(release: str) -> dict[str, Companion]:
    """Those whose wheels lie on pages of their own."""
    found = {}
    for name, row in table("companions")["find_links"].items():
        for version, variants in row["rows"].get(release, {}).items():
            exact = () if version == "*" else (version,)
            found[name] = Companion(name, exact, (), row["source"], row["url"], tuple(variants))
    return found


def find_links(name: str, release: str, variant: str) -> str | None:
    """The page of a companion's wheels for a torch build, when one is known to exist."""
    companion = for_torch(release).get(name)
    if companion is None or companion.find_links is None:
        return None
    if companion.variants is not None and variant not in companion.variants:
        return None
    return companion.find_links.format(release=release.split("+")[0], variant=variant)


def prebuilt(release: str, cuda_major: str | None) -> dict[str, str]:
    """Packages that an index has as source alone and whose project offers wheels for this torch:
    name → the newest such version. `cuda_major` "12"; None and ROCm have none.
    """
    found = {}
    for name, about in table("companions")["prebuilt"].items():
        version, majors = about["rows"].get(minor(release), (None, ()))
        if version and cuda_major in majors:
            found[name] = version
    return found


def names() -> frozenset[str]:
    """Every distribution that this table knows as built for one torch."""
    data = table("companions")
    return frozenset(n for row in data["releases"].values() for n in row) | set(data["find_links"])
