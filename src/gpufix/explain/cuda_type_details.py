"""Names of CUDA's number types that a source uses without their header."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit

# As the headers of the toolkit declare them; the first that matches.
_HEADERS = (
    (r"__nv_fp4\w*|__nv_cvt_\w*fp4\w*|__NV_E2M1", "cuda_fp4.h"),
    (r"__nv_fp6\w*|__nv_cvt_\w*fp6\w*|__NV_E[23]M[23]", "cuda_fp6.h"),
    (r"__nv_fp8\w*|__nv_cvt_\w*fp8\w*|__NV_E(?:4M3|5M2)", "cuda_fp8.h"),
    (r"(?:__)?nv_bfloat\w*|__\w*(?:2bfloat16|bfloat162)\w*", "cuda_bf16.h"),
    (r"__half2?|half2|__half\w*2half\w*|__float2half\w*|__half2?2float\w*|__h(?:add|sub|mul|fma)2?", "cuda_fp16.h"),
)  # fmt: skip


def cuda_type_header(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The header that declares it; None for any other name."""
    found = re.search(r"identifier ['\"](\w{2,80})['\"]", hit.shown)
    name = found[1] if found else ""
    header = next((header for known, header in _HEADERS if re.fullmatch(known, name)), None)
    if header is None:
        return None
    return explanation.but(
        what=f"The source uses {name} without <{header}>, which declares it.",
        do=f"Insert `#include <{header}>` in the file that the compiler names (or take a newer release of the source). Where it is included "
        f"and the name is missing all the same, this toolkit is older than the source: `find $CUDA_HOME/ -name {header}`, and a newer CUDA.",
    )
