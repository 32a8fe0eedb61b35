"""A renderer of one's own that brings the libstdc++ of the compiler it was built with, under its
plain name: GCC 4.7's. The stand-in has that release's symbol versions and no function."""

from clinic.patient import Patient

INIT = '''"""Renders scenes; a stand-in."""

import ctypes
from pathlib import Path

library = ctypes.CDLL(str(Path(__file__).parent / "lib" / "librender.so"))
'''


def make(patient: Patient) -> None:
    build = patient.at("{root}/build")
    build.mkdir()
    nodes = ["GLIBCXX_3.4", *(f"GLIBCXX_3.4.{n}" for n in range(1, 18)), "CXXABI_1.3"]
    nodes += [f"CXXABI_1.3.{n}" for n in range(1, 7)]
    lines = [f"{node} {{ global: at_{node.replace('.', '_')}; }};\n" for node in nodes]
    script = patient.write("{root}/build/cxx.map", "".join(lines))
    code = "".join(f"int at_{node.replace('.', '_')};\n" for node in nodes)
    source = patient.write("{root}/build/cxx.c", code)
    old = build / "libstdc++.so.6"
    names = [f"-Wl,--version-script={script}", "-Wl,-soname,libstdc++.so.6"]
    patient.run("gcc", "-shared", "-fPIC", source, *names, "-o", old)
    render = patient.write("{root}/build/render.c", "int render(void) { return 0; }\n")
    link = ["-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN", old, "-o", build / "librender.so"]
    patient.run("gcc", "-shared", "-fPIC", render, *link)
    files = {"scenekit/__init__.py": INIT}
    for library in (old, build / "librender.so"):
        files[f"scenekit/lib/{library.name}"] = library.read_bytes()
    patient.distribution("scenekit", "1.1.0", files)
    patient.remove("{root}/build")
