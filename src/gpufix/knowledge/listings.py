"""Published wheels of packages that are built for torch or for CUDA: which of them fits a build.

A listing says what was read on a day. What it does not have is not known to exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from packaging.version import Version

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import minor, source, table
from gpufix.knowledge.wheel_blocks import Block, Build, misses, of_cuda, of_torch


class Offer(Frozen):
    """A published wheel, as pip is asked for it. `version` None: whichever its page has.

    `index`: one of torch's ("cu128"); `page`: of links; neither: the package index, or the
    requirement holds the address itself. `code`: what its library for that build was read to hold
    ("sm_90", "compute_90"); () where that is not known.
    """

    name: str
    version: str | None
    requirement: str
    index: str | None
    page: str | None
    read: str
    source: str
    code: tuple[str, ...] = ()

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


def tells_code(name: str) -> bool:
    """Whether it was read what GPU code its wheels hold."""
    return any("code" in block for block in _blocks(key(name) or ""))


def source_alone(name: str) -> bool:
    """Whether its listing says that there are no wheels: it is built beside any torch."""
    known = key(name)
    return known is not None and not _blocks(known)


def follows_torch(name: str) -> bool:
    """Whether its wheels on the package index are for the build of torch that is there."""
    return bool(table("listings")["listings"].get(key(name) or "", {}).get("follows"))


def loads_anywhere(name: str) -> bool:
    """Whether its builds for the CPU are listed for any build of torch."""
    return any(not block.get("cuda") for block in _blocks(key(name) or ""))


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


def on_index(name: str, version: str, variant: str) -> bool | None:
    """Whether one of torch's own indexes has a version; None where no block of it names an index."""
    blocks = [b for b in _blocks(key(name) or "") if "index" in b and version in b["versions"]]
    if not blocks:
        return None
    return any(variant in b["cuda"] and b["index"] in ("{variant}", variant) for b in blocks)


def on_page(name: str, version: str, release: str, variant: str) -> bool:
    """Whether a page of links for a torch build is listed with a version."""
    build = Build(release, variant, "", "")
    return any(
        {version.partition("+")[0], "*"} & {*versions(name, block, release)}
        and not {"torch", "cuda"} & {*misses(block, build)}
        for block in _blocks(key(name) or "")
        if "page" in block
    )


def read(name: str) -> str:
    """The day of which a listing tells."""
    return str(table("listings")["listings"][name]["read"])


def by_page(release: str) -> dict[str, list[Block]]:
    """Those of them with wheels for a release, with their blocks for it."""
    found = {n: [b for b in _blocks(n) if of_torch(b["torch"], release)] for n in on_pages()}
    return {name: blocks for name, blocks in found.items() if blocks}


def for_cuda(name: str, release: str, cuda: str | None) -> list[str]:
    """The versions with wheels for a torch release and a CUDA major, whatever the Python."""
    return [
        version
        for block in _blocks(name)
        if cuda in block.get("cuda", ()) and of_torch(block["torch"], release)
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
        next(
            (tuple(r["archs"].split()) for r in block.get("code", ()) if of_cuda(r["cuda"], build)),
            (),
        ),
    )
