"""cuBLAS and cuDNN of NVIDIA are large: small stand-ins with their names take their place."""

from clinic.patient import Patient

CUDNN = ["", "_adv", "_cnn", "_graph", "_heuristic", "_ops"]
PARTS = {
    "nvidia-cublas-cu12": ("12.8.4.1", "cublas", ["libcublas.so.12", "libcublasLt.so.12"]),
    "nvidia-cudnn-cu12": ("9.10.2.21", "cudnn", [f"libcudnn{part}.so.9" for part in CUDNN]),
}


def make(patient: Patient) -> None:
    for name, (version, folder, libraries) in PARTS.items():
        files = {f"nvidia/{folder}/lib/{so}": built(patient, so) for so in libraries}
        needs = ["Requires-Dist: nvidia-cublas-cu12"] if folder == "cudnn" else []
        patient.distribution(name, version, files, *needs)
    patient.remove("{root}/parts")


def built(patient: Patient, soname: str) -> bytes:
    name = soname.split(".")[0].removeprefix("lib")
    code = patient.write("{root}/parts/part.c", f"int {name}StandIn(void) {{ return 1; }}\n")
    out = patient.at("{root}/parts/part.so")
    patient.run("gcc", "-shared", "-fPIC", "-nostdlib", code, f"-Wl,-soname,{soname}", "-o", out)
    return out.read_bytes()
