"""Coverage-guided fuzzing of the CUDA side: ELF sections, archives, fatbins, PTX text.

    pip install atheris
    python fuzz/fuzz_fatbin.py CORPUS_FOLDER -max_total_time=300 -timeout=10 -rss_limit_mb=1024

CORPUS_FOLDER: real .o, .a, .fatbin, .cubin and .ptx files of at most some 100 KiB. Each input is read
as it stands and as the .nv_fatbin section of an object file. Anything but CodeError is a finding.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "binary"))

with atheris.instrument_imports(include=["gpufix.binary"]):
    from gpufix.binary.gpucode.extract import CodeError, code_in
from gpu_build import host_elf


def one_input(data: bytes) -> None:
    for name in ("file", ".nv_fatbin", "__nv_relfatbin"):
        try:
            code = code_in(data if name == "file" else host_elf({name: data}))
        except CodeError:
            continue
        # At least 8 bytes of file stand behind each image and container.
        assert len(code.images) + code.containers <= len(data), "more code than bytes"
        for images, _ in code.parts():
            assert all(image.arch.isprintable() for image in images)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
