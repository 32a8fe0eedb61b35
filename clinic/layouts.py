"""Layouts that other installers leave: what the scripts of several cases share."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from clinic.patient import Patient

ASKED = (
    "import json, os, sys, sysconfig; print(json.dumps([os.path.realpath(sys.executable), "
    "sysconfig.get_path('stdlib', vars={'installed_base': sys.base_prefix}), sys.base_prefix]))"
)
PACKAGES = ("site-packages", "dist-packages", "__pycache__")


def interpreter(patient: Patient, home: Path, program: str = "") -> Path:
    """A whole Python below `home`, no environment of another: a copy of the program (the patient's
    own, if none is named), and links to its standard library. Its site-packages, which is empty.
    """
    said = patient.run(program or patient.python, "-I", "-c", ASKED)
    binary, library, base = map(Path, json.loads(said.splitlines()[-1]))
    standard = home / library.relative_to(base)
    own = home / "bin" / f"python{patient.version}"
    for folder in (standard, own.parent):
        folder.mkdir(parents=True, exist_ok=True)
    own.unlink(missing_ok=True)  # of an environment: a link to the program
    shutil.copy2(binary, own)
    for shared in library.parent.glob("libpython*.so*"):
        shutil.copy2(shared, standard.parent / shared.name)
    for entry in library.iterdir():
        if entry.name not in PACKAGES:
            (standard / entry.name).symlink_to(entry)
    for name in ("python3", "python"):
        link(own.parent / name, Path(own.name))
    site = standard / "site-packages"
    site.mkdir(exist_ok=True)
    return site


def link(place: Path, target: Path) -> None:
    """A link in place of what was there."""
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def apart(patient: Patient, below: Path, place: Callable[[str, str], Path]) -> dict[str, Path]:
    """Move what each distribution recorded `below` a folder to a place of its own, by its name and
    version; the places."""
    places = {}
    for info in sorted(patient.site.glob("*.dist-info")):
        name, version = info.name.removesuffix(".dist-info").lower().rsplit("-", 1)
        places[name] = place(name, version)
        rows = csv.reader((info / "RECORD").read_text("utf-8").splitlines())
        for row in list(rows):
            path = Path(os.path.normpath(patient.site / row[0]))
            if path.is_file() and path.is_relative_to(below):
                target = places[name] / path.relative_to(below)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    folders = [path for path in patient.site.rglob("*") if path.is_dir()]
    for folder in sorted(folders, reverse=True):
        with suppress(OSError):  # it still holds something
            folder.rmdir()
    return places


def linked(source: Path, view: Path, *, whole: bool = False) -> None:
    """Every file of `source` as a link in `view`; `whole`: a folder that only one source has is a link."""
    view.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        place = view / entry.name
        if whole and not place.exists():
            place.symlink_to(entry)
        elif not entry.is_dir():
            link(place, entry)
        elif place.is_symlink():
            first = place.resolve()
            place.unlink()
            linked(first, place, whole=whole)
            linked(entry, place, whole=whole)
        else:
            linked(entry, place, whole=whole)
