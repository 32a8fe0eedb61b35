"""Stand-ins for the shared libraries of FFmpeg 6, in the environment's own lib folder.

Each has the name, the symbol version and the functions that torchcodec's libraries for FFmpeg 6
ask of it, and nothing more.
"""

import re
from collections import defaultdict

from clinic.patient import Patient

RELEASE = 6
OPEN = "import ctypes, sys; [ctypes.CDLL(sys.prefix + '/lib/' + name) for name in {names!r}]\n"


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
    patient.remove("{root}/ffmpeg")
    names = sorted(path.name for path in (patient.prefix / "lib").glob("lib*.so.*"))
    paths = ", ".join(f"sys.prefix + '/lib/{name}'" for name in names)
    opened = f"import ctypes, sys; list(map(ctypes.CDLL, [{paths}]))\n"
    patient.write("ffmpeg-of-the-environment.pth", opened)
