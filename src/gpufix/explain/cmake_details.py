"""What CMake did not find: the names that it lists."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.system_details import beside_cuda

# The list: names at the beginning of a line, each perhaps with who links it below.
_LISTED = re.compile(r"(?m)^\s{0,12}(?P<name>[A-Za-z][\w:.+-]{1,80})(?: \(ADVANCED\))?\s*$")
_OF_CUDA = re.compile(r"CUDA_|CUDART|CUBLAS|CUDNN|CUFFT|CURAND|CUSPARSE|CUSOLVER|NVRTC|NVTX|LIBNV")


def not_found(explanation: Explanation, hit: Hit) -> Explanation:
    """Which variables are set to NOTFOUND, and what brings them where they are CUDA's."""
    names = list(dict.fromkeys(one["name"] for one in _LISTED.finditer(context(hit, 0, 1500))))
    names = [name for name in names if "_" in name or name.isupper()][:4]
    if not names:
        return explanation
    told = explanation.but(what=f"CMake looked for {', '.join(names)} and found none.")
    if any("NVTOOLSEXT" in name.upper() for name in names):
        return told.but(
            do="That is libnvToolsExt, which the whole toolkit has up to CUDA 12.8 (Linux). Point CUDA_HOME and -DCUDA_TOOLKIT_ROOT_DIR at a toolkit "
            "with lib64/libnvToolsExt.so (`apt install cuda-toolkit-12-8`; conda's lies in lib), in an empty build folder. Or torch 2.5 or newer, whose "
            "build does without."
        )
    if all(_OF_CUDA.match(name.upper()) for name in names):
        return told.but(
            do="The toolkit that CMake found is not whole, or another than the source expects. Install all of it (`conda install -c nvidia "
            "cuda-toolkit`, `apt install cuda-toolkit-12-8`; cuDNN is a package of its own). Name its folder (CUDA_HOME, -DCUDA_TOOLKIT_ROOT_DIR), or the "
            f"file (-D{names[0]}=/path/to/lib….so), in an empty build folder."
        )
    return told.but(do=explanation.do.replace("-DNAME", f"-D{names[0]}"))


def found_nowhere(explanation: Explanation, _: Hit) -> Explanation:
    """A library of NVIDIA's that the toolkit does not hold."""
    name = explanation.captures.get("name", "").lower()
    library = next((one for one in ("cudnn", "nccl") if one in name), None)
    do = beside_cuda(f"{library}.h") if library else None
    return explanation.but(do=f"{do} {explanation.do}") if do else explanation
