"""What a program asks of the GPU, in its own words, against the GPU that the text names."""

from __future__ import annotations

import re

from gpufix.explain import stated
from gpufix.explain.capability import Capability
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import packages
from gpufix.explain.log_scan import Hit

_NUMBER = r"(?P<number>\d{1,2}\.\d|\d{1,3}(?!\d|\.\d))"
_ASKED = re.compile(
    rf"capabilit(?:y|ies)\W{{0,4}}(?:of |version |at least |is |>=|≥|: ?|\(|\W){{0,8}}{_NUMBER}"
    r"|\b(?:sm|compute)_?(?P<arch>\d{2,3})[af]?\b|\b(?P<name>Volta|Turing|Ampere|Ada|Hopper|Blackwell)\b",
    re.IGNORECASE,
)
_HERE = re.compile(
    r"(?:current|your|this|the|got|found|has)\b[^.\n]{0,60}?capability\W{0,3}(?:is |of |: ?)?(\d{1,2}\.\d|\d{2,3}\b)"
    r"|\b(?:device|GPU)\b[^.\n]{0,40}?(?:capability (?:is|=)|reports) (\d{1,2}\.\d)|; (?:found|got) (\d{1,2}\.\d)",
    re.IGNORECASE,
)
_ONLY = re.compile(r"only support\w* (?:sm|compute)_?\d", re.IGNORECASE)  # of one family
# A list of capabilities, "8.x" and "exact" are closed, unless the words go on.
_CAPABILITY = re.compile(r"(?<![\d.])\d{1,2}\.[\dx](?![\d.]\d)")
_OPEN = re.compile(
    r"\b(?:or|and) (?:higher|greater|newer|above|later|up)\b|\d\+|>=|≥|at least|minimum",
    re.IGNORECASE,
)
# Words of the machine that the program ran on.
_OWN_WORDS = re.compile(r"\b(?:your|this|current|detected|found|got)\b", re.IGNORECASE)
_BUILDS = re.compile(
    r"setup\.py|nvcc|CUDA_HOME|[Bb]uilding wheel|build_ext|bdist|get_requires_for_build|pip-build-env|\bcmake\b|CMake|FlashAttention|flash_attn"
)
_FIRST = {
    "volta": (7, 0),
    "turing": (7, 5),
    "ampere": (8, 0),
    "ada": (8, 9),
    "hopper": (9, 0),
    "blackwell": (10, 0),
}
# What is asked for, and what does without it on an older GPU.
_INSTEAD = (
    (r"fp4|nvfp4|mxfp4|float4", "A variant of the model without FP4 (AWQ, GPTQ, GGUF, 16 bit)"),
    (
        r"fp8|f8e\d|float8|e4m3|e5m2|scaled_mm",
        "A variant of the model, or a setting, without FP8 (no fp8_e4m3fn; AWQ, GPTQ, GGUF, INT8 or 16 bit)",
    ),
    (
        r"bf16|bfloat16",
        "float16 (float32 where that overflows) in place of bfloat16: --dtype half, torch_dtype=torch.float16, fp16=True with bf16=False",
    ),
    (
        r"attention|attn|sage",
        'Another attention: attn_implementation="sdpa" (or "eager"), without --use-sage-attention and its like',
    ),
    (
        r"quantiz|quantis|marlin|awq|gptq|int8|scheme",
        "Another quantisation of the model (GPTQ or GGUF without Marlin, --dtype half), or the model without one",
    ),
)
_ELSE = "Another backend or setting of the program that does without it"


def gpu_demand(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Too old a GPU, or a build without its code; both, where the text does not name the GPU.

    None where nothing is asked for in numbers or names of architectures.
    """
    said = hit.shown
    here = _HERE.search(f"{said}\n{hit.after[:300]}")
    asked = [one for found in _ASKED.finditer(said) if (one := _capability(found))]
    gpu = _number(here[1] or here[2] or here[3]) if here else stated.capability(_elsewhere(hit))
    wanted = [one for one in asked if one != gpu] if here else asked
    if not wanted:
        return None
    if (only := _closed(said)) and not (gpu and any(_is_of(one, gpu) for one in only)):
        return _only_for(explanation, only, gpu, hit)
    least = min(wanted)
    name = f"{least[0]}.{least[1]}"
    instead = _instead(hit)
    package = _package(hit)
    build = (
        f"Install {package} again: its newest release, as a wheel for the installed torch and CUDA; or build it "
        f'here, --no-build-isolation with TORCH_CUDA_ARCH_LIST="{_arch_list(gpu, name)}".'
    )
    if gpu is not None and gpu < least:
        return explanation.but(
            what=f"The GPU's capability is {gpu[0]}.{gpu[1]}, and this wants {name}.",
            do=f"{instead}; or a GPU of capability {name} or newer.",
        )
    if gpu is not None and _ONLY.search(said) and gpu[0] != least[0]:
        return explanation.but(
            what=f"This kernel is only for capability {least[0]}.x, and the GPU's is {gpu[0]}.{gpu[1]}.",
            do=f"{instead}; or a newer release of {package} that has a kernel for {gpu[0]}.{gpu[1]}.",
        )
    if gpu is not None:
        return explanation.but(
            rule="GPU103",
            what=f"A GPU of capability {gpu[0]}.{gpu[1]} can do this; the installed build has no code for it.",
            do=build,
        )
    return explanation.but(
        what=f"This wants a GPU of capability {name}, and a build with code for it.",
        do="`nvidia-smi --query-gpu=compute_cap --format=csv` tells what the GPU has. "
        f"Below {name}: {instead[0].lower() if instead[1].islower() else instead[0]}{instead[1:]}. From {name} on: {build[0].lower()}{build[1:]}",
        open=("GPU103",),
    )


def asked_cuda(explanation: Explanation, hit: Hit) -> Explanation:
    """A build asks for nvcc's CUDA; a program that runs asks for the driver's, or for that of the build of torch or jaxlib."""
    if _BUILDS.search(context(hit, 4000, 500)):
        return explanation
    return explanation.but(
        rule=None,
        what="A program asks for another CUDA than it found. Where it runs, and is not built, that is the driver's, or the one that torch or jaxlib was built for.",
        do="`nvidia-smi` shows the driver's CUDA: where it is older than what is asked for, update the driver. `python -c 'import torch; "
        "print(torch.version.cuda)'` shows torch's: `gpufix recommend` names the torch for the GPU and the driver. Else an older release of what asks.",
        open=("TCH202", "GPU105"),
    )


def _elsewhere(hit: Hit) -> str:
    """What stands around the demand: it may name GPUs that would do."""
    if _OWN_WORDS.search(hit.shown):
        return context(hit, 2000, 600)
    return f"{hit.before[-2000:]}\n{hit.after[:600]}"


def _closed(said: str) -> list[str]:
    """The only capabilities that it takes; empty where newer ones will do."""
    _, _, after = said.lower().partition("capabilit")
    after = _HERE.sub("", after)
    only = list(dict.fromkeys(_CAPABILITY.findall(after)))
    closed = len(only) > 1 or any("x" in one for one in only) or "exact" in said.lower()
    return only if closed and not _OPEN.search(said) else []


def _is_of(only: str, gpu: Capability) -> bool:
    major, _, minor = only.partition(".")
    return int(major) == gpu[0] and minor in ("x", str(gpu[1]))


def _only_for(
    explanation: Explanation, only: list[str], gpu: Capability | None, hit: Hit
) -> Explanation:
    names, instead = " or ".join(only), _instead(hit)
    if gpu is None:
        return explanation.but(
            what=f"This is only for GPUs of capability {names}.",
            do="`nvidia-smi --query-gpu=compute_cap --format=csv` tells what the GPU has. Where it is another: "
            f"{instead[0].lower()}{instead[1:]}.",
        )
    older = all(gpu < _number(one.replace("x", "0")) for one in only)
    return explanation.but(
        what=f"This is only for GPUs of capability {names}, and the GPU's is {gpu[0]}.{gpu[1]}.",
        do=f"{instead}; or {'a GPU of one of these' if older else f'a newer release of {_package(hit)} that has it for {gpu[0]}.{gpu[1]}'}.",
    )


def _instead(hit: Hit) -> str:
    return _without(hit.shown) or _without(hit.before[-400:]) or _ELSE


def _without(words: str) -> str | None:
    return next((do for of, do in _INSTEAD if re.search(of, words, re.IGNORECASE)), None)


def _capability(found: re.Match[str]) -> Capability | None:
    if found["name"]:
        return _FIRST[found["name"].lower()]
    return _number(found["number"] or found["arch"])


def _number(text: str) -> Capability:
    """ "8.9", "89", "120"; "9" is 9.0."""
    if "." in text:
        major, _, minor = text.partition(".")
        return int(major), int(minor)
    return divmod(int(text), 10) if len(text) > 1 else (int(text), 0)


def _package(hit: Hit) -> str:
    if shown := packages(hit.before):
        return shown[-1].replace("_", "-")
    return "sageattention" if "sage" in hit.shown.lower() else "the package that says so"


def _arch_list(gpu: Capability | None, least: str) -> str:
    return f"{gpu[0]}.{gpu[1]}" if gpu else least
