"""A closer look at what the dynamic loader says: whose symbol, which torch has it."""

from __future__ import annotations

import re
from functools import cache

from gpufix.binary.demangle.mangled import is_torch_name, string_abi
from gpufix.explain import stated, system_details
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import frames
from gpufix.explain.log_scan import Hit
from gpufix.knowledge.cuda_libraries import bringing, majors
from gpufix.text.names import normalise

# Whose a C symbol is, by how its library names its functions.
_LIBRARIES = (
    (re.compile(r"_?nccl[A-Z]"), "NCCL"),
    (re.compile(r"cudnn[A-Z]|_Z(?:T[VIS])?N?K?\d*cudnn"), "cuDNN"),
    (re.compile(r"cublas[A-Z]|cublasLt[A-Z]"), "cuBLAS"),
    (re.compile(r"_*cusparse[A-Z]?|_*cusparseLt"), "cuSPARSE"),
    (re.compile(r"_*nvJitLink"), "nvJitLink"),
    (re.compile(r"cusolver[A-Z]"), "cuSOLVER"),
    (re.compile(r"cufft[A-Z]"), "cuFFT"),
    (re.compile(r"curand[A-Z]"), "cuRAND"),
    (re.compile(r"nvrtc[A-Z]"), "NVRTC"),
    (re.compile(r"cupti[A-Z]"), "CUPTI"),
    (re.compile(r"cu[A-Z][a-z]\w+"), "the NVIDIA driver"),
    (re.compile(r"cuda[A-Z]\w+|__cuda\w+|cuda\w+_ptsz"), "CUDA"),
    (re.compile(r"hip[A-Z]\w+|hsa_\w+|rocblas_\w+|miopen[A-Z]|amd_comgr\w+|rccl"), "ROCm"),
    (re.compile(r"mkl_\w+|MKL_\w+|iJIT_\w+|cblas_\w+|i_malloc"), "MKL"),
    (re.compile(r"_ZNK?St|_ZSt|_ZT[ISV]N?St|__cxa_|__gxx_|_ZTVN10__cxxabiv1"), "libstdc++"),
    (re.compile(r"__kmpc_\w+|omp_\w+|GOMP_\w+|kmp_\w+"), "OpenMP"),
    (re.compile(r"gl[A-Z]\w+|egl[A-Z]\w+|glX\w+"), "OpenGL"),
)
# torch's C library of before 1.11; its C++ twin.
_OLD_TORCH = re.compile(
    r"TH(?:C|NN|CUNN|S|CS)?_?[A-Z]\w+|_ZNK?4thpp|_ZT[IVS]\d+TH[A-Z]|_ZN?K?\d+TH[A-Z]"
)
# The C interface of torch's own libraries, which packages with a stable ABI use.
_TORCH_C = re.compile(
    r"_?(?:aoti_torch_|torch_(?:library|list|dict|call|string|parse|set|get|delete|new))\w+"
)
_READABLE = re.compile(r"undefined symbol:? (?P<name>(?:c10|at|caffe2|torch)::[\w:~]{1,200})")
_PYTHON = re.compile(r"_?Py[A-Z_]\w+")
_TENSORFLOW = re.compile(r"_ZNK?(?:10tensorflow|6tflite|3tsl|3xla)")


def symbol(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Whose the symbol is decides the rule."""
    name = explanation.captures.get("symbol", "")
    if re.search(r"bitsandbytes", hit.shown):
        return None  # told by its own row
    if is_torch_name(name) or _OLD_TORCH.match(name) or _TORCH_C.fullmatch(name):
        return _of_torch(explanation, hit, name)
    if _PYTHON.fullmatch(name):
        return explanation.but(
            rule="ABI304",
            what=f"A compiled module asks for {name} of the Python C API, which this interpreter "
            "does not have: it was built for another Python.",
            do="Rebuild or reinstall it for this Python.",
        )
    if plain := _READABLE.search(hit.shown):
        return _of_torch(explanation, hit, plain["name"])
    if library := library_of(name):
        return _of_library(explanation, hit, name, library)
    if versioned := _VERSIONED.search(hit.shown):
        return _of_version(explanation, versioned["library"])
    if _TENSORFLOW.match(name):
        who = _asking(hit).replace("_", "-")
        return explanation.but(
            rule="WHL505",
            what=f"{demangled(name)} is TensorFlow's: {who} was built for another release of it.",
            do=f'Install {who} and tensorflow of one minor version: `pip install "{who}==2.X.*" "tensorflow==2.X.*"`; hold tensorflow at '
            f"the newest release that {who} has one for.",
        )
    return explanation.but(
        f"{demangled(name)} belongs to no library that gpufix knows. Most often it belongs to the "
        "extension itself, where a source file is missing from the build, or to a library that it did not link."
        if name
        else None,
        role="symptom",
    )


# By how the functions are called: the option of the linker, and CMake's target where it has one.
_LINKED = (
    (r"cublasLt[A-Z]", "-lcublasLt", "CUDA::cublasLt"),
    (r"cublas[A-Z]", "-lcublas", "CUDA::cublas"),
    (r"cudnn[A-Z]", "-lcudnn", ""),
    (r"cufft[A-Z]", "-lcufft", "CUDA::cufft"),
    (r"curand[A-Z]", "-lcurand", "CUDA::curand"),
    (r"cusolver[A-Z]", "-lcusolver", "CUDA::cusolver"),
    (r"cusparse[A-Z]", "-lcusparse", "CUDA::cusparse"),
    (r"nvrtc[A-Z]", "-lnvrtc", "CUDA::nvrtc"),
    (r"_{0,2}nvJitLink[A-Z]", "-lnvJitLink", "CUDA::nvJitLink"),
    (r"nvml[A-Z]", "-lnvidia-ml", "CUDA::nvml"),
    (r"nvtx[A-Z]", "-lnvToolsExt", "CUDA::nvToolsExt"),
    (r"npp[is][A-Z]", "-lnppc -lnppial -lnppicc -lnppig", "CUDA::nppc …"),
    (r"p?nccl[A-Z]", "-lnccl", ""),
    (r"(?:__)?cuda[A-Z]", "-lcudart", "CUDA::cudart"),
    (r"cu[A-Z]", "-lcuda", "CUDA::cuda_driver"),
    (r"hip[A-Z]|__hip", "-lamdhip64", "hip::host"),
    (r"(?:omp|GOMP)_", "-fopenmp", "OpenMP::OpenMP_CXX"),
    (r"pthread_", "-lpthread", "Threads::Threads"),
    (r"dl(?:open|sym|close|error)$", "-ldl", "${CMAKE_DL_LIBS}"),
    (r"shm_(?:open|unlink)$", "-lrt", "rt"),
    (r"cblas_|LAPACKE_", "-lopenblas", "BLAS::BLAS"),
    (r"av(?:format|codec|util|filter|device)_", "-lavformat -lavcodec -lavutil", ""),
    (r"XML_", "-lexpat", "EXPAT::EXPAT"),
)  # fmt: skip
_REFERENCE = re.compile(r"undefined reference to [`'\"](?P<name>\w{1,200})[`'\"]")
_EXTERNAL = re.compile(r"unresolved external symbol (?:__imp_)?(?P<name>\w{1,200})")
_LONG = re.compile(r"unresolved external symbol[^\n]{0,300}data_ptr<(?:unsigned )?long>")


def linker(explanation: Explanation, hit: Hit) -> Explanation:
    """The library that a function is of, by its name, as the linker and CMake are asked for it."""
    if _LONG.search(hit.shown):
        return explanation.but(
            what="A tensor's data is asked for as long: 64 bits on Linux, 32 on Windows, where torch has no such tensors.",
            do="Write int64_t in its place in the source (`data_ptr<int64_t>()`), or take a release of the project for Windows.",
        )
    found = _REFERENCE.search(hit.shown) or _EXTERNAL.search(hit.shown)
    known = next((row for row in _LINKED if found and re.match(row[0], found["name"])), None)
    if found is None or known is None:
        return explanation
    _, option, target = known
    if _EXTERNAL.search(hit.shown):
        option = " ".join(f"{one.removeprefix('-l')}.lib" for one in option.split())
    cmake = (
        f" (CMake: target_link_libraries(NAME {target}), with find_package before)"
        if target
        else ""
    )
    return explanation.but(
        do=f"{found['name']} is of the library {option}: add it to the link line behind what uses it{cmake}. Where it stands "
        "there, the linker finds another release of it, or none: name its folder (-L/usr/local/cuda/lib64; for libcuda the "
        "toolkit's lib64/stubs)."
    )


_VERSIONED = re.compile(r"undefined symbol: \S{1,400}, version (?P<library>lib[\w+-]+\.so\.\d+)")


def _of_version(explanation: Explanation, library: str) -> Explanation:
    """The loader names the library whose version the symbol should have: another release of it was found."""
    return explanation.but(
        rule="SYM403",
        what=f"{library} as it was loaded is of another release than what asks it for the symbol: copies of two releases meet.",
        do=f"Let all of them come from one place: `unset LD_LIBRARY_PATH` (or take the folder with the other {library} off it). Then "
        "reinstall the wheel that brings it at the version that torch declares. `gpufix doctor` shows which copy is loaded.",
    )


def library_of(name: str) -> str | None:
    """The library that a C symbol belongs to, by how it is named: "NCCL"."""
    return next((library for pattern, library in _LIBRARIES if pattern.match(name)), None)


# What NCCL and libibverbs try to open and do without.
_OPTIONAL = re.compile(r"libnccl-(?:net|tuner|profiler|env)|libibverbs|libmlx\d|lib\w+-rdmav\d+")


# Whose SONAME the library of a symbol has; {} is the CUDA major where it names one.
_SONAMES = {
    "NCCL": "libnccl.so.2",
    "cuDNN": "libcudnn.so.9",
    "cuBLAS": "libcublasLt.so.{}",
    "cuSPARSE": "libcusparse.so.12",
    "nvJitLink": "libnvJitLink.so.{}",
    "CUPTI": "libcupti.so.{}",
    "CUDA": "libcudart.so.{}",
}
_MAJOR = re.compile(r"\.so\.(1[123])\b|[-+]cu(1[123])\d?\b")


def _of_library(explanation: Explanation, hit: Hit, name: str, library: str) -> Explanation:
    if library == "OpenGL":
        return explanation.but(rule="RUN802", what=f"{name} of OpenGL is in no library loaded.")
    if library == "the NVIDIA driver":
        return explanation.but(
            rule="SYM403",
            open=("GPU105",),
            what=f"{name} is a function of the driver's libcuda.so.1: the driver here is older than the CUDA that "
            f"{_asking(hit)} was built for.",
            do=f"Update the NVIDIA driver to one of that CUDA (`nvidia-smi` shows what it serves), or install the release "
            f"of {_asking(hit)} that is built for an older CUDA.",
        )
    return explanation.but(
        rule="SYM403",
        what=f"{library} as it was loaded does not define {name}: that copy is older than what the "
        "caller was built with, or another one was found first.",
        do=f"{_newer(hit, library)}, remove wheels of other CUDA majors, and take "
        "other copies off LD_LIBRARY_PATH; `gpufix doctor` shows which copy is loaded and why.",
    )


def _newer(hit: Hit, library: str) -> str:
    """Which wheel to reinstall, or to bring to a newer release."""
    found = _MAJOR.search(context(hit, 1000, 1000))
    major = (found[1] or found[2]) if found else "12"
    wheels = [
        wheel
        for wheel in bringing(_SONAMES.get(library, "").format(major))
        if wheel.endswith(f"-cu{major}") or (major == "13" and not re.search(r"-cu\d", wheel))
    ]
    if not wheels:
        return "Reinstall the wheel that torch pins, or a newer one where another package asks for the symbol"
    return (
        f"Reinstall {wheels[0]} at the version that torch pins, or bring it to a newer one where another "
        f"package asks for the symbol (`pip install -U {wheels[0]}`)"
    )


_BINARY = re.compile(r"[^\s:'\"]{0,300}?(?P<file>[A-Za-z_]\w*)(?:\.\w[\w-]*)?\.(?:so|pyd)\b")
_PACKAGE = re.compile(r"(?:site|dist)-packages[/\\](?P<package>[A-Za-z]\w*)[/\\]")
_UNDEFINED = re.compile(r"undefined symbol|Symbol not found", re.IGNORECASE)


_MODULES = {
    "flash_attn_2_cuda": "flash-attn",
    "selective_scan_cuda": "mamba-ssm",
    "causal_conv1d_cuda": "causal-conv1d",
    "_XLAC": "torch-xla",
}


def _asking(hit: Hit) -> str:
    """The package, or the file, that asks for a symbol: of the last path before the message."""
    said = _UNDEFINED.search(hit.shown)
    found = list(_BINARY.finditer(hit.shown[: said.start()] if said else hit.shown))
    if not found:
        return "the module"
    installed = _PACKAGE.search(found[-1][0])
    if own := _MODULES.get(found[-1]["file"]):
        return own
    return installed["package"] if installed else found[-1]["file"].removeprefix("lib")


# Packages whose setup.py looks for a wheel among its releases before it builds -> what has it build.
_FORCED = {
    "flash-attn": "FLASH_ATTENTION_FORCE_BUILD",
    "mamba-ssm": "MAMBA_FORCE_BUILD",
    "causal-conv1d": "CAUSAL_CONV1D_FORCE_BUILD",
}


def _of_torch(explanation: Explanation, hit: Hit, name: str) -> Explanation:
    readable = demangled(name)
    where, who = releases_with(name), _asking(hit)
    explanation = explanation.but(f"{name} is {readable}." if readable != name else None)
    explanation = explanation.but(where)
    abi = string_abi(name)
    do = f"Install the release or wheel of {who} that is built for the installed torch, or build it here"
    if normalise(who) in _FORCED:
        do += f", with {_FORCED[normalise(who)]}=TRUE (else its setup.py fetches the same wheel again)"
    fits = stated.wheel(hit, normalise(who))
    if abi is not None:
        return explanation.but(
            rule="ABI301",
            what=f"The module was compiled with _GLIBCXX_USE_CXX11_ABI={abi}. It asks torch for a "
            f"name with {'the old' if abi == 0 else 'the new'} std::string, which this torch spells "
            "the other way (or does not have at all).",
            do=f"{do} (--no-build-isolation) with torch's own value of the flag; names of wheels say "
            f"which torch and ABI they are for.{_page(hit, who)}{fits}",
        )
    return explanation.but(
        rule="SYM401",
        what="The module was compiled for another torch than the one that is installed: it asks "
        f"for {readable}, which this one does not define.",
        do=f"{do} (--no-build-isolation); or install the torch that it was built for.{_page(hit, who)}{fits}",
    )


_OF_PYG = re.compile(
    r"torch_(?:scatter|sparse|cluster|spline_conv)|pyg-?_?lib|libpyg", re.IGNORECASE
)


def _page(hit: Hit, who: str) -> str:
    """Where PyG's extensions for a torch are: every one of them breaks with another torch."""
    named = dict.fromkeys(
        m[0].lower() for m in _OF_PYG.finditer(f"{who} {hit.shown} {hit.after[:800]}")
    )
    known = [n.replace("libpyg", "pyg_lib").replace("-", "_") for n in named]
    if not known:
        return ""
    return stated.for_pyg(
        f" `pip install --force-reinstall {' '.join(dict.fromkeys(known))} -f https://data.pyg.org/whl/"
        "torch-X.Y.0+cuNNN.html` with the X.Y and cuNNN of the installed torch; without them torch_geometric works, too.",
        hit,
    )


def demangled(name: str) -> str:
    """Readable C++ with std::string by its short name; the name itself when it cannot be read."""
    from gpufix.binary.demangle.demangler import demangle

    readable = demangle([name])[name]
    string = "basic_string<char, std::char_traits<char>, std::allocator<char> >"
    return readable.replace(f"std::__cxx11::{string}", "std::string").replace(
        f"std::{string}", "std::string"
    )


@cache
def releases_with(name: str) -> str:
    """ "torch 2.8.0 – 2.15.0 export it.", from the symbol history (x86-64 Linux)."""
    from gpufix.evidence.torch_symbols import history

    known = history()
    record = known.history(name)
    if record is None:
        return f"No torch from {known.releases[0]} to {known.releases[-1]} exports it (x86-64)."
    span = record.first if record.first == record.last else f"{record.first} – {record.last}"
    note = (
        ""
        if len(record.releases) == _between(known.releases, record.first, record.last)
        else (", with gaps")
    )
    home = ", CUDA builds only" if record.home == "cuda" else ""
    return f"Exported by torch {span}{note} (x86-64 wheels{home})."


def _between(releases: tuple[str, ...], first: str, last: str) -> int:
    return releases.index(last) - releases.index(first) + 1


_OF_ROCM = re.compile(
    r"lib(?:hsa-runtime64|amdhip64|roc\w+|hip\w+|MIOpen|rccl|amd_comgr|hsakmt|roctx64|roctracer64)\.so"
)


def soname(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Which wheel brings the library; a driver's own comes with the driver."""
    name = explanation.captures.get("soname", "")
    if name.startswith(("libcuda.so", "libnvidia-")):
        return explanation.but(
            rule="GPU106",
            what=f"{name}, a library of the NVIDIA driver itself, is not where the loader looks.",
            do="Install the driver, or start the container with the GPU.",
        )
    if _OPTIONAL.match(name) and not re.search(r"(?:Error|Exception)\b|error while", hit.raw):
        return explanation.but(
            rule=None,
            role="notice",
            what=f"{name} is optional: it serves InfiniBand or is a plug-in of NCCL, which goes on "
            "without it.",
            do="Nothing to do on a machine without InfiniBand.",
        )
    if not name and not re.search(r"\.so\b", context(hit, 100, 100)):
        return None
    if name.startswith("libbitsandbytes"):
        return _of_bitsandbytes(explanation, hit)
    if _OF_ROCM.match(name):
        return explanation.but(
            what=f"{name} is a library of ROCm, and is not where the loader looks.",
            do="Install the torch build for ROCm, which brings its own (--index-url https://download.pytorch.org/whl/rocmX.Y). Or "
            "install the ROCm of the release that the program was built for, and put its folder on LD_LIBRARY_PATH (/opt/rocm/lib). On a "
            "machine with an NVIDIA GPU install the package's CUDA build.",
        )
    wheels = bringing(name)
    if (
        not wheels
        and explanation.id == "missing-library"
        and (old := re.match(r"libcu\w+\.so\.(\d{1,2}\.\d)", name))
    ):
        explanation = explanation.but(
            do=f"What asks for it was built for CUDA {old[1]}: install its release or build for the CUDA that is here (that of "
            f"torch), or build it again. Else take the CUDA {old[1]} toolkit with its lib64 on LD_LIBRARY_PATH."
        )
    if wheels and explanation.id == "missing-library":
        explanation = explanation.but(do=_by_wheel(hit, name, wheels))
    explanation = _asker(_bringer(explanation, hit, name), hit, name)
    of, torch = majors(name), _torch_cuda(hit)
    if torch and len(of) == 1 and torch not in of:
        return explanation.but(
            f"{name} comes with {' or '.join(wheels)}.",
            rule="WHL510",
            what=f"{name} is of CUDA {max(of)}, and the torch of this text is of CUDA {torch}: "
            "what asks for it was built for another CUDA than torch.",
            do="Install the release of that package for torch's CUDA, build it here "
            "(--no-build-isolation), or install a torch of its CUDA. The library by itself does not help.",
        )
    return explanation.but(f"{name} comes with {' or '.join(wheels)}." if wheels else None)


def _by_wheel(hit: Hit, name: str, wheels: list[str]) -> str:
    """The wheel that brings a CUDA library; or another build of what asks for it."""
    major = _MAJOR.search(name)
    cuda = _torch_cuda(hit) or 12  # where the name tells no CUDA: "libcudnn.so.9"
    wheel = next((w for w in wheels if major and w.endswith(f"-cu{major[1]}")), None) or next(
        (w for w in wheels if w.endswith(f"-cu{cuda}")), wheels[0]
    )
    shown = [frame.package for frame in frames(hit.before) if frame.package and not frame.of_torch]
    who = shown[-1] if shown else "what asks for it"
    return (
        f"Install the release or build of {who} for the CUDA that is here (that of torch). Or bring the library: `pip install "
        f"{wheel}` at the version that torch declares, in a system the CUDA toolkit of that major, with its folder "
        "(site-packages/nvidia/…/lib, /usr/local/cuda/lib64) on LD_LIBRARY_PATH. `gpufix doctor` names both."
    )


def _of_bitsandbytes(explanation: Explanation, hit: Hit) -> Explanation:
    rocm = re.search(r"rocm|libbitsandbytes_hip", context(hit, 2048, 2048), re.IGNORECASE)
    build = (
        "Build it for this ROCm (cmake -DCOMPUTE_BACKEND=hip), with torch and ROCm of one version"
        if rocm
        else "Update it to a release that carries this CUDA's library, or build it here"
    )
    return explanation.but(
        what="bitsandbytes holds no library for the CUDA or ROCm that torch has here, and the one "
        "for the CPU is not there either.",
        do=f"{build}.",
    )


_TENSORRT = re.compile(r"libnv(?:infer|onnxparser|parsers)\w*\.so\.(?P<major>\d+)")
_LIBPYTHON = re.compile(r"libpython(\d\.\d+)")


_TORCH_ITSELF = re.compile(
    r"torch/__init__\.py\", line \d+, in (?:_load_global_deps|_preload_cuda_deps)"
)


def _bringer(explanation: Explanation, hit: Hit, name: str) -> Explanation:
    """The remedy where a library is torch's, Python's or the system's own."""
    if name.startswith(("libtorch", "libc10", "libcaffe2")):
        return explanation.but(
            do="Import torch first. Library names change from release to release, and CPU builds have none "
            "of CUDA's. Where this torch has no such library, install the release of what asks for it "
            "that is built for this torch, or build it here (--no-build-isolation).",
        )
    if python := _LIBPYTHON.match(name):
        return explanation.but(
            do=f"Install the shared library of that Python (`apt install libpython{python[1]}`), put the "
            "folder of the interpreter's own on LD_LIBRARY_PATH, or install a build for this Python."
        )
    if command := system_details.library(name):
        return explanation.but(do=command)
    if tensorrt := _TENSORRT.match(name):
        return explanation.but(
            do=f'It is TensorRT\'s: `pip install "tensorrt=={tensorrt["major"]}.*"` (-cu12, -cu13 behind the name for one CUDA) with its folder '
            "(site-packages/tensorrt_libs) on LD_LIBRARY_PATH. Or the release of what asks for it that is built for the TensorRT "
            "that is here."
        )
    wheels = bringing(name)
    if wheels and _TORCH_ITSELF.search(context(hit, 3000, 1500)):
        return explanation.but(
            do=f"torch's own wheels lack it: `python -m pip install --force-reinstall {wheels[0]}` at the version that "
            "torch declares, into the same site-packages as torch. Before torch 2.5.1 one under lib and one under lib64, "
            "or with --user, is not found."
        )
    if wheels and _program(hit):
        return explanation.but(
            do=f"{explanation.do} For a program of its own: the CUDA toolkit's folder on the loader's path "
            "(`export LD_LIBRARY_PATH=/usr/local/cuda/lib64`), or its build for the CUDA that is here."
        )
    if not wheels and (owner := _own(hit, name)):
        return explanation.but(
            do=f"{name} is {owner}'s own: reinstall {owner} (`python -m pip install --force-reinstall --no-deps "
            f"{owner}`) or build it again, and start Python outside of its source folder, which hides the installed one."
        )
    if (
        not wheels
        and explanation.id == "missing-library"
        and (do := system_details.by_soname(name))
    ):
        return explanation.but(do=do)
    return explanation


def _program(hit: Hit) -> bool:
    """Whether a program without Python asks for the library."""
    return "error while loading shared libraries" in hit.shown


def _own(hit: Hit, name: str) -> str | None:
    """The package whose name a library has, where the text names that package."""
    stem = re.sub(r"^lib|\.so.*$", "", name)
    spelt = re.escape(stem).replace("_", "[-_]?")
    return (
        stem.replace("_", "-")
        if len(stem) > 4 and re.search(rf"(?<!lib){spelt}(?!\.so)", context(hit, 2000, 500), re.I)
        else None
    )


_ONNX = re.compile(r"onnxruntime", re.IGNORECASE)
_WHISPER = re.compile(r"whisper|ctranslate2", re.IGNORECASE)
_CUPY = re.compile(r"\bcupy", re.IGNORECASE)


def _asker(explanation: Explanation, hit: Hit, name: str) -> Explanation:
    """The remedy where it is plain who asks for a library of another CUDA or cuDNN."""
    near = context(hit, 600, 600)
    of = sorted(majors(name))
    cuda = f" {of[0]}" if len(of) == 1 else ""
    if _ONNX.search(near):
        return explanation.but(
            do=f"This ONNX Runtime is built for CUDA{cuda}: install the onnxruntime-gpu release for "
            "the CUDA that is here, or the wheels of its own (`onnxruntime-gpu[cuda,cudnn]`) and call "
            "onnxruntime.preload_dlls() before the session."
        )
    if _CUPY.search(near):
        return explanation.but(
            do=f"This CuPy is built for CUDA{cuda}: install the package of the CUDA that is here in "
            "its place (cupy-cuda12x, cupy-cuda13x), or add its `[ctk]` extra."
        )
    if name.startswith("libcudnn_") and _WHISPER.search(near):
        return explanation.but(
            do='CTranslate2 from 4.5 on wants cuDNN 9 for CUDA 12: `pip install nvidia-cublas-cu12 "nvidia-cudnn-cu12==9.*"` '
            'with both lib folders on LD_LIBRARY_PATH; where cuDNN 8 has to stay, `pip install "ctranslate2==4.4.0"`.'
        )
    if re.match(r"libcudnn\w*\.so\.8", name):
        return explanation.but(
            do="The program was built for cuDNN 8: install a release of it that is built for cuDNN 9 "
            "(CTranslate2: 4.5, TensorFlow: 2.18). Or bring cuDNN 8 in an environment of its own (`pip install "
            "nvidia-cudnn-cu12==8.9.7.29`, `apt install libcudnn8`, with its folder on LD_LIBRARY_PATH)."
        )
    return explanation


_TORCH = re.compile(r"(?<![\w.])\d+\.\d+\.\d+[\w.]{0,20}\+cu(?P<major>\d{2})\d(?!\d)")


def _torch_cuda(hit: Hit) -> int | None:
    """The CUDA major of the torch whose version stands around; None when there is none, or two."""
    named = {int(found["major"]) for found in _TORCH.finditer(context(hit))}
    return named.pop() if len(named) == 1 else None


def torchcodec(explanation: Explanation, hit: Hit) -> Explanation | None:
    """What it shows of its tries: an undefined symbol is of another torch, else FFmpeg is absent."""
    tries = context(hit, 0, 8192)
    if re.search(r"undefined symbol", tries):
        return explanation.but(
            "One of its libraries was found, and needs a symbol that torch does not have."
        )
    if re.search(r"libav\w+\.so[.\d]*: cannot open shared object file", tries):
        return explanation.but("None of its tries found FFmpeg's libraries.", rule="SYM402")
    return explanation.but(open=("SYM402",))


# Modules whose functions are named after them: who gives them other arguments is of another release.
_OF_A_PACKAGE = re.compile(r"(?P<package>causal_conv1d|selective_scan|flash_attn|mamba|fused_ssim)")
_PIP = {"selective_scan": "mamba-ssm", "mamba": "mamba-ssm"}


def signature(explanation: Explanation, hit: Hit) -> Explanation:
    """pybind's refusal of arguments: the package that its function is named after."""
    found = re.search(rf"{_OF_A_PACKAGE.pattern}\w*\(\): incompatible", hit.shown)
    if found is None:
        return explanation
    package = _PIP.get(found["package"], found["package"].replace("_", "-"))
    return explanation.but(
        rule="WHL506",
        role="cause",
        what=f"{package}'s compiled module takes other arguments than the Python code gives it: the caller was written for "
        "another release of it.",
        do=f"Install the {package} release that the project's requirements name (`pip install --no-build-isolation "
        f'"{package}==X.Y.Z"`), most often an older one; or a newer release of the caller.',
    )
