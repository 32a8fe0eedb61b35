"""Published wheels of packages that are built for torch or for CUDA: which of them fits a build.

A listing says what was read on a day. What it does not have is not known to exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from gpufix.frozen import Frozen
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import minor, numbers, source, table

Block = dict[str, Any]


class Build(Frozen):
    """The torch for which a wheel is wanted, and the Python. `abi` None: as its release has it."""

    release: str  # "2.8.0"
    variant: str  # "cu128", "rocm6.4", "cpu"
    python: str  # "cp312", "cp313t"
    platform: str  # "linux_x86_64"
    abi: bool | None = None

    @property
    def cuda(self) -> str | None:
        """ "12" for cu128; None for ROCm and the CPU."""
        return self.variant[2:4] if self.variant.startswith("cu") else None

    @property
    def own_abi(self) -> bool | None:
        """The C++ ABI of the build that is published under this name."""
        release = torch_releases.get(self.release)
        variant = release.variants(self.platform).get(self.variant) if release else None
        return variant.cxx11_abi if variant else None


class Offer(Frozen):
    """A published wheel, as pip is asked for it. `version` None: whichever its page has.

    `index`: one of torch's ("cu128"); `page`: of links; neither: the package index, or the
    requirement holds the address itself.
    """

    name: str
    version: str | None
    requirement: str
    index: str | None
    page: str | None
    read: str
    source: str

    @property
    def distribution(self) -> str:
        """What is installed by it: "spconv-cu126" for spconv."""
        return re.split(r"[ =\[]", self.requirement)[0]


def key(name: str) -> str | None:
    """The listing of a distribution; None when there is none."""
    listings = table("listings")["listings"]
    if name in listings:
        return name
    return next((k for k, row in listings.items() if name in row.get("also", ())), None)


def names() -> list[str]:
    """Every package with a listing."""
    return list(table("listings")["listings"])


def source_alone(name: str) -> bool:
    """Whether its listing says that there are no wheels: it is built beside any torch."""
    known = key(name)
    return known is not None and not _blocks(known)


def offers(name: str, build: Build) -> Iterator[Offer]:
    """Every listed wheel that fits, newest version first."""
    known = key(name)
    if known is None:
        return
    found = [
        (version, block)
        for block in _blocks(known)
        if not misses(block, build)
        for version in versions(known, block, build.release)
    ]
    for version, block in sorted(found, key=lambda row: _order(row[0]), reverse=True):
        yield _offer(known, version, block, build)


def pages(name: str, release: str, variant: str) -> Iterator[str]:
    """The pages of links that are listed for a torch build, whatever the Python."""
    build = Build(release, variant, "", "")
    for block in _blocks(key(name) or ""):
        if "page" in block and not {"torch", "cuda"} & {*misses(block, build)}:
            yield str(block["page"]).format(**_fields(name, "", build))


@cache
def on_pages() -> frozenset[str]:
    """The packages that have no wheels but on pages for one torch."""
    rows = table("listings")["listings"].items()
    return frozenset(
        name
        for name, row in rows
        if row["wheels"] and not row.get("pure") and all("page" in b for b in row["wheels"])
    )


def would_list(name: str, url: str) -> bool:
    """Whether an address looks like a page of a package that names a torch build."""
    known = {str(b["page"]) for b in _blocks(name) if "page" in b}
    return any("{" in page and url.startswith(page.partition("{")[0]) for page in known)


def read(name: str) -> str:
    """The day of which a listing tells."""
    return str(table("listings")["listings"][name]["read"])


def by_page(release: str) -> dict[str, list[Block]]:
    """Those of them with wheels for a release, with their blocks for it."""
    found = {n: [b for b in _blocks(n) if _of_torch(b["torch"], release)] for n in on_pages()}
    return {name: blocks for name, blocks in found.items() if blocks}


def for_cuda(name: str, release: str, cuda: str | None) -> list[str]:
    """The versions with wheels for a torch release and a CUDA major, whatever the Python."""
    return [
        version
        for block in _blocks(name)
        if cuda in block.get("cuda", ()) and _of_torch(block["torch"], release)
        for version in versions(name, block, release)
    ]


def by_file() -> list[str]:
    """The packages whose wheels are named one by one among their projects' releases."""
    listings = table("listings")["listings"]
    return [name for name, row in listings.items() if any("file" in b for b in row["wheels"])]


def publishes(url: str) -> bool:
    """Whether an address is one of a listing's: a wheel, or a page of links."""
    return any(pattern.fullmatch(url) for pattern in _addresses())


@cache
def _addresses() -> tuple[re.Pattern[str], ...]:
    rows = table("listings")["listings"].values()
    known = {
        b[kind] for row in rows for b in row["wheels"] for kind in ("page", "file") if kind in b
    }
    parts = (re.split(r"\{\w+\}", text) for text in sorted(known))
    return tuple(re.compile(r"[\w.]+".join(map(re.escape, part))) for part in parts)


def _blocks(name: str) -> list[Block]:
    row = table("listings")["listings"].get(name)
    return row["wheels"] if row else []


def versions(name: str, block: Block, release: str) -> list[str]:
    """Those of a block; with `declared` those whose metadata names the release."""
    if not block.get("declared"):
        return list(block["versions"])
    row = table("companions")["releases"].get(release, {}).get(name, {})
    return list(row.get("exact", ()))


def _order(version: str) -> Version:
    return Version("0" if version == "*" else version)


# In the order in which they are told.
KINDS = ("torch", "cuda", "python", "abi", "platform")


def misses(block: Block, build: Build) -> tuple[str, ...]:
    """What of a build a block has no wheels for: () when it has one."""
    fits = {
        "torch": bool(block.get("declared")) or _of_torch(block["torch"], build.release),
        "cuda": _of_cuda(block.get("cuda", ()), build),
        "python": _of_python(block["python"], build),
        "abi": _of_abi(block.get("abi", ()), build),
        "platform": build.platform in block["platforms"],
    }
    found = tuple(kind for kind in KINDS if not fits[kind])
    return found or _without(block.get("without", ()), build)


def _without(rows: Iterable[dict[str, Any]], build: Build) -> tuple[str, ...]:
    for row in rows:
        same = {
            "torch": "torch" not in row or _of_torch([row["torch"]], build.release),
            "cuda": "cuda" not in row or _of_cuda([row["cuda"]], build),
            "python": row.get("python", build.python) == build.python,
            "abi": "abi" not in row or _of_abi([row["abi"]], build),
            "platform": row.get("platform", build.platform) == build.platform,
        }
        if all(same.values()):
            return (max(row, key=KINDS.index),)
    return ()


def _of_torch(rows: Iterable[str], release: str) -> bool:
    return any(
        row in (release, minor(release))
        if row[0].isdigit()
        else SpecifierSet(row).contains(release)
        for row in rows
    )


def _of_cuda(rows: Iterable[str], build: Build) -> bool:
    rows = tuple(rows)
    if not rows or build.variant in rows or (build.cuda and build.cuda in rows):
        return True
    release = torch_releases.get(build.release) if "torch" in rows else None
    known = release.variants(build.platform) if release else {}
    return bool(release) and build.variant in ("cpu", *known)


def _of_python(tags: str, build: Build) -> bool:
    if tags.startswith(">="):
        number = re.fullmatch(r"cp(3)(\d+)", build.python)
        return bool(number) and numbers(tags[2:]) <= (int(number[1]), int(number[2]))
    if tags == "torch":
        release = torch_releases.get(build.release)
        return bool(release) and build.python in release.python_tags.get(build.platform, ())
    return build.python in tags.split()


def _of_abi(rows: Iterable[int], build: Build) -> bool:
    """Wheels that do not name theirs have that of torch's own."""
    rows, own = tuple(rows), build.own_abi
    if not rows:
        return build.abi is None or own is None or build.abi == own
    abi = own if build.abi is None else build.abi
    return abi is not None and int(abi) in rows


def _fields(name: str, version: str, build: Build) -> dict[str, str]:
    abi = build.own_abi if build.abi is None else build.abi
    return {
        "name": name,
        "version": version,
        "release": build.release,
        "minor": minor(build.release),
        "short": minor(build.release).replace(".", ""),
        "digits": build.release.replace(".", ""),
        "variant": build.variant,
        "local": "" if build.variant == "cpu" else f"+{build.variant}",
        "major": build.cuda or "",
        "abi": str(bool(abi)).upper(),
        "python": build.python,
        "platform": build.platform,
    }


def _offer(name: str, version: str, block: Block, build: Build) -> Offer:
    fields = _fields(name, version, build)
    requirement = block.get("requirement", "{name}=={version}")
    if "file" in block:
        requirement = f"{{name}} @ {block['file']}"
    index, page = block.get("index"), block.get("page")
    return Offer(
        name,
        None if version == "*" else version,
        requirement.format(**fields),
        index.format(**fields) if index else None,
        page.format(**fields) if page else None,
        table("listings")["listings"][name]["read"],
        source("listings", block["source"]),
    )
