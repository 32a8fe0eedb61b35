"""A module that is not installed: how its package is called, and where it comes from."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.imports import lacking_name, removed_python
from gpufix.explain.log_scan import Hit
from gpufix.knowledge.data_table import table

_NAME = re.compile(r"No module named ['\"`]?(?P<module>[A-Za-z_]\w*)")
# A part of a package that is there: another release has it. "No module named 'flash_attn.flash_attention'".
_PART = re.compile(r"No module named ['\"`](?P<package>\w+)\.\w")
_INSTALLED_WHOLE = frozenset(
    {"flash_attn", "mamba_ssm", "xformers", "timm", "torchaudio", "deepspeed", "bitsandbytes", "auto_gptq", "awq", "vllm",
     "sglang", "trl", "accelerate", "peft", "diffusers", "lightning", "mmcv", "mmengine", "mmdet", "onnx", "tensorrt_llm"}
)  # fmt: skip


def not_installed(explanation: Explanation, hit: Hit) -> Explanation:
    """The command that brings the module, where its package is known."""
    found = _NAME.search(hit.shown)
    if found is None:
        return explanation
    if (part := _PART.search(hit.shown)) and part["package"] in _INSTALLED_WHOLE:
        return removed_python(lacking_name(explanation, hit), hit)
    command = table("import_names")["names"].get(found["module"])
    if command is None:
        return explanation
    return explanation.but(
        do=f"Install it for the Python that ran this: `python -m pip install {command}`.{_hint(found['module'])}"
    )


def _hint(module: str) -> str:
    row = table("import_names")["hints"].get(module)
    return f" {row}" if row else ""


def compiled_part(explanation: Explanation, hit: Hit) -> Explanation:
    """A package without its compiled module, or a compiled module that no package brought."""
    found = re.search(r"No module named ['\"`]?(?P<package>[A-Za-z_]\w*)\._C\b", hit.shown)
    if found is None:
        return not_installed(explanation, hit)
    package = found["package"]
    return explanation.but(
        do=f"{package} is here without its compiled part. Start Python outside of its source folder, which hides the "
        f"installed package; else reinstall it (`python -m pip install --force-reinstall --no-deps {package}`), or build "
        f"it: `pip install --no-build-isolation -e .` in its folder, or `gpufix build PATH`."
    )
