"""Stand-ins of one's own: ROCm's runtime as its wheels lay it out, and a package that uses it."""

from clinic.patient import Patient

HIP = "libamdhip64.so.7"
SDK = '''"""Where ROCm's wheels lie, and how their libraries are opened for others."""

import ctypes
from pathlib import Path

_NAMES = {"amdhip64": "libamdhip64.so.7"}
_ROOTS = ("_rocm_sdk_core", "_rocm_sdk_libraries")


def preload_libraries(*short_names: str) -> None:
    for short in short_names:
        for root in _ROOTS:
            path = Path(__file__).parent.parent / root / "lib" / _NAMES[short]
            if path.exists():
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
'''
INIT = '''"""Resampling on AMD's GPUs."""

import ctypes
from pathlib import Path

import rocm_sdk

rocm_sdk.preload_libraries("amdhip64")
_lib = ctypes.CDLL(str(Path(__file__).parent / "_resample.so"))


def devices() -> int:
    return _lib.resample_devices()
'''
RUNTIME = "int hipGetDeviceCount(int *count) { *count = 0; return 100; }\n"
EXTENSION = """extern int hipGetDeviceCount(int *count);
int resample_devices(void) { int n = 0; hipGetDeviceCount(&n); return n; }
"""


def make(patient: Patient) -> None:
    build = patient.at("{root}/build")
    runtime, extension = build / HIP, build / "_resample.so"
    source = patient.write("{root}/build/hip.c", RUNTIME)
    patient.run("gcc", "-shared", "-fPIC", source, f"-Wl,-soname,{HIP}", "-o", runtime)
    source = patient.write("{root}/build/ext.c", EXTENSION)
    patient.run("gcc", "-shared", "-fPIC", source, runtime, "-o", extension)
    core = {f"_rocm_sdk_core/lib/{HIP}": runtime.read_bytes(), "_rocm_sdk_core/__init__.py": ""}
    patient.distribution("rocm-sdk-core", "7.1.0", core)
    sdk = {"rocm_sdk/__init__.py": SDK}
    patient.distribution("rocm", "7.1.0", sdk, "Requires-Dist: rocm-sdk-core==7.1.0")
    files = {"hipresample/__init__.py": INIT, "hipresample/_resample.so": extension.read_bytes()}
    patient.distribution("hipresample", "0.4.0", files, "Requires-Dist: rocm>=7.1")
    patient.remove("{root}/build")
