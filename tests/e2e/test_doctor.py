"""The doctor on real environments."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import venvs
from venvs import Pair, Venv, codes


def test_in_an_empty_venv_there_is_nothing_to_judge(empty: Venv) -> None:
    report = empty.doctor()
    assert codes(report["findings"]) == []
    assert report["summary"]["verdict"] == "nothing judged"
    assert report["gaps"] == []
    assert report["exit"] == 0


def test_a_healthy_cpu_torch_is_clean_and_asks_for_a_target(shared_torch: Venv) -> None:
    report = shared_torch.doctor()
    assert codes(report["findings"]) == []
    assert report["gaps"] == []
    assert report["exit"] == 0
    text = shared_torch.gpufix("doctor", "--python", str(shared_torch.python))
    hints = [line for line in text.stdout.splitlines() if "--gpu" in line]
    assert len(hints) == 1
    assert any(line.startswith("✓ clean") for line in text.stdout.splitlines())


@pytest.mark.some(2)
@pytest.mark.parametrize("gpu", ["sm_120", "RTX 5080", "12.0", "gfx1101", "RX 7900 XTX"])
def test_a_cpu_torch_for_a_gpu_is_the_wrong_variant(shared_torch: Venv, gpu: str) -> None:
    report = shared_torch.doctor("--gpu", gpu)
    assert codes(report["findings"]) == ["TCH201"]
    assert report["exit"] == 1


def test_a_shared_file_taken_along(empty: Venv, pair: Pair) -> None:
    empty.pip("install", "--no-deps", pair.wanted)
    empty.pip("install", "--no-deps", pair.stray)
    both = empty.doctor()
    assert codes(both["findings"]) == ["WHL501", "  WHL502"]
    stray = pair.names[1]
    assert f"{stray}'s" in both["findings"][0]["consequences"][0]["message"]
    empty.pip("uninstall", "-y", stray)
    report = empty.doctor()
    assert codes(report["findings"]) == ["WHL503"]
    finding = report["findings"][0]
    assert pair.library in finding["message"]
    assert pair.wanted in finding["fixes"][0]["command"]


@pytest.mark.slow
def test_torchvision_of_another_torch(torch_cpu: Venv) -> None:
    torch_cpu.pip("install", "--no-deps", "torchvision==0.21.0", "pillow")
    report = torch_cpu.doctor()
    assert codes(report["findings"])[0] == "WHL505"
    assert len(report["findings"]) == 1
    finding = report["findings"][0]
    assert finding["severity"] == "error"
    assert "torch==2.6.0" in finding["message"]
    assert "2.13.0" in finding["message"]


def test_half_a_torch_is_broken_not_absent(torch_cpu: Venv) -> None:
    (torch_cpu.site / "torch/lib/libc10.so").unlink()
    report = torch_cpu.doctor()
    assert codes(report["findings"])[0] == "WHL503"
    assert len(report["findings"]) == 1
    assert "torch 2.13.0+cpu is installed but cannot load" in report["findings"][0]["message"]
    assert "broken" in report["patient"]["torch"]


@pytest.mark.parametrize(
    ("left", "severity"),
    [("dist-info", "error"), pytest.param("package", "warning", marks=pytest.mark.slow)],
)
def test_a_half_removed_torch(torch_cpu: Venv, left: str, severity: str) -> None:
    if left == "package":
        (info,) = torch_cpu.site.glob("torch-*.dist-info")
        info.rename(info.with_name("gone"))
    else:
        (torch_cpu.site / "torch").rename(torch_cpu.site / "gone")
    report = torch_cpu.doctor()
    assert "broken" in report["patient"]["torch"]
    found = [(f["code"], f["subject"], f["severity"]) for f in report["findings"]]
    assert found == [("WHL503", "torch", severity)]


@pytest.mark.slow
def test_gradio_and_what_came_after_it(empty: Venv) -> None:
    empty.pip(
        "install", "--no-deps", "gradio==4.44.1", "huggingface_hub==1.2.0", "pydantic==2.12.0"
    )
    report = empty.doctor("--fail-on", "error")
    errors = {f["subject"] for f in report["findings"] if f["severity"] == "error"}
    pairs = {"gradio × huggingface-hub", "gradio × pydantic"}
    assert errors == {*pairs, "gradio", "pydantic"}  # both lack what their imports ask for
    assert {f["code"] for f in report["findings"]} == {"WHL506"}


@pytest.mark.needs("all of the machine's processes")
def test_a_stale_lock(shared_torch: Venv) -> None:
    entry = shared_torch.home / ".cache/torch_extensions/py311_cpu/my_ext"
    entry.mkdir(parents=True)
    lock = entry / "lock"
    lock.touch()
    old = time.time() - 7200
    os.utime(lock, (old, old))
    report = shared_torch.doctor()
    assert codes(report["findings"]) == ["JIT703"]
    assert "2 hours old" in report["findings"][0]["message"]
    lock.unlink()
    assert codes(shared_torch.doctor()["findings"]) == []


def test_a_lock_of_a_running_build_is_not_stale(shared_torch: Venv) -> None:
    entry = shared_torch.home / ".cache/torch_extensions/py311_cpu/my_ext"
    entry.mkdir(parents=True)
    (entry / "lock").touch()
    import subprocess
    import sys

    builder = subprocess.Popen([sys.executable, "-c", "input()"], cwd=entry, stdin=subprocess.PIPE)
    try:
        assert codes(shared_torch.doctor()["findings"]) == []
    finally:
        builder.communicate(b"\n")


def test_nothing_is_written_into_the_patient(shared_torch: Venv) -> None:
    def state(root: Path) -> list[tuple[str, int, int]]:
        return sorted((str(p), p.lstat().st_mtime_ns, p.lstat().st_size) for p in root.rglob("*"))

    before = state(shared_torch.path), state(shared_torch.home)
    shared_torch.doctor("--gpu", "sm_120", "--deep")
    assert (state(shared_torch.path), state(shared_torch.home)) == before


@pytest.mark.slow
def test_a_snapshot_replays_to_the_same_findings(torch_cpu: Venv, tmp_path: Path) -> None:
    torch_cpu.pip("install", "--no-deps", "torchvision==0.21.0")
    (torch_cpu.site / "torch/lib/libshm.so").unlink()
    there = torch_cpu.doctor("--gpu", "sm_120")
    taken = torch_cpu.gpufix(
        "snapshot", "--python", str(torch_cpu.python), "-o", str(tmp_path / "facts.json")
    )
    assert taken.returncode == 0, taken.stderr
    text = (tmp_path / "facts.json").read_text()
    assert str(torch_cpu.home) not in text
    venvs.shutil.rmtree(torch_cpu.path)
    replayed = torch_cpu.gpufix(
        "doctor", "--facts", str(tmp_path / "facts.json"), "--gpu", "sm_120", "--format", "json"
    )
    import json

    here = json.loads(replayed.stdout)
    assert codes(here["findings"]) == codes(there["findings"]) != []
    assert [f["severity"] for f in here["findings"]] == [f["severity"] for f in there["findings"]]
