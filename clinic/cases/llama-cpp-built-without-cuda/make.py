"""What pip builds of llama-cpp-python without CMAKE_ARGS: the CPU's backend only. A stand-in of
one's own with the package's names, layout and the question that one asks of it."""

from clinic.patient import Patient

INIT = '''"""Bindings of a language model library."""

import ctypes
from pathlib import Path

_lib = ctypes.CDLL(str(Path(__file__).parent / "lib" / "libllama.so"))


def llama_supports_gpu_offload() -> bool:
    function = _lib.llama_supports_gpu_offload
    function.restype = ctypes.c_bool
    return function()
'''


def make(patient: Patient) -> None:
    build = patient.at("{root}/build")
    build.mkdir()
    flags = ["-shared", "-fPIC", "-O1", "-Wl,-rpath,$ORIGIN"]
    source = patient.case / "src"
    soname = "-Wl,-soname,libggml-cpu.so"
    patient.run("gcc", *flags, soname, source / "cpu.c", "-o", build / "libggml-cpu.so")
    link = [f"-L{build}", "-lggml-cpu", "-o", build / "libllama.so"]
    patient.run("gcc", *flags, "-Wl,-soname,libllama.so", source / "llama.c", *link)
    files = {"llama_cpp/__init__.py": INIT}
    files |= {f"llama_cpp/lib/{so.name}": so.read_bytes() for so in sorted(build.iterdir())}
    patient.distribution("llama-cpp-python", "0.3.16", files)
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"
    patient.write("llama_cpp_python-0.3.16.dist-info/WHEEL", tag)
    patient.remove("{root}/build")
