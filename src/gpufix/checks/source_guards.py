"""Whether code that stands under conditions runs for this patient."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.view import View


def active(view: View, guards: Sequence[str]) -> bool | None:
    """True: it runs. False: it does not. None: only a run would tell."""
    verdicts = [_holds(view, guard) for guard in guards]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _holds(view: View, guard: str) -> bool | None:
    if guard.startswith("!"):
        verdict = _holds(view, guard[1:])
        return None if verdict is None else not verdict
    if guard.startswith("env:"):
        return bool(view.env(guard[4:]))
    torch = view.facts.torch
    if guard == "hip":
        return bool(torch.hip) if torch else None
    if guard == "gpu":
        return _sees_gpu(view)
    return {"windows": False, "mac": False, "never": False}.get(guard)


def _sees_gpu(view: View) -> bool | None:
    """torch.cuda.is_available(), as far as facts tell."""
    torch = view.facts.torch
    if torch is None or not (torch.cuda or torch.hip):
        return None if torch is None else False
    vendor = "amd" if torch.hip else "nvidia"
    return any(gpu.vendor == vendor for gpu in view.facts.gpus)
