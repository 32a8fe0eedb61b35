"""A runner has no GPU, no driver, and often no more of a machine than it must."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BARE = {"PATH": "/usr/bin:/bin"}
CUDA_IMAGE = {
    "PATH": "/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/bin:/bin",
    "LD_LIBRARY_PATH": "/usr/local/nvidia/lib:/usr/local/nvidia/lib64",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    "NVIDIA_REQUIRE_CUDA": "cuda>=12.8",
    "CUDA_VERSION": "12.8.1",
}
# Where a driver is, these would see it.
pytestmark = pytest.mark.needs("a machine without an NVIDIA driver")


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patient") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    info = site / "pillow-11.0.0.dist-info"  # something that a rule knows
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pillow\nVersion: 11.0.0\n")
    return folder


def doctor(
    patient: Path, tmp_path: Path, env: dict[str, str], *more: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gpufix", "doctor", "--python", str(patient), *more]
    env = {"TORCH_EXTENSIONS_DIR": "/nonexistent", **env}  # not what this user has built
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env, timeout=120
    )


@pytest.mark.some(4)
@pytest.mark.parametrize(
    "env",
    [{}, BARE, CUDA_IMAGE, {**BARE, "HOME": "/nonexistent"}, {**BARE, "GITHUB_ACTIONS": "true"}],
    ids=["nothing", "bare", "cuda image", "no home", "runner"],
)
@pytest.mark.parametrize("gpu", [["sm_90"], ["gfx1101"], ["RTX 5080", "gfx942"]])
def test_a_healthy_environment_is_clean_for_a_named_gpu(
    gpu: list[str], env: dict[str, str], patient: Path, tmp_path: Path
) -> None:
    named = [f"--gpu={name}" for name in gpu]
    done = doctor(patient, tmp_path, env, *named, "--format", "json", "--strict")
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert (report["findings"], report["gaps"]) == ([], [])
    assert report["summary"]["verdict"] == "clean"
    assert len(report["targets"]) == len(gpu)
    assert done.returncode == 0


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_is_no_crash(closed: int, patient: Path, tmp_path: Path) -> None:
    script = f'exec "$0" -m gpufix doctor --python "$1" {closed}>&-'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, str(patient)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode in (0, 1)
    assert "internal error" not in done.stderr
    assert not list(tmp_path.glob("gpufix-crash-*"))
