"""Why no listed wheel fits: what there is wheels for, and what there is none for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import minor, numbers, table
from gpufix.knowledge.listings import key
from gpufix.knowledge.wheel_blocks import KINDS, Block, Build, misses

_TOLD = 2


def reason(name: str, build: Build, kinds: Sequence[str] = KINDS) -> str:
    """ "kaolin has wheels for torch 2.0.1 – 2.8.0, none for torch 2.9.0 (as of 2026-08-14)".

    By the wheels that miss least. `kinds`: what of the build is known.
    """
    known = key(name)
    if known is None:
        return f"which wheels of {name} are published is not known here"
    row = table("listings")["listings"][known]
    if not row["wheels"]:
        return f"{name} is published as source only (as of {row['read']})"
    missed = [
        (tuple(k for k in misses(block, build) if k in kinds), block) for block in row["wheels"]
    ]
    least = min((found for found, _ in missed), key=lambda found: (len(found), _rank(found)))
    if not least:  # of a block that says no torch: its versions do, and none says this one
        return f"no {name} is listed for torch {build.release} (as of {row['read']})"
    near = [block for found, block in missed if found == least]
    told = least[:_TOLD]
    have = " and ".join(_have(kind, near, build) for kind in told)
    beside = "" if "torch" in least else f" with torch {build.release}"
    want = ", ".join(_want(kind, build) for kind in told)
    return f"{name} has wheels for {have}{beside}, none for {want} (as of {row['read']})"


def _rank(kinds: Sequence[str]) -> tuple[int, ...]:
    return tuple(-KINDS.index(kind) for kind in kinds)


def _want(kind: str, build: Build) -> str:
    return {
        "torch": f"torch {build.release}",
        "cuda": build.variant,
        "python": build.python,
        "abi": f"C++ ABI {int(bool(build.abi))}",
        "platform": build.platform,
    }[kind]


def _have(kind: str, blocks: Sequence[Block], build: Build) -> str:
    if kind == "torch":
        return _torches(blocks)
    if kind == "cuda":
        rows = sorted({row for block in blocks for row in block.get("cuda", ())} - {"torch"})
        return ", ".join(f"CUDA {row}" if row.isdigit() else row for row in rows)
    if kind == "python":
        return _pythons(blocks, build)
    if kind == "abi":
        return f"C++ ABI {int(not build.abi)}"
    return ", ".join(dict.fromkeys(p for block in blocks for p in block["platforms"]))


def _torches(blocks: Sequence[Block]) -> str:
    rows = [row for block in blocks for row in block["torch"]]
    fixed = [row for row in rows if row[0].isdigit()]
    open_ended = [row for row in rows if not row[0].isdigit()]
    exact = all(row.count(".") == 2 for row in fixed)
    shown = sorted({row if exact else minor(row) for row in fixed}, key=numbers)
    span = [] if not shown else [shown[0] if len(shown) == 1 else f"{shown[0]} – {shown[-1]}"]
    return "torch " + ", ".join([*span, *dict.fromkeys(open_ended)])


def _pythons(blocks: Sequence[Block], build: Build) -> str:
    tags: set[str] = set()
    for block in blocks:
        text = block["python"]
        release = torch_releases.get(build.release) if text == "torch" else None
        tags |= {*release.python_tags.get(build.platform, ())} if release else {*text.split()}
    return _span(tags)


def _span(tags: Iterable[str]) -> str:
    order = sorted(tags, key=lambda tag: (int(re.sub(r"\D", "", tag) or 0), tag))
    return order[0] if len(order) == 1 else f"{order[0]} – {order[-1]}"
