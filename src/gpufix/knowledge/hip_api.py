"""CUDA constructs in device code that HIP lacks or means differently, per ROCm version."""

from __future__ import annotations

from gpufix.frozen import Frozen

_WARP_SYNC = "amd_warp_sync_functions.h of ROCm 5.6 to 6.2; HIP 7.0 changelog"
_GROUPS = "hip/amd_detail/amd_hip_cooperative_groups.h of ROCm 5.6 to 6.2; gsplat's port to 7.2"

FULL = "warp-sync"


class Construct(Frozen):
    """One construct. `pattern` as in cuda_api.Removed.

    `native` is the ROCm that has it, `opt_in` the one that has it behind
    HIP_ENABLE_WARP_SYNC_BUILTINS (which torch sets from 2.8 on); None = none known to. `without` is
    the newest ROCm that was seen without it, "" = the newest sources there are.
    `shim`: the compatibility header stands in for it.
    """

    name: str
    pattern: str
    trigger: str
    source: str
    native: str | None = None
    opt_in: str | None = None
    shim: bool = False
    without: str = ""


def _sync(name: str, opt_in: str | None = "6.2", shim: bool = True) -> Construct:
    pattern = rf"({name}(?<!\w{name}))\s*\("
    return Construct(
        name, pattern, "_sync" if "_sync" in name else name, _WARP_SYNC, "7.0", opt_in, shim
    )


# A mask is 64 bits wide in HIP; these take one first.
MASKED = {
    c.name: c
    for c in [
        *map(_sync, ("__shfl_sync", "__shfl_up_sync", "__shfl_down_sync", "__shfl_xor_sync")),
        *map(_sync, ("__ballot_sync", "__any_sync", "__all_sync")),
        *(_sync(n, shim=False) for n in ("__match_any_sync", "__match_all_sync")),
        *(_sync(f"__reduce_{op}_sync", None, False) for op in ("add", "min", "max")),
        *(_sync(f"__reduce_{op}_sync", None, False) for op in ("and", "or", "xor")),
    ]
}
# Headers of CUDA that hipify leaves as they are, and HIP has under no name.
HEADERS = {
    "cooperative_groups/reduce.h": "HIP has no such header",
    "device_launch_parameters.h": "HIP has no such header; hip_runtime.h declares threadIdx",
    "nvtx3/nvToolsExt.h": "HIP has no such header",
}
_HEADERS = "include folders of ROCm/clr 5.7.1 to 6.2.2, of HIP 7.1.25424 (triton 3.9.0) and newest"
_DEVICE = "amd_detail headers of ROCm/clr 5.7.1 to 6.2.2 and of HIP 7.1.25424 (triton 3.9.0)"


def _absent(pattern: str, name: str, shim: bool = False) -> Construct:
    """A device function that HIP has not had up to 7.1."""
    whole = rf"(?<![\w.>:])({pattern})\s*\("
    return Construct(name, whole, name[:5], _DEVICE, shim=shim, without="7.1")


_GROUP = r"(?<!\w)((?:cg|cooperative_groups)\s*::\s*{})\s*\("
OTHERS = {
    c.name: c
    for c in [
        _sync("__syncwarp", None),
        _sync("__activemask"),
        *(Construct(f"<{name}>", "", name.rpartition("/")[2], _HEADERS) for name in HEADERS),
        Construct(
            "cooperative_groups::reduce",
            _GROUP.format("reduce"),
            "::reduce",
            f"{_GROUPS}; ROCm 7.13 changelog",
            native="7.13",
        ),
        Construct(
            "cooperative_groups::labeled_partition",
            _GROUP.format("labeled_partition"),
            "labeled_partition",
            _GROUPS,
        ),
        _absent("__trap", "__trap", shim=True),
        _absent("__brkpt", "__brkpt", shim=True),
        _absent("__nanosleep", "__nanosleep", shim=True),
        _absent("__dp4a", "__dp4a"),
        *(
            _absent(f"atomic{op}_block", f"atomic{op}_block", shim=True)
            for op in ("Add", "Exch", "Min", "Max", "And", "Or", "Xor")
        ),
        _absent("__st(?:cs|cg|wt|wb)", "__stcs"),
        _absent("__prof_trigger", "__prof_trigger"),
        _absent("__is(?:Global|Shared|Local|Constant)", "__isGlobal"),
        _absent("__cvta_generic_to_(?:shared|global|local)", "__cvta_generic_to_shared"),
        _absent(r"__(?:v(?:add|sub|abs|avg|max|min|cmp|set|neg)\w*[24]|usad[24])", "__vadd4"),
    ]
}
CONSTRUCTS = MASKED | OTHERS
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
