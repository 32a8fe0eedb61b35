"""Names that a package uses without having them: what brings each."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import frames
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import pip_name
from gpufix.knowledge import name_spans
from gpufix.knowledge.data_table import table

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
    **dict.fromkeys(("_flash_supports_window_size", "index_first_axis", "pad_input", "unpad_input"), _FLASH),
    "bnb": "`pip install -U bitsandbytes`.",
    "tl": "`pip install triton` (Windows: triton-windows).",
    "triton": "`pip install triton` (Windows: triton-windows).",
    "sentencepiece": "`pip install sentencepiece`.",
    "spm": "`pip install sentencepiece`.",
}  # fmt: skip


_MAMBA = (
    "a wheel of mamba-ssm and causal-conv1d for this torch, CUDA, Python and C++ ABI (their releases), or `pip install --no-build-isolation "
    "causal-conv1d mamba-ssm`, with nvcc of torch's CUDA"
)
_COMPILED = re.compile(
    r"_C|_ext|\w{0,40}CUDA|_?\w*(?:_cuda|_cuda_core|_ext|_kernels?|_cpp|_rasterizer|_oflex)|MultiScaleDeformableAttention|MSDA|DCN(?:v\d)?|DeformConv\w*"
)
_OF_MAMBA = re.compile(
    r"selective_scan_(?:fn|ref|cuda)|selective_state_update|mamba_\w+|causal_conv1d_\w+|(?:rms|layer)_norm_fn"
)
# What a file writes for a module that it did not import.
_ALIASES = {
    "np": "numpy as np", "pd": "pandas as pd", "plt": "matplotlib.pyplot as plt", "nn": "torch.nn as nn", "F": "torch.nn.functional as F",
    "tf": "tensorflow as tf", "jnp": "jax.numpy as jnp", "sns": "seaborn as sns", "cv2": "cv2", "torch": "torch", "os": "os", "sys": "sys",
    "math": "math", "time": "time", "json": "json", "re": "re", "random": "random",
}  # fmt: skip
_OF_PYTHON_2 = {
    "unicode", "xrange", "raw_input", "basestring", "long", "unichr", "reload", "file", "execfile", "reduce"
}  # fmt: skip


def undefined_name(explanation: Explanation, hit: Hit) -> Explanation | None:
    """Nothing of ours unless the name is an extension's, of another package, or a package's own fault."""
    name = explanation.captures.get("name", "")
    if said := _BRINGS.get(name) or (_FLASH if name.startswith("flash_attn_") else None):
        return explanation.but(do=said.replace("{name}", name))
    if name in _OF_PYTHON_2:
        return explanation.but(
            what=f"{name} is Python 2's: the code is older than Python 3.",
            do="A newer release of what is run or built, or one that is kept for Python 3; or a wheel (`pip install --only-binary=:all: NAME`).",
        )
    before = context(hit, 8192, 400)
    if _OF_MAMBA.fullmatch(name):
        return explanation.but(
            what=_TRIED.format(name), do=f"{_own_error(before)}What helps: {_MAMBA}."
        )
    if _COMPILED.fullmatch(name):
        return explanation.but(
            what=_TRIED.format(name), do=f"{_own_error(before)}What helps: {_built(before)}"
        )
    package = next((one.package for one in reversed(frames(before)) if one.package), None)
    if owner := name_spans.sole_owner(name):
        patched = package in _PATCHERS
        own = f"`pip install -U {pip_name(package)}`" if package else ""
        brings = f"`pip install -U {pip_name(owner)}`, or the release that the project's requirements name"
        ways = (
            f"{own}, which copies code of {owner} and is older than it; else {brings}"
            if patched
            else brings
        )
        return explanation.but(
            do=f"{name} is a name of {owner}: {ways}; what imports it goes on without it when that fails."
        )
    module = table("import_names")["names"].get(name)
    if module and name not in _ALIASES:
        return explanation.but(
            do=f"`python -m pip install {module}`: what uses {name} imports it only where it is installed."
        )
    if package:
        return explanation.but(
            role="symptom",
            what=f"{package} uses a name that it did not import: a fault of that release, or of an import that it tried and that failed.",
            do=f"Another release of {package}: `pip install -U {pip_name(package)}`, or the one that the project's requirements name.",
        )
    if alias := _ALIASES.get(name):
        return explanation.but(
            role="symptom",
            what=f"The file uses {name} without importing it.",
            do=f"`import {alias}` at the top of that file, or the project's newest state (`git pull`).",
        )
    return None


# Run classes of another package as source of their own.
_PATCHERS = ("unsloth", "unsloth_zoo")
_TRIED = "{} was not imported: the import is tried, and the program goes on when it fails. The extension is not built here, or for another torch."


def _own_error(before: str) -> str:
    """How to see why the import failed, where the text does not say."""
    return (
        ""
        if "undefined symbol" in before
        else "Its import by itself says why (the `try: import …` at the top of that file). "
    )


def _built(before: str) -> str:
    """How the extension is built: by the folder of the project, or by a package of site-packages."""
    package = next((one.package for one in reversed(frames(before)) if one.package), None)
    folder = f"{package}'s" if package else "its"
    return (
        f"build it: `pip install --no-build-isolation -e .` in {folder} source folder (the one with setup.py; `grep -rl CUDAExtension "
        "--include=setup.py .` finds it), after torch, with CUDA_HOME at nvcc of torch's CUDA. Or a wheel for this torch and Python."
    )
