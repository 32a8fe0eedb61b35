"""Programs of the patient and the project are run only when they are binaries."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from machine import program

from gpufix.facts.context import CollectContext
from gpufix.facts.toolchain.programs import version_of
from gpufix.process import NotStarted

SHELL = "#!/bin/sh\necho ran\n"
PYTHON = "#!/usr/bin/env python3\nprint('ran')\n"
LONG = "#!/bin/sh\n'''exec' \"/a b/python3.11\" \"$0\" \"$@\"\n' '''\n"


@pytest.mark.parametrize(
    ("place", "mark", "text", "runs"),
    [
        ("usr/bin/gcc", None, SHELL, True),
        ("home/me/bin/gcc", None, SHELL, True),
        ("env/bin/gcc", None, None, True),
        ("env/bin/gcc", None, SHELL, False),
        ("env/lib/site-packages/x/gcc", None, SHELL, False),
        ("project/tools/gcc", None, SHELL, False),
        ("other/bin/gcc", "pyvenv.cfg", SHELL, False),
        ("other/bin/gcc", "conda-meta", SHELL, False),
        ("other/bin/gcc", "pyvenv.cfg", None, True),
        ("usr/bin/gcc", None, PYTHON, False),
        ("usr/bin/gcc", None, LONG, False),
        ("environment/bin/gcc", None, SHELL, True),  # begins like env
    ],
)
def test_scripts(
    place: str, mark: str | None, text: str | None, runs: bool, ctx: CollectContext, tmp_path: Path
) -> None:
    gcc = program(tmp_path, place, text or b"")
    if text is None:
        shutil.copy("/bin/echo", gcc)
    if mark:
        (gcc.parent.parent / mark).touch()
    ctx = replace(ctx, examined=(tmp_path / "env", tmp_path / "project"))
    if runs:
        assert version_of(ctx, gcc, gcc, "ran").out == b"ran\n"
    else:
        with pytest.raises(NotStarted, match="it is not run"):
            version_of(ctx, gcc, gcc, "ran")


def test_what_a_script_of_the_patient_leads_to_is_no_script_either(
    ctx: CollectContext, tmp_path: Path
) -> None:
    found = program(tmp_path, "env/bin/gcc", SHELL)
    real = program(tmp_path, "usr/bin/gcc", SHELL)
    ctx = replace(ctx, examined=(tmp_path / "env",))
    with pytest.raises(NotStarted):
        version_of(ctx, found, real)
    assert version_of(replace(ctx, examined=()), found, real).out == b"ran\n"
