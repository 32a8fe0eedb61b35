"""A closer look at what the dynamic loader says: whose symbol, which torch has it."""

from __future__ import annotations

import re
from functools import cache

from gpufix.binary.demangle.mangled import is_torch_name, string_abi
from gpufix.explain import stated
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge.cuda_libraries import bringing
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
        return _of_python(explanation, hit, name)
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


_UNFINISHED = re.compile(
    r"\b(?:[Pp]ython[ =]?|cpython-)(?P<python>3\.\d{1,2}(?:\.\d)?(?:a|b|rc)\d{1,2})\b"
)
_TAGGED = re.compile(r"\.(?:cpython-|cp)(?P<python>3\d{1,2})-\S{1,60}?\.(?:so|pyd)\b")
_RUNNING = re.compile(
    r"\bpython(?P<python>3\.\d{1,2})[/\\]|^Python (?P<said>3\.\d{1,2})\.", re.MULTILINE
)
# Data that every Python has: it is not found where the program holds its libpython for itself.
_PYTHON_DATA = re.compile(r"PyExc_\w+|_?Py_\w+Struct|Py\w+_Type")


def _of_python(explanation: Explanation, hit: Hit, name: str) -> Explanation:
    """A symbol of Python's own C API: of another Python, of an unfinished one, or of one that is past."""
    explanation = explanation.but(rule="ABI304")
    around = context(hit, 2000, 1000)
    if unfinished := _UNFINISHED.search(around):
        python = unfinished["python"]
        return explanation.but(
            what=f"A compiled module asks for {name} of the Python C API, which this interpreter does not have. It is Python {python}, "
            "not a finished release, and modules are built for the finished one.",
            do=f"Take the finished release in its place (`uv python install --reinstall {re.split('[abr]', python)[0]}`, or another Python), and "
            "make a new environment.",
        )
    tagged, running = _TAGGED.search(hit.shown), _RUNNING.search(around)
    here = (running["python"] or running["said"]) if running else ""
    if tagged is None or f"{tagged['python'][0]}.{tagged['python'][1:]}" != here:
        return explanation.but(
            what=f"A compiled module asks for {name} of the Python C API, which this interpreter "
            "does not have: it was built for another Python.",
            do="Rebuild or reinstall it for this Python.",
        )
    if _PYTHON_DATA.fullmatch(name):
        return explanation.but(
            what=f"The module is built for this Python ({here}), and every Python has {name}: the program that loads it holds its libpython for itself.",
            do="Where a program embeds Python, let it open libpython for all: dlopen with RTLD_GLOBAL (or link it). Under `python` itself, "
            "reinstall the module and Python from one place.",
            source="What's New In Python 3.8, on C extensions and libpython",
        )
    return explanation.but(
        what=f"The module is compiled for this Python ({here}), and its sources call {name}, which this Python no longer has (or not yet). "
        "They are of a release that does not know this Python.",
        do="Delete that file, which can be left over from an older release, and install the newest one: "
        "`pip install -U --force-reinstall --no-cache-dir NAME`; or an older Python.",
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
    if "std::filesystem" in hit.shown:
        return explanation.but(
            role="cause",
            what="std::filesystem is not in the libstdc++ that is linked: before GCC 9 it was a library of its own, libstdc++fs.",
            do="Build with GCC 9 or newer (`apt install g++-11`, `export CC=gcc-11 CXX=g++-11`, in an empty build folder). Clang takes the libstdc++ "
            "of the GCC that it finds: --gcc-toolchain. Or link it: -lstdc++fs at the end (CMake: target_link_libraries(NAME stdc++fs)).",
            source="libstdc++ 9.1's release notes; https://github.com/mlc-ai/mlc-llm/pull/1700",
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
CUDA_MAJOR = re.compile(r"\.so\.(1[123])\b|[-+]cu(1[123])\d?\b")


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
    found = CUDA_MAJOR.search(context(hit, 1000, 1000))
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


# Modules whose functions are named after them: who gives them other arguments is of another release.
_OF_A_PACKAGE = re.compile(r"(?P<package>causal_conv1d|selective_scan|flash_attn|mamba|fused_ssim)")
_PIP = {"selective_scan": "mamba-ssm", "mamba": "mamba-ssm"}


def _given(hit: Hit) -> int:
    """How many arguments the call gives that a traceback shows; 0 where it does not show it whole."""
    name = re.search(r"(\w+)\(\): incompatible", hit.shown)
    shown = re.findall(rf"{name[1]}\(([^()]{{1,400}})\)", hit.before[-2000:]) if name else []
    return len(shown[-1].strip().rstrip(",").split(",")) if shown else 0


def signature(explanation: Explanation, hit: Hit) -> Explanation:
    """pybind's refusal of arguments: the package that its function is named after."""
    found = re.search(rf"{_OF_A_PACKAGE.pattern}\w*\(\): incompatible", hit.shown)
    if found is None:
        return explanation
    package = _PIP.get(found["package"], found["package"].replace("_", "-"))
    what, caller = (
        f"{package}'s compiled module takes other arguments than the Python code gives it",
        "is of another release",
    )
    takes = len(
        re.findall(r"\barg\d{1,2}:", f"{hit.shown}{hit.after[:1200]}".partition("\n    2. ")[0])
    )
    given = _given(hit)
    if takes and given and takes != given:
        age, other = ("newer", "older") if takes > given else ("older", "newer")
        what = f"The installed {package} is {age} than the code that calls it: its function takes {takes} arguments, and is given {given}"
        caller = f"wants an {other} release" if other == "older" else f"wants a {other} release"
        if age == "older":
            return explanation.but(
                rule="WHL506",
                role="cause",
                what=f"{what}.",
                do=f"`pip install -U --no-build-isolation {package}` (the release that the caller's requirements name); or an older release of "
                "the caller, which goes with the installed one.",
            )
    return explanation.but(
        rule="WHL506",
        role="cause",
        what=f"{what}: the caller {caller}.",
        do=f"Install the {package} release that the project's requirements name (`pip install --no-build-isolation "
        f'"{package}==X.Y.Z"`), most often an older one; or a newer release of the caller.',
    )
