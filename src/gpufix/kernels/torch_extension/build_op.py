"""Runs in the patient: torch.utils.cpp_extension builds a small op, which is imported and checked.

    python build_op.py FOLDER [CACHE [TURNS]]    FOLDER is empty and writable; sources are copied into it

A module that was built and found right is kept in CACHE, and used again as long as torch, Python, the
compilers, the flags that steer them, the GPUs and the sources are the same. TURNS is a file whose lock
it holds with others while it works on the GPU: who takes times there waits. "" is none.

Prints the JSON lines that every program of the suite prints. Standard library and torch only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
SIZE = 1009  # no multiple of a block: the last one is partly empty
TOLERANCE = 1e-12
NAME = "gpufix_swish"
STEERING = (
    "CXX", "CC", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS",
    "NVCC_CCBIN", "TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "TORCH_DONT_CHECK_COMPILER_ABI",
)  # fmt: skip


def say(**line: Any) -> None:
    print(json.dumps(dict(kernel="torch_extension", **line)), flush=True)


def fail(name: str, text: str, call: str) -> NoReturn:
    error = {"name": name, "text": text[-8000:], "call": call, "where": "build_op.py"}
    say(status="error", error=error)
    sys.exit(3)


def import_torch() -> Any:
    try:
        import torch

        return torch
    except Exception as error:
        fail(type(error).__name__, str(error), "import torch")


def why_no_gpu(torch: Any, cpp_extension: Any) -> str:
    """Why the op is built without its GPU half, or "" when it is built with it."""
    if not torch.cuda.is_available():
        return "torch sees no GPU"
    home = cpp_extension.ROCM_HOME if torch.version.hip else cpp_extension.CUDA_HOME
    return "" if home else "torch finds no GPU compiler"


def sources(gpu: bool) -> list[str]:
    return ["op.cpp", "op_gpu.cu"] if gpu else ["op.cpp"]


def place(torch: Any, cpp_extension: Any, gpu: bool, cache: Path) -> Path:
    """Where the module of this torch, these compilers and these GPUs is kept."""
    home = cpp_extension.ROCM_HOME if torch.version.hip else cpp_extension.CUDA_HOME
    gpus = range(torch.cuda.device_count()) if gpu else ()
    identity = [
        torch.__version__, getattr(torch.version, "git_version", ""), sys.version,
        [str(torch.cuda.get_device_capability(i)) for i in gpus],
        _said(os.environ.get("CXX", "c++")),
        _said(str(Path(home) / "bin" / "nvcc")) if gpu and home else "",
        [os.environ.get(name) for name in STEERING],
        [(HERE / name).read_text("utf-8") for name in [*sources(gpu), "swish.h"]],
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    return cache / ("torch_extension-" + digest) / (NAME + ".so")


def _said(compiler: str) -> str:
    path = shutil.which(compiler) or compiler
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        return path + ": " + str(error)
    return os.path.realpath(path) + done.stdout


def kept(path: Path) -> Any:
    """The module kept there; None where there is none that loads."""
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location(NAME, str(path))
    if spec is None or spec.loader is None:
        return None
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return module


def keep(op: Any, path: Path) -> None:
    """A whole file or none; a cache that cannot be written is no fault of the build."""
    part = path.with_name(path.name + "." + str(os.getpid()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(op.__file__, str(part))
        part.replace(path)
    except OSError:
        return


def build(cpp_extension: Any, folder: Path, gpu: bool) -> Any:
    names = sources(gpu)
    for name in [*names, "swish.h"]:
        shutil.copy(str(HERE / name), str(folder))
    try:
        return cpp_extension.load(
            name=NAME,
            sources=[str(folder / name) for name in names],
            extra_cflags=["-O2"] + (["-DGPU_HALF"] if gpu else []),
            build_directory=str(folder),
        )
    except Exception as error:
        fail(type(error).__name__, str(error), "torch.utils.cpp_extension.load")


def check_forward(torch: Any, op: Any, device: str, seed: int) -> bool:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(SIZE, dtype=torch.float64, generator=generator)
    got = op.forward(x.to(device)).cpu()
    off = (got - x * torch.sigmoid(x)).abs().max().item()
    return report(device + "_forward", off <= TOLERANCE, off)


def check_gradient(torch: Any, op: Any, device: str, seed: int) -> bool:
    class Swish(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return op.forward(x)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return op.backward(grad, *ctx.saved_tensors)

    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(37, dtype=torch.float64, generator=generator).to(device).requires_grad_()
    good = torch.autograd.gradcheck(Swish.apply, (x,), raise_exception=False)
    return report(device + "_gradcheck", bool(good), 0.0 if good else None)


def report(case: str, valid: bool, error: float | None) -> bool:
    sizes = {"n": SIZE}
    say(case=case, sizes=sizes, valid=valid, max_err=error, rel_err=error, tolerance=TOLERANCE)
    return valid


def main() -> None:
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(__doc__)
    folder, cache, turns = (*sys.argv[1:], "", "")[:3]
    torch = import_torch()
    from torch.utils import cpp_extension

    no_gpu = why_no_gpu(torch, cpp_extension)
    cached = place(torch, cpp_extension, not no_gpu, Path(cache)) if cache else None
    found = kept(cached) if cached else None
    if found is not None:
        say(cached=True)
    op = found or build(cpp_extension, Path(folder).resolve(), gpu=not no_gpu)
    if check_all(torch, op, no_gpu, turns) and cached and found is None:
        keep(op, cached)


@contextmanager
def lock(path: str) -> Iterator[None]:
    """Held together with others, and given back at the end."""
    if not path:
        yield
        return
    import fcntl  # where there are turns, there is flock

    with Path(path).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def check_all(torch: Any, op: Any, no_gpu: str, turns: str) -> bool:
    """Whether every case is right."""
    seed, good = random.SystemRandom().getrandbits(31), True
    for device in ("cpu", "cuda"):
        if device == "cuda" and no_gpu:
            for case in ("cuda_forward", "cuda_gradcheck"):
                say(case=case, status="not applicable", why=no_gpu)
            continue
        with lock(turns if device == "cuda" else ""):
            good &= check_forward(torch, op, device, seed)
            good &= check_gradient(torch, op, device, seed)
    return good


if __name__ == "__main__":
    main()
