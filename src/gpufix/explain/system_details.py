"""Which package of the system brings a library or a header, in the words of apt, dnf and conda."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import system_headers, system_libraries
from gpufix.knowledge.conda import CHANNEL
from gpufix.knowledge.data_table import table
from gpufix.knowledge.messages import message_of

# Libraries whose headers no toolkit holds: NVIDIA's package for Debian, conda-forge's, and the wheel's folder.
_BESIDE_CUDA = {
    "nccl": ("libnccl-dev", "nccl", "nvidia-nccl-cu12", "nccl"),
    "cudnn": ("libcudnn9-dev-cuda-12", "cudnn", "nvidia-cudnn-cu12", "cudnn"),
}
_WORD = re.compile(r"[\w+-]+")


def library(name: str) -> str | None:
    """How to install what holds a library; None where that is not known."""
    held = system_libraries.holding(name)
    if held is None:
        return None
    debian = " or ".join(dict.fromkeys(filter(None, held.debian)))
    return _commands(debian, f"'{name}()(64bit)'", held.conda)


_GRAPHICS = re.compile(r"lib(?!GL\b)(?:GL|EGL|OpenGL|OSMesa)\w*\.so\.\d+")


def graphics(explanation: Explanation, hit: Hit) -> Explanation:
    """Another library of graphics than libGL: the packages that hold that one."""
    found = _GRAPHICS.search(hit.shown)
    if found is None or (do := library(found[0])) is None:
        return explanation
    return explanation.but(
        what=f"{found[0]}, a graphics library of the system, is not installed.", do=do
    )


# A SONAME as distributions have them; not those that auditwheel renames (libgomp-d22c30c5.so.1).
_SONAME = re.compile(
    r"(?P<stem>lib(?![\w.+-]*-[0-9a-f]{8}\.so)[A-Za-z][\w.+-]*)\.so\.(?P<version>\d{1,3}(?:\.\d+)*)"
)


# SONAME -> what held it last, of which releases, and conda-forge's.
_GONE = {
    "libssl.so.1.1": ("libssl1.1", "Debian 11 and Ubuntu 20.04", "openssl=1.1"),
    "libcrypto.so.1.1": ("libssl1.1", "Debian 11 and Ubuntu 20.04", "openssl=1.1"),
    "libffi.so.7": ("libffi7", "Debian 11 and Ubuntu 20.04", "libffi=3.3"),
}


def by_soname(name: str) -> str | None:
    """How to look for what holds a library that no table has: both systems name packages by the SONAME."""
    if name in _GONE:
        debian, release, conda = _GONE[name]
        return (
            f"{name} is of an older system: {debian} of {release}, which newer ones have no more. Take a release of the program that is "
            f"built for this system, or `conda install -c {CHANNEL} {conda}` in an environment of its own. Or take {release.rpartition(' and ')[2]}'s "
            f"{debian} (its .deb, or a container of that release)."
        )
    found = _SONAME.fullmatch(name)
    if found is None:
        return None
    stem, version = found["stem"].lower().replace("_", "-"), found["version"]
    # Debian policy 8.1: a hyphen stands before the version where the name ends in a digit.
    debian = f"{stem}{'-' if stem[-1].isdigit() else ''}{version}"
    return (
        f"Where it is the system's: `apt install {debian}` (Debian names packages by the library; `apt-file search {name}` tells), "
        f"`dnf install '{name}()(64bit)'`. Where a wheel or program of its own brings it: reinstall that, or put its folder on "
        "LD_LIBRARY_PATH (`find / -name '" + name + "*'`)."
    )


def header(name: str) -> str | None:
    """How to install what holds a header; None where that is not known."""
    held = system_headers.holding(name)
    return _commands(held.debian, f"'*/include/{name}'", held.conda) if held else None


_POSIX = re.compile(
    r"(?:unistd|dirent|dlfcn|getopt|pthread|strings|termios|pwd|fcntl|poll|sched|syslog|libgen|ftw|fnmatch|endian|execinfo|cxxabi)\.h"
    r"|sys/(?:time|mman|socket|resource|wait|ioctl|sysinfo|un|select|utsname|param)\.h|(?:arpa|netinet)/\w+\.h"
)
_TENSORRT = re.compile(r"(?:NvInfer|NvOnnx|NvUff|NvCaffe|NvUtils)\w*\.h")


def of_no_package(name: str, hit: Hit) -> Told | None:
    """What is wrong, and what to do, for a header that no package of the system brings."""
    if _POSIX.fullmatch(name) and re.search(
        r"fatal error C1083|\.obj\b|cl\.exe", context(hit, 2000, 400)
    ):
        return Told(
            f"{name} is of POSIX: Microsoft's compiler has none, and the source was written for Linux.",
            "Build it in WSL or a container, or take the project's release or branch for Windows, or a wheel that somebody built for it.",
        )
    if name == "longintrepr.h":
        return Told(
            "longintrepr.h is not there any more from Python 3.11 on: C sources that an older Cython made.",
            "A newer release of the package, with a wheel for this Python (`pip install -U --only-binary=:all: NAME`); or Python 3.10 (`uv venv "
            "--python 3.10`); or `pip install -U Cython` and a build with --no-build-isolation.",
        )
    if name.startswith("numpy/"):
        return Told(
            f"The build does not see NumPy's headers ({name}).",
            "`python -m pip install numpy Cython setuptools wheel` first, then build with --no-build-isolation; a setup.py of your own "
            'names them: include_dirs=[numpy.get_include()] (`export CPATH=$(python -c "import numpy; print(numpy.get_include())")`).',
        )
    if _TENSORRT.fullmatch(name):
        return Told(
            f"{name} is TensorRT's, which the toolkit does not hold; its wheels have no headers.",
            "`apt install libnvinfer-dev libnvonnxparsers-dev libnvinfer-plugin-dev` (of NVIDIA's repository). Or unpack TensorRT's archive and name it "
            "(-DTENSORRT_ROOT=…, CPATH=…/include, LIBRARY_PATH=…/lib), at the release that the source is for (NvUff.h and NvCaffeParser.h: up to 8.6).",
        )
    return None


# Headers that a later CUDA brought.
_SINCE = {"cuda_bf16.h": "11.0", "cuda_fp8.h": "11.8", "cuda_fp6.h": "12.8", "cuda_fp4.h": "12.8"}


_OF_CCCL = ("thrust/", "cub/", "cuda/", "nv/")


def by_owner(whose: str, name: str, do: str) -> str | None:
    """The remedy for one header of those that a row explains together; None where the row's own is it."""
    if whose == "cuda-headers":
        if since := _SINCE.get(name):
            return f"{name} is there from CUDA {since} on (`nvcc --version` tells which one builds). {do}"
        if name.startswith(_OF_CCCL):
            return (
                f"From CUDA 13 on {name.split('/')[0]}/ lies in include/cccl, where nvcc looks and the host compiler does not. `export "
                "CPATH=/usr/local/cuda/include/cccl:$CPATH` (-I; CMake: link CCCL::CCCL) names it; or a newer release of the source, or CUDA 12. "
                f"Where CUDA is older: {do[0].lower()}{do[1:]}"
            )
        return beside_cuda(name)
    if whose == "rocm-headers" and (library := re.match(r"(?:roc|hip)[a-z]{3,9}(?=[/.])", name)):
        return f"`apt install {library[0]}-dev` (Fedora: {library[0]}-devel), which rocm-dev does not bring. {do}"
    if name.startswith("pybind11/"):
        return (
            f"{do} Where the project brings none: `pip install pybind11`, with `-I` of `python -m pybind11 --includes` (CMake: "
            "-Dpybind11_DIR=$(python -m pybind11 --cmakedir)); or `apt install pybind11-dev`."
        )
    return "`apt install libx11-dev`" if name.startswith("X11/") else None


def beside_cuda(name: str) -> str | None:
    """How to install a header of NVIDIA's that the toolkit does not hold; None for the toolkit's own."""
    library = next((one for one in _BESIDE_CUDA if name.startswith(one)), None)
    if library is None:
        return None
    debian, conda, wheel, folder = _BESIDE_CUDA[library]
    return (
        f"{name} is not the toolkit's: `apt install {debian}` (of NVIDIA's repository), `conda install -c {CHANNEL} {conda}`. Or name "
        f"the wheel's: `pip install {wheel}`, then `export CPATH=…/site-packages/nvidia/{folder}/include` and LIBRARY_PATH at its lib "
        "(a link lib…so to the lib…so.N there)."
    )


def _commands(debian: str, provided: str, conda: str | None) -> str:
    ways = [f"`apt install {debian}`"] if debian else []
    ways.append(f"`dnf install {provided}`")
    if conda:
        ways.append(f"`conda install -c {CHANNEL} {conda}`")
    return f"Install what holds it: {', '.join(ways)}."


def program(explanation: Explanation, hit: Hit) -> Explanation:
    """How to install a program that is called and not there."""
    programs: dict[str, list[str | None]] = table("system_programs")["programs"]
    found = next((word for word in _WORD.findall(hit.shown) if word in programs), None)
    if found is None:
        return explanation
    debian, conda = programs[found]
    ways = [f"`apt install {debian}`"] if debian else []
    ways.append(f"`conda install -c {CHANNEL} {conda}`")
    return explanation.but(
        what=f"The program {found} is not installed, or not on PATH.",
        do=f"Install {found}: {', '.join(ways)}, on Windows its own installer with its folder on PATH; then a new shell. In "
        "a container's image it is one more line of the Dockerfile.",
    )


# Of Python and not of the system: the option with which the package tells where its CMake files lie.
_BY_PIP = {"pybind11": "--cmakedir", "nanobind": "--cmake_dir"}
_FIND_CUDA = (
    "Where no toolkit is installed: `conda install -c nvidia cuda-toolkit`, or NVIDIA's cuda-toolkit-12-x, and -DCUDA_TOOLKIT_ROOT_DIR=/usr/local/cuda "
    "with its bin on PATH. Where it is there, a project that asks for CMake 3.27 or newer has the old module FindCUDA only after "
    'cmake_policy(SET CMP0146 OLD) in its CMakeLists.txt (or `pip install "cmake<3.27"`). The project\'s own way out is find_package(CUDAToolkit).'
)
_SKBUILD = (
    "`python -m pip install scikit-build-core` (setup.py imports skbuild: scikit-build), and build through pip: `pip install "
    "--no-build-isolation .`. CMake that is started by itself does not get what they pass on."
)


_OF_ROCM = re.compile(r"(?:hip|roc|rocm|HIP|ROCM|miopen|rccl|amd_comgr|hsa-runtime)[\w-]{0,30}")


def build_package(explanation: Explanation, hit: Hit) -> Explanation | None:
    """What CMake or pkg-config looks for, as the system calls it."""
    name = explanation.captures.get("name", "")
    if name == "scikit-build":
        return explanation.but(do=_SKBUILD)
    if "Pkg-config for machine" in hit.shown:
        return explanation.but(
            do=f"Install pkg-config itself and what it looks for: `apt install pkg-config lib{name}-dev` (cairo: libcairo2-dev; macOS: "
            f"`brew install pkg-config {name}`), `conda install -c {CHANNEL} pkg-config {name}`; or a release of the package with a wheel."
        )
    if name == "CUDA":
        return explanation.but(do=_FIND_CUDA)
    if _OF_ROCM.fullmatch(name):
        own = message_of("rocm-headers")
        return explanation.but(
            what=f"CMake does not find {name}, of ROCm's development files.",
            do=f"{own.do} For CMake name it: -DCMAKE_PREFIX_PATH=/opt/rocm.",
        )
    if name in ("PythonInterp", "PythonLibs"):
        return explanation.but(
            do="`apt install python3 python3-dev`, and name that Python: -DPYTHON_EXECUTABLE=$(which python) -DPython3_EXECUTABLE=$(which "
            'python). A newer CMake has these modules only with -DCMAKE_POLICY_DEFAULT_CMP0148=OLD (or `pip install "cmake<3.27"`).'
        )
    if option := _BY_PIP.get(name):
        return explanation.but(
            do=f"`python -m pip install {name}`, and -D{name}_DIR=$(python -m {name} {option}) where CMake does not see it."
        )
    known = table("system_programs")
    row = next(
        (known[kind][name] for kind in ("cmake", "pkgconfig", "programs") if name in known[kind]),
        None,
    )
    if row is None and (found := re.search(r"libraries \['(\w+)'", hit.shown)):
        row = known["pkgconfig"].get(f"lib{found[1]}")
    if row is None:
        return explanation
    debian, conda = row
    return explanation.but(
        what=f"The build wants {name or 'a library'}, and CMake or pkg-config does not find it.",
        do=f"Install it with its headers: `apt install {debian}`, `conda install -c {CHANNEL} {conda}`. Where it is there, "
        f"name its folder (-D{name}_DIR=…, CMAKE_PREFIX_PATH, PKG_CONFIG_PATH), and empty the build folder first.",
    )


# What apt was asked for -> what it is called now, or where it is.
_APT = {
    "software-properties-common": "Debian 13 has no software-properties-common any more: write the repository's line below "
    "/etc/apt/sources.list.d and its key below /etc/apt/keyrings in place of add-apt-repository, or build on bookworm.",
    "libgl1-mesa-glx": "`apt install libgl1 libglx-mesa0` in its place: Debian 13 and Ubuntu 24.04 have no libgl1-mesa-glx.",
    "libasound2": "`apt install libasound2t64` in its place.",
    "libtinfo5": "libtinfo5 ends with Ubuntu 22.04 and Debian 12: its .deb from there, or a release of the program for libtinfo6.",
    "libncurses5": "libncurses5 ends with Ubuntu 22.04 and Debian 12: its .deb from there, or a release of the program for libncurses6.",
    "libssl1.1": "libssl1.1 ends with Ubuntu 20.04 and Debian 11: its .deb from there, or a release of the program for OpenSSL 3.",
    "python3-distutils": "Python 3.12 has no distutils: leave python3-distutils out (`apt install python3-setuptools`).",
    "qt5-default": "`apt install qtbase5-dev qtchooser qt5-qmake` in its place.",
}  # fmt: skip
_PYTHON_OF_APT = re.compile(r"python(?P<version>3\.\d+)(?:-(?:dev|venv|distutils|minimal))?")


def apt_package(explanation: Explanation, hit: Hit) -> Explanation:
    """A package that this release of the system calls otherwise, or does not have."""
    name = explanation.captures.get("name", "")
    if known := _APT.get(name):
        return explanation.but(do=known)
    if python := _PYTHON_OF_APT.fullmatch(name):
        version = python["version"]
        return explanation.but(
            do=f"This system has another Python. Ubuntu: `add-apt-repository ppa:deadsnakes/ppa && apt update`, then {name}. Anywhere: "
            f"`uv python install {version}` (`uv venv --python {version}`), conda, or the image python:{version}. Or install the "
            "system's own (`apt install python3 python3-dev python3-venv`), where the project takes it."
        )
    if re.match(r"cuda|libcu|libnv|nvidia|tensorrt|libnccl|nsight", name) or "Version" in hit.shown:
        return explanation
    return explanation.but(
        do=f"`apt update` first (in a Dockerfile in the same RUN). Then `apt-cache search {name}`: another release of the system may "
        f"call it otherwise (a t64 at its end, another number). Or it is in a part that is off (universe, contrib, non-free)."
    )


# lib….so -> Debian's package, where it is not called lib…-dev.
_LINKED = {
    "stdc++": "g++", "gfortran": "gfortran", "z": "zlib1g-dev", "crypto": "libssl-dev", "uuid": "uuid-dev", "curl": "libcurl4-openssl-dev",
    "sqlite3": "libsqlite3-dev", "mpi": "libopenmpi-dev", "mpi_cxx": "libopenmpi-dev", "tinfo": "libncurses-dev", "ncurses": "libncurses-dev",
    "GLEW": "libglew-dev", "glfw": "libglfw3-dev", "OpenCL": "ocl-icd-opencl-dev", "jpeg": "libjpeg-dev", "xml2": "libxml2-dev", "glog": "libgoogle-glog-dev",
    "hdf5": "libhdf5-dev", "cholmod": "libsuitesparse-dev", "lapacke": "liblapacke-dev", "usb-1.0": "libusb-1.0-0-dev", "sndfile": "libsndfile1-dev",
    "asound": "libasound2-dev", "portaudio": "portaudio19-dev", "pq": "libpq-dev", "m": "libc6-dev", "c": "libc6-dev", "pthread": "libc6-dev", "dl": "libc6-dev",
    "rt": "libc6-dev", "freetype": "libfreetype-dev", "fontconfig": "libfontconfig-dev", "nvinfer": "libnvinfer-dev", "nccl": "libnccl-dev", "cudnn": "libcudnn9-dev-cuda-12",
}  # fmt: skip
_OF_MANY = (
    ("boost_", "libboost-all-dev"),
    ("opencv_", "libopencv-dev"),
    ("pcl_", "libpcl-dev"),
    ("absl_", "libabsl-dev"),
)


def linked(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Debian's package of a library that the linker lacks, as its table has it; None for what a setup.py only tries."""
    if (
        "_configtest" in hit.before[-400:]
    ):  # distutils' own program, to see whether a library is there
        return None
    found = re.search(
        r"(?:cannot find|unable to find library) -l(?P<name>[\w.+-]{1,80})", hit.shown
    )
    name = found["name"].rstrip(".") if found else ""
    known = _LINKED.get(name) or next(
        (one for start, one in _OF_MANY if name.startswith(start)), None
    )
    if known is None:
        return explanation
    return explanation.but(
        what=f"The linker does not find lib{name}.so: its development package is not installed.",
        do=f"`apt install {known}` (`apt-file search lib{name}.so`; `dnf install '*/lib{name}.so'`); with conda's compiler the library of the same "
        "environment. Where it is there, name its folder (LIBRARY_PATH, -L).",
    )
