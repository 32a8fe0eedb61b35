"""cuBLAS, cuFFT, cuDNN and TensorRT of NVIDIA are large: small stand-ins take their place.

Each has the name, the symbol version and the functions that onnxruntime's providers ask of it, and
returns an error.
"""

import re
from collections import defaultdict

from clinic.patient import Patient

TENSORRT = 10
PARTS = {
    "nvidia-cublas-cu12": (
        "12.8.4.1",
        "nvidia/cublas/lib",
        ["libcublas.so.12", "libcublasLt.so.12"],
    ),
    "nvidia-cufft-cu12": ("11.3.3.83", "nvidia/cufft/lib", ["libcufft.so.11"]),
    "nvidia-cudnn-cu12": ("9.10.2.21", "nvidia/cudnn/lib", ["libcudnn.so.9"]),
    "tensorrt-cu12-libs": (
        {10: "10.13.3.9", 11: "11.4.0.106"}[TENSORRT],
        "tensorrt_libs",
        [f"lib{name}.so.{TENSORRT}" for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser")],
    ),
}


def make(patient: Patient) -> None:
    symbols = defaultdict(set)
    for provider in ("cuda", "tensorrt"):
        library = patient.site / f"onnxruntime/capi/libonnxruntime_providers_{provider}.so"
        for row in patient.run("readelf", "-W", "--dyn-syms", library).splitlines():
            if match := re.search(r" UND (\w+)@(lib[\w.]+)", row):
                symbols[match[2]].add(match[1])
            elif match := re.search(
                r" UND (createInfer\w+|createNvOnnx\w+|getInfer\w+|\w*[pP]lugin\w*)$", row
            ):
                symbols["tensorrt"].add(match[1])
    for name, (version, folder, libraries) in PARTS.items():
        files = {f"{folder}/{so}": built(patient, so, symbols) for so in libraries}
        patient.distribution(name, version, files)
    patient.remove("{root}/parts")


def built(patient: Patient, soname: str, symbols: dict[str, set[str]]) -> bytes:
    mine = soname.startswith("libnv")
    names = symbols["tensorrt" if mine else soname]
    code = "".join(f"int {symbol}(void) {{ return 1; }}\n" for symbol in sorted(names))
    source = patient.write("{root}/parts/part.c", code)
    link = [f"-Wl,-soname,{soname}", "-nostdlib", "-w"]
    if not mine:
        script = patient.write("{root}/parts/part.map", f"{soname} {{ global: *; }};\n")
        link.append(f"-Wl,--version-script={script}")
    out = patient.at("{root}/parts/part.so")
    patient.run("gcc", "-shared", "-fPIC", source, *link, "-o", out)
    return out.read_bytes()
