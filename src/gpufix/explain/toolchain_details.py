"""What compilers and the C++ runtime say of versions: which one to install, and how."""

from __future__ import annotations

import re
import sys

from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.machine import Machine, machine
from gpufix.knowledge import libstdcxx
from gpufix.knowledge.conda import CHANNEL

_LATER = re.compile(r"(?P<who>gcc|clang) versions? later than (?P<most>\d+)")
_SPAN = re.compile(r"[Oo]nly the versions between \d{4} and \d{4}(?: \(inclusive\))? are supported")
_TRIED = re.compile(r"Compiler: (?P<path>\S{1,200}nvcc(?:\.exe)?)\b")
_UNKNOWN = re.compile(r"identification is unknown|default CUDA architecture|is not able|broken")
_BELOW = re.compile(r"clang version must be less than (?P<most>\d+)")
_VISUAL = re.compile(r"Visual Studio version", re.IGNORECASE)
_WINDOWS = re.compile(r"\b[A-Z]:[\\/]|\.(?:dll|pyd|exe)\b|cl\.exe|\bMSVC\b|fatal error C\d{4}")
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
    around, told = context(hit, 300, 600), machine(context(hit))
    toolkit = f"the nvcc of CUDA {told.nvcc}" if told.nvcc else "this CUDA toolkit's nvcc"
    if _VISUAL.search(around):
        return explanation.but(
            what=f"The Visual Studio that is used is none that {toolkit} takes{_named(_SPAN, around)}.",
            do="Build with a toolset that this toolkit accepts: the Visual Studio 2022 Build Tools (for an older "
            'toolset `vcvarsall.bat x64 -vcvars_ver=14.38` opens its prompt), or a newer CUDA toolkit. `set "'
            'NVCC_PREPEND_FLAGS=-allow-unsupported-compiler"` tries it all the same; the result is unproven.',
        )
    found = _LATER.search(around)
    if found is None:
        below = _BELOW.search(around)
        return _clang(explanation, toolkit, int(below["most"]) - 1) if below else explanation
    most = found["most"]
    if found["who"] == "clang":
        return _clang(explanation, toolkit, int(most))
    newer = told.gcc if told.gcc and told.gcc > int(most) else None
    return explanation.but(
        what=f"The host compiler{f', GCC {newer},' if newer else ''} is newer than {toolkit} takes: GCC {most} is its newest.",
        do=f"Install GCC {most} and give it to nvcc: `apt install g++-{most}`, then `export CC=gcc-{most} "
        f"CXX=g++-{most} NVCC_PREPEND_FLAGS='-ccbin g++-{most}'` (conda: `conda install -c {CHANNEL} "
        f"gxx_linux-64={most}`); or use a newer toolkit. NVCC_PREPEND_FLAGS=-allow-unsupported-compiler tries it "
        "all the same; the result is unproven.",
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


def _clang(explanation: Explanation, toolkit: str, most: int) -> Explanation:
    return explanation.but(
        what=f"The host compiler is a clang that is newer than {toolkit} takes: clang {most} is its newest.",
        do=f"Give nvcc clang {most} or older, or GCC (`-ccbin clang++-{most}`, CMAKE_CUDA_HOST_COMPILER), or use a "
        "newer toolkit.",
    )


def _named(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return f" ({found[0]})" if found else ""


_NO_ARCH = re.compile(r"arch=compute_,|Unsupported gpu architecture 'compute_'")
_EMPTY = Told(
    "nvcc is given an architecture without a number (compute_, sm_): CMAKE_CUDA_ARCHITECTURES holds a word that this CMake does not know, "
    "such as native before CMake 3.24, or is empty.",
    "Name the GPU by its number: -DCMAKE_CUDA_ARCHITECTURES=89 for 8.9, in an empty build folder (and CUDAARCHS unset). Or leave the option "
    "out; or use CMake 3.24 or newer, which knows native.",
)


_MSBUILD = re.compile(r"Selecting Windows SDK version|Building for: Visual Studio")
_OF_VISUAL_STUDIO = Told(
    "CMake builds for Visual Studio, and finds no CUDA there: the toolkit is not installed, or was installed before Visual Studio, which then lacks its "
    "build rules (CUDA X.Y.props).",
    "Run the CUDA installer again after Visual Studio, with `Visual Studio Integration` chosen. By hand: copy what is in "
    "extras\\visual_studio_integration\\MSBuildExtensions of the toolkit to Visual Studio's MSBuild\\Microsoft\\VC\\v170\\BuildCustomizations. Or go "
    "without it: `-G Ninja` in the x64 Native Tools prompt, with nvcc on PATH (CUDACXX). Each in an empty build folder.",
)


def cmake_nvcc(explanation: Explanation, hit: Hit) -> Explanation:
    """nvcc is there all the same: its version, or the path that CMake tried, stands in the text."""
    around = context(hit)
    if _NO_ARCH.search(around):
        return _EMPTY.of(explanation).but(rule="SRC601")
    told = machine(around)
    tried = _TRIED.search(around)
    if told.gcc_too_new:
        return _too_new(explanation, told)
    if told.nvcc is None and tried is None:
        return _OF_VISUAL_STUDIO.of(explanation) if _MSBUILD.search(around) else explanation
    nvcc = f"nvcc of CUDA {told.nvcc}" if told.nvcc else f"nvcc ({tried['path'] if tried else ''})"
    if tried or _UNKNOWN.search(hit.shown):
        takes = f", which takes GCC {told.newest_gcc} and older" if told.newest_gcc else ""
        return explanation.but(
            what=f"CMake cannot use the {nvcc}: it was not found on PATH, or its test with the host compiler"
            f"{f' (GCC {told.gcc})' if told.gcc else ''} failed.",
            do=f"Name it: `export CUDACXX=/usr/local/cuda/bin/nvcc` (-DCMAKE_CUDA_COMPILER, CUDA_HOME) and `export CUDAARCHS=native` (or 89 "
            f"for 8.9), in an empty build folder. Where that is not enough, `nvcc -c x.cu` with an empty x.cu shows what fails: most often "
            f"the host compiler{takes} (`-DCMAKE_CUDA_HOST_COMPILER=g++-{told.newest_gcc or 12}`).",
        )
    return explanation.but(
        what=f"CMake does not find the {nvcc} that is installed: it is not on the PATH of this build."
    )


def _too_new(explanation: Explanation, told: Machine) -> Explanation:
    most = told.newest_gcc
    return explanation.but(
        rule="TCH205",
        what=f"GCC {told.gcc} is newer than the nvcc of CUDA {told.nvcc} takes as host compiler: GCC {most} is its newest.",
        do=f"`apt install g++-{most}` and `export CC=gcc-{most} CXX=g++-{most} CUDAHOSTCXX=g++-{most}` "
        f"(-DCMAKE_CUDA_HOST_COMPILER=g++-{most}), in an empty build folder; or a newer CUDA toolkit.",
    )


_NAMED_COMPILER = re.compile(
    r"(?P<path>/[^\s:'\"]{1,200}/(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-\d{1,2})?)['\"]?(?:: (?:command )?not found|$)"
)


def no_compiler(explanation: Explanation, hit: Hit) -> Explanation:
    """On Windows the compiler that is missing is Microsoft's."""
    around = context(hit, 2000, 1000)
    if re.search(r"Compiler: cl is not found|cl\.exe", hit.shown) or on_windows(around):
        return explanation.but(
            what="No C++ compiler is found here: on Windows that is Microsoft's (cl.exe).",
            do=f"{_BUILD_TOOLS} torch.compile needs it, too.",
        )
    if named := _NAMED_COMPILER.search(hit.shown):
        return explanation.but(
            what=f"The compiler that the build names is not there: {named['path']}.",
            do="Unset CC and CXX, or name one that is there (`command -v gcc g++`); where there is none, `apt install build-essential` (conda: "
            "`conda install -c conda-forge gxx`).",
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


# Where Apptainer and Singularity put the libraries of the host's driver (--nv): etc/nvliblist.conf.
_OF_HOST = re.compile(r"\(required by /\.singularity\.d/libs/(?P<file>[\w.+-]{1,80})\)")


def runtime(explanation: Explanation, hit: Hit) -> Explanation:
    """Which GCC brought a symbol version of libstdc++; which systems have a glibc."""
    version = explanation.captures.get("symver", "")
    family, number = version.partition("_")[::2]
    if family in ("GLIBCXX", "CXXABI"):
        return _libstdcxx(explanation, version)
    if family == "GLIBC" and (host := _OF_HOST.search(hit.shown)):
        return explanation.but(
            what=f"--nv put {host['file']} of the host into the container, and it wants glibc {number}: the image's is older.",
            do=f"An image whose glibc is as new as the host's (`ldd --version` shows {number} or more), or a host that is as old as the image. Without a "
            "GPU: no --nv.",
        )
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


_REFUSED = re.compile(
    r"version of (?P<who>\S{1,40}) \((?P<have>[\d.]{1,20})\) is (?P<how>less|greater) than the (?P<end>minimum|maximum) required version"
    r"(?: by CUDA (?P<cuda>\d{1,2}\.\d))?"
)
_BELOW_MAJOR = re.compile(r"\([^()\n]{0,20}<(?P<major>\d{1,2})(?:\.0){0,2}\)")
_LINKED = re.compile(r"-l(?P<name>[\w.+-]{1,60})")


def torch_bounds(explanation: Explanation, hit: Hit) -> Explanation:
    """The compiler and the bound that torch's check prints."""
    found = _REFUSED.search(context(hit, 0, 600))
    if found is None:
        return explanation
    side = "older" if found["how"] == "less" else "newer"
    toolkit = f" for CUDA {found['cuda']}" if found["cuda"] else ""
    explanation = explanation.but(
        what=f"{found['who']} {found['have']} is {side} than torch's build check takes{toolkit}."
    )
    below = _BELOW_MAJOR.search(context(hit, 0, 600))
    if side == "older" or below is None or "g++" not in found["who"]:
        return explanation
    most = int(below["major"]) - 1
    return explanation.but(
        do=f"`apt install g++-{most}`, `export CC=gcc-{most} CXX=g++-{most}` (conda: `conda install -c {CHANNEL} gxx_linux-64={most}`); or the "
        "torch and the toolkit of a newer CUDA."
    )


def linked_library(explanation: Explanation, hit: Hit) -> Explanation:
    """The library that the linker names."""
    found = _LINKED.search(hit.shown)
    if found is None:
        return explanation
    return explanation.but(
        what=f"The linker does not find lib{found['name']}: {_WHOSE[explanation.id]}"
    )


_WHOSE = {
    "ld-cuda-lib": "the CUDA toolkit's library folder is not on its path, or that part of the toolkit is not installed.",
    "ld-torch-lib": "torch is a CPU build (c10_cuda, torch_cuda), or the build looks at another torch.",
}


_PROJECT = re.compile(r"Project name: (?P<name>\S{1,60})")


def meson_compiler(explanation: Explanation, hit: Hit) -> Explanation:
    """Which package Meson builds, for which Python, and whose compiler it wants."""
    around = context(hit)
    project = _PROJECT.search(around)
    name = project["name"] if project else "NAME"
    python = _PYTHON.search(around)
    whose = f" of {name}" if project else ""
    wheel = (
        f"A release of {name if project else 'the package'} that has a wheel for this Python{f' ({python[1]}.{python[2]})' if python else ''} builds nothing "
        f"(`pip install --only-binary=:all: {name}`); so does another Python, of that release's time."
    )
    if not on_windows(around):
        return explanation.but(
            what=f"Meson, which builds {name if project else 'this package'}, finds no C or C++ compiler that works.",
            do=explanation.do.replace("NAME", name),
        )
    return explanation.but(
        what=f"The build{whose} from source wants Visual Studio's C++ compiler: cl, its C++ part or the Windows SDK is not installed.",
        do=f"{_BUILD_TOOLS} {wheel}",
    )


_IMPORTS = re.compile(r"(?<![\w.])(?:import|from) (?P<module>[A-Za-z_]\w*)")
_RAN = re.compile(r"ERROR: Command [`'\"](?P<program>\S{1,300})")


def meson_command(explanation: Explanation, hit: Hit) -> Explanation:
    """A line of Python that Meson runs to ask a package for its folder: that package is what lacks."""
    said = f"{hit.shown}{hit.after[:1500]}".partition("failed with status")[0]
    modules = [m["module"] for m in _IMPORTS.finditer(said)]
    wanted = next((m for m in reversed(modules) if m not in sys.stdlib_module_names), None)
    ran = _RAN.search(hit.shown)
    if wanted is None or ran is None:
        return explanation
    python = ran["program"] if "python" in ran["program"] else "python"
    return explanation.but(
        what=f"Meson asks its Python ({python}) for {wanted}, and that Python does not have it, or cannot import it.",
        do=f"`{python} -m pip install {wanted}` (`apt install python3-{wanted}` for the system's), in the Python that runs Meson. A build "
        f"in isolation wants {wanted} in requires of [build-system]; or install it first, then `pip install --no-build-isolation .`.",
    )


def python_c_api(explanation: Explanation, hit: Hit) -> Explanation:
    """The function that lacks, and the Python that is compiled for."""
    name, python = re.search(r"\b_?P[yY]\w+", hit.shown), _PYTHON.search(context(hit, 2000, 500))
    if name is None or python is None:
        return explanation
    minor = int(python["minor"])
    return explanation.but(
        what=f"Python 3.{minor} does not declare {name[0]}: the C sources are older than this Python.",
        do=f"A newer release of the package, which knows Python 3.{minor} (`pip install -U --only-binary=:all: NAME` where it has a wheel). Or an "
        f"older Python: `uv venv --python 3.{min(minor - 1, 12)}`. Sources that Cython makes: with a newer Cython (`pip install -U Cython`, --no-build-isolation).",
    )


_BOTH = re.compile(r"__half\b.{1,60}__nv_bfloat16|__nv_bfloat16\b.{1,60}__half\b")
_OF_TORCH = re.compile(r"torch|__CUDA_NO_|cpp_extension|site-packages|setup\.py", re.IGNORECASE)


def half_operators(explanation: Explanation, hit: Hit) -> Explanation:
    """torch's flags are named where torch builds; two 16-bit types become each other nowhere."""
    if _BOTH.search(hit.shown):
        return explanation.but(
            what="The source gives a __half where a __nv_bfloat16 is wanted (or the reverse), and CUDA has no implicit conversion between them. "
            "An overload for one of the types is missing for this toolkit or architecture.",
            do="Take the project's newest source, or its option that leaves these kernels out. Build for the GPU's own architecture "
            "(bfloat16: -DCMAKE_CUDA_ARCHITECTURES=80 or higher). In a source of your own convert through float: __float2bfloat16(__half2float(x)).",
        )
    if _OF_TORCH.search(context(hit, 4000, 4000)):
        return explanation
    return explanation.but(
        what="This build has no operators or implicit conversions of __half and __nv_bfloat16. The architecture that it compiles for is below 5.3 "
        "(bfloat16: 8.0), or flags switch them off (__CUDA_NO_HALF_OPERATORS__ and its like, as torch does).",
        do="Name the GPU's architecture (-DCMAKE_CUDA_ARCHITECTURES=80 or higher, -arch=sm_80), and give nvcc `-U__CUDA_NO_HALF_OPERATORS__ "
        "-U__CUDA_NO_HALF_CONVERSIONS__ -U__CUDA_NO_BFLOAT16_CONVERSIONS__` where those flags stand; or the project's newest source. In a source "
        "of your own: __half2float(x), __hadd(a, b).",
    )


_OF_X86 = re.compile(
    r"-m(?:fma4?|avx\w*|sse[\w.]*|ssse3|f16c|bmi2?|mmx|32|x32|popcnt|lzcnt|xsave\w*|movbe|rdrnd)\b"
)
_OF_ARM = re.compile(
    r"-m(?:strict-align|fpu=\w+|float-abi=\w+|thumb|outline-atomics|fix-cortex-\w+|sve-\S+)"
)


def cpu_option(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Whose option it is: of x86-64 or of ARM; another one tells nothing."""
    of_x86, of_arm = _OF_X86.search(hit.shown), _OF_ARM.search(hit.shown)
    found = of_x86 or of_arm
    if found is None:
        return None
    option = found[0].rstrip("'’‘")
    asked, here = ("x86-64", "ARM (aarch64)") if of_x86 else ("ARM (aarch64)", "x86-64")
    return explanation.but(
        what=f"{option} is an option for {asked}, and the compiler that runs makes code for {here}.",
        do=f"Take {option} out of the build's flags where it builds for {here} (its newest source may do so), or let it ask for the machine first. "
        f"Where code for {asked} is wanted, build on such a machine, or name its cross compiler (CC, CROSS_COMPILE; docker: --platform).",
    )
