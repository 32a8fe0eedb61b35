"""Names that a package uses without having them: what brings each."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit

_ACCELERATE = "`pip install -U accelerate`, which brings {name}."
_TORCH = (
    "transformers wants a newer torch for {name}: torch 2.5 or newer, or an older transformers (`pip install "
    '"transformers<4.52"`).'
)
_FLASH = (
    'Install flash-attn (a wheel for this torch), which brings {name}; or go without it: attn_implementation="sdpa" (or '
    '"eager") in from_pretrained.'
)
_COMPILED = (
    "Install {package}, which brings {name}: a wheel for this torch, CUDA, Python and C++ ABI, from its releases on GitHub. "
    '`python -c "import {module}"` says why it cannot be imported; the program passed over that.'
)
_MAMBA = _COMPILED.replace("{package}", "mamba-ssm and causal-conv1d").replace(
    "{module}", "mamba_ssm"
)
_CONV1D = _COMPILED.replace("{package}", "causal-conv1d").replace("{module}", "causal_conv1d")
# The compiled part of a project, imported in a try that passes over what fails.
_PART = re.compile(r"_C|_ext|\w{2,40}_(?:cuda|ext|cpp)|\w{0,40}CUDA")
_BUILD_PART = (
    "{name} is the part of the project that is compiled, and its import failed earlier. Build it in the project's folder, `python -m pip "
    'install --no-build-isolation -e .` (in the folder of its setup.py), with torch and nvcc there; `python -c "import {name}"` says why it cannot be imported.'
)
_BRINGS = {
    **dict.fromkeys(("selective_scan_fn", "mamba_inner_fn", "selective_state_update", "selective_scan_cuda", "mamba_chunk_scan_combined", "mamba_split_conv1d_scan_combined"), _MAMBA),
    **dict.fromkeys(("causal_conv1d_fn", "causal_conv1d_update"), _CONV1D),
    **dict.fromkeys(("init_empty_weights", "init_on_device", "dispatch_model", "infer_auto_device_map", "add_hook_to_module"), _ACCELERATE),
    **dict.fromkeys(("Replicate", "DTensor", "DeviceMesh", "Shard", "ColwiseParallel", "parallelize_module", "distribute_module"), _TORCH),
    **dict.fromkeys(("flash_attn_func", "flash_attn_varlen_func", "_flash_supports_window_size", "index_first_axis", "pad_input", "unpad_input"), _FLASH),
    "bnb": "`pip install -U bitsandbytes`.",
    "tl": "`pip install triton` (Windows: triton-windows).",
    "triton": "`pip install triton` (Windows: triton-windows).",
    "sentencepiece": "`pip install sentencepiece`.",
    "spm": "`pip install sentencepiece`.",
}  # fmt: skip


def undefined_name(explanation: Explanation, _: Hit) -> Explanation | None:
    """Nothing of ours unless a package is known to import the name only sometimes."""
    name = explanation.captures.get("name", "")
    said = _BRINGS.get(name) or (_BUILD_PART if _PART.fullmatch(name) else None)
    return explanation.but(do=said.replace("{name}", name)) if said else None
