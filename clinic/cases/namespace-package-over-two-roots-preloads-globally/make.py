"""Libraries in the manner of the nvidia namespace; a second root comes from a .pth file."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os

import gpulibs

_here = os.path.dirname(__file__)
for _name in ("rtc/lib/librtc.so.13", "link/lib/liblink.so.13"):
    for _root in gpulibs.__path__:
        _path = os.path.join(_root, _name)
        if os.path.exists(_path):
            ctypes.CDLL(_path, mode=ctypes.RTLD_GLOBAL)
            break
    else:
        raise ImportError(f"{_name} is nowhere below gpulibs")
run = ctypes.CDLL(os.path.join(_here, "_core.so")).run
"""
EXTRA = "share/gpulibs-extra"


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "rtc.c").write_text("int rtc_compile(int x) { return x + 1; }\n")
        (work / "link.c").write_text("int link_complete(int x) { return 2 * x + 1; }\n")
        (work / "core.c").write_text(
            "int rtc_compile(int);\nint link_complete(int);\n"
            "int run(void) { return link_complete(rtc_compile(9)); }\n"
        )
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        rtc, link, core = work / "librtc.so.13", work / "liblink.so.13", work / "_core.so"
        patient.run(*gcc, work / "rtc.c", f"-Wl,-soname,{rtc.name}", "-o", rtc)
        patient.run(*gcc, work / "link.c", f"-Wl,-soname,{link.name}", "-o", link)
        patient.run(*gcc, work / "core.c", "-o", core)
        patient.distribution(
            "gpulibs-rtc", "13.0.88", {"gpulibs/rtc/lib/librtc.so.13": rtc.read_bytes()}
        )
        patient.distribution(
            "gpulibs-link",
            "13.0.88",
            {
                f"../../../{EXTRA}/gpulibs/link/lib/liblink.so.13": link.read_bytes(),
                "gpulibs-extra.pth": f"{patient.prefix / EXTRA}\n",
            },
        )
        patient.distribution(
            "cubx",
            "3.0.1",
            {"cubx/__init__.py": INIT, "cubx/_core.so": core.read_bytes()},
            "Requires-Dist: gpulibs-rtc",
            "Requires-Dist: gpulibs-link",
        )
