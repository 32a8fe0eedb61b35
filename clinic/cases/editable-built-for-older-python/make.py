"""An editable installation: a .pth to the checkout, where an in-place build of 3.10 was left."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    suffix = "cpython-310-x86_64-linux-gnu.so"
    target = patient.project / "src" / "raysort" / f"_core.{suffix}"
    source = patient.project / "src" / "core.c"
    patient.run("gcc", "-shared", "-fPIC", "-O1", include(patient), source, "-o", target)
    patient.distribution(
        "raysort",
        "0.5.0",
        {"__editable__.raysort-0.5.0.pth": f"{patient.project / 'src'}\n"},
    )
    url = f'{{"dir_info": {{"editable": true}}, "url": "file://{patient.project}"}}'
    patient.write("raysort-0.5.0.dist-info/direct_url.json", url)


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
