"""As after `pip install --prefix opt/tools numba faiss-cpu`."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    tools = patient.root / "opt" / "tools"
    target = tools / patient.site.relative_to(patient.prefix)
    target.mkdir(parents=True)
    for path in patient.site.iterdir():
        if "virtualenv" not in path.name:
            path.rename(target / path.name)
    (tools / "bin").mkdir()
    for path in (patient.prefix / "bin").iterdir():
        if path.name.startswith(("f2py", "numba", "numpy")):
            path.rename(tools / "bin" / path.name)
