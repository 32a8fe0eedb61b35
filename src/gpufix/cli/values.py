"""Values of options. An empty one is a usage error: a script's empty variable is no wish."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.cli.examine import fail

GPUS = "an architecture (sm_120, 12.0, gfx1101) or a product (RTX 5080)"
RULES = "a rule's code or name, or a family (TCH201, WHL)"
KERNELS = "a kernel's name"
PACKAGES = "a package's name (torchvision, xformers)"


def split(option: str, values: Sequence[str] | None, needed: str) -> tuple[str, ...]:
    """Options that repeat may also be given as one comma-separated list. `needed`: of what."""
    found: list[str] = []
    for value in values or ():
        parts = [part.strip() for part in value.split(",")]
        if not any(parts):
            raise fail(f"{option} {value!r} is empty; needed: {needed}")
        found += filter(None, parts)
    return tuple(found)
