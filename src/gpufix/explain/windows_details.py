"""Windows: which package's DLL could not be loaded, and what it needs."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge.messages import messages

_DLL = re.compile(
    r"(?:site|dist)-packages[/\\]+(?P<package>[A-Za-z]\w*)[/\\]+(?:[\w.-]{1,60}[/\\]+){0,6}(?P<file>[\w.-]{1,80}\.(?:dll|pyd))",
    re.IGNORECASE,
)
_RUNTIME = "the Visual C++ runtime (https://aka.ms/vs/17/release/vc_redist.x64.exe)"


def dll(explanation: Explanation, hit: Hit) -> Explanation:
    """The package whose DLL it is; torch's own keep the row's remedy."""
    around = context(hit, 200, 400)
    if "fbgemm.dll" in around:
        own = next(message for message in messages() if message.id == "fbgemm-openmp")
        return explanation.but(
            id=own.id, rule=own.rule, what=own.what, do=own.do, source=own.source
        )
    found = _DLL.search(around)
    if found is None or found["package"] == "torch":
        return explanation
    package = found["package"]
    if package == "intel_extension_for_pytorch":
        return explanation.but(
            do="Install the Intel GPU driver and oneAPI's runtime (`pip install intel-cmplr-lib-rt intel-sycl-rt`), at the "
            "versions that this release names. From torch 2.5 on torch's own XPU builds need no extension "
            "(--index-url https://download.pytorch.org/whl/xpu)."
        )
    torchs = package in ("torchvision", "torchaudio", "torchcodec", "xformers")
    same = (
        " of the installed torch, from the same index" if torchs else " for this Python and torch"
    )
    return explanation.but(
        do=f"Reinstall {package} at the release{same} (`python -m pip install --force-reinstall --no-deps {package}`); "
        f"install {_RUNTIME}; `gpufix inspect` on {found['file']} names what it lacks."
    )
