"""A small graph operator of one's own, compiled with the C++ ABI that torch had before 2.6."""

from clinic.patient import Patient

INIT = '''"""Sums of values by group."""

from pathlib import Path

import torch

torch.ops.load_library(str(Path(__file__).with_name("_scatter_cpu.so")))
'''


def make(patient: Patient) -> None:
    out = patient.at("{root}/build/_scatter_cpu.so")
    out.parent.mkdir()
    source = patient.case / "src" / "scatter.cpp"
    flags = ["-O1", "-fPIC", "-shared", "-D_GLIBCXX_USE_CXX11_ABI=0"]
    link = [f"-L{patient.site}/torch/lib", "-Wl,--no-as-needed", "-lc10"]
    patient.run("g++", *flags, source, *link, "-o", out)
    files = {
        "graph_scatter/__init__.py": INIT,
        "graph_scatter/scatter.cpp": source.read_bytes(),
        "graph_scatter/_scatter_cpu.so": out.read_bytes(),
    }
    patient.distribution("graph-scatter", "2.1.2", files, "Requires-Dist: torch")
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n"
    patient.write("graph_scatter-2.1.2.dist-info/WHEEL", tag)
    patient.remove("{root}/build")
