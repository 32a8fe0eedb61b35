"""site-packages lay in a git repository with large-file storage, and was cloned without it."""

from clinic.patient import Patient

POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:4a1f0d5c7cf3e1b0c9a85f4f6b6a3f4b7f2a0f0a8d0e5b1c2d3e4f5061728394
size 1264816
"""


def make(patient: Patient) -> None:
    patient.write("safetensors/_safetensors_rust.abi3.so", POINTER)
