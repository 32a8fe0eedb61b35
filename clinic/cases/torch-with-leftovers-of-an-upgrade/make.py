"""pip renames what it replaces to ~…; an upgrade that could not delete it leaves it there."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    patient.write("~orch/version.py", "__version__ = '2.4.1'\n")
    patient.write("~orch/lib/libtorch_cpu.so", b"\x7fELF" + bytes(60))
    metadata = "Metadata-Version: 2.1\nName: torch\nVersion: 2.4.1\n"
    patient.write("~orch-2.4.1.dist-info/METADATA", metadata)
    patient.write(
        "~orch-2.4.1.dist-info/RECORD", "torch/version.py,,\ntorch/lib/libtorch_cpu.so,,\n"
    )
