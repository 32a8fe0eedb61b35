"""The truth log: what the loader, ``import``, pip, nvcc or cuobjdump say of a patient."""

from __future__ import annotations

import json
import platform
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from clinic.case import Case, Truth
from clinic.patient import Answer, Patient, program

LINES = 40  # of the end of an output


def plain(text: str, patient: Patient) -> str:
    """Output without what differs from run to run: paths, addresses, times of a build."""
    for name in ("site", "prefix", "project", "case", "root"):
        text = text.replace(str(getattr(patient, name)), "{" + name + "}")
    text = text.replace(f"{Path.home()}/", "{user}/")
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text)


def agrees(truth: Truth, answer: Answer) -> str:
    """Why the answer is not what the case says, or nothing."""
    if truth.exit == "fails" and answer.exit in (0, None):
        return f"ended with {answer.exit}, should fail"
    if truth.exit != "fails" and answer.exit != truth.exit:
        return f"ended with {answer.exit}, not {truth.exit}"
    if truth.says and not re.search(truth.says, answer.output):
        return f"did not say /{truth.says}/"
    return ""


def log(case: Case, patient: Patient) -> tuple[dict[str, Any], list[str]]:
    """The log, and where it contradicts the case."""
    rows: list[dict[str, Any]] = []
    faults = []
    for truth in case.truth:
        answer = patient.ask(truth.run)
        tail = plain(answer.output, patient).splitlines()[-LINES:]
        rows.append({"run": truth.run, "exit": answer.exit, "output": tail})
        if fault := agrees(truth, answer):
            faults.append(f"{' '.join(truth.run)}: {fault}:\n" + "\n".join(tail[-12:]))
    if case.remedy:
        passed = all(patient.ask(command).exit == 0 for command in case.remedy.check)
        rows.append({"remedy": "the check passes before any repair" if passed else "fails"})
        if passed:
            faults.append("the remedy's check passes before any repair")
    return {
        "made": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine(),
        "versions": versions(case, patient),
        "log": rows,
    }, faults


def machine() -> dict[str, str]:
    libc = " ".join(platform.libc_ver())
    return {"system": platform.system(), "processor": platform.machine(), "libc": libc}


def versions(case: Case, patient: Patient) -> dict[str, str]:
    """Of every program that the recipe or the truth asks for."""
    asked = {"python": ["{python}", "--version"]}
    asked |= {name: [program(name), "--version"] for name in case.recipe.needs}
    found = {}
    for name, command in asked.items():
        answer = patient.ask(command)
        numbers = re.findall(r"\d+\.\d+[\w.+-]*", answer.output)
        found[name] = (
            (numbers[-1] if name in ("nvcc", "cuobjdump") else numbers[0]) if numbers else ""
        )
    return found


def save(case: Case, made: dict[str, Any]) -> Path:
    path = case.folder / "truth.json"
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
