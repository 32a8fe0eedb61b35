"""CUDA constructs in device code that HIP lacks or means differently, per ROCm version.

The versions and what to write instead are rows of knowledge/hip.toml; how a source shows a name, and
which of them the compatibility header stands in for, is told here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, minor, table


class Construct(Frozen):
    """One construct. `pattern` as in cuda_api.Removed.

    `native` is the ROCm that has it, `opt_in` the one that has it behind
    HIP_ENABLE_WARP_SYNC_BUILTINS (which torch sets from 2.8 on); None = none known to. `without` is
    the newest ROCm that was seen without it, "" = the newest sources there are. `partial`: what of it
    there is. `means`: what else it means before ROCm `fixed`, where `only_if` holds.
    `shim`: the compatibility header stands in for it. `instead`: what to write in its place.
    """

    name: str
    pattern: str
    trigger: str
    source: str
    native: str | None = None
    opt_in: str | None = None
    shim: bool = False
    without: str = ""
    partial: str | None = None
    means: str | None = None
    fixed: str | None = None
    only_if: str | None = None
    instead: str = ""

    def means_else(self, rocm: str | None) -> bool:
        """Whether this ROCm has it, and means something else by it."""
        fixed, native = self.fixed, self.native
        known = rocm is not None and fixed is not None and native is not None
        return known and at_least(str(rocm), str(native)) and not at_least(str(rocm), str(fixed))


_SHIM = {
    "__shfl_sync", "__shfl_up_sync", "__shfl_down_sync", "__shfl_xor_sync", "__ballot_sync",
    "__any_sync", "__all_sync", "__syncwarp", "__activemask", "__trap", "__brkpt", "__nanosleep",
    *(f"atomic{op}_block" for op in ("Add", "Exch", "Min", "Max", "And", "Or", "Xor")),
}  # fmt: skip
# One name stands for a family of functions.
_FAMILY = {"__vadd4": r"__v(?:add|sub|abs|avg|hadd|max|min|cmp|set|neg|sad)\w*[24]"}
_GROUP = r"(?<!\w)((?:cg|cooperative_groups)\s*::\s*{})\s*\("


def _construct(name: str, row: dict[str, Any]) -> Construct:
    group = name.partition("cooperative_groups::")[2]
    if name.startswith("<"):
        pattern, trigger = "", name.strip("<>").rpartition("/")[2]
    elif group:
        pattern, trigger = _GROUP.format(group), f"::{group}" if group == "reduce" else group
    elif row["since"]:  # the project may define a macro of the name
        pattern, trigger = rf"({name}(?<!\w{name}))\s*\(", "_sync" if "_sync" in name else name
    else:
        pattern = rf"(?<![\w.>:])({_FAMILY.get(name, name)})\s*\("
        trigger = "__v" if name in _FAMILY else name
    same = ("opt_in", "partial", "means", "fixed", "only_if", "instead", "source")
    return Construct(
        name=name,
        pattern=pattern,
        trigger=trigger,
        native=row["since"],
        without=row["until"] or "",
        shim=name in _SHIM,
        **{key: row[key] for key in same},
    )


def _rows() -> Iterator[Construct]:
    for row in table("hip")["row"]:
        if row["instead"]:  # else every HIP has it
            for name in row["names"]:
                yield _construct(name, row)


CONSTRUCTS = {construct.name: construct for construct in _rows()}
# A mask is 64 bits wide in HIP; these take one first.
MASKED = {
    name: c for name, c in CONSTRUCTS.items() if name.startswith("__") and name.endswith("_sync")
}
# Headers of CUDA that hipify leaves as they are, and HIP has under no name.
HEADERS = {name.strip("<>") for name in CONSTRUCTS if name.startswith("<")}


def hip_of(rocm: str) -> set[str]:
    """HIP's own versions in a ROCm, as minor releases: "7.10" -> {"7.1"}; its own where none is told."""
    found = [row for row in table("hip")["version"] if row["rocm"] == minor(rocm)]
    return {v for row in found for v in (row["hip"], row["apart"]) if v} or {minor(rocm)}


# Macros that stand in for a warp function and do less: name -> (body without white space, what is
# lost). A wavefront's lanes take turns where they branched, and the compiler moves what no barrier
# holds: HIP 7.0's own __syncwarp fences on both sides of a wave barrier.
WEAKER = {
    "__syncwarp": [
        (
            r"(?:\(*void\)*\(*0\)*|do\{;?\}while\(0\)|\{\})?;?",
            "neither waits for lanes nor orders memory",
        ),
        (r"\(?__threadfence(?:_block)?\(\)\)?;?", "orders memory and waits for no lane"),
    ],
    "__match_any_sync": [
        (r"\(?(?:__ballot|__activemask)\([^()]*\)\)?;?", "compares no values: every lane matches"),
    ],
}
# What no version of HIP compiles, found by its shape rather than by a name.
PTX, CHEVRONS = "inline PTX", "launch chevrons with a space"
# What compiles, and loses the upper half of a wavefront of 64 lanes.
BALLOT = "a ballot in 32 bits"
