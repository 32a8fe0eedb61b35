"""Which variables set torch's caching allocator, and what it accepts in them."""

from __future__ import annotations

from typing import NamedTuple

from gpufix.knowledge.data_table import at_least

_ANY, _CUDA, _HIP = "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF"


def variables(release: str, hip: bool) -> tuple[str, ...]:
    """Those that a torch release reads: the first that is set, be it to nothing, counts alone.

    c10/core/AllocatorConfig.cpp and c10/cuda/CUDAAllocatorConfig.h of 2.8 to 2.13; tried with 2.13.
    """
    named = (_CUDA, _HIP) if hip else (_CUDA,)
    if at_least(release, "2.10"):
        return (*named, _ANY)
    return (_ANY, *named) if at_least(release, "2.9") else named


# c10/core/AllocatorConfig.cpp and c10/cuda/CUDAAllocatorConfig.cpp of pytorch, and the strings of
# libc10.so 2.13.0. An unknown key raises at the first use of the device.
KEYS = frozenset(
    {
        "backend",
        "expandable_segments",
        "garbage_collection_threshold",
        "graph_capture_record_stream_reuse",
        "large_segment_size_mb",
        "max_non_split_rounding_mb",
        "max_split_size_mb",
        "per_process_memory_fraction",
        "pinned_max_cached_size_mb",
        "pinned_max_round_threshold_mb",
        "pinned_num_register_threads",
        "pinned_reserve_segment_size_mb",
        "pinned_use_background_threads",
        "pinned_use_cuda_host_register",
        "pinned_use_hip_host_register",
        "release_lock_on_cudamalloc",
        "release_lock_on_hipmalloc",
        "roundup_power2_divisions",
        "throw_on_cudamalloc_oom",
    }
)
BOOLEAN = frozenset(
    {
        "expandable_segments",
        "graph_capture_record_stream_reuse",
        "pinned_use_background_threads",
        "pinned_use_cuda_host_register",
        "release_lock_on_cudamalloc",
    }
)
# "max_split_size_mb too small, must be > 20": a large block is 20 MiB.
LEAST = {"max_split_size_mb": 20, "max_non_split_rounding_mb": 20}
BACKENDS = frozenset({"native", "cudaMallocAsync", "hipMallocAsync"})


class SettingFault(NamedTuple):
    """What is wrong with a setting. `certain`: every torch refuses it."""

    text: str
    certain: bool = True


def faults(value: str) -> list[SettingFault]:
    """What is wrong with a setting; empty when torch would take it.

    The form is `key:value,key:value`; `roundup_power2_divisions` may hold a list in brackets.
    """
    return [fault for item in _items(value) for fault in _judge(item)]


def _items(value: str) -> list[str]:
    """Split at commas outside brackets."""
    items, depth, start = [], 0, 0
    for position, char in enumerate(value):
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            items.append(value[start:position])
            start = position + 1
    return [item for item in [*items, value[start:]] if item.strip()]


def _judge(item: str) -> list[SettingFault]:
    key, colon, value = (part.strip() for part in item.partition(":"))
    if not colon or not value:
        return [SettingFault(f"{item.strip()!r} is not of the form key:value")]
    if key not in KEYS:
        return [SettingFault(f"no torch release known here has the key {key!r}", certain=False)]
    if key in BOOLEAN and value not in ("True", "False"):
        return [SettingFault(f"{key} takes True or False, not {value!r}")]
    if key == "backend" and value not in BACKENDS:
        return [SettingFault(f"backend takes native or cudaMallocAsync, not {value!r}")]
    return [SettingFault(text) for text in _number(key, value)]


def _number(key: str, value: str) -> list[str]:
    if key in LEAST:
        if not value.isdigit():
            return [f"{key} takes whole megabytes, not {value!r}"]
        return [f"{key} is {value}; the least is {LEAST[key]}"] if int(value) < LEAST[key] else []
    if key == "garbage_collection_threshold":
        try:
            inside = 0.0 < float(value) < 1.0
        except ValueError:
            inside = False
        return [] if inside else [f"{key} lies between 0.0 and 1.0, not {value!r}"]
    return []
