"""cuBLAS, cuFFT and cuDNN of NVIDIA are large: small stand-ins take their place.

Each has the name, the symbol version and the functions that onnxruntime's CUDA provider asks of
it, and returns an error. cuDNN is the release before the one that the provider was built with.
"""

import re
from collections import defaultdict

from clinic.patient import Patient

PARTS = {
    "nvidia-cublas-cu12": ("12.8.4.1", "cublas", ["libcublas.so.12", "libcublasLt.so.12"]),
    "nvidia-cufft-cu12": ("11.3.3.83", "cufft", ["libcufft.so.11"]),
    "nvidia-cudnn-cu12": ("8.9.7.29", "cudnn", ["libcudnn.so.8"]),
}


def make(patient: Patient) -> None:
    provider = patient.site / "onnxruntime/capi/libonnxruntime_providers_cuda.so"
    symbols = defaultdict(set)
    for row in patient.run("readelf", "-W", "--dyn-syms", provider).splitlines():
        if match := re.search(r" UND (\w+)@(lib[\w.]+)", row):
            symbols[match[2]].add(match[1])
    for name, (version, folder, libraries) in PARTS.items():
        files = {
            f"nvidia/{folder}/lib/{soname}": built(
                patient, soname, symbols[soname.replace("cudnn.so.8", "cudnn.so.9")]
            )
            for soname in libraries
        }
        needs = ["Requires-Dist: nvidia-cublas-cu12"] if folder == "cudnn" else []
        patient.distribution(name, version, files, *needs)
    patient.remove("{root}/parts")


def built(patient: Patient, soname: str, symbols: set[str]) -> bytes:
    code = "".join(f"int {symbol}(void) {{ return 1; }}\n" for symbol in sorted(symbols))
    source = patient.write("{root}/parts/part.c", code)
    script = patient.write("{root}/parts/part.map", f"{soname} {{ global: *; }};\n")
    link = [f"-Wl,-soname,{soname}", f"-Wl,--version-script={script}", "-nostdlib", "-w"]
    out = patient.at("{root}/parts/part.so")
    patient.run("gcc", "-shared", "-fPIC", source, *link, "-o", out)
    return out.read_bytes()
