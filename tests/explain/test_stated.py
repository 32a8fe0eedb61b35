"""What a text tells of its environment: torch, Python, the system, the GPU."""

from __future__ import annotations

from gpufix.explain.log_scan import Hit
from gpufix.explain.stated import Stated, capability, stated
from gpufix.knowledge.messages import messages


def read(text: str) -> Stated:
    return stated(Hit(next(iter(messages())), 0, 1, "", {}, text, "", ""))


def test_torch_python_and_system_are_read() -> None:
    told = read("PyTorch version: 2.8.0+cu128\nPython version: 3.12.3\nC:\\Users\\user\\x.py")
    assert told == Stated("2.8.0", "cu128", "cp312", windows=True)
    assert told.build is not None
    assert told.build.platform == "win_amd64"


def test_two_torches_are_none() -> None:
    told = read("torch==2.8.0+cu128\ntorch 2.6.0+cu124 was here before")
    assert (told.torch, told.variant, told.build) == (None, None, None)


def test_a_release_that_never_was_is_not_taken() -> None:
    assert read("torch 2.99.0").torch is None


def test_the_gpu_is_read_by_its_name() -> None:
    assert capability("NVIDIA GeForce RTX 5090, 32 GB") == (12, 0)
    assert capability("no GPU at all") is None
    assert capability("an RTX 5090 beside an RTX 3090") is None
