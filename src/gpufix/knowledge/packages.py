"""Packages around torch: companions, known conflicts, the wheels of libraries, indexes."""

from __future__ import annotations

import re
from functools import cache

from packaging.version import Version

from gpufix.frozen import Frozen
from gpufix.knowledge import families, listings
from gpufix.knowledge.data_table import at_least, source, table
from gpufix.text.names import normalise


class Companion(Frozen):
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
    for name, blocks in listings.by_page(release).items():
        versions = {v for block in blocks for v in block["versions"] if v != "*"}
        variants = tuple(dict.fromkeys(v for block in blocks for v in block["cuda"]))
        for block in blocks[:1]:
            where = source("listings", block["source"])
            found[name] = Companion(name, tuple(versions), (), where, block["page"], variants)
    return found


def made_for(name: str, version: str) -> tuple[str, ...]:
    """The torch releases, oldest first, for which a version is made, of those that declare none."""
    if name not in table("companions")["undeclared"]:
        return ()
    return tuple(
        release
        for release, rows in table("companions")["releases"].items()
        if name in rows
        and version in (*rows[name].get("exact", ()), *(v for v, _ in rows[name].get("since", ())))
    )


def first_torch(name: str, version: str, release: str) -> str | None:
    """The torch release that a companion's version came with, and which takes later ones, too.

    None: it goes with this release, it names one, or one of the two is not known.
    """
    rows = table("companions")["releases"]
    if release not in rows:
        return None
    taking = [
        torch
        for torch, row in rows.items()
        if version in [known for known, _ in row.get(name, {}).get("since", ())]
    ]
    if not taking or release in taking:
        return None
    first = min(taking, key=Version)
    return None if at_least(release, first) else first


def find_links(name: str, release: str, variant: str) -> str | None:
    """The page of a companion's wheels for a torch build, when one is known to exist."""
    return next(listings.pages(name, release.split("+")[0], variant), None)


@cache
def names() -> frozenset[str]:
    """Every distribution that this table knows as built for one torch."""
    rows = table("companions")["releases"].values()
    return frozenset(n for row in rows for n in row) | listings.on_pages()


@cache
def imported() -> frozenset[str]:
    """Every distribution that the table of modules or a family names, normalised."""
    return frozenset(map(normalise, (*table("import_names")["names"].values(), *families.names())))


# The toolkit's libraries, and those that NVIDIA packages as it does them.
_OF_CUDA = re.compile(
    r"nvidia-(?:cu[a-z]+|cuda-[a-z]+|cuda-sanitizer-api|nccl|npp|nvfatbin|nvjitlink|nvjpeg|nvptxcompiler"
    r"|nvshmem|nvtx|nvvm)(?:-cu\d+)?"
)


def is_placed(name: str) -> bool:
    """Whether a table here tells which CUDA or torch a distribution is for."""
    return _OF_CUDA.fullmatch(name) is not None or name in names()


def known(name: str) -> bool:
    """Whether a table here has something to say of a distribution."""
    return is_placed(name) or any(name in conflict.trigger for conflict in all())


class Conflict(Frozen):
    """Holds when every distribution of `trigger` is installed in the range given, and none of `without`;
    "python" is the interpreter.

    `remedies` are alternatives: each a range for one distribution. `declared`: the packages'
    own metadata says so too, hence `pip check` names it as well. `raises`: an import or a call
    raises for it; of the others only metadata tells.
    """

    id: str
    trigger: dict[str, str]
    symptom: str
    remedies: tuple[dict[str, str], ...]
    declared: bool
    raises: bool
    source: str
    without: tuple[str, ...] = ()


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


# https://pytorch.org/get-started/locally/ : one index per variant, named like the local version.
TORCH_INDEX = "https://download.pytorch.org/whl/{name}"


def index_url(name: str) -> str:
    """The index of a torch variant ("cu128", "rocm6.4", "cpu", "nightly/cu130").

    Raises ValueError for a name that no index can have, so that nothing odd reaches a command.
    """
    if not re.fullmatch(r"(nightly/)?(cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+){1,2})", name):
        raise ValueError(f"{name!r} is not the name of a torch index")
    return TORCH_INDEX.format(name=name)
