"""What single messages tell beyond their pattern: builds, memory, headers."""

from __future__ import annotations

import re

from gpufix.explain import (
    added_parts,
    argument_details,
    builds,
    checkpoint_details,
    cmake_details,
    conflicts,
    cuda_details,
    cuda_type_details,
    cudnn_details,
    cxx_standard,
    demands,
    driver_details,
    hip_details,
    hollow,
    imports,
    index_lacks,
    interfaces,
    kernel_reports,
    mac_details,
    memory_details,
    missing_library,
    module_details,
    name_details,
    net_details,
    offered,
    option_details,
    port_details,
    ptx_details,
    removed_details,
    shape_details,
    states,
    symbol_details,
    system_details,
    toolchain_details,
    toolkit_header,
    windows_details,
    xid_details,
)
from gpufix.explain.capability import torch_capability
from gpufix.explain.explanation import Explanation, Refiner, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.shadowed import unless_shadowed
from gpufix.fallbacks.catalogue import every
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.messages import message_of

_WHEEL_BUILD = re.compile(
    r"pip-build-env|get_requires_for_build|[Gg]etting requirements to build|prepare_metadata"
    r"|Preparing metadata|pip-req-build|pip-install-|metadata-generation-failed|egg_info|build_wheel"
    r"|build_editable|subprocess-exited-with-error|bdist_wheel|setuptools[./]build_meta|builds-v0"
    r"|Building wheel|build backend returned|isolated|build_meta:__legacy__|hatchling"
    r"|Complete output from command|Command errored out|Installing build dependencies"
    r"|python setup\.py|setup\.py\", line|File \"setup\.py\"|ChefBuildError|Failed building"
    r"|pep517|pyproject_hooks|pip subprocess"
)
_FAMILY = re.compile(
    r"torch(?:vision|audio|text|data|-scatter|-sparse|-cluster|-spline-conv|sparse)?|pyg-lib|xformers"
    r"|kaolin|flash-attn|mmcv(?:-full)?|pytorch3d|detectron2"
)
_PAIR = re.compile(
    r"The detected CUDA version \(([^)\n]{1,20})\)[\s\S]{0,300}?(?:PyTorch\s+\(([\d.]+)\)"
    r"|'([\d.]+)',\s*'([\d.]+)')"
)
# apex's own check, after what `nvcc --version` prints.
_APEX = re.compile(
    r"release (?P<toolkit>\d+\.\d+), V[\s\S]{0,4000}? binaries were compiled with Cuda (?P<torch>\d+\.\d+)"
)


def cuda_mismatch(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The two versions, from a sentence or from the unformatted tuple that torch ≥ 2.8 raises.

    One major: a minor mismatch, whatever the program that complains makes of it.
    """
    apex = _APEX.search(context(hit, 4000, 600))
    if apex and numbers(apex["toolkit"])[:1] == numbers(apex["torch"])[:1]:
        return explanation.but(
            rule="TCH203",
            what=f"The toolkit is CUDA {apex['toolkit']}, torch's CUDA {apex['torch']}: of one major, which is enough. The package's own setup.py asks for the same "
            "minor version as well.",
            do=f"`export CUDA_HOME=/usr/local/cuda-{apex['torch']}` where it is installed (`conda install -c nvidia cuda-toolkit={apex['torch']}`); or take that check "
            "out of its setup.py (check_cuda_torch_binary_vs_bare_metal), as the message says.",
        )
    found = _PAIR.search(context(hit, 0, 600))
    toolkit, torch = explanation.captures.get("version", ""), explanation.captures.get("other", "")
    if found is not None:
        toolkit, torch = (found[3], found[4]) if found[3] else (found[1], found[2])
    if not re.fullmatch(r"[\d.]+", toolkit) or not re.fullmatch(r"[\d.]+", torch or ""):
        return explanation
    explanation = explanation.but(
        captures={**explanation.captures, "toolkit": toolkit, "torch_cuda": torch}
    )
    if numbers(toolkit)[:1] == numbers(torch)[:1]:
        return explanation.but(
            f"Toolkit {toolkit} and torch's CUDA {torch} are of one major: torch allows that.",
            rule="TCH203",
        )
    return driver_details.version_mismatch(
        explanation.but(
            what=f"The toolkit that would build is CUDA {toolkit}, torch is built for CUDA {torch}: torch refuses to mix two majors."
        ),
        hit,
    )


def no_torch(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Within a wheel build: the build was isolated from the environment that has torch. None for torch_cluster."""
    if re.search(r"No module named\W{1,4}torch\w", hit.shown):
        return None
    if not _WHEEL_BUILD.search(context(hit)):
        return explanation.but(role="symptom")
    return explanation.but(
        rule="SRC606",
        what="A setup.py imports torch, but the build ran in an isolated environment without it.",
        do="Install torch first, then build with --no-build-isolation (uv: the same option).",
    )


def torch_family(explanation: Explanation, hit: Hit) -> Explanation | None:
    """A package that is built for one torch: other indexes have other versions of it."""
    name = re.split(r"[=<>!~\[@]", explanation.captures.get("requirement", ""))[0].lower()
    if not _FAMILY.fullmatch(name.replace("_", "-")):
        return offered.offered_with_hint(explanation, hit)
    own = message_of("no-distribution-torch")
    explanation = explanation.but(
        id=own.id, rule=own.rule, what=own.what, do=own.do, source=own.source
    )
    return offered.offered_with_hint(explanation, hit)


def torch_header(explanation: Explanation, _: Hit) -> Explanation | None:
    """THC is gone; a CUDA header is lacking in a CPU build; else torch is not on the path."""
    if re.search(r"\bTHC", explanation.shown):
        return explanation.but(
            rule="SRC604",
            what="The source includes a header of THC, which torch removed with 1.11.",
            do="Port it to ATen/c10, or use the torch that it was written for.",
        )
    if re.search(r"(?:ATen|c10)[/\\]cuda", explanation.shown):
        return explanation.but(
            rule="TCH201",
            what="A CUDA header of torch is absent: the installed torch is a CPU build, or the "
            "compiler does not look at torch's headers.",
        )
    return explanation


_REFUSES = re.compile(r"`[\w@.-]{1,60}` is not supported because:")
_UNBUILT = re.compile(r"wasn't buil[dt]|device=cpu|requires (?:device|GPU) with")


def xformers(explanation: Explanation, hit: Hit) -> Explanation | None:
    """No operator: because none was built, because this GPU has none, or because the inputs are on the CPU or badly aligned."""
    around = context(hit, 200, 6000)
    if "device=cpu (supported:" in around:
        return explanation.but(
            rule=None,
            role="cause",
            what="The tensors are on the CPU, and xformers' operators serve GPUs only.",
            do="Where a GPU is to be used: a torch with CUDA that sees it (`gpufix doctor`), and the model on it. Else go without xformers: torch's own "
            'attention (attn_implementation="sdpa", ATTN_BACKEND=sdpa, XFORMERS_DISABLED=1, no --xformers).',
        )
    built = [why for why in _REFUSES.split(around)[1:] if not _UNBUILT.search(why)]
    if any("attn_bias.stride(" in why for why in built):
        return explanation.but(
            rule=None,
            role="cause",
            what="xformers is whole, and its kernel refuses the mask: rows of attn_bias have to begin at a multiple of 8 elements (16 bit; 4 for 32 bit).",
            do="Allocate attn_bias with its last size rounded up to a multiple of 8, and pass the slice of the wanted length (`[..., :length]`). Or use "
            "torch's own attention (scaled_dot_product_attention), which takes any mask.",
        )
    if re.search(r"wasn't buil[dt] with CUDA support|operator wasn't built", around, re.IGNORECASE):
        return explanation.but(
            rule="WHL505",
            what="xformers holds no compiled operators that can be used here: it was built for "
            "another torch or CUDA, or without CUDA.",
            do="Install the xformers release that names this torch, from the same index; or choose "
            "torch's own attention (ATTN_BACKEND=sdpa, XFORMERS_DISABLED=1).",
        )
    return explanation


def memory(explanation: Explanation, hit: Hit) -> Explanation:
    """Captures `extension`: the nearest name before the message, of those that have a fallback."""
    words = context(hit, 4096, 1024)
    named = {f.name: at for f in every() if (at := f.last_in(words)) >= 0}
    if not named:
        return explanation
    nearest = max(named, key=lambda name: named[name])
    return explanation.but(captures={**explanation.captures, "extension": nearest})


_INNER = re.compile(r"(?:thrust|cub)/(?:\w+/){0,4}detail/")
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


_OF_WINDOWS = (
    "Run NVIDIA's installer of the CUDA toolkit of torch's CUDA again, with all of its parts, after Visual Studio's C++ tools. Set CUDA_HOME and "
    "CUDA_PATH to its folder. Build in the x64 Native Tools prompt of a Visual Studio that this toolkit takes (2019 for CUDA 11, 2022 for 12). In conda "
    "`conda install -c nvidia cuda-toolkit={cuda|12.8}`, and CUDA_HOME=%CONDA_PREFIX%\\Library."
)


def header(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Whose header it is decides; one of a library that gpufix does not know stays unknown."""
    name = explanation.captures.get("header", "").replace("\\", "/")
    if gone := removed_details.removed_header(explanation, name):
        return gone
    if _INNER.match(name):
        return explanation.but(
            rule=None,
            role="cause",
            what=f"{name} is an inner header of Thrust and CUB (CCCL), and this toolkit has none of that name: such headers come and go with a release.",
            do="Build with the CUDA that the project was written for, or take its newer source. In a source of your own: the public header in its place. Where "
            "no header of thrust is found at all, the toolkit is incomplete.",
            open=("SRC604", "TCH204"),
        )
    for pattern, whose in _WHOSE:
        if re.match(pattern, name):
            own = message_of(whose)
            explanation = explanation.but(
                id=own.id, rule=own.rule, role=own.role, what=own.what, do=own.do, source=own.source
            )
            if whose == "python-h":
                return toolchain_details.python_headers(explanation, hit)
            if do := system_details.by_owner(whose, name, explanation.do):
                return explanation.but(do=do)
            if whose == "graphics-headers" and (command := system_details.header(name)):
                return explanation.but(do=command)
            if whose == "cuda-headers" and "C1083" in explanation.shown:
                return explanation.but(do=_OF_WINDOWS)
            return torch_header(explanation, hit) if whose == "torch-headers" else explanation
    if other := system_details.of_no_package(name, hit):
        return other.of(explanation.but(role="cause"))
    if command := system_details.header(name):
        return explanation.but(role="cause", do=command)
    return explanation


def _asked(refiner: Refiner) -> Refiner:
    """Of what is asked of a module: whose file stands in its place, and which part of a program asks."""
    return unless_shadowed(added_parts.with_its_part(refiner))


REFINERS: dict[str, Refiner] = {
    "absurd-size": cuda_details.absurd_size,
    "apt-package": system_details.apt_package,
    "asked-cuda": demands.asked_cuda,
    "assertion": kernel_reports.assertion,
    "asked-range": conflicts.asked_range,
    "conda-packages": conflicts.conda_packages,
    "build-package": system_details.build_package,
    "build-extension": builds.extension,
    "build-tool": module_details.build_tool,
    "build-whose": builds.whose,
    "candidates": offered.candidates,
    "cargo": builds.cargo,
    "cmake-find": cmake_details.found_nowhere,
    "cmake-notfound": cmake_details.not_found,
    "cmake-nvcc": toolchain_details.cmake_nvcc,
    "changed-call": removed_details.changed_call,
    "contradiction": conflicts.contradiction,
    "companion-cuda": conflicts.companion_cuda,
    "compiled-part": _asked(module_details.compiled_part),
    "cuda-code": cuda_details.cuda_code,
    "cuda-type-header": cuda_type_details.cuda_type_header,
    "cxx-standard": cxx_standard.wanted,
    "torch-bounds": toolchain_details.torch_bounds,
    "linked-library": toolchain_details.linked_library,
    "cpu-option": toolchain_details.cpu_option,
    "cudnn-versions": cudnn_details.mismatch,
    "cublas": cuda_details.cublas,
    "cudnn-status": cudnn_details.status,
    "ct2": missing_library.of_ctranslate2,
    "cufft": cuda_details.cufft,
    "device-file": driver_details.device_file,
    "ctypes-dll": windows_details.of_ctypes,
    "dll": windows_details.dll,
    "dll-named": windows_details.named,
    "driver-numbers": driver_details.too_old,
    "family": conflicts.family,
    "operator": conflicts.operator,
    "gfx-passed-off": hip_details.passed_off,
    "gpu-demand": demands.gpu_demand,
    "graphics": system_details.graphics,
    "half-operators": toolchain_details.half_operators,
    "header": header,
    "hip-name": hip_details.hip_name,
    "host-compiler": toolchain_details.host_compiler,
    "older-gcc": toolchain_details.older_gcc,
    "linker": symbol_details.linker,
    "ld-library": system_details.linked,
    "lnk-file": toolchain_details.linked_file,
    "nvcc-option": toolchain_details.nvcc_option,
    "lacking-attribute": _asked(interfaces.lacking_attribute),
    "lacking-name": _asked(imports.lacking_name),
    "libnvvm-refused": hollow.refused,
    "numpy-of-another": hollow.numpy_of_another,
    "model-type": interfaces.model_type,
    "registered-type": interfaces.registered_type,
    "mac-library": mac_details.library,
    "meson-command": toolchain_details.meson_command,
    "meson-compiler": toolchain_details.meson_compiler,
    "memory-numbers": memory_details.numbers_of_memory,
    "offered": offered.offered_with_hint,
    "kernel-image": cuda_details.kernel_image,
    "net": net_details.answered,
    "no-cuda": states.why_no_cuda,
    "no-compiler": toolchain_details.no_compiler,
    "no-metadata": module_details.no_metadata,
    "no-rule": builds.no_rule,
    "not-installed": _asked(module_details.not_installed),
    "nvcc-arch": ptx_details.nvcc_arch,
    "cuda-mismatch": cuda_mismatch,
    "no-smi": driver_details.no_smi,
    "no-torch": no_torch,
    "numpy-module": conflicts.numpy_module,
    "numpy-bounds": conflicts.numpy_bounds,
    "port": port_details.taken,
    "program": system_details.program,
    "ptx-feature": ptx_details.ptx_feature,
    "pybind-signature": symbol_details.signature,
    "ptx-version": ptx_details.ptx_version,
    "python-c-api": toolchain_details.python_c_api,
    "python-headers": toolchain_details.python_headers,
    "python-version": offered.other_python,
    "raised-near": shape_details.raised_near,
    "recorded-name": _asked(imports.recorded_name),
    "removed-python": _asked(imports.removed_python),
    "removed-name": removed_details.removed_name,
    "refused-header": toolkit_header.refused,
    "runtime": toolchain_details.runtime,
    "sanitizer": kernel_reports.sanitizer,
    "soname": missing_library.soname,
    "state-dict": checkpoint_details.state_dict,
    "stub-wheels": index_lacks.stub_wheels,
    "static-tls": missing_library.static_tls,
    "symbol": symbol_details.symbol,
    "thrust-memory": cuda_details.thrust_memory,
    "torch-capability": torch_capability,
    "torch-family": torch_family,
    "torchcodec": missing_library.torchcodec,
    "other-arguments": _asked(argument_details.other_arguments),
    "unexpected-by": argument_details.unexpected_by,
    "unmet": conflicts.unmet,
    "triton-missing": module_details.triton_missing,
    "triton-source": kernel_reports.triton_source,
    "unused-variables": option_details.unused_variables,
    "undefined-name": name_details.undefined_name,
    "unknown-argument": option_details.unknown_option,
    "uv-wheel": index_lacks.other_wheel,
    "wheel-tag": offered.wheel_tag,
    "weights-only": checkpoint_details.weights_only,
    "types": shape_details.types,
    "widths": shape_details.widths,
    "xformers": xformers,
    "xid": xid_details.catalogued,
}
