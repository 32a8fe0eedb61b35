"""ComfyUI: what its own modules and classes are called, and what brings it and its nodes together."""

from __future__ import annotations

import re

MODULES = frozenset({"comfy", "comfy_api", "comfy_api_nodes", "comfy_config", "comfy_execution", "comfy_extras", "execution", "folder_paths", "latent_preview", "node_helpers"})  # fmt: skip
CLASSES = re.compile(
    r"ModelPatcher\w*|PromptServer|CFGGuider|DifferentialDiffusion|SD\w{0,12}ClipModel|KSamplerX0Inpaint|ModelSampling\w*|"
    r"LatentFormat\w*|NodeReplaceManager|ExecutionBlocker"
)
# In a traceback or a message.
MENTIONED = re.compile(
    r"\b(?:ModelPatcher|PromptServer|Comfy\w*Wrapper)\b|\bcomfy(?:_api|_extras)?[.\\/]|\bComfyUI\b"
)
REMEDY = (
    "ComfyUI and its nodes have to be of one time: update ComfyUI (`git pull` in its folder, update/update_comfyui.bat of the portable one, "
    "then `python -m pip install -r requirements.txt`) and the node that asks. Where a node is no longer kept, take an earlier state of ComfyUI "
    "(`git checkout vX.Y.Z`) or turn the node off"
)
