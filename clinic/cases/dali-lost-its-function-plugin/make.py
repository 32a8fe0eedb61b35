"""One of DALI's extension modules is not there, for any Python: a copy or a cleaning left it out."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    patient.remove("nvidia/dali/python_function_plugin.cpython-*.so")
