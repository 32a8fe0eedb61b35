"""A stand-in for the wheel as it was built in an image with musl and tagged for any Linux."""

from clinic.patient import Patient

INIT = '''"""Bindings of a language model library."""

import ctypes
from pathlib import Path

_folder = Path(__file__).parent / "lib"
for _name in ("ggml", "llama"):
    _lib = ctypes.CDLL(str(_folder / f"lib{_name}.so"))


def llama_supports_gpu_offload() -> bool:
    function = _lib.llama_supports_gpu_offload
    function.restype = ctypes.c_bool
    return function()
'''
LIBC = "libc.musl-x86_64.so.1"


def make(patient: Patient) -> None:
    build = patient.at("{root}/build")
    libc = build / LIBC
    source = patient.write("{root}/build/libc.c", "int puts(const char *text) { return 0; }\n")
    bare = ["-shared", "-fPIC", "-O1", "-nostdlib"]
    patient.run("gcc", *bare, source, f"-Wl,-soname,{LIBC}", "-o", libc)
    files: dict[str, str | bytes] = {"llama_cpp/__init__.py": INIT}
    for name in ("ggml", "llama"):
        out = build / f"lib{name}.so"
        code = patient.case / "src" / f"{name}.c"
        link = [f"-Wl,-soname,{out.name}", "-Wl,-rpath,$ORIGIN", str(libc)]
        link += [str(build / "libggml.so")] if name == "llama" else []
        patient.run("gcc", *bare, code, *link, "-o", out)
        files[f"llama_cpp/lib/{out.name}"] = out.read_bytes()
    patient.distribution("llama-cpp-python", "0.3.2", files)
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"
    patient.write("llama_cpp_python-0.3.2.dist-info/WHEEL", tag)
    patient.remove("{root}/build")
