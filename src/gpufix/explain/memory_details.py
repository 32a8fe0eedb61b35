"""The numbers of torch's out-of-memory message: who holds the memory, and what would help."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import frames_before
from gpufix.explain.log_scan import Hit

_UNITS = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40, "KB": 10, "MB": 20, "GB": 30}
_SIZE = r"([\d.]{1,12}) ?([KMGT]?i?B)"
_ASKED = re.compile(rf"[Tt]ried to allocate {_SIZE}")
_TOTAL = re.compile(rf"total capacity of {_SIZE}|{_SIZE} total capacity")
_ALLOWED = re.compile(rf"memory in use\. {_SIZE} allowed")
_OTHER = re.compile(rf"Process (\d{{1,9}}) has {_SIZE} memory in use")
_LOOSE = re.compile(rf"{_SIZE} is reserved by PyTorch but unallocated")
_ALLOCATED = re.compile(rf"{_SIZE} is allocated by PyTorch|{_SIZE} already allocated")
_RESERVED = re.compile(rf"{_SIZE} reserved in total")
_SEGMENTS = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"


def numbers_of_memory(explanation: Explanation, hit: Hit) -> Explanation:
    """The same with what its numbers say put first, and the setting of the server whose memory it is."""
    if "ried to allocate" not in hit.shown and _pins(hit):
        return explanation.but(
            rule=None,
            what="The driver got no pinned memory: that is the host's memory, which cannot be swapped out, and not the GPU's.",
            do='pin_memory=False in the DataLoader (DeepSpeed: "pin_memory": false under offload_optimizer and offload_param), or fewer workers. Else '
            "more memory for the host or container: `free -h`, `ulimit -l unlimited`, `docker run --ulimit memlock=-1`, memory= of .wslconfig in WSL. "
            "A GPU that is full says the same where the process first uses it here: `nvidia-smi`.",
        )
    return _of_numbers(_of_server(explanation, hit), hit)


_PIN = re.compile(r"\bpin_memory\b|\bcudaHostAlloc\b|\bcudaHostRegister\b")


def _pins(hit: Hit) -> bool:
    """Whether the call that failed pins host memory: the innermost frame says so, or the message."""
    shown = frames_before(hit)
    return bool(
        _PIN.search(hit.shown) or (shown and _PIN.search(f"{shown[-1].path} {shown[-1].code}"))
    )


# The servers take what a setting says of the GPU, whatever the model needs.
_SERVERS = (
    (
        re.compile(r"\bvllm[/\\. =\d]", re.IGNORECASE),
        "In vLLM lower gpu_memory_utilization (0.9 by default) or max_model_len",
    ),
    (
        re.compile(r"\bsglang[/\\. =\d]", re.IGNORECASE),
        "In SGLang lower --mem-fraction-static or --context-length",
    ),
)


def _of_server(explanation: Explanation, hit: Hit) -> Explanation:
    words = f"{context(hit, 3000, 0)} "
    said = next((setting for pattern, setting in _SERVERS if pattern.search(words)), None)
    return explanation.but(do=f"{said}. {explanation.do}") if said else explanation


def _of_numbers(explanation: Explanation, hit: Hit) -> Explanation:
    words = context(hit, 0, 1500)
    asked, total = _first(_ASKED, words), _first(_TOTAL, words)
    if not total:
        return explanation
    others = [(pid, _bytes(number, unit)) for pid, number, unit in _OTHER.findall(words)]
    pid, held = max(others, key=lambda row: row[1], default=("", 0.0))
    loose = _first(_LOOSE, words)
    if reserved := _first(_RESERVED, words):
        loose = max(loose, reserved - _first(_ALLOCATED, words))
    if 0 < (allowed := _first(_ALLOWED, words)) < asked:
        first = (
            f"The process may have {allowed / 2**30:.1f} GiB of the GPU's {total / 2**30:.1f}: raise or drop "
            "torch.cuda.set_per_process_memory_fraction, or the program's option that calls it"
        )
    elif _first(_ALLOCATED, words) > total:
        first = (
            "More is in use than the GPU has: on Windows the driver lends it the computer's memory, which is slow and ends, "
            "too. A smaller or quantised model, lower resolution, or offloading to the CPU"
        )
    elif asked > total:
        first = "No setting makes room for it, the GPU is smaller: a smaller model, input or batch"
    elif held > 0.2 * total and held < 0.9 * total:
        first = f"End process {pid}, which holds {held / 2**30:.1f} GiB, or use another GPU"
    elif loose > max(asked, 0.03 * total):
        first = f"{_SEGMENTS}: {loose / 2**30:.1f} GiB are reserved and free, in pieces that are too small"
    else:
        return explanation
    return explanation.but(do=f"{first}. {explanation.do}")


def _first(pattern: re.Pattern[str], words: str) -> float:
    found = pattern.search(words)
    if found is None:
        return 0.0
    number, unit = [group for group in found.groups() if group][:2]
    return _bytes(number, unit)


def _bytes(number: str, unit: str) -> float:
    try:
        return float(number) * 2.0 ** _UNITS.get(unit, 0)
    except ValueError:
        return 0.0
