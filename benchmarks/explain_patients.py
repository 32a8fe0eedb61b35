"""Error texts with the patient that said them: does `gpufix explain` name the cause, does its plan solve it.

    python benchmarks/explain_patients.py run [CASE...] [--wheels 1-13] [--again] [--torch FOLDER]
    python benchmarks/explain_patients.py report

The patients are the clinic's broken cases (clinic/README.md) and those of benchmarks/patients, rebuilt from
their recipes; the text is what the first failing command of the case's truth log said. The cause counts as named
when the headline of `gpufix explain --format json`, read with the rubric of clinic/adapters/gpufix.toml, names
the case's cause and its subject. The plan is the one that explain names: `gpufix fix --apply --unsafe` as it
says; solved means that the case's own check passes after it. Told: the plan is one that a person carries out,
with its command. A plan whose wheels no index here has is not judged, and said (`--torch`: a folder of torch's
wheels in the place of its own index). Answers are kept in benchmarks/explain_patients.jsonl, and a stopped run
goes on. `--again` asks whoever was not asked with the code at hand.

It needs what the clinic needs, and gpufix installed beside the Python that runs this.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from clinic import adapter, build, judge
from clinic.case import Case, cases, digest
from clinic.patient import Failed, Patient
from clinic.runner import Record, Said
from clinic.truth import plain

KEPT = Path(__file__).with_suffix(".jsonl")
OWN = Path(__file__).with_name("patients")
INDEX = "https://pypi.org/simple"  # beside a folder of torch's wheels
CODE = digest(Path(__file__).parent.parent / "src" / "gpufix")[:12]
GPUFIX = str(Path(sys.executable).parent / "gpufix")
ABSENT = re.compile(
    r"has no wheel here|error sending request|dns error|Connection refused|no version of|not found in the package registry|HTTP status"
)
ERROR = re.compile(r"error|exception|cannot|fatal|failed|not found|undefined", re.IGNORECASE)


def text(case: Case) -> str:
    """What the first failing command of the truth log said; "" when it shows no error."""
    log = json.loads((case.folder / "truth.json").read_text("utf-8"))["log"]
    for said in log:
        output = "\n".join(said.get("output", ()))
        if said.get("exit", 0) != 0 and ERROR.search(output):
            return output
    return ""


def pins(case: Case) -> int:
    """How many wheels the patient has: what a run costs."""
    listing = case.folder / case.recipe.wheels
    return len(listing.read_text("utf-8").splitlines()) if case.recipe.wheels else 0


def asked(case: Case, patient: Patient) -> dict[str, Any]:
    """The answer of `gpufix explain` for the case's text, in the project's folder."""
    log = patient.root / "pasted.log"
    log.write_text(patient.filled(text(case)), encoding="utf-8")
    gpus = [f"--gpu={gpu}" for gpu in case.gpu]
    command = [GPUFIX, "explain", str(log), "--python", "{python}", *gpus, "--format", "json"]
    command += ["--project", "{project}"] if case.recipe.project else []
    answer = patient.ask(command, limit=180)
    found = re.search(r"^\{.*^\}", answer.output, re.MULTILINE | re.DOTALL)
    return json.loads(found[0]) if found else {"failed": answer.output[-2000:]}


def named(case: Case, answer: dict[str, Any]) -> bool:
    """Whether the headline names the cause, by the rubric that judges `gpufix doctor`."""
    primary, here = answer.get("primary") or {}, answer.get("patient") or {}
    finding = here.get("finding") or {}
    block = {
        "code": answer.get("rule"),
        "severity": "error",
        "subject": finding.get("subject", ""),
        "message": " ".join(
            [primary.get("what", ""), *primary.get("notes", ()), primary.get("text", "")]
        ),
        "finding": finding.get("message", ""),
        "evidence": finding.get("evidence", ()),
    }
    (tool,) = adapter.adapters(["gpufix"])
    said = Said(exit=1, seconds=0, output=json.dumps({"findings": [block]}))
    record = Record(case=case.id, content="", tool="gpufix", version="", how="", said=said)
    return bool(judge.judged(tool, case, record).named)


def applied(case: Case, patient: Patient, answer: dict[str, Any], torch: str | None) -> str:
    """Carry out the plan that was named: what that said; "" where there is none to carry out."""
    plan = (answer.get("patient") or {}).get("plan") or {}
    if case.remedy is None or plan.get("safety") not in ("safe", "unsafe"):
        return ""
    gpus = [f"--gpu={gpu}" for gpu in case.gpu]
    command = [GPUFIX, "fix", *(["{project}"] if case.recipe.project else [])]
    command += ["--python", "{python}", *gpus, "--apply", "--unsafe"]
    given = shlex.split(plan.get("command") or "", comments=False)
    for option in ("--log", "--fallback"):
        if given[:2] == ["gpufix", "fix"] and option in given:
            command += [option, given[given.index(option) + 1]]
    if torch and "torch" in plan["title"]:
        command += ["--find-links", torch, "--index-url", INDEX]
    return patient.ask(command, limit=900).output


def solved(case: Case, patient: Patient) -> bool:
    """The case's own check."""
    within = [GPUFIX, "run", "--python", "{python}", "--"]
    checks = case.remedy.check if case.remedy else []
    return all(patient.ask([*within, *check]).exit == 0 for check in checks)


def one(case: Case, torch: str | None) -> dict[str, Any]:
    """The record of a case."""
    made: dict[str, Any] = {
        "case": case.id,
        "content": digest(case.folder),
        "code": CODE,
        "failed": "",
    }
    try:
        with build.patient(case) as patient:
            answer = asked(case, patient)
            here = answer.get("patient") or {}
            plan = here.get("plan") or {}
            done = applied(case, patient, answer, torch)
            whole = bool(done) and solved(case, patient)
            made |= {
                "kind": case.kind.value,
                "cause": case.cause.name if case.cause else "",
                "rule": answer.get("rule"),
                "id": (answer.get("primary") or {}).get("id"),
                "state": here.get("state"),
                "reason": here.get("reason"),
                "finding": [
                    (here.get("finding") or {}).get(k) for k in ("code", "subject", "message")
                ],
                "plan": here.get("plan") and {k: plan.get(k) for k in ("title", "safety")},
                "said": answer.get("failed", ""),
                "named": named(case, answer),
                "remedy": bool(case.remedy),
                "solved": whole,
                "told": plan.get("safety") == "manual",
                "absent": bool(not whole and ABSENT.search(done)),
                "done": "" if whole else plain(done, patient)[-600:],
            }
    except Failed as fault:
        made["failed"] = str(fault)[-1000:]
    return made


def kept() -> dict[str, dict[str, Any]]:
    """The records, by case; the last of a case counts."""
    lines = KEPT.read_text("utf-8").splitlines() if KEPT.exists() else []
    return {row["case"]: row for row in map(json.loads, lines)}


def every(names: list[str]) -> list[Case]:
    """The broken cases of these names, of the clinic and of this benchmark's own."""
    found = [*cases(None), *cases(None, OWN)]
    return [c for c in found if not c.healthy and (not names or {c.id, c.kind.value} & set(names))]


def run(names: list[str], wheels: range, again: bool, torch: str | None) -> None:
    """Ask about each case that is due; each answer is kept at once."""
    old = kept()
    chosen = [c for c in every(names) if text(c) and pins(c) in wheels]
    for case in sorted(chosen, key=pins):
        known = old.get(case.id)
        current = known and not known["failed"] and known["content"] == digest(case.folder)
        if current and not (again and known.get("code") != CODE):
            continue
        made = one(case, torch)
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(json.dumps(made) + "\n")
        print(
            f"{case.id:48} {made.get('rule')!s:8} named {made.get('named')} solved {made.get('solved')}",
            flush=True,
        )


def report(rows: Iterable[dict[str, Any]]) -> None:
    """Two shares, and a line for each case that falls short."""
    answered = [row for row in rows if not row["failed"]]
    remedied = [row for row in answered if row["remedy"] and not row.get("absent")]
    told = sum(bool(row.get("told")) for row in remedied)
    print(f"texts with their patient: {len(answered)}; told, with the command: {told}")
    print(f"wheels of the plan not to be had: {sum(bool(row.get('absent')) for row in answered)}")
    for name, of in (("named", answered), ("solved", remedied)):
        hits = sum(bool(row[name]) for row in of)
        print(f"{name:8} {hits}/{len(of)} ({100 * hits / max(1, len(of)):.1f} %)")
    for row in answered:
        if not row["named"] or (row["remedy"] and not row["solved"]):
            plan = row["plan"] or {}
            print(
                f"  {row['case']:46} {row['cause']:22} {row['rule']!s:7} named={row['named']!s:5} "
                f"solved={row['solved']!s:5} {row['state']}; {plan.get('safety')}: {plan.get('title')}"
            )


def main() -> None:
    """Run or report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--wheels", default="0-1000", help="patients of so many wheels")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--torch", help="a folder of torch's wheels")
    options = parser.parse_args()
    if options.what == "run":
        least, _, most = options.wheels.partition("-")
        run(options.cases, range(int(least), int(most or least) + 1), options.again, options.torch)
    report(kept().values())


if __name__ == "__main__":
    main()
