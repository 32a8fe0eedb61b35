"""The kernels of each unit of a library, and whether their names say what GPUs they are for."""

from __future__ import annotations

from pathlib import Path

import gpu_build as b
import pytest

from gpufix.binary.gpucode.images import CodeError
from gpufix.binary.gpucode.kernels import kernels


def cubin(*names: str) -> bytes:
    """A cubin whose table of section names stands behind its header."""
    table = b"".join(f"\0.text.{name}\0.nv.info.{name}".encode() for name in names)
    return b.cubin(0x6005A04) + b"\0.shstrtab" + table + b"\0" + bytes(5000)


def ptx(*names: str) -> bytes:
    return b".version 9.0\n" + b"".join(f".visible .entry {n}(\n)\n".encode() for n in names)


def library(folder: Path, *entries: bytes) -> str:
    """Each entry in a container of its own."""
    path = folder / "lib.so"
    path.write_bytes(b.host_elf({".nv_fatbin": b"".join(map(b.fatbin, entries))}))
    return str(path)


def test_names_by_unit(tmp_path: Path) -> None:
    path = library(
        tmp_path,
        b.entry(payload=cubin("_Z5alphaPi", "_Z4betaPi")),
        b.entry(kind=1, arch=80, version=(9, 0), payload=ptx("gamma"), header=80),
        b.entry(payload=cubin()),
    )
    found = [([i.arch for i in unit.images], unit.names) for unit in kernels(path)]
    assert found == [
        (["sm_90"], (b"_Z5alphaPi", b"_Z4betaPi")),
        (["sm_80"], (b"gamma",)),
        (["sm_90"], ()),
    ]


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("_Z5alphaPi", False),
        ("_Z10k_head_128Pi", False),
        ("_ZN3cub17CUB_300001_SM_80011EmptyKernelIvEEvv", False),
        ("_ZN3cub18CUB_300001_SM_100011EmptyKernelIvEEvv", False),
        ("_Z6scaledILi64EEvPi", False),
        ("_Z6scaledILi90EEvPi", True),  # the number of what it is compiled for
        ("_ZN9turbomind4gemm11gemm_kernelINS0_4Sm70EEEv", True),
        ("_ZN4vllm19enable_sm89_to_sm90IiEEvv", True),
        ("_ZN8allspark12ampere_hgemmEv", True),
        ("k_arch_75", True),
        ("scale_SM120", True),
    ],
)
def test_names_that_say_what_gpus_they_are_for(tmp_path: Path, name: str, named: bool) -> None:
    (unit,) = kernels(library(tmp_path, b.entry(payload=cubin("other", name))))
    assert unit.named_for_an_architecture is named


def test_what_is_damaged_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CodeError, match="unpacked"):
        list(kernels(library(tmp_path, b.entry(flags=0x8011, payload=bytes(5000)))))
    assert not list(kernels(str(_plain(tmp_path))))


def _plain(folder: Path) -> Path:
    path = folder / "plain.so"
    path.write_bytes(b.host_elf({".text": b"\xc3"}))
    return path
