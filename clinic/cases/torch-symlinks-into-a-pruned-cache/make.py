"""`uv cache prune` took torch's archive: its links lead to where nothing is."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    archive = patient.root / "cache" / "uv" / "archive-v0" / "Wd3kq0pXn"
    for top in [patient.site / "torch", *patient.site.glob("torch-*.dist-info")]:
        for path in [p for p in top.rglob("*") if p.is_symlink()]:
            path.unlink()
            path.symlink_to(archive / path.relative_to(patient.site))
