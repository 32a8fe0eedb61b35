"""A vendor's folder with the libstdc++ of GCC 4.8: here a library with that one's version names."""

from clinic.patient import Patient

NAMES = ["GLIBCXX_3.4", *(f"GLIBCXX_3.4.{n}" for n in range(1, 20))]
NAMES += ["CXXABI_1.3", *(f"CXXABI_1.3.{n}" for n in range(1, 8))]


def make(patient: Patient) -> None:
    patient.write("{root}/vendor/map", "".join(f"{name} {{ }};\n" for name in NAMES))
    patient.write("{root}/vendor/empty.c", "")
    library = patient.root / "vendor" / "lib" / "libstdc++.so.6"
    library.parent.mkdir()
    folder = library.parent.parent
    options = ["-shared", "-nostdlib", "-Wl,-soname,libstdc++.so.6"]
    options.append(f"-Wl,--version-script={folder / 'map'}")
    patient.run("gcc", *options, "-o", library, folder / "empty.c")
    patient.remove("{root}/vendor/map", "{root}/vendor/empty.c")
