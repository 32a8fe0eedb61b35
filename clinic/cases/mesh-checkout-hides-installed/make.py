"""meshkit is installed with its compiled module; the project is its checkout, without one."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    code = (
        "import sysconfig as s; print(s.get_path('include')); print(s.get_config_var('EXT_SUFFIX'))"
    )
    include, suffix = patient.run(patient.python, "-c", code).split()
    out = patient.at("{root}/module.so")
    patient.run("gcc", "-shared", "-fPIC", f"-I{include}", patient.case / "module.c", "-o", out)
    files = {
        "meshkit/__init__.py": (patient.project / "meshkit" / "__init__.py").read_bytes(),
        f"meshkit/_C{suffix}": out.read_bytes(),
    }
    patient.distribution("meshkit", "0.7.8", files)
    patient.remove("{root}/module.so")
