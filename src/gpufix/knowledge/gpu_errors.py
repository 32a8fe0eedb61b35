"""Why a text that should name a GPU does not."""

from __future__ import annotations

from collections.abc import Sequence


class GpuNameError(ValueError):
    """The text names no single GPU architecture. Its string says why."""


class UnknownGpu(GpuNameError):
    """Nothing of this name is known. `suggestions` are close misses, best first."""

    def __init__(self, text: str, suggestions: Sequence[str] = (), reason: str = "") -> None:
        self.text = text
        self.suggestions = tuple(suggestions)
        hint = f"; did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        why = f": {reason}" if reason else ""
        super().__init__(f"{text!r} names no GPU that gpufix knows{why}{hint}")


class AmbiguousGpu(GpuNameError):
    """Products of several architectures share this name. `choices` are (name, arch)."""

    def __init__(self, text: str, choices: Sequence[tuple[str, str]]) -> None:
        self.text = text
        self.choices = tuple(choices)
        shown = ", ".join(f"{name} ({arch})" for name, arch in self.choices[:8])
        more = f" and {len(self.choices) - 8} more" if len(self.choices) > 8 else ""
        super().__init__(f"{text!r} is several GPUs: {shown}{more}")
