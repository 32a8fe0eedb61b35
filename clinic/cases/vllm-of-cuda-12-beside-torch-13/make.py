"""A stand-in for vllm as it was built with CUDA 12; CUDA's library is only there to link."""

from clinic.patient import Patient

CUDART = "libcudart.so.12"
CODE = """extern int cudaGetDeviceCount(int *count);

int vllm_devices(void) { int n = 0; return cudaGetDeviceCount(&n) ? 0 : n; }
void *PyInit__C(void) { return vllm_devices() ? (void *)0 : (void *)0; }
"""


def make(patient: Patient) -> None:
    build = patient.at("{root}/build")
    stub = patient.write("{root}/build/cudart.c", "int cudaGetDeviceCount(int *n) { return 1; }\n")
    script = patient.write("{root}/build/cudart.map", f"{CUDART} {{ global: *; }};\n")
    link = [f"-Wl,-soname,{CUDART}", f"-Wl,--version-script={script}"]
    patient.run("gcc", "-shared", "-fPIC", stub, *link, "-o", build / CUDART)
    lib = patient.site / "torch" / "lib"
    libraries = [lib / f"lib{n}.so" for n in ("torch", "c10", "c10_cuda")] + [build / CUDART]
    flags = ["-shared", "-fPIC", "-O1", "-Wl,--no-as-needed", "-Wl,--unresolved-symbols=ignore-all"]
    source = patient.write("{root}/build/ops.c", CODE)
    for name in ("_C", "_moe_C"):
        patient.run("gcc", *flags, source, *map(str, libraries), "-o", build / f"{name}.abi3.so")
    files: dict[str, str | bytes] = {"vllm/__init__.py": '__version__ = "0.16.0"\n'}
    for name in ("_C", "_moe_C"):
        files[f"vllm/{name}.abi3.so"] = (build / f"{name}.abi3.so").read_bytes()
    patient.distribution("vllm", "0.16.0", files, "Requires-Dist: torch>=2.9.1")
    patient.remove("{root}/build")
