"""Names of CUDA, torch and Python packages that some release took away, and what replaces them."""

from __future__ import annotations

from functools import cache
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, source, table

_CCCL = "CCCL 3.0 migration guide; cub/thread/thread_operators.cuh of CUDA 12.9 and 13.0"
_RUNTIME = "cuda_runtime_api.h of CUDA 12.9 and 13.0 compared"
_PROPERTIES = "driver_types.h of CUDA 12.9 and 13.0 compared; CUDA 13.0 release notes"
_TEXTURES = "CUDA 12.0 release notes; absent from cuda_runtime_api.h of 12.0.107"
_TORCH = "the installed torch's own header is read"


class Removed(Frozen):
    """One removed name.

    `pattern` is a regular expression for text without comments and literals, whose first group is
    the name; `trigger` occurs in every text that it can match. A CUDA row is gone from version
    `gone` on; a torch row is gone when `header` of the installed torch lacks the word `needle`.
    """

    name: str
    owner: Literal["CUDA", "torch"]
    pattern: str
    trigger: str
    source: str
    gone: str = ""
    header: str = ""
    needle: str = ""
    now: str = ""  # the plain replacement; "" = none that fits every use


def _functors() -> list[Removed]:
    now = {
        "Max": "::cuda::maximum<>",
        "Min": "::cuda::minimum<>",
        "Sum": "::cuda::std::plus<>",
        "Difference": "::cuda::std::minus<>",
        "Division": "::cuda::std::divides<>",
        "Equality": "::cuda::std::equal_to<>",
        "Inequality": "::cuda::std::not_equal_to<>",
    }
    return [
        Removed(f"cub::{n}", "CUDA", rf"(cub(?<!\wcub)\s*::\s*{n})\b", "cub", _CCCL, "13.0", now=to)
        for n, to in now.items()
    ]


def _iterators() -> list[Removed]:
    names = ("Constant", "Counting", "Transform")
    rows = [f"{n}InputIterator" for n in names] + ["DiscardOutputIterator"]
    source = "cub/iterator of CUDA 12.9 and 13.0 compared; CCCL 3.0 migration guide"
    return [
        Removed(f"cub::{n}", "CUDA", rf"(cub(?<!\wcub)\s*::\s*{n})\b", "cub", source, "13.0")
        for n in rows
    ]


def _functions() -> list[Removed]:
    now = {
        "cudaThreadSynchronize": "cudaDeviceSynchronize",
        "cudaThreadExit": "cudaDeviceReset",
        "cudaThreadGetLimit": "cudaDeviceGetLimit",
        "cudaThreadSetLimit": "cudaDeviceSetLimit",
        "cudaThreadGetCacheConfig": "cudaDeviceGetCacheConfig",
        "cudaThreadSetCacheConfig": "cudaDeviceSetCacheConfig",
        "cudaLaunchCooperativeKernelMultiDevice": "",
        "cudaSetDoubleForDevice": "",
        "cudaSetDoubleForHost": "",
    }
    textures = (
        "cudaBindTexture",
        "cudaBindTexture2D",
        "cudaBindTextureToArray",
        "cudaBindTextureToMipmappedArray",
        "cudaUnbindTexture",
        "cudaGetTextureReference",
        "cudaGetTextureAlignmentOffset",
        "cudaBindSurfaceToArray",
        "cudaGetSurfaceReference",
    )
    rows = [_function(name, "13.0", _RUNTIME, to) for name, to in now.items()]
    return rows + [_function(name, "12.0", _TEXTURES, "") for name in textures]


def _function(name: str, gone: str, source: str, now: str) -> Removed:
    return Removed(name, "CUDA", rf"({name}(?<![\w.>]{name}))\s*\(", name, source, gone, now=now)


def _headers() -> list[Removed]:
    gone = ("agent/agent_spmv_orig", "device/device_spmv", "grid/grid_barrier", "host/mutex")
    iterators = ("constant_input", "counting_input", "discard_output", "transform_input")
    names = [f"cub/{n}.cuh" for n in gone] + [f"cub/iterator/{n}_iterator.cuh" for n in iterators]
    names += [f"thrust/{n}.h" for n in ("event", "future", "limits", "optional")]
    source = "CCCL's folders of CUDA 12.9 and 13.0 compared"
    return [Removed(f"<{name}>", "CUDA", "", name, source, "13.0") for name in names]


def _torch() -> list[Removed]:
    return [
        Removed(
            "AT_CHECK",
            "torch",
            r"(AT_CHECK(?<!\wAT_CHECK))\s*\(",
            "AT_CHECK",
            _TORCH,
            header="c10/util/Exception.h",
            needle="AT_CHECK",
            now="TORCH_CHECK",
        ),
        Removed(
            "AT_DISPATCH on .type()",
            "torch",
            r"AT_DISPATCH_(?<!\wAT_DISPATCH_)\w+\s*\(\s*[\w.>\-\[\]]*?(?:\.|->)(type)\s*\(\s*\)\s*,",
            "AT_DISPATCH_",
            _TORCH,
            header="ATen/Dispatch.h",
            needle="DeprecatedTypeProperties",
            now="scalar_type",
        ),
    ]


# Fields of cudaDeviceProp: what to ask cudaDeviceGetAttribute for instead. They match on
# variables of that type alone.
PROPERTIES = {
    "clockRate": "cudaDevAttrClockRate",
    "memoryClockRate": "cudaDevAttrMemoryClockRate",
    "deviceOverlap": "cudaDevAttrGpuOverlap",
    "kernelExecTimeoutEnabled": "cudaDevAttrKernelExecTimeout",
    "computeMode": "cudaDevAttrComputeMode",
    "maxTexture1DLinear": "cudaDevAttrMaxTexture1DLinearWidth",
    "singleToDoublePrecisionPerfRatio": "cudaDevAttrSingleToDoublePrecisionPerfRatio",
    "cooperativeMultiDeviceLaunch": "cudaDevAttrCooperativeMultiDeviceLaunch",
}
PROPERTIES_GONE = "13.0"
PROPERTIES_SOURCE = _PROPERTIES


@cache
def removed() -> dict[str, Removed]:
    """Every row but the fields of cudaDeviceProp, by name."""
    rows = [*_functors(), *_iterators(), *_functions(), *_headers(), *_torch()]
    return {row.name: row for row in rows}


class RemovedApi(Frozen):
    """Absent from `since` on, and before `until` when it came back. `instead`: an equal spelling.

    In `instead` the module's local name stands for {}.
    """

    name: str
    package: str
    since: str
    until: str | None
    instead: str | None
    source: str
    raises: bool = False  # kept, and only raises

    def absent(self, version: str) -> bool:
        """Whether a release of the package lacks the name."""
        gone = at_least(version, self.since)
        return gone and not (self.until is not None and at_least(version, self.until))


def get(name: str) -> RemovedApi | None:
    """The row of a dotted name ("numpy.float"); None for a name that is not in the table."""
    row = table("removed_names")["names"].get(name)
    if row is None:
        return None
    return RemovedApi(
        name,
        row["package"],
        row["since"],
        row.get("until"),
        row.get("instead"),
        source("removed_names", row["source"]),
        row.get("raises", False),
    )
