"""A closer look at a header that the compiler did not find: whose it is."""

from __future__ import annotations

import re

from gpufix.explain.refine_build import torch_header
from gpufix.explain.scan import Hit
from gpufix.explain.told import Told
from gpufix.knowledge.messages import messages

# The first that matches the header's name tells the message that explains it.
_WHOSE = (
    (r"Python\.h|pyconfig\.h|patchlevel\.h|pybind11/detail/.*Python", "python-h"),
    (r"EGL/|GL/|GLES\d?/|GLFW/|X11/|KHR/|OpenGL/|GL\w*\.h", "graphics-headers"),
    (
        r"hip/|rocblas|hipblas|hipcub|rocprim|rocthrust|rocrand|hiprand|hipsparse|hipsolver|hipfft"
        r"|rocsolver|rocsparse|rocm[-_]|miopen|rccl|hsa/|roctracer|rocm-core",
        "rocm-headers",
    ),
    (r"(?:ATen|c10|torch|THC|TH|caffe2)/", "torch-headers"),
    (
        r"glm/|cutlass/|cute/|third[_-]?party/|submodules/|extern(?:al)?/|deps/|pybind11/|"
        r"nlohmann/|json/json\.hpp|fmt/|spdlog/|tinyexr|stb_|tcnn/|tiny-cuda-nn/|thrust_ext/",
        "submodule-headers",
    ),
    (
        r"(?:crt/)?(?:cuda|cublas|cusparse|cusolver|curand|cufft|cudnn|cupti|nccl|nvToolsExt|nvtx|nvrtc"
        r"|nvml|npp|nvjpeg|nvJitLink|device_launch|host_defines|host_config|math_functions|helper_cuda"
        r"|vector_types|driver_types|cooperative_groups|device_functions|texture_)\w*\.(?:h|hpp)$"
        r"|(?:nvtx3|thrust|cub|cuda|nv|cooperative_groups|crt|cudnn)/",
        "cuda-headers",
    ),
)


def header(told: Told, hit: Hit) -> Told | None:
    """Whose header it is decides; one of a library that gpufix does not know stays unknown."""
    name = told.captures.get("header", "").replace("\\", "/")
    for pattern, whose in _WHOSE:
        if re.match(pattern, name):
            own = next(message for message in messages() if message.id == whose)
            told = told.but(
                id=own.id, rule=own.rule, role=own.role, what=own.what, do=own.do, source=own.source
            )
            return torch_header(told, hit) if whose == "torch-headers" else told
    return told
