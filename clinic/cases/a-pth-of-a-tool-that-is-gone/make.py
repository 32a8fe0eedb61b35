"""setuptools was removed by hand; its .pth file was not."""

from clinic.patient import Patient

LINE = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; "
    "enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim(); \n"
)


def make(patient: Patient) -> None:
    patient.write("distutils-precedence.pth", LINE)
