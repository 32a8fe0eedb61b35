"""Stand-ins for the shared libraries of FFmpeg 9, in the environment's own lib folder: their names."""

from clinic.patient import Patient

LIBRARIES = {"avutil": 61, "avcodec": 63, "avformat": 63, "avfilter": 12, "avdevice": 63}
LIBRARIES |= {"swscale": 10, "swresample": 7}


def make(patient: Patient) -> None:
    for name, release in LIBRARIES.items():
        soname = f"lib{name}.so.{release}"
        code = f"unsigned {name}_version(void) {{ return {release} << 16; }}\n"
        source = patient.write("{root}/ffmpeg/part.c", code)
        link = [f"-Wl,-soname,{soname}", "-nostdlib"]
        patient.run("gcc", "-shared", "-fPIC", source, *link, "-o", patient.prefix / "lib" / soname)
    patient.remove("{root}/ffmpeg")
