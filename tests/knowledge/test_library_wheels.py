"""Which wheel brings which CUDA library, and whose CUDA it is."""

import pytest

from gpufix.knowledge.cuda_libraries import (
    belongs,
    bringing,
    folder_of,
    is_copy,
    is_wheel,
    major_of_wheel,
    majors,
    wheel_of,
)


@pytest.mark.parametrize(
    ("soname", "wheels"),
    [
        ("libc10.so", []),
        ("libstdc++.so.6", []),
        ("libcudart.so.11.0", ["nvidia-cuda-runtime-cu11"]),
        ("libcudart.so.12", ["nvidia-cuda-runtime-cu12"]),
        ("libcudart.so.13", ["nvidia-cuda-runtime"]),
        ("libcublasLt.so.12", ["nvidia-cublas-cu12"]),
        ("libnccl.so.2", ["nvidia-nccl-cu11", "nvidia-nccl-cu12", "nvidia-nccl-cu13"]),
        ("libcudnn_ops.so.9", ["nvidia-cudnn-cu11", "nvidia-cudnn-cu12", "nvidia-cudnn-cu13"]),
        ("libcurand.so.10", ["nvidia-curand-cu11", "nvidia-curand-cu12", "nvidia-curand"]),
        ("libcufft.so.11", ["nvidia-cufft-cu12"]),
        ("libcusparse.so.12", ["nvidia-cusparse-cu12", "nvidia-cusparse"]),
        ("libcublas.so.10", []),
        ("libnvJitLink.so", ["nvidia-nvjitlink-cu12", "nvidia-nvjitlink"]),
        ("libcudart-53d54daa.so.12.6.68", []),
        ("libnvcomp.so.5", ["nvidia-libnvcomp-cu12", "nvidia-libnvcomp-cu13"]),
    ],
)
def test_bringing(soname: str, wheels: list[str]) -> None:
    assert bringing(soname) == wheels


@pytest.mark.parametrize(
    ("soname", "known"),
    [
        ("libcudart.so.11.0", {11}),
        ("libcudart.so.12", {12}),
        ("libcudart.so.120", set()),
        ("libcudart-53d54daa.so.12.6.68", {12}),
        ("libnvrtc.so.11.2", {11}),
        ("libcufft.so.10", {11}),
        ("libcufft.so.12", {13}),
        ("libcusolver.so.11", {11, 12}),
        ("libcusparse.so.12", {12, 13}),
        ("libcudnn.so.9", set()),
        ("libcudart.so", set()),
        ("libc10.so", set()),
    ],
)
def test_majors(soname: str, known: set[int]) -> None:
    assert majors(soname) == known


def test_names_of_cuda_libraries() -> None:
    assert belongs("libcudnn_ops.so.9")
    assert belongs("libcudart-53d54daa.so.12.6.68")
    assert not belongs("libcuda.so.1")
    assert not belongs("libgomp-e985bcbb.so.1.0.0")
    assert is_copy("libcudart-53d54daa.so.12.6.68")
    assert not is_copy("libcudart.so.12")


@pytest.mark.parametrize(
    ("name", "version", "major"),
    [
        ("nvidia-nccl-cu11", "2.21.5", 11),
        ("nvidia-cublas-cu12", "12.8.4.1", 12),
        ("nvidia-cudnn-cu13", "9.24.0.43", 13),
        ("nvidia-cublas", "13.1.1.3", 13),
        ("nvidia-cufft", "12.0.0.61", 13),
        ("nvidia-cufile", "1.15.1.6", None),
        ("nvidia-cublas", "0.0.1", None),
        ("nvidia-ml-py", "12.575.51", None),
        ("torch", "2.9.0", None),
    ],
)
def test_major_of_wheel(name: str, version: str, major: int | None) -> None:
    assert major_of_wheel(name, version) == major


def test_wheels_of_one_major() -> None:
    assert wheel_of("libcusolver.so.11", 12) == "nvidia-cusolver-cu12"
    assert wheel_of("libcudnn.so.9", 13) == "nvidia-cudnn-cu13"
    assert wheel_of("libcublas.so.12", 13) is None
    assert wheel_of("libfoo.so.1", 12) is None
    assert wheel_of("libcudart-53d54daa.so.12", 12) is None
    assert folder_of("nvidia-cuda-runtime-cu12", 12) == "nvidia/cuda_runtime/lib"
    assert folder_of("nvidia-cudnn-cu13", 13) == "nvidia/cudnn/lib"
    assert folder_of("nvidia-cublas", 13) == "nvidia/cu13/lib"
    assert folder_of("nvidia-libnvcomp-cu12", 12) == "nvidia/libnvcomp/lib64"
    assert wheel_of("libnvcomp.so.5", 11) is None
    assert is_wheel("nvidia-cublas-cu12")
    assert is_wheel("nvidia-cublas")
    assert not is_wheel("nvidia-dali-cuda130")
