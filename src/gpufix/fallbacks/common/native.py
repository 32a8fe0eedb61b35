"""A fallback's C++ file, compiled once for this torch and kept: what then runs without Python.

The compiler runs in the background, at low priority; until it is done, and wherever it cannot run,
Python does the same work. It needs a C++ compiler and Python's headers; no CUDA toolkit, no ninja.
``GPUFIX_FALLBACK_NATIVE=0`` never compiles, ``=1`` waits for the compiler at the first call.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any

import torch

VARIABLE = "GPUFIX_FALLBACK_NATIVE"
LIMIT_S = 600
NOTHING_YET = "nothing has run on a GPU yet"
_LINKED = ("torch_python", "torch_cpu", "torch", "c10")


class Native:
    """One source; ``module`` is what came of it, None with ``reason`` as long as there is none."""

    def __init__(self, name: str, source: Path) -> None:
        self.module: Any = None
        self.reason = NOTHING_YET
        self._name, self._source = name, source
        self._started = threading.Lock()

    def start(self) -> None:
        """Loads what is kept, or has it compiled; only the first call does anything."""
        if not self._started.acquire(blocking=False):
            return
        try:
            self.reason = self._obstacle()
            if not self.reason and not self._load(place := self._place()):
                self._compile(place, wait=_wanted() == "1")
        except Exception as error:  # Python does the work
            self.reason = f"{type(error).__name__}: {error}"

    def why(self) -> str:
        """The reason; where nothing has run, what will be one."""
        if self.reason != NOTHING_YET:
            return self.reason
        try:
            return self._obstacle() or self.reason
        except (OSError, RuntimeError) as error:  # no home folder
            return str(error)

    def _obstacle(self) -> str:
        """What stands in the way of loading or compiling it."""
        if _wanted() == "0":
            return f"{VARIABLE}=0"
        if sys.platform != "linux":
            return f"not on {sys.platform}"
        place = self._place()
        if place.is_file():
            return ""
        failed = place.with_suffix(".txt")
        if failed.exists() and _wanted() != "1":
            said = failed.read_text("utf-8").partition("\n")[0]
            return f"the compiler failed before: {said} ({failed})"
        try:
            _command(self._source, place)
        except OSError as error:
            return str(error)
        return ""

    def refuse(self, reason: str) -> None:
        self.module, self.reason = None, reason

    def _place(self) -> Path:
        """Where the module of this source, torch and Python is kept."""
        identity = (
            torch.__version__, getattr(torch.version, "git_version", ""), sys.version,
            platform.machine(), os.environ.get("CXX", ""), self._source.read_text("utf-8"),
        )  # fmt: skip
        digest = hashlib.sha256(repr(identity).encode()).hexdigest()[:32]
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache, "gpufix", "native", digest, self._name + ".so")

    def _load(self, path: Path) -> bool:
        if not path.is_file():
            return False
        spec = importlib.util.spec_from_file_location(self._name, str(path))
        if spec is None or spec.loader is None:
            return False
        try:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        except ImportError as error:
            self.reason = str(error)
            return False
        self.module, self.reason = module, ""
        return True

    def _compile(self, place: Path, wait: bool) -> None:
        part = place.with_suffix(f".{os.getpid()}.part" if wait else ".part")
        command = _command(self._source, part)
        if not _begin(part):
            self.reason = "another process compiles it"
            return
        self.reason = "it is being compiled"
        if wait:
            self._run(command, part, place)
        else:
            threading.Thread(target=self._run, args=(command, part, place), daemon=True).start()

    def _run(self, command: list[str], part: Path, place: Path) -> None:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=LIMIT_S,
            )
            if done.returncode == 0:
                part.replace(place)
                if self._load(place):
                    return
                place.unlink()
            else:
                part.unlink()
                errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
                self.reason = (errors or [f"the compiler ended with {done.returncode}"])[0][:300]
            if done.returncode >= 0:  # not killed: another try would give the same
                place.with_suffix(".txt").write_text(f"{self.reason}\n\n{done.stderr}", "utf-8")
        except Exception as error:
            self.reason = f"{type(error).__name__}: {error}"


def _wanted() -> str:
    return os.environ.get(VARIABLE, "").strip()


def _command(source: Path, target: Path) -> list[str]:
    """Raises OSError without a compiler or Python's headers."""
    compiler = shutil.which(os.environ.get("CXX") or "c++") or shutil.which("g++")
    if compiler is None:
        raise FileNotFoundError("no C++ compiler on PATH")
    headers = Path(sysconfig.get_paths()["include"])
    if not (headers / "Python.h").exists():
        raise FileNotFoundError(f"{headers}/Python.h is absent: the Python development package")
    home = Path(torch.__file__).parent
    include = home / "include"
    newer = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 10)
    abi = getattr(torch._C, "_GLIBCXX_USE_CXX11_ABI", True)
    polite = [path, "-n", "10"] if (path := shutil.which("nice")) else []
    return [
        *polite, compiler, "-shared", "-fPIC", "-O2", "-std=c++20" if newer else "-std=c++17",
        f"-D_GLIBCXX_USE_CXX11_ABI={int(abi)}", f"-I{headers}", f"-isystem{include}",
        f"-isystem{include}/torch/csrc/api/include", "-o", str(target), str(source),
        f"-L{home}/lib", *(f"-l{name}" for name in _LINKED),
    ]  # fmt: skip


def _begin(part: Path) -> bool:
    """Whether this process is the one to write it: one that is older was given up."""
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        if time.time() - part.stat().st_mtime > LIMIT_S:
            part.unlink()
    except FileNotFoundError:
        pass
    try:
        part.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
