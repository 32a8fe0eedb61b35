"""What compilers and the C++ runtime say of versions: which one to install, and how."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import cuda, libstdcxx
from gpufix.knowledge.conda import CHANNEL

_LATER = re.compile(r"(?P<who>gcc|clang) versions? later than (?P<most>\d+)")
_BELOW = re.compile(r"clang version must be less than (?P<most>\d+)")
_VISUAL = re.compile(r"Visual Studio version", re.IGNORECASE)
_WINDOWS = re.compile(r"\b[A-Z]:[\\/]|\.(?:dll|pyd|exe)\b|cl\.exe|\bMSVC\b|fatal error C\d{4}")
_TRITON = re.compile(r"triton", re.IGNORECASE)
_EMBEDDED = re.compile(r"python_embed\w*", re.IGNORECASE)
_PYTHON = re.compile(
    r"(?:python|cpython-|cp)(?P<major>3)\.?(?P<minor>\d{1,2})(?!\d)", re.IGNORECASE
)
_BUILD_TOOLS = (
    'Install the Visual Studio Build Tools with the workload "Desktop development with C++" (`winget install '
    "Microsoft.VisualStudio.2022.BuildTools`), and build from the x64 Native Tools prompt."
)


def on_windows(text: str) -> bool:
    """Whether a text is of Windows, by its paths and file names."""
    return bool(_WINDOWS.search(text))


def host_compiler(explanation: Explanation, hit: Hit) -> Explanation:
    """The newest host compiler that the toolkit takes stands in its refusal."""
    around = context(hit, 300, 600)
    if _VISUAL.search(around):
        return explanation.but(
            do="Build with a toolset that this toolkit accepts: the Visual Studio 2022 Build Tools (for an older "
            'toolset `vcvarsall.bat x64 -vcvars_ver=14.38` opens its prompt), or a newer CUDA toolkit. `set "'
            'NVCC_PREPEND_FLAGS=-allow-unsupported-compiler"` tries it all the same; the result is unproven.'
        )
    found = _LATER.search(around)
    if found is None:
        below = _BELOW.search(around)
        return explanation.but(do=_clang(int(below["most"]) - 1)) if below else explanation
    most = found["most"]
    if found["who"] == "clang":
        return explanation.but(do=_clang(int(most)))
    return explanation.but(
        do=f"Install GCC {most} and give it to nvcc: `apt install g++-{most}`, then `export CC=gcc-{most} "
        f"CXX=g++-{most} NVCC_PREPEND_FLAGS='-ccbin g++-{most}'` (conda: `conda install -c {CHANNEL} "
        f"gxx_linux-64={most}`); or use a newer toolkit. NVCC_PREPEND_FLAGS=-allow-unsupported-compiler tries it "
        "all the same; the result is unproven."
    )


_GCC_OF_HEADERS = re.compile(
    r"/(?:c\+\+|x86_64-[\w-]{2,20}|aarch64-[\w-]{2,20})/(?P<major>\d{1,2})(?:\.\d+)*/"
)


def older_gcc(explanation: Explanation, hit: Hit) -> Explanation:
    """One GCC older than the one whose headers nvcc could not read."""
    found = _GCC_OF_HEADERS.search(context(hit, 300, 300))
    if found is None or int(found["major"]) < 9:
        return explanation
    older = int(found["major"]) - 1
    return explanation.but(
        do=f"nvcc read the headers of GCC {found['major']}: give it GCC {older} (`apt install g++-{older}`, `export CC=gcc-{older} CXX=g++-{older} "
        f"NVCC_PREPEND_FLAGS='-ccbin g++-{older}'`, CMake: -DCMAKE_CUDA_HOST_COMPILER=g++-{older}), or take a newer CUDA toolkit."
    )


def _clang(most: int) -> str:
    return (
        f"Give nvcc clang {most} or older, or GCC (`-ccbin clang++-{most}`, CMAKE_CUDA_HOST_COMPILER), or use a "
        "newer toolkit."
    )


def no_compiler(explanation: Explanation, hit: Hit) -> Explanation:
    """On Windows the compiler that is missing is Microsoft's."""
    around = context(hit, 2000, 1000)
    if re.search(r"Compiler: cl is not found|cl\.exe", hit.shown) or on_windows(around):
        return explanation.but(
            what="No C++ compiler is found here: on Windows that is Microsoft's (cl.exe).",
            do=f"{_BUILD_TOOLS} torch.compile needs it, too.",
        )
    return explanation


def python_headers(explanation: Explanation, hit: Hit) -> Explanation:
    """Whose headers: of an embedded Python, or of the Python whose version the text names."""
    around = f"{hit.before[-1500:]}{hit.raw}{hit.after[:600]}"
    if _EMBEDDED.search(around):
        return explanation.but(
            do="An embedded Python brings no headers. Copy the folders Include and libs of a full Python of the same "
            "version (from python.org) into python_embeded, or use a normal Python in a virtual environment."
        )
    if on_windows(around) or "tcc" in around:
        return explanation.but(
            do="Use a Python from python.org or conda, which brings its folders Include and libs; the one of the "
            "Microsoft Store and embedded ones do not. Where the package's releases have a wheel for this Python (cp3…-win_amd64.whl), nothing has to be built. Else copy both folders of the same version beside its python.exe "
            "(triton-windows' python_3.X_include_libs.zip)."
        )
    found = _PYTHON.search(around)
    name = f"python{found['major']}.{found['minor']}" if found else "python3"
    return explanation.but(
        do=f"`apt install {name}-dev` (Fedora: `dnf install {name}-devel`), or use an interpreter that brings its "
        "headers (conda, `uv python install`)."
    )


def runtime(explanation: Explanation, _: Hit) -> Explanation:
    """Which GCC brought a symbol version of libstdc++; which systems have a glibc."""
    version = explanation.captures.get("symver", "")
    family, number = version.partition("_")[::2]
    if family in ("GLIBCXX", "CXXABI"):
        return _libstdcxx(explanation, version)
    if family == "GLIBC" and number:
        return explanation.but(
            do=f"This system's C library is older than glibc {number}, and it cannot be replaced. Use a newer "
            f"system or container (its `ldd --version` shows {number} or more), an older release of the package "
            "whose wheel asks for less, or build the package from source here."
        )
    return explanation


def _libstdcxx(explanation: Explanation, version: str) -> Explanation:
    gcc = libstdcxx.gcc_with(version)
    if gcc is None:
        return explanation
    major = gcc.partition(".")[0]
    return explanation.but(
        f"{version} came with GCC {gcc}.",
        do=f'Let a libstdc++ of GCC {gcc} or newer be found first: `conda install -c {CHANNEL} "libstdcxx-ng>='
        f"{major}\"`, with $CONDA_PREFIX/lib at the front of LD_LIBRARY_PATH. Where conda's own is the old one and "
        "the system has a newer, set LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libstdc++.so.6. Outside of conda: `apt "
        "install libstdc++6` from a newer release of the system.",
    )


def nvcc_arch(explanation: Explanation, hit: Hit) -> Explanation:
    """Too new for this nvcc or ptxas, or dropped by it: the toolkits that know the architecture."""
    arch = re.sub(r"^(?:compute|sm)_", "", explanation.captures.get("arch", ""))
    if arch in ("native", "all", "all-major") or re.search(r"compute_(?:native|all)", hit.shown):
        return explanation.but(
            what="nvcc was given a word where an architecture has to stand: this CMake (before 3.24) or nvcc does not know it.",
            do="Name the GPU: -DCMAKE_CUDA_ARCHITECTURES=89 for 8.9; or use CMake 3.24 or newer, which knows native, all and "
            "all-major.",
        )
    span = cuda.first_and_last(f"sm_{arch}") if arch else None
    if span is None:
        return explanation
    first, last = span
    explanation = explanation.but(
        f"nvcc generates code for sm_{arch} from CUDA {first}{f' to {last}' if last else ' on'}."
    )
    if last:
        return explanation.but(
            do=f"Take {arch} off the list (TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES, the build file's -gencode); "
            f"for a GPU of that architecture build with CUDA {last} or older."
        )
    if _TRITON.search(context(hit, 3000, 500)):
        return explanation.but(
            do=f"Give Triton a ptxas of CUDA {first} or newer: `export TRITON_PTXAS_PATH=/usr/local/cuda/bin/ptxas` "
            f"where that toolkit is (nvidia-cuda-nvcc brings one as a wheel), or install a newer Triton with its torch."
        )
    return explanation.but(
        do=f"Build with CUDA {first} or newer (CUDA_HOME and PATH at it: `which nvcc`, `nvcc --version`), or take {arch} "
        "off the list (TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES, the build file's -gencode)."
    )


# The name of a file that Microsoft's linker lacks -> whose it is; the first that matches.
_LIBRARIES = (
    (r".*\.obj", "It is what the compiler should have written: the first `error` further up says why it did not. Where there is none, "
     "ninja was given a path that it does not write to (a source with .. or of another drive). What helps: BuildExtension.with_options(use_ninja=False) "
     "in setup.py, a copy of the project in a short path without blanks, and link.exe of HostX64\\x64 (the x64 Native Tools prompt)."),
    (r"(?:c10|torch)\w*\.lib", "It is torch's (Lib\\site-packages\\torch\\lib): where it is not there, torch is another release or a CPU build "
     "(c10_cuda.lib, torch_cuda.lib): install torch with CUDA, and build with --no-build-isolation."),
    (r"(?:kernel32|user32|uuid|ucrt|ws2_32|advapi32|gdi32|shell32)\.lib", "It is the Windows SDK's: build in the \"x64 Native Tools Command "
     "Prompt\" (vcvars64.bat), with the component Windows 10 or 11 SDK of the Visual Studio installer."),
    (r"(?:msvcrt|msvcprt|libcmt|vcruntime)\w*\.lib", "It is Visual C++'s: build in the \"x64 Native Tools Command Prompt\" (vcvars64.bat), with "
     "\"Desktop development with C++\" installed."),
    (r"(?:cu|nv|npp)\w*\.lib", "It is of NVIDIA's toolkit, its lib\\x64: set CUDA_PATH and CUDA_HOME to a whole one (cuDNN and TensorRT are "
     "copied into it, or named by their own folder)."),
    (r"python\w*\.lib", "It is Python's (its folder libs): a full Python of python.org or conda, or the folders include and libs of the same "
     "version copied beside an embedded one."),
)  # fmt: skip


def linked_file(explanation: Explanation, hit: Hit) -> Explanation:
    """Whose the file is that Microsoft's linker does not find."""
    name = re.split(r"[\\/]", explanation.captures.get("path", ""))[-1].lower()
    for pattern, whose in _LIBRARIES:
        if re.fullmatch(pattern, name):
            return explanation.but(do=whose)
    return explanation


_OPTION = re.compile(r"Unknown option '(?P<option>[^']{1,60})'|Value '(?P<std>c\+\+\d\w)'")
# The first nvcc that knows an option of its own.
_SINCE = {
    "generate-dependencies-with-compile": "10.2",
    "std=c++17": "11.0",
    "c++17": "11.0",
    "std=c++20": "12.0",
    "c++20": "12.0",
    "threads": "11.2",
    "split-compile": "12.1",
    "static-global-template-stub": "12.8",
    "compress-mode": "12.8",
}


def nvcc_option(explanation: Explanation, hit: Hit) -> Explanation:
    """Which nvcc has an option of its own."""
    found = _OPTION.search(hit.shown)
    option = (found["option"] or found["std"]).lstrip("-") if found else ""
    since = _SINCE.get(option) or _SINCE.get(option.partition("=")[0])
    if since is None:
        return explanation
    lower = (
        "; or the older standard (-std=c++17) where the source takes it"
        if "c++20" in option
        else ""
    )
    return explanation.but(
        rule="TCH206" if "std" not in option and "c++" not in option else explanation.rule,
        what=f"nvcc knows {option} from CUDA {since} on; the one that runs is older.",
        do=f"`nvcc --version` and `which nvcc` tell which one runs: put CUDA {since} or newer first on PATH and set CUDA_HOME to it (Ubuntu's "
        f"own nvidia-cuda-toolkit is old: `apt remove nvidia-cuda-toolkit`){lower}.",
    )
