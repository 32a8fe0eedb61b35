"""A stand-in of one's own: libggml-base.so defines what the backends need without naming it."""

from clinic.patient import Patient

INIT = '''"""Bindings of a language model library."""

import ctypes
from pathlib import Path

_folder = Path(__file__).parent / "lib"
_base = ctypes.CDLL(str(_folder / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
_lib = ctypes.CDLL(str(_folder / "libllama.so"))


def llama_backend() -> str:
    for name in ("cuda", "cpu-alderlake", "cpu"):
        try:
            backend = ctypes.CDLL(str(_folder / f"libggml-{name}.so"))
        except OSError:
            continue
        if backend.ggml_backend_score() > 0:
            return name
    raise RuntimeError("no backend")


def llama_supports_gpu_offload() -> bool:
    return _lib.llama_devices() > 1
'''
BACKEND = """extern int ggml_base_score(int wanted);
int ggml_backend_score(void) { return ggml_base_score(%d); }
"""
PARTS = {
    "libggml-base.so": "int ggml_base_score(int wanted) { return wanted; }\n",
    "libllama.so": "extern int ggml_base_score(int);\nint llama_devices(void) { return ggml_base_score(1); }\n",
    "libggml-cpu.so": BACKEND % 1,
    "libggml-cpu-alderlake.so": BACKEND % 0,
}


def make(patient: Patient) -> None:
    files: dict[str, str | bytes] = {"llama_cpp/__init__.py": INIT}
    for name, code in PARTS.items():
        source = patient.write(f"{{root}}/build/{name}.c", code)
        out = source.with_name(name)
        patient.run("gcc", "-shared", "-fPIC", "-O1", source, f"-Wl,-soname,{name}", "-o", out)
        files[f"llama_cpp/lib/{name}"] = out.read_bytes()
    patient.distribution("llama-cpp-python", "0.3.20", files)
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"
    patient.write("llama_cpp_python-0.3.20.dist-info/WHEEL", tag)
    patient.remove("{root}/build")
