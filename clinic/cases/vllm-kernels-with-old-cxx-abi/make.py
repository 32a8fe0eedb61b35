"""A stand-in for vllm that was built from source with the C++ ABI of an older torch."""

from clinic.patient import Patient

CODE = """/* What registering an operator asks of torch; the name is that of the old ABI. */
extern void *_ZN5torch3jit17parseSchemaOrNameERKSsb(const void *text, int allow);

void *registered(const void *text) { return _ZN5torch3jit17parseSchemaOrNameERKSsb(text, 1); }
void *PyInit__C(void) { return registered("op"); }
"""


def make(patient: Patient) -> None:
    source = patient.write("{root}/build/ops.c", CODE)
    out = patient.at("{root}/build/_C.abi3.so")
    libraries = [
        patient.site / "torch" / "lib" / f"lib{n}.so" for n in ("torch", "torch_cpu", "c10")
    ]
    flags = ["-shared", "-fPIC", "-O1", "-Wl,--no-as-needed", "-Wl,-z,now"]
    patient.run("gcc", *flags, source, *map(str, libraries), "-o", out)
    files = {"vllm/__init__.py": '__version__ = "0.7.3"\n', "vllm/_C.abi3.so": out.read_bytes()}
    patient.distribution("vllm", "0.7.3+cpu", files, "Requires-Dist: torch>=2.5.1")
    patient.remove("{root}/build")
