"""A library that the loader does not find: whose it is, which wheel brings it, what asks for it."""

from __future__ import annotations

import re

from gpufix.explain import cudnn_details, system_details
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import packages
from gpufix.explain.log_scan import Hit
from gpufix.explain.symbol_details import CUDA_MAJOR
from gpufix.knowledge.cuda_libraries import bringing, majors
from gpufix.knowledge.packages import for_torch

_OPTIONAL = re.compile(r"libnccl-(?:net|tuner|profiler|env)|libibverbs|libmlx\d|lib\w+-rdmav\d+")
_OF_ROCM = re.compile(
    r"lib(?:hsa-runtime64|amdhip64|roc\w+|hip\w+|MIOpen|rccl|amd_comgr|hsakmt|roctx64|roctracer64)\.so"
)
# Before CUDA 11 the release stands in their names.
_OLD_CUDA = re.compile(
    r"lib(?:cudart|cublas(?:Lt)?|cufftw?|curand|cusolver|cusparse|cupti|nvrtc|nvgraph|nvblas|npp\w+)\.so\.((?:[5-9]|10)\.\d)$"
)
# Why a library that is there does not load: other rows' message in the same line.
_IS_THERE = re.compile(
    r"version .{1,40} not found|undefined symbol|wrong ELF class|file too short|invalid ELF header|static TLS"
)
# A file by its path, without a word about what the loader said of it.
_BY_PATH = re.compile(
    r"(?:(?:failed|unable) to load|could not load|error loading)\b[^\n]{0,80}?(?P<path>(?:/|[A-Za-z]:[\\/])[^\s'\"`,;:]{1,300}\.(?:so|dll|pyd)\b[\w.]*)",
    re.IGNORECASE,
)
_WARNED = re.compile(r"\b[A-Z]\w*Warning: ")
_OF_TORCH_CUDA = re.compile(r"lib(?:c10|torch)_cuda\w*\.so")
# Python found the module's file; the loader says so of a file for another machine (glibc's open_verify).
_MODULE = re.compile(
    r"ImportError: (?P<path>/\S{1,300}/(?!lib)[\w.-]{1,120}\.so): cannot open shared object file"
)
_ROCM_HERE = re.compile(r"\+rocm\d|\brocm ?\d", re.IGNORECASE)
_ABSENT = re.compile(r"cannot open|not found|no such file|could not be found", re.IGNORECASE)


def soname(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Which wheel brings the library; a driver's own comes with the driver."""
    name = explanation.captures.get("soname", "")
    if module := _MODULE.search(hit.shown):
        return explanation.but(
            rule="WHL503",
            what=f"{name} is there, as Python found it, and the loader takes it for absent: it was built for another kind of processor "
            "(x86-64 or Arm, see `uname -m`).",
            do="Install the package again on this machine (`python -m pip install --force-reinstall --no-deps --no-cache-dir NAME==X.Y.Z`): the "
            f"environment was copied from another one, or made in a container for another platform. `file {module['path']}` names the processor.",
        )
    if _IS_THERE.search(hit.shown):
        return None
    if name.startswith(("libcuda.so", "libnvidia-")):
        if re.search(rf"/{re.escape(name)}", hit.shown) and not _ABSENT.search(hit.shown):
            return None  # it was found, and is not what failed
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
    if _OF_TORCH_CUDA.match(name) and _ROCM_HERE.search(context(hit, 2048, 2048)):
        return explanation.but(
            what=f"{name} is of torch's CUDA builds, and this torch is built for ROCm: what asks for it was built for CUDA.",
            do="Install the build for ROCm of what asks for it: the last file of the traceback, or the path before the message. Or build it here, "
            "beside this torch (--no-build-isolation).",
        )
    wheels = bringing(name)
    by_path = _BY_PATH.search(hit.shown)
    if by_path and not wheels and not _ABSENT.search(f"{hit.shown}{hit.after[:300]}"):
        return explanation.but(
            rule=None,
            role="notice" if _WARNED.search(hit.raw) else "symptom",
            what=f"{name} does not load, and the message leaves out why: it is absent, damaged or of another machine, or lacks a library or a symbol.",
            do=f"`gpufix inspect {by_path['path']}` tells which of them it is.",
            open=("SYM402", "SYM401"),
        )
    old = _OLD_CUDA.match(name)
    if not wheels and old and explanation.id == "missing-library":
        return explanation.but(
            what=f"{name} is of CUDA {old[1]}, which is not here: what asks for it was built for that.",
            do=f"What asks for it was built for CUDA {old[1]}: install its release or build for the CUDA that is here (that of "
            f"torch), or build it again. Else take the CUDA {old[1]} toolkit with its lib64 on LD_LIBRARY_PATH.",
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
    major = CUDA_MAJOR.search(name)
    cuda = int(major[1] or major[2]) if major else _torch_cuda(hit)
    of_cuda = [w for w in wheels if w.endswith(f"-cu{cuda}")] or wheels
    wheel = f"`pip install {of_cuda[0]}`" if len(of_cuda) == 1 else "install the wheel of it"
    shown = packages(hit.before)
    who = shown[-1] if shown else "what asks for it"
    return (
        f"Install the release or build of {who} for the CUDA that is here (that of torch). Or bring the library: "
        f"{wheel} at the version that torch declares, in a system the CUDA toolkit of that major, with its folder "
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


_CT2 = re.compile(
    r"(?P<file>(?:lib)?(?P<library>cublas|cudnn)\w*?(?:64_|\.so\.)(?P<major>\d{1,2})(?:\.dll)?)"
)
_TOOLKIT = re.compile(
    r"\bcudas?\b[ -]{0,2}(?:download |toolkit |version |v){0,2}(?P<major>1\d)\.\d", re.IGNORECASE
)
_CUDA_OF_CUDNN = 12


def of_ctranslate2(explanation: Explanation, hit: Hit) -> Explanation:
    """Whose file it is that CTranslate2 opens by name, and whether another CUDA's is here."""
    found = _CT2.search(hit.shown)
    if part := cudnn_details.part(explanation, hit):
        return part
    if found is None:
        return explanation
    file, major = found["file"], int(found["major"])
    blas = found["library"] == "cublas"
    whose = f"cuBLAS of CUDA {major}" if blas else f"of cuDNN {major}"
    here = {int(m["major"]) for m in _TOOLKIT.finditer(context(hit, 1500, 500))}
    other = (
        f". CUDA {max(here)} is here, whose file has another name"
        if blas and here and major not in here
        else ""
    )
    cuda = major if blas else _CUDA_OF_CUDNN
    wheels = f'nvidia-cublas-cu{cuda} "nvidia-cudnn-cu{cuda}' + (
        '==9.*"' if cuda > 11 or major == 9 else '==8.*"'
    )
    return explanation.but(
        what=f"{file}, {whose}, is not found: CTranslate2 (faster-whisper) opens it by name{other}.",
        do=f"`pip install {wheels}` with both lib folders on LD_LIBRARY_PATH, or the toolkit of CUDA {cuda}; on Windows their bin folders on PATH. "
        'Or the CTranslate2 that was built for the CUDA that is here (`ctranslate2<4` for CUDA 11). Without a GPU: device="cpu".',
    )


_TLS = re.compile(r"(?P<soname>[\w.+-]{1,120}\.so(?:\.\d+)*): cannot allocate memory in static TLS")


def static_tls(explanation: Explanation, hit: Hit) -> Explanation:
    """The library that came too late, where the loader names it."""
    found = _TLS.search(hit.shown)
    return (
        explanation.but(captures={**explanation.captures, **found.groupdict()})
        if found
        else explanation
    )


_OF_TENSORRT_LLM = ("libnvinfer_plugin_tensorrt_llm.", "libtensorrt_llm.")
_TENSORRT = re.compile(r"libnv(?:infer|onnxparser|parsers)\w*\.so\.(?P<major>\d+)")
_LIBPYTHON = re.compile(r"libpython(\d\.\d+)")


_TORCH_ITSELF = re.compile(
    r"torch/__init__\.py\", line \d+, in (?:_load_global_deps|_preload_cuda_deps)"
)


_GPU_PART = re.compile(r"lib(?:torch|c10)_(?P<of>cuda|hip)\w*\.so")
_GPU_OF = {"cuda": "CUDA", "hip": "ROCm"}
_TORCH_RAN = re.compile(r"[/\\]torch[/\\]\w+\.py\b")
_FAMILY = ("torchvision", "torchaudio", "torchtext", "torchcodec", "xformers")


def _of_other_build(explanation: Explanation, hit: Hit, name: str) -> Explanation | None:
    """What asks for the GPU part of torch, beside a torch that runs and has none."""
    part = _GPU_PART.match(name)
    if part is None or not _TORCH_RAN.search(context(hit, 4000, 4000)):
        return None
    shown = packages(f"{hit.before}\n{hit.after}")
    who, of = (shown[-1] if shown else "what asks for it"), _GPU_OF[part["of"]]
    return explanation.but(
        rule="WHL505" if who in _FAMILY else explanation.rule,
        what=f"A part that was built for a torch with {of} ({who}) meets one without {name}: a build for the CPU, or for other GPUs.",
        do=f"Install the release and build of {who} that goes with the installed torch (a CPU build: `--index-url https://download.pytorch.org/whl/cpu`). "
        "Where the GPU is to be used, install torch again with what goes with it: `gpufix recommend` names the command.",
    )


def _bringer(explanation: Explanation, hit: Hit, name: str) -> Explanation:
    """The remedy where a library is torch's, Python's or the system's own."""
    if other := _of_other_build(explanation, hit, name):
        return other
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
    if name.startswith(_OF_TENSORRT_LLM):
        return explanation.but(
            what=f"{name} is TensorRT-LLM's, and lies in no folder that the loader searches.",
            do="Put its folder there: `export LD_LIBRARY_PATH=$(python -c 'import importlib.util as u; "
            'print(u.find_spec("tensorrt_llm").submodule_search_locations[0])\')/libs:$LD_LIBRARY_PATH`, or name it in /etc/ld.so.conf.d and run '
            "`ldconfig`. Where the file there has no number at its end, link it under the name that is asked for (`ln -s`).",
        )
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


_ITS_TORCH = re.compile(r"The PyTorch version \((?P<release>\d+\.\d+\.\d+)(?:\+\w+)?\)")


def _for_its_torch(explanation: Explanation, tries: str) -> Explanation:
    """The release of torchcodec that is made for the torch of the message."""
    found = _ITS_TORCH.search(tries)
    made = for_torch(found["release"]).get("torchcodec") if found else None
    if found is None or made is None or not made.exact:
        return explanation
    fits = f"`pip install torchcodec=={made.exact[-1]}`, which is made for the torch {found['release']} that the message names"
    rest = explanation.do.partition("), and ")[2]
    return explanation.but(do=f"{fits}, and {rest}" if rest else f"{fits}. {explanation.do}")


def torchcodec(explanation: Explanation, hit: Hit) -> Explanation | None:
    """What it shows of its tries: an undefined symbol is of another torch, else FFmpeg is absent."""
    tries = context(hit, 0, 8192)
    explanation = _for_its_torch(explanation, tries)
    if re.search(r"undefined symbol", tries):
        return explanation.but(
            "One of its libraries was found, and needs a symbol that torch does not have."
        )
    if re.search(r"libav\w+\.so[.\d]*: cannot open shared object file", tries):
        return explanation.but("None of its tries found FFmpeg's libraries.", rule="SYM402")
    return explanation.but(open=("SYM402",))
