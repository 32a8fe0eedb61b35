"""What names of modules that are not followed are known to hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpufix.model import Distribution, Torch
from gpufix.source.python.import_world import version_of

# Their module's __version__ is that of the distribution.
_TELLING = (
    "accelerate", "diffusers", "huggingface-hub", "jax", "jaxlib", "keras", "numba", "numpy", "pandas",
    "scipy", "tensorflow-cpu", "tensorflow", "torchaudio", "torchvision", "transformers", "triton",
)  # fmt: skip


def known_values(distributions: Sequence[Distribution], torch: Torch | None) -> dict[str, Any]:
    """By dotted name."""
    return {**_versions(distributions), **_of_torch(torch)}


def _versions(distributions: Sequence[Distribution]) -> dict[str, Any]:
    """What the frameworks, and importlib.metadata, say of the versions that are installed."""
    every = {dist.name: dist.version for dist in reversed(distributions)}
    found: dict[str, Any] = {version_of(name): version for name, version in every.items()}
    for name in _TELLING:
        module = name.removesuffix("-cpu").replace("-", "_")
        if name in every:
            found[f"{module}.__version__"] = every[name]
    return found


def _of_torch(torch: Torch | None) -> dict[str, Any]:
    if torch is None or torch.state != "ok":
        return {}
    return {
        "torch.__version__": torch.version,
        "torch.version.__version__": torch.version,
        "torch.version.cuda": torch.cuda,
        "torch.version.hip": torch.hip,
    }
