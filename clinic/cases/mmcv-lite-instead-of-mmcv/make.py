"""A small project of one's own on top of mmcv: it uses an operator and requires mmcv."""

from clinic.patient import Patient

CODE = '''"""Boxes of vehicles, the overlapping ones removed."""

from mmcv.ops import nms

__all__ = ["nms"]
'''


def make(patient: Patient) -> None:
    files = {"vehicle_detector/__init__.py": CODE}
    patient.distribution("vehicle-detector", "0.3.0", files, "Requires-Dist: mmcv>=2.0")
