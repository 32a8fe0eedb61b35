"""Coverage-guided fuzzing of the HIP side: offload bundles, compressed ones, zstd frames, code objects.

    pip install atheris
    python fuzz/fuzz_offload.py CORPUS_FOLDER -max_total_time=300 -timeout=10 -rss_limit_mb=1024

CORPUS_FOLDER: real HIP .o and .co files, .hip_fatbin sections, zstd frames. Each input is read as it
stands, as .hip_fatbin, as .llvm.offloading, and as the content of a zstd and of a zlib bundle.
Anything but CodeError and ZstdError is a finding.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "binary"))

with atheris.instrument_imports(include=["gpufix.binary"]):
    from gpufix.binary.gpucode.extract import CodeError, code_in
    from gpufix.binary.gpucode.zstd import ZstdError, zstd_head
from gpu_build import ccob, host_elf

WANT = 4096


def one_input(data: bytes) -> None:
    inputs = [
        data,
        host_elf({".hip_fatbin": data}),
        host_elf({".llvm.offloading": data}),
        ccob(data, WANT, 3, 1),
        ccob(data, WANT, 2, 0),
    ]
    for one in inputs:
        try:
            code = code_in(one)
        except CodeError:
            continue
        assert all(image.arch.isprintable() for image in code.images)
    with contextlib.suppress(ZstdError):
        assert len(zstd_head(data, WANT)) <= WANT


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
