"""A stand-in of one's own for the package as it is built with GGML_CUDA: its libraries' names, what
each is linked with, and the question that one asks of it. CUDA's libraries are only there to link."""

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
CUDA = {
    "libcudart.so.12": "int cudaGetDeviceCount(int *count) { return 1; }\n",
    "libcublas.so.12": "int cublasCreate_v2(void *handle) { return 1; }\n",
}


def make(patient: Patient) -> None:
    build = patient.at("{root}/build")
    stubs = []
    for soname, code in CUDA.items():
        source = patient.write(f"{{root}}/build/{soname}.c", code)
        script = patient.write(f"{{root}}/build/{soname}.map", f"{soname} {{ global: *; }};\n")
        stub = build / soname
        flags = [f"-Wl,-soname,{soname}", f"-Wl,--version-script={script}"]
        patient.run("gcc", "-shared", "-fPIC", source, *flags, "-o", stub)
        stubs.append(stub)
    out = build / "out"
    out.mkdir()
    links: list[object] = list(stubs)
    for name in ("ggml-cpu", "ggml-cuda", "llama"):
        target = out / f"lib{name}.so"
        source = patient.case / "src" / f"{name}.c"
        linked = links if name != "ggml-cpu" else []
        flags = [f"-Wl,-soname,lib{name}.so", "-Wl,-rpath,$ORIGIN", "-Wl,--as-needed"]
        patient.run(
            "gcc", "-shared", "-fPIC", "-O1", source, *flags, *map(str, linked), "-o", target
        )
        links.append(target)
    files = {"llama_cpp/__init__.py": INIT}
    files |= {f"llama_cpp/lib/{so.name}": so.read_bytes() for so in sorted(out.iterdir())}
    patient.distribution(
        "llama-cpp-python", "0.3.18", files, "Requires-Dist: numpy>=1.20.0 ; extra == 'test'"
    )
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"
    patient.write("llama_cpp_python-0.3.18.dist-info/WHEEL", tag)
    patient.remove("{root}/build")
