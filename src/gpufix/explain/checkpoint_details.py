"""Checkpoints that do not load: files that are none, tensors that are empty, keys of another release."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge.messages import message_of

_OPERAND = re.compile(r"Unsupported operand (?P<code>\d{1,3})\b")
_BINARY = 128  # from here on opcodes of pickle's protocols 2 to 5
# What a file that is no checkpoint begins with, by its first byte.
_BEGINS = {
    "v": "as the pointer of git-lfs begins",
    "<": "as a page of HTML begins",
    "{": "as JSON begins",
    "\n": "as a text begins",
    "\0": "as a file does that was set up and not filled",
}


def weights_only(explanation: Explanation, hit: Hit) -> Explanation:
    """An operand below 128 that torch's reader does not have is the first byte of another kind of file."""
    found = _OPERAND.search(context(hit, 0, 1500))
    if found is None or int(found["code"]) >= _BINARY:
        return explanation
    byte = chr(int(found["code"]))
    like = f", {_BEGINS[byte]}" if byte in _BEGINS else ""
    own = message_of("lfs-pointer")
    return explanation.but(
        id=own.id,
        what=f"The file is no pickle: what should be its first opcode is {byte!r}{like}. It is a pointer or a page in place of the file, a download "
        "that broke off, or of another format.",
        do=f"{own.do} A .safetensors file is read by safetensors.torch.load_file, and an ONNX or GGUF one by its own program. weights_only=False "
        "does not help.",
    )


_KEYS = re.compile(
    r"(?P<kind>Unexpected|Missing) key\(s\) in state_dict: (?P<keys>(?:\"[\w.]{1,200}\"(?:, )?)+)"
)


def state_dict(explanation: Explanation, hit: Hit) -> Explanation:
    """A checkpoint whose tensors are empty (the shards of ZeRO-3 or FSDP, a model that was saved in pieces), or of another transformers."""
    around = f"{hit.shown}{hit.after[:1500]}"
    found = [*_KEYS.finditer(around)]
    if found and all(key.endswith("position_ids") for one in found for key in _names(one["keys"])):
        return _position_ids(explanation, found[0]["kind"] == "Unexpected")
    if not re.search(r"with shape torch\.Size\(\[0\]\)", around):
        return explanation
    if "from checkpoint" not in around:
        return explanation
    return explanation.but(
        what="The tensors of the checkpoint are empty: ZeRO-3 (FSDP) split them over the processes, and each saved what it held.",
        do="Save the whole: stage3_gather_16bit_weights_on_model_save=true in the DeepSpeed configuration, then save by the trainer or "
        "model_engine.save_16bit_model; what was saved already is joined by zero_to_fp32.py in its folder. A model that fits one GPU "
        "needs no stage 3: ZeRO stage 1 or 2 keeps whole tensors.",
    )


def _names(keys: str) -> list[str]:
    return re.findall(r'"([\w.]+)"', keys)


def _position_ids(explanation: Explanation, saved_before: bool) -> Explanation:
    """transformers 4.31 took position_ids out of what its models save."""
    then, now = ("before 4.31", "4.31 or newer") if saved_before else ("4.31 or newer", "older")
    bound = "<4.31" if saved_before else ">=4.31"
    return explanation.but(
        what=f"The checkpoint is of transformers {then}, and the installed one is {now}: from 4.31 on its models do not save position_ids. The weights are "
        "the right ones.",
        do=f'load_state_dict(…, strict=False), or take the key out of the checkpoint (`state.pop("…position_ids")`). Where the code is not yours: a '
        f'newer state of it, or `pip install "transformers{bound}"`.',
    )
