"""The offset of one segment is off by eight bytes, as strip leaves a file that patchelf changed."""

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "lib.c").write_text("int kernel(void) { return 6; }\n")
        (work / "core.c").write_text("int kernel(void);\nint run(void) { return kernel(); }\n")
        name = "libkernel-fb973b98.so.7"
        lib, core = work / name, work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", f"-Wl,-soname,{name}", "-o", lib)
        runpath = "-Wl,-rpath,$ORIGIN/../occkernel.libs"
        patient.run(*gcc, work / "core.c", lib, runpath, "-o", core)
        patient.distribution(
            "occkernel",
            "7.9.1",
            {
                "occkernel/__init__.py": INIT,
                "occkernel/_core.so": core.read_bytes(),
                f"occkernel.libs/{name}": misaligned(lib.read_bytes()),
            },
        )


def misaligned(content: bytes) -> bytes:
    """The same file with eight bytes more before its second PT_LOAD segment."""
    headers, size, count = struct.unpack_from("<Q14xHH", content, 32)
    loads = [
        at
        for at in range(headers, headers + size * count, size)
        if struct.unpack_from("<I", content, at)[0] == 1
    ]
    changed = bytearray(content)
    (offset,) = struct.unpack_from("<Q", changed, loads[1] + 8)
    struct.pack_into("<Q", changed, loads[1] + 8, offset + 8)
    return bytes(changed[:offset] + b"\0" * 8 + changed[offset:])
