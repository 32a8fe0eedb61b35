"""A compiler that cannot read a header of the CUDA toolkit itself."""

from __future__ import annotations

import re

from gpufix.explain.cxx_standard import in_torch_headers
from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit

_OF_TOOLKIT = re.compile(
    r"(?:CUDA[/\\]v(?P<windows>\d+\.\d+)|/cuda(?:-(?P<unix>\d+\.\d+))?(?:/targets/[\w-]+)?)[/\\]include[/\\][^\s(:]{1,160}"
)
# What is no name that the project's source lacks: the header's own words are not understood.
_SYNTAX = re.compile(
    r"error: (?:expected an? |this declaration has no storage class|invalid preprocess|unrecognized token"
    r"|name followed by \"::\" must be|declaration is incompatible|type name is not allowed|the #endif for this)"
)


def refused(explanation: Explanation, hit: Hit) -> Explanation:
    """The header's toolkit and this host compiler do not go together; torch's headers and the C++ standard."""
    if of_torch := in_torch_headers(explanation, hit):
        return of_torch
    found = _OF_TOOLKIT.search(hit.raw)
    if found is None or not _SYNTAX.search(hit.raw) or "detected during" in hit.after[:200]:
        return explanation
    version = found["windows"] or found["unix"]
    toolkit = f"CUDA {version}" if version else "the CUDA toolkit"
    return explanation.but(
        role="symptom",
        rule="TCH205",
        what=f"The compiler does not understand a header of {toolkit} itself: it is no host compiler (or no C++ standard) for this toolkit, or headers of two "
        "toolkits are mixed. The project's source is not to blame.",
        do="Build with the toolkit of torch's own CUDA (`python -c 'import torch; print(torch.version.cuda)'`) and C++17 or newer. The host compiler has to "
        "be one that it takes: the newest update of Visual Studio 2022 for CUDA 12, a g++ by CC and CXX. Only one toolkit may stand on the include path "
        "(CUDA_HOME, CUDA_PATH, CPATH). Then in an empty build folder.",
    )
