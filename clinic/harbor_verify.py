"""The verifier of an exported task: `verify.py CASE.json PATIENT REWARD.json`. It needs only Python.

`diagnose` is 1 when the answer names the cause (or that there is none), `repair` when the case's
check passes; `reward` is their mean, over those that the case has.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any


def diagnosed(case: dict[str, Any], answer: dict[str, Any]) -> bool:
    cause = case["cause"]
    if answer.get("healthy") is not case["healthy"]:
        return False
    if cause is None:
        return True
    if answer.get("cause") not in [cause["name"], *cause["also"]]:
        return False
    files = [Path(str(f)).name for f in answer.get("files") or []]
    if cause["files"] and not set(files) & {Path(f).name for f in cause["files"]}:
        return False
    text = json.dumps(answer)
    return not cause["subject"] or any(re.search(s, text, re.I) for s in cause["subject"])


def repaired(case: dict[str, Any], patient: Path) -> bool:
    prefix = patient / case["recipe"].get("folder", "venv")

    def filled(text: str) -> str:
        site = prefix / "lib" / f"python{case['python']}" / "site-packages"
        names = {"python": prefix / "bin/python", "prefix": prefix, "site": site}
        names |= {"project": patient / "project", "root": patient, "cuda": Path("/usr/local/cuda")}
        for name, path in names.items():
            text = text.replace("{" + name + "}", str(path))
        return text

    own = {k: filled(v) for k, v in case["recipe"]["environment"].items()}
    path = f"{prefix}/bin:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(prefix), **own}
    where = patient / "project" if (patient / "project").is_dir() else patient
    return all(
        subprocess.run(
            [filled(p) for p in command], env=variables, cwd=where, check=False
        ).returncode
        == 0
        for command in case["remedy"]["check"]
    )


def main(case_path: str, patient: str, reward_path: str) -> None:
    case = json.loads(Path(case_path).read_text("utf-8"))
    try:
        answer = json.loads(Path(patient, "answer.json").read_text("utf-8"))
    except (OSError, ValueError):
        answer = {}
    scores = {"diagnose": float(isinstance(answer, dict) and diagnosed(case, answer))}
    if case["remedy"]:
        scores["repair"] = float(repaired(case, Path(patient)))
    scores["reward"] = sum(scores.values()) / len(scores)
    Path(reward_path).parent.mkdir(parents=True, exist_ok=True)
    Path(reward_path).write_text(json.dumps(scores) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
