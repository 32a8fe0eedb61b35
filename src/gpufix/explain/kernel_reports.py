"""What a kernel's own report says: an assertion that failed, compute-sanitizer, Triton's compiler."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit

# ATen/native/cuda of torch 2.11: Loss.cu, NLLLoss2d.cu, IndexKernel.cu, Indexing.cu, ScatterGatherKernel.cu
_ASSERTION = re.compile(r"Assertion [`'](?P<text>[^\n]{1,200}?)[`'] failed")
_MEANINGS = (
    (
        re.compile(r"<= one|<= 1\b"),
        "binary_cross_entropy got a value outside 0 to 1, or NaN.",
        "Put a sigmoid before it, or use binary_cross_entropy_with_logits; look for NaN in what the model gives.",
    ),
    (
        re.compile(r"n_classes|\bt >= 0|cur_target|target_val"),
        "A class label that a loss was given (cross_entropy, nll_loss) is below 0, or not below the number of classes.",
        "Labels count from 0: compare their least and greatest with the width of the model's last layer. Those to be left out "
        "carry ignore_index (-100).",
    ),
    (
        re.compile(r"index out of bounds|srcSelectDimSize|< index_size|ind_dim_size|sizes\[i\]"),
        "An index is outside the tensor that it reads or writes: a token or a label beyond a table, most often.",
        "Compare the greatest index with the table's size: the tokeniser's vocabulary with the embedding's (resize_token_embeddings), "
        "positions with the model's longest input. On the CPU the same line names the index.",
    ),
)


def assertion(explanation: Explanation, hit: Hit) -> Explanation:
    """What the assertion that is printed before the error asked for."""
    found = _ASSERTION.search(context(hit, 4096, 1024))
    if not found:
        return explanation
    for pattern, what, do in _MEANINGS:
        if pattern.search(found["text"]):
            return explanation.but(what=what, do=do, role="cause")
    return explanation.but(note=f"It asserts: {found['text']}")


_PLACE = re.compile(
    r"\bat (?P<kernel>[^\n]{1,300}?)\+0x[0-9a-f]{1,8}(?: in (?P<file>[^\s:]{1,300}):(?P<line>\d{1,7}))?"
)


def sanitizer(explanation: Explanation, hit: Hit) -> Explanation:
    """The kernel and the line, which this line of the report or the next names."""
    found = _PLACE.search(f"{hit.shown}{hit.after[:1024]}")
    if not found:
        return explanation
    place = f" ({found['file']}:{found['line']})" if found["file"] else ""
    kernel = f"the kernel {found['kernel']}{place}"
    return explanation.but(captures={**explanation.captures, "kernel": kernel})


_UNDER_CARET = re.compile(r"\n[ \t]*\^[ \t]*\n\s*(?P<reason>[^\n]{1,300})")


def triton_source(explanation: Explanation, hit: Hit) -> Explanation:
    """The reason, which stands behind the kernel's source and the caret."""
    found = _UNDER_CARET.search(hit.after[:4096])
    return explanation.but(note=f"The reason: {found['reason']}") if found else explanation
