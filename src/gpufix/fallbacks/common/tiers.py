"""Which implementation of a module runs on a device: CUDA, Triton, torch.compile or eager torch.

The module hands over its implementations as loaders, best first. A loader imports what it needs and
tries it on the device; whatever it raises is the reason for going on to the next. The choice is made
at the first call on a device and told once, on the logger of the module's name.

``GPUFIX_<MODULE>_TIER`` or, for all modules, ``GPUFIX_FALLBACK_TIER`` names the tier to begin with.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar, cast

import torch

NAMES = ("cuda", "triton", "compile", "eager")


class Unusable(RuntimeError):
    """Why a tier cannot run on a device, in words for the user."""


class Tier(NamedTuple):
    """What runs on a device, and why not the tiers before it."""

    name: str
    device: str
    reasons: dict[str, str]
    implementation: Any

    def __str__(self) -> str:
        because = "".join(f"; not {name}: {why}" for name, why in self.reasons.items())
        return f"{self.name} on {self.device}{because}"


class Tiers:
    """The tiers of one module; ``loaders`` maps names of ``NAMES`` to functions of a device."""

    def __init__(self, module: str, loaders: Mapping[str, Callable[[torch.device], Any]]) -> None:
        self.module = module
        self.loaders = loaders
        self._chosen: dict[torch.device, Tier] = {}
        self._lock = threading.RLock()

    def on(self, device: torch.device) -> Any:
        """The implementation for tensors of this device; chosen at the first call."""
        chosen = self._chosen.get(device)
        return (chosen or self.choose(device)).implementation

    def choose(self, device: torch.device) -> Tier:
        """The tier for this device and the reasons against better ones.

        Raises RuntimeError when none runs, torch's error when the device is out of memory.
        """
        with self._lock:
            if device not in self._chosen:
                tier = self._first_usable(device)
                self._chosen[device] = tier
                logging.getLogger(self.module).warning("%s (gpufix): %s", self.module, tier)
            return self._chosen[device]

    def tier(self, device: torch.device | str | None = None) -> Tier:
        """As ``choose``; without a device, the one that torch would compute on: GPU or CPU."""
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        place = torch.device(device)
        if place.type == "cuda" and place.index is None:
            place = torch.device("cuda", torch.cuda.current_device())
        return self.choose(place)

    def _first_usable(self, device: torch.device) -> Tier:
        wanted, variable = self.wanted()
        reasons: dict[str, str] = {}
        for name, load in self.loaders.items():
            if wanted and NAMES.index(name) < NAMES.index(wanted):
                reasons[name] = f"{variable}={wanted}"
                continue
            try:
                with torch.no_grad(), without_autocast(device):
                    return Tier(name, str(device), reasons, load(device))
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception as error:
                reasons[name] = _reason(error)
        told = "; ".join(f"{name}: {why}" for name, why in reasons.items())
        raise RuntimeError(f"{self.module} (gpufix): nothing runs on {device}: {told}")

    def wanted(self) -> tuple[str, str]:
        """The tier to begin with and the variable that says so, or empty. RuntimeError: unknown."""
        for variable in (f"GPUFIX_{self.module.upper()}_TIER", "GPUFIX_FALLBACK_TIER"):
            value = os.environ.get(variable, "").strip().lower()
            if value and value not in NAMES:
                raise RuntimeError(f"{variable}={value}: choose one of {', '.join(NAMES)}")
            if value:
                return value, variable
        return "", ""


def _reason(error: Exception) -> str:
    """The first line of what a loader raised, and what is known to lie behind it."""
    lines = str(error).strip().splitlines() or [""]
    text = lines[0] if isinstance(error, Unusable) else f"{type(error).__name__}: {lines[0]}"
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    if isinstance(error, subprocess.CalledProcessError) and not header.exists():
        text += f" ({header} is absent: the Python development package)"
    return text if len(text) <= 300 else text[:297] + "..."


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """A region in which torch keeps the dtypes that it is given."""
    try:
        return torch.autocast(device.type, enabled=False)
    except RuntimeError:  # a device that knows no autocast
        return nullcontext()


_Function = TypeVar("_Function", bound="Callable[..., Any]")


def outside_graphs(function: _Function) -> _Function:
    """``function``, which torch.compile calls as it is: a break of the graph, never a trace of it."""
    disable: Any = getattr(torch, "_disable_dynamo", None)
    if disable is None:  # torch 2.0, whose dynamo has no types
        return importlib.import_module("torch._dynamo").disable(function)  # type: ignore[no-any-return]
    # To be told, dynamo must be loaded, which takes seconds: only where it is at work already.
    disabled = disable(function)
    if not hasattr(torch.compiler, "is_compiling"):
        return cast(_Function, disabled)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling():
            return disabled(*args, **kwargs)
        return function(*args, **kwargs)

    return cast(_Function, call)


def interpreted() -> bool:
    """Whether Triton interprets kernels on the CPU instead of compiling them."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on", "yes", "y")


def need_triton(device: torch.device) -> ModuleType:
    """Triton, when it is there and has code for this kind of device; else Unusable.

    Whether its compiler works, only a kernel can tell: the loader runs one.
    """
    if device.type not in ("cuda", "xpu") and not (device.type == "cpu" and interpreted()):
        raise Unusable(f"Triton compiles nothing for {device.type} tensors")
    if importlib.util.find_spec("triton") is None:
        raise Unusable("triton is not installed")
    return importlib.import_module("triton")


def need_compile(device: torch.device) -> None:
    """Unusable where torch.compile is known not to work on this torch; a try tells the rest."""
    if not hasattr(torch, "compile"):
        raise Unusable(f"torch {torch.__version__} has no torch.compile")
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise Unusable("torch.compile needs triton for GPU code, and triton is not installed")
