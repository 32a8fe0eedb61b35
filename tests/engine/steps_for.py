"""One plan's steps for each kind, and an installer that runs in the same process."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from trees import Patient, unpack, wheel

from gpufix.engine.journal import lock
from gpufix.engine.run import apply
from gpufix.engine.run_context import RunContext
from gpufix.model import Build, Install, InstallFallback, Remove, SetVariables, Step, WriteFile


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_installed(p: Patient) -> list[Step]:
    path = p.site / "pkg/shared.py"  # a hard link into an installer's cache
    first = p.site / "pkg/part1/mod1.py"
    return [
        WriteFile(path=str(path), content="edited\n", expect=sha(path)),
        WriteFile(path=str(first), content="edited é\n", expect=sha(first)),
    ]


def _write_project(p: Patient) -> list[Step]:
    setup = p.project / "setup.py"
    return [
        WriteFile(path=str(setup), content="better()\n", expect=sha(setup)),
        WriteFile(path=str(p.project / "new.h"), content="#pragma once\n", mode=0o600),
    ]


def _remove(p: Patient) -> list[Step]:
    return [
        Remove(path=str(p.cache / "my_ext/lock")),
        Remove(path=str(p.cache / "my_ext")),
        Remove(path=str(p.project / "build")),
        Remove(path=str(p.site / "pkg/link")),
    ]


STEPS: dict[str, Callable[[Patient], list[Step]]] = {
    "write-installed": _write_installed,
    "write-project": _write_project,
    "remove": _remove,
    "environment": lambda p: [
        SetVariables(variables={"A": "1"}),
        SetVariables(variables={"B": None}),
    ],
    "reinstall": lambda p: [Install(install=["pkg==1.0"], reinstall=True)],
    "upgrade": lambda p: [Install(install=["pkg==3.0"], dependencies=True)],
    "uninstall": lambda p: [Install(uninstall=["pkg"])],
    "fallback": lambda p: [
        InstallFallback(
            name="fused_ssim", distribution="pkg", version="2.0+gpufix", uninstall=["other"]
        )
    ],
    "build": lambda p: [Build(path=str(p.project))],
    "several": lambda p: [
        *_write_project(p),
        Install(uninstall=["pkg"]),
        Install(install=["pkg==3.0"]),
        Remove(path=str(p.project / "build")),
        SetVariables(variables={"A": "1"}),
        Build(path=str(p.project)),
    ],
}


def installer(patient: Patient, files: int) -> Callable[..., None]:
    """Takes the place of the program that installs: unlinks and writes as one does."""

    def run(
        argv: Sequence[str], context: RunContext, environ: Mapping[str, str], log: str, **_: Any
    ) -> None:
        if "uninstall" in argv:
            _uninstall(patient.site, argv[-1], Path(environ["TMPDIR"]))
            return
        name, version = argv[-1].split("==")
        if list(patient.site.glob(f"{name}-*.dist-info")):
            _uninstall(patient.site, name, Path(environ["TMPDIR"]))
        unpack(patient.site, wheel(name, version, files))
        (patient.prefix / "bin/new-tool").write_text("#!/bin/sh\n")
        if "--no-deps" not in argv:
            unpack(patient.site, wheel("dependency", "1.0", 5))

    return run


def _uninstall(site: Path, name: str, temporary: Path) -> None:
    """As pip does: what it removes is renamed beside itself, or into the temporary folder."""
    (site / "easy-install.pth").write_text("./an.egg\n")
    (info,) = site.glob(f"{name}-*.dist-info")
    rows = (info / "RECORD").read_text().splitlines()
    stashes = [site / f"~{name[1:]}", temporary / "uninstalled"]
    for stash in stashes:
        stash.mkdir()
    for number, row in enumerate(rows):
        shutil.move(site / row.split(",")[0], stashes[number % 2] / str(number))
    info.rmdir()
    for stash in stashes:
        shutil.rmtree(stash)


class Built:
    """What a builder returns."""

    ok = True
    reason = ""
    libraries: tuple[str, ...] = ()
    distribution: str | None = None


def builder(patient: Patient) -> Callable[..., Built]:
    """Writes into files that are there, as compilers do, and installs."""

    def run(step: Build, context: RunContext) -> Built:
        folder = Path(step.path)
        (folder / "build/a").mkdir(parents=True, exist_ok=True)
        with (folder / "build/a/x.o").open("ab") as file:
            file.write(b"OBJECT and more")
        for name in ("z.o", "alias.o"):
            (folder / "build/a" / name).unlink(missing_ok=True)
        (folder / "build/a/z.o").write_bytes(b"made anew")
        (folder / "build/a/alias.o").symlink_to("z.o")
        (folder / "build/a/y.o").write_bytes(b"new")
        (folder / "x.so").write_bytes(b"library")
        unpack(patient.site, wheel("built", "1.0", 5))
        return Built()

    return run


def use_local_programs(monkeypatch: pytest.MonkeyPatch, patient: Patient, files: int) -> None:
    """For this test, installer and builder are the functions above."""
    from gpufix.engine import child
    from gpufix.engine import installer as chosen
    from gpufix.engine.steps import fallback, install

    monkeypatch.setattr(child, "run", installer(patient, files))
    use_builder(monkeypatch, builder(patient))
    fixed = chosen.Installer("pip", ("pip",))
    monkeypatch.setattr(chosen, "choose", lambda facts: fixed)
    monkeypatch.setattr(install, "choose", lambda facts: fixed)
    monkeypatch.setattr(fallback, "choose", lambda facts: fixed)


def use_builder(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> None:
    """For this test, each build is this function, one after another."""
    from gpufix.engine.builds import step as build

    monkeypatch.setattr(build, "run_together", lambda steps, ctx: [run(s, ctx) for s in steps])


def carry_out(
    patient: Patient, steps: Sequence[Step], environ: Mapping[str, str] | None = None
) -> Path:
    """Apply and finish, as a run does; its folder."""
    with lock.held(patient.state, [str(patient.prefix)], "a test") as fds:
        context = RunContext(patient.facts(), environ=environ or {}, lock_fds=fds)
        folder = apply.apply(steps, context, patient.state, "test")
        apply.finish(folder)
    return folder
