"""Names that a package uses without having them: what brings each."""

from __future__ import annotations

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
_BRINGS = {
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
    said = _BRINGS.get(name)
    return explanation.but(do=said.replace("{name}", name)) if said else None
