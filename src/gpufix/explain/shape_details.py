"""Tensors that do not go together: whose width is whose, which type is a storage's, and who called."""

from __future__ import annotations

import re

from gpufix.explain.added_parts import added_part, newest
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.raised import moving_packages, other_releases

_MATMUL = re.compile(r"\((\d{1,12})x(\d{1,12}) and (\d{1,12})x(\d{1,12})\)")
# The widths of text encoders: where two of them meet, parts of two models were joined.
_WIDTHS = {
    768: "CLIP-L (SD 1.5)",
    1024: "OpenCLIP-H (SD 2)",
    1280: "OpenCLIP-G (half of SDXL)",
    2048: "both of SDXL",
    2304: "Gemma 2 2B (Lumina 2)",
    2560: "Qwen3 4B (Z-Image)",
    3584: "Qwen2.5-VL 7B (Qwen-Image)",
    4096: "T5-XXL (SD 3, Flux, Wan)",
}


def widths(explanation: Explanation, hit: Hit) -> Explanation:
    """What the two widths of a multiplication tell."""
    found = _MATMUL.search(hit.shown)
    if found is None:
        return raised_near(explanation, hit)
    given, taken = int(found[2]), int(found[3])
    if taken == 1:
        return explanation.but(
            do="The layer's weights are bitsandbytes' packed 4 bit, and were used as they lie. `pip install -U bitsandbytes peft "
            "transformers` (or the releases that the project names), or the model in 16 bit in place of load_in_4bit. In code of your "
            "own call the layer, and not torch.nn.functional.linear on its weight."
        )
    if given in _WIDTHS and taken in _WIDTHS:
        return explanation.but(
            f"Given is {given}, the width of {_WIDTHS[given]}; taken is {taken}, that of {_WIDTHS[taken]}.",
            do=f"Take the text encoder that belongs to the model, of width {taken}: {_WIDTHS[taken]}. LoRA, ControlNet, IP-Adapter and "
            "embeddings have to be of the same base model, too; and the loader's type setting has to be that model's.",
        )
    return raised_near(explanation, hit)


def raised_near(explanation: Explanation, hit: Hit) -> Explanation:
    """The packages that called, whose releases move with the model's code."""
    near = moving_packages(context(hit, 12_000, 0))
    if not near:
        return explanation
    releases = other_releases(near)
    return explanation.but(do=f"{releases[0].upper()}{releases[1:]} {explanation.do}")


def types(explanation: Explanation, hit: Hit) -> Explanation:
    """FP8 weights that a layer takes as they lie, and the part of a program whose layer it is."""
    part = added_part(context(hit, 8192, 4000))
    own = f" Here it is {part}: its newest state, {newest(part)}." if part else ""
    if re.search(r"Float8|float8", hit.shown):
        return explanation.but(
            what="The weights are stored in FP8, and this layer multiplies them as they lie: it does not cast them first.",
            do="Load the model in 16 bit: a file of it that is not fp8, or the loader's setting (ComfyUI: weight_dtype or base_precision fp16 or bf16, not "
            f"fp8_e4m3fn). In code of your own cast at the call: `.to(x.dtype)`.{own}",
        )
    return explanation.but(do=f"{explanation.do}{own}") if part else explanation
