"""Records real environments into tests/clinic/<slug>/facts.json.

    python tools/record_clinic.py [--cuda VENV] [SLUG ...]

`--cuda` names a venv with torch 2.9.1 (its CUDA 12.8 wheels, 6 GB) for those that need one.

Builds each environment under /opt/clinic (so that no one's paths are recorded), breaks it as its
recipe says, and saves its redacted facts. What must be said of it is expected.txt beside it:
`GPUFIX_UPDATE_GOLDENS=1 pytest tests/clinic` writes that, and it is reviewed as a diff.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import test_binaries as compiled  # noqa: E402 - the path above leads to it
import venvs  # noqa: E402
from venvs import Venv  # noqa: E402

PLACE = Path("/opt/clinic")
TORCH = ("torch", "numpy")
Recipe = Callable[[Venv], None]


def healthy(venv: Venv) -> None:
    """Nothing is wrong."""


def nccl_taken_along(venv: Venv) -> None:
    """Two wheels own libnccl.so.2; one is removed."""
    venv.pip("install", "--no-deps", "nvidia-nccl-cu12==2.18.1")
    venv.pip("install", "--no-deps", "nvidia-nccl-cu11==2.14.3")
    venv.pip("uninstall", "-y", "nvidia-nccl-cu11")


def other_torchvision(venv: Venv) -> None:
    """torchvision of torch 2.6 beside torch 2.13."""
    venv.pip("install", "--no-deps", "torchvision==0.21.0", "pillow")


def no_libc10(venv: Venv) -> None:
    """A library of torch itself is gone."""
    (venv.site / "torch/lib/libc10.so").unlink()


def gradio(venv: Venv) -> None:
    """gradio 4 with what was released after it."""
    venv.pip("install", "--no-deps", "gradio==4.44.1", "huggingface_hub==1.2.0", "pydantic==2.12.0")


def stale_lock(venv: Venv) -> None:
    """A build was killed."""
    entry = venv.home / ".cache/torch_extensions/py311_cpu/my_ext"
    entry.mkdir(parents=True)
    (entry / "lock").touch()
    old = time.time() - 10_800
    os.utime(entry / "lock", (old, old))


def wrong_abi(venv: Venv) -> None:
    """An extension compiled with _GLIBCXX_USE_CXX11_ABI=0."""
    target = compiled.installed(venv, "tetranerf")
    compiled.compile_(compiled.CHECKED, target, compiled.with_torch(venv, 0))


def field_report(venv: Venv) -> None:
    """RTX 5080: CUDA 11's NCCL came and went, the rasteriser was built for sm_86 and sm_90."""
    venv.pip("install", "--no-deps", "nvidia-nccl-cu11==2.14.3")
    venv.pip("uninstall", "-y", "nvidia-nccl-cu11")
    target = compiled.installed(venv, "diff_gaussian_rasterization")
    code = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in (86, 90)]
    nvcc = [str(compiled.NVCC), "-Xcompiler", "-fPIC", "-cudart", "static", *code]
    compiled.compile_(compiled.KERNEL, target, nvcc, ".cu")


def mixed_majors(venv: Venv) -> None:
    """CUDA 11's NCCL was installed over CUDA 12's."""
    venv.pip("install", "--no-deps", "nvidia-nccl-cu11==2.14.3")


CUDA: dict[str, Recipe] = {
    "healthy-torch-cu128": healthy,
    "field-report-002": field_report,
    "mixed-cuda-majors": mixed_majors,
}
RECIPES: dict[str, tuple[Recipe, tuple[str, ...]]] = {
    "empty-venv": (healthy, ()),
    "healthy-torch-cpu": (healthy, TORCH),
    "nccl-taken-along": (nccl_taken_along, ()),
    "torchvision-of-another-torch": (other_torchvision, TORCH),
    "libc10-deleted": (no_libc10, TORCH),
    "gradio-and-newer-friends": (gradio, ()),
    "stale-jit-lock": (stale_lock, TORCH),
    "wrong-cxx11-abi": (wrong_abi, TORCH),
}


def record(slug: str, cuda: Path | None) -> None:
    """Build, break, save."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    if slug in CUDA:
        subprocess.run(["cp", "-al", str(cuda), str(PLACE / "env")], check=True)
        (PLACE / "home").mkdir()
        venv, recipe = Venv(PLACE / "env", PLACE / "home"), CUDA[slug]
    else:
        recipe, distributions = RECIPES[slug]
        venv = venvs.create(PLACE / "env", *venvs.with_requirements(*distributions))
    recipe(venv)
    folder = ROOT / "tests" / "clinic" / slug
    folder.mkdir(parents=True, exist_ok=True)
    # The machine that records is no part of the case: no PATH but the system's.
    command = [sys.executable, "-m", "gpufix", "snapshot", "--python", str(venv.python)]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(venv.home), "LANG": "C.UTF-8"}
    subprocess.run([*command, "-o", str(folder / "facts.json")], check=True, cwd=venv.home, env=env)
    shutil.rmtree(PLACE)
    facts = folder / "facts.json"
    facts.write_text(facts.read_text("utf-8").replace(str(Path.home()), "/home/builder"), "utf-8")
    print(f"recorded {slug}: {facts.stat().st_size >> 10} KiB")


def main() -> None:
    """Record the named environments, or all that can be built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuda", type=Path)
    parser.add_argument("slugs", nargs="*")
    options = parser.parse_args()
    for slug in options.slugs or [*RECIPES, *(CUDA if options.cuda else ())]:
        record(slug, options.cuda)


if __name__ == "__main__":
    main()
