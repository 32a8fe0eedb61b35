"""A closer look at CUDA's errors: whose kernel it was, which number, how much memory."""

from __future__ import annotations

import re

from gpufix.explain import stated
from gpufix.explain.capability import Capability, carrying, holds, warned_of
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import compiled_call, frames, operator, packages
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import torch_releases
from gpufix.knowledge.messages import cuda_errors, messages

_HIP = re.compile(r"\bHIP\b|\bhip[A-Z]\w|\brocm|\bgfx\d{3,4}|\bamdgpu\b|TORCH_USE_HIP_DSA", re.I)
# Kernels outside torch: its own sources lie under aten, c10 and torch.
_CU_FILE = re.compile(r"(?P<path>[\w./\\:\-]{1,300}\.cuh?)\b")
_OWN_SOURCE = re.compile(r"aten|c10|/pytorch/|torch/csrc|THC")
_GGML = re.compile(r"\bggml|llama[._-]?cpp|\bollama\b|whisper\.cpp", re.IGNORECASE)
# A build that names no GPU, or many: the package that it makes is the one without code for this GPU.
_BUILT_FOR = re.compile(
    r"Falling back to multiple architectures|Building with GPU architecture|TORCH_CUDA_ARCH_LIST\s?="
)
_EXTENSION = re.compile(
    r"Cuda error: \d+\[|(?<!torch\.)\b_C\.|(?<!torch\._C)\b_ext\b|\w_cuda\.|\w_ext\.|_cuda\b.*\.so|thrust|radix_sort"
    r"|\bcub\b|parallel_for|DeviceRadixSort|ext_module\.|flash_(?:attn|fwd|bwd)|onnxruntime|mmcv"
    r"|xformers|spconv|tinycudann|detectron2|pointnet2|bitsandbytes|ggml|llama|faiss|cupy|deepspeed"
)
# Where conda built a program, and a part that another project holds.
_BUILT_AS = re.compile(
    r"build_artifacts/(?P<conda>[a-z][\w.-]{1,60}?)_\d{8,}/|third_?party/(?P<part>[\w.-]{2,60})/"
)
_UNITS = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40, "KB": 10, "MB": 20, "GB": 30}
_ABSURD = 1 << 46  # bytes: 64 TiB, more than any GPU will have


def kernel_image(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Whose kernel lacks code for this GPU: torch's (GPU101), an extension's (GPU103), HIP's."""
    around = context(hit, 4096, 1500)
    ggml = _GGML.search(around)
    if _HIP.search(f"{hit.shown}\n{context(hit, 300, 600)}"):
        if ggml:
            return explanation.but(
                rule="GPU107",
                do="Build it for this GPU: -DGGML_HIP=ON -DAMDGPU_TARGETS=gfxNNNN (`rocminfo | grep gfx` names it), in an "
                "empty build folder; or HSA_OVERRIDE_GFX_VERSION of a relative that it holds (10.3.0, 11.0.0).",
            )
        return explanation.but(
            rule="GPU107",
            do="Use a torch build whose ROCm lists this gfx, or rebuild with PYTORCH_ROCM_ARCH.",
        )
    if re.search(r"with CUDA capability sm_\w+ is not compatible|PyTorch install supports", around):
        gpu = warned_of(around)
        return explanation.but(
            rule="GPU101",
            note="torch's own warning beside it says the same.",
            do=(gpu and carrying(gpu)) or explanation.do,
        )
    if "CUDA failed with error" in hit.shown:  # as CTranslate2 says it, src/cuda/utils.h
        return explanation.but(
            rule="GPU103",
            what="CTranslate2 (faster-whisper) holds no code for this GPU.",
            do='A newer CTranslate2 for a new GPU (`pip install -U ctranslate2`), an older one for an old GPU (`pip install "ctranslate2<4"`). Or build it here: '
            '-DWITH_CUDA=ON -DCUDA_ARCH_LIST=X.Y with the GPU\'s capability. Or device="cpu".',
        )
    if re.search(r"paddle", f"{hit.shown}{context(hit, 1500, 600)}", re.IGNORECASE):
        return explanation.but(
            rule="GPU103",
            what="This build of PaddlePaddle holds no code for this GPU.",
            do="Its build for a newer CUDA for a new GPU (RTX 50: `python -m pip install paddlepaddle-gpu -i https://www.paddlepaddle.org.cn/packages/stable/cu129/`), "
            "for an older one for an old GPU (cu118). Or the CPU: `python -m pip install paddlepaddle`.",
        )
    whose = _extension(hit, around)
    if ggml:
        return explanation.but(
            rule="GPU103",
            do="Build it for this GPU: -DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=NN with 89 for 8.9, in an empty build folder "
            '(llama-cpp-python: `CMAKE_ARGS="-DGGML_CUDA=on -DCMAKE_CUDA_ARCHITECTURES=NN" pip install --no-cache-dir '
            "--force-reinstall llama-cpp-python`), or install a release that is built for it.",
        )
    gpu = stated.capability(around)
    if whose:
        named = _package(hit)
        arch = (
            f'TORCH_CUDA_ARCH_LIST="{gpu[0]}.{gpu[1]}"'
            if gpu
            else "TORCH_CUDA_ARCH_LIST (CMAKE_CUDA_ARCHITECTURES)"
        )
        return explanation.but(
            rule="GPU103",
            note=f"The kernel is an extension's: {whose}.",
            do=f"Install a release of {named or 'that package'} that is built for this GPU (a build for a newer CUDA, beside "
            f"the torch for it), or build it here with {arch}{'' if gpu else ' naming the GPU'} and --no-build-isolation.",
        )
    if gpu and explanation.rule == "GPU101" and (build := carrying(gpu)):
        told = stated.stated(hit)
        variant = told.variant or _of_cuda(around, told.torch)
        name = f"torch {told.torch}+{variant}" if told.torch else f"torch for {variant}"
        held = holds(told.torch, variant, gpu) if told.torch else _all_hold(variant, gpu)
        if held:
            return explanation.but(
                rule="GPU103",
                open=("GPU101",),
                what=f"{name} has machine code for this GPU ({gpu[0]}.{gpu[1]}): the kernel without it is another package's, an extension's.",
                do=f'Install the newest release of the package that was called, or build it here with TORCH_CUDA_ARCH_LIST="{gpu[0]}.{gpu[1]}" and '
                f'--no-build-isolation. Where `python -c "import torch; print(torch.cuda.get_arch_list())"` shows no sm_{gpu[0]}{gpu[1]}, torch is another build: {build}',
            )
        if held is False:
            return explanation.but(
                what=f"{name} holds no machine code for this GPU ({gpu[0]}.{gpu[1]}).", do=build
            )
        explanation = explanation.but(do=build)
    if explanation.rule == "GPU101":
        explanation = explanation.but(
            "Nothing beside it tells whether the kernel was torch's or an extension's."
        )
        return explanation.but(open=("GPU103", "GPU108"))
    return explanation.but(open=("GPU101",))


def _of_cuda(text: str, release: str | None) -> str | None:
    """The variant of torch that a text names apart from the release: cu128, beside one "CUDA 12.9" (not what nvidia-smi prints)."""
    found = set(re.findall(r"(?<![\w+])cu(1\d{2})\b", text))
    if release:
        found |= {v.replace(".", "") for v in re.findall(r"\bCUDA (1\d\.\d)\b", text)}
    return f"cu{found.pop()}" if len(found) == 1 else None


def _all_hold(variant: str | None, gpu: Capability) -> bool | None:
    """Whether every torch of a variant has code for a GPU; None where one has none, or none has the variant."""
    having = [r.version for r in torch_releases.all() if variant in r.variants("linux_x86_64")]
    return True if having and all(holds(one, variant, gpu) for one in having) else None


def _extension(hit: Hit, around: str) -> str | None:
    """What shows that the kernel is not torch's own."""
    near = f"{hit.before[-1500:]}{hit.shown}{hit.after[:400]}"
    for found in _CU_FILE.finditer(near):
        if not _OWN_SOURCE.search(found["path"]):
            return found["path"]
    shown = frames(hit.before)
    if shown:
        last = shown[-1]
        if called := operator(shown) or compiled_call(shown):
            return called
        if _EXTENSION.search(last.code) or _EXTENSION.search(last.path):
            return last.code or last.path
    if built := _BUILT_FOR.search(f"{hit.before[-1500:]}"):
        return built[0]
    named = _EXTENSION.search(hit.shown) or (None if shown else _EXTENSION.search(near))
    return named[0] if named else None


def _package(hit: Hit) -> str | None:
    """The package in whose frame the kernel was called."""
    shown = packages(hit.before)
    return shown[-1] if shown else None


# How cuBLAS calls its results in words (cublasGetStatusString): ggml prints these and no name.
_OF_CUBLAS = {
    "an internal operation failed": "CUBLAS_STATUS_INTERNAL_ERROR",
    "the function failed to launch on the gpu": "CUBLAS_STATUS_EXECUTION_FAILED",
    "an unsupported value or parameter was passed to the function": "CUBLAS_STATUS_INVALID_VALUE",
    "an access to gpu memory space failed": "CUBLAS_STATUS_MAPPING_ERROR",
    "the library was not initialized": "CUBLAS_STATUS_NOT_INITIALIZED",
    "the function requires an architectural feature absent from": "CUBLAS_STATUS_ARCH_MISMATCH",
    "the requested functionality is not supported": "CUBLAS_STATUS_NOT_SUPPORTED",
}


def cublas(explanation: Explanation, hit: Hit) -> Explanation:
    """What helps in llama.cpp and what is built on it, where no torch brings a cuBLAS."""
    if not _GGML.search(context(hit, 600, 1500)):
        return explanation
    shown = hit.shown.lower()
    status = next((name for words, name in _OF_CUBLAS.items() if words in shown), None)
    explanation = explanation.but(f"That is {status}." if status else None)
    if explanation.id == "cublas-not-supported":
        return explanation.but(
            do="A model of another type: F16 or a quantised one in place of BF16 (CUDA_R_16BF in the call). Then another release of the program, newer "
            "first; its build for this GPU (-DCMAKE_CUDA_ARCHITECTURES=87 for 8.7); and a newer CUDA's cuBLAS."
        )
    return explanation.but(
        do="Memory first: fewer layers (-ngl), a shorter context (-c), `nvidia-smi` for who else holds it. Then the build: for this GPU "
        "(-DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=87 for 8.7) with the CUDA that is here, in an empty build folder; on a Jetson JetPack's own. Then a "
        "newer release, and another CUDA's cuBLAS off LD_LIBRARY_PATH."
    )


_ADA = (8, 9)


def cufft(explanation: Explanation, hit: Hit) -> Explanation:
    """cuFFT of CUDA 11.7 and older fails on an RTX 40 or newer."""
    around = context(hit, 3000, 1500)
    gpu = stated.capability(around)
    if "CUFFT_INTERNAL_ERROR" not in hit.shown or gpu is None or gpu < _ADA:
        return explanation
    return explanation.but(
        role="cause",
        what=f"The cuFFT that is used is older than this GPU ({gpu[0]}.{gpu[1]}): that of CUDA 11.7 fails so on an RTX 4090.",
        do="Install a torch for a newer CUDA: `pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/{index|cu126}` (CUDA 11.8 at least; RTX 50: "
        "cu128), or an image with one. Where torch's CUDA is new enough, look for a lack of memory, and run with CUDA_LAUNCH_BLOCKING=1.",
    )


def thrust_memory(explanation: Explanation, _: Hit) -> Explanation | None:
    """Without code for the GPU thrust's own launches fail, and it takes that for a lack of memory."""
    return explanation.but(open=("GPU103", "GPU108"))


def absurd_size(explanation: Explanation, _: Hit) -> Explanation | None:
    """Only sizes that no memory has; the rest is an ordinary lack of it."""
    found = re.fullmatch(r"(\d{1,20}(?:\.\d*)?)\s?(\w+)", explanation.captures.get("size", ""))
    size = float(found[1]) * 2.0 ** _UNITS.get(found[2], 0) if found else 0.0
    return explanation if size >= _ABSURD else None


def cuda_code(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The error that a number, a name or a text stands for."""
    number = _number(explanation, hit)
    if number is None:
        return None
    name, string = cuda_errors()[number]
    own = next((m for m in messages() if number in m.cuda), None)
    if own is None:
        explanation = explanation.but(what=f"A CUDA call failed with {name} ({number}): {string}.")
        return _of_its_program(explanation, hit)
    explanation = explanation.but(id=own.id, rule=own.rule, role=own.role, what=own.what, do=own.do)
    explanation = explanation.but(f"{number} is {name}: {string}.", source=own.source)
    if own.refine == "kernel-image":
        return kernel_image(explanation, hit)
    return _of_its_program(explanation, hit) if own.role == "symptom" else explanation


def _of_its_program(explanation: Explanation, hit: Hit) -> Explanation:
    """The same; a call in a source of another program than torch's is helped by another release of it."""
    owner = _BUILT_AS.search(hit.shown)
    if owner is None:
        return explanation
    name = owner["conda"] or owner["part"]
    return explanation.but(
        f"The call is {name}'s.",
        do=f"Another release of {name}: the newest one, or an earlier one that worked. {explanation.do}",
    )


def _number(explanation: Explanation, hit: Hit) -> int | None:
    if "number" in explanation.captures:
        number = int(explanation.captures["number"])
        return number if number in cuda_errors() and number > 0 else None
    shown = hit.shown.lower()
    found = [
        (len(name), number)
        for number, (name, string) in cuda_errors().items()
        if number > 0
        and (
            name.lower() in shown
            or f"error: {string.lower()}" in shown
            or shown.endswith(f" - {string.lower()}")
        )
    ]
    return max(found)[1] if found else None
