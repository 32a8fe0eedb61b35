"""Stand-ins for the shared libraries of FFmpeg 8, in the environment's own lib folder.

Each has the name, the symbol version and the functions that torchcodec's libraries for FFmpeg 8
ask of it, and nothing more.
"""

import re
from collections import defaultdict

from clinic.patient import Patient

RELEASE = 8


def make(patient: Patient) -> None:
    libraries = sorted((patient.site / "torchcodec").glob(f"*{RELEASE}.so"))
    dynamic = "".join(patient.run("readelf", "-Wd", library) for library in libraries)
    symbols = defaultdict(set)
    for library in libraries:
        for row in patient.run("readelf", "-W", "--dyn-syms", library).splitlines():
            if match := re.search(r" UND (\w+)@(LIB(?:AV|SW)\w+)", row):
                symbols[match[2]].add(match[1])
    for name in sorted(set(re.findall(r"NEEDED.*\[(lib(?:av|sw)\w+\.so\.\d+)\]", dynamic))):
        version = name.split(".")[0].upper() + "_" + name.rsplit(".", 1)[1]
        lines = [f"int {symbol}(void) {{ return -1; }}\n" for symbol in sorted(symbols[version])]
        source = patient.write("{root}/ffmpeg/part.c", "".join(lines))
        script = patient.write("{root}/ffmpeg/part.map", f"{version} {{ global: *; }};\n")
        link = [f"-Wl,-soname,{name}", f"-Wl,--version-script={script}", "-nostdlib", "-w"]
        patient.run("gcc", "-shared", "-fPIC", source, *link, "-o", patient.prefix / "lib" / name)
        if name.startswith("libavutil"):  # what an upgrade left: one library of FFmpeg 4, useless
            older = patient.prefix / "lib" / "libavutil.so.56"
            patient.run(
                "gcc",
                "-shared",
                "-fPIC",
                source,
                "-Wl,-soname,libavutil.so.56",
                "-nostdlib",
                "-w",
                "-o",
                older,
            )
    patient.remove("{root}/ffmpeg")
