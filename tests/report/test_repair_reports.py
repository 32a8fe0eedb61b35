"""What `fix` and `undo` print: complete, and fit for a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gpufix.engine.journal.undo_run import Preview, Undone
from gpufix.model import (
    Advise,
    Finding,
    FindingKey,
    Held,
    Install,
    Outcome,
    PatientSummary,
    Plan,
    Probe,
    Proposal,
    ServedFinding,
    Severity,
    Skip,
    StepPreview,
    TorchMove,
)
from gpufix.model.base import from_json, to_json
from gpufix.report import plans, run_list
from gpufix.report.lines import Lines

EVIL = "\x1b[31mred\u202e\n::error::x"


def plan(safety: str = "safe", title: str = "repair it") -> Plan:
    steps = [Install(install=["a==1"]), Advise(text="reboot", command="sudo reboot")]
    return Plan(fix="f", codes=["WHL503"], title=title, safety=safety, steps=steps, notes=["note"])


def finding(code: str) -> Finding:
    return Finding(code=code, name="n", severity=Severity.error, subject="s", message=EVIL)


def text(render: Callable[[Any], Lines], record: object) -> str:
    return render(record).plain()


def proposal(**more: object) -> Proposal:
    return Proposal(gpufix_version="0", patient=PatientSummary(), **more)  # type: ignore[arg-type]


def test_nothing_to_repair() -> None:
    assert text(plans.proposed, proposal()) == "nothing to repair\n"


def test_a_proposal_shows_commands_diffs_and_what_is_held_back() -> None:
    step = StepPreview(
        kind="install",
        title="install a",
        commands=["pip install a"],
        diff="+\tnew\n",
        resolved=False,
    )
    written = StepPreview(
        kind="environment", title="write A", commands=["export A=1"], diff='+ "A"'
    )
    shown = text(
        plans.proposed,
        proposal(
            plans=[plan("unsafe")],
            steps=[step, written],
            held=[Held(plan=plan("manual", "the driver"), reason="for you to do")],
            skips=[Skip(fix="f", code="WHL502", subject="x", reason="is not known")],
            refused="/env is not writable",
        ),
    )
    for part in (
        "unsafe WHL503 repair it",
        "$ pip install a",
        "+  new",
        "$ export A=1",
        "not resolved (--resolve asks the index)",
        "the driver",
        "$ sudo reboot",
        "WHL502 x: is not known",
        "cannot be applied: /env is not writable",
        "nothing can be applied as asked",
    ):
        assert part in shown
    assert '"A"' not in shown


@pytest.mark.parametrize("state", ["kept", "undone", "failed", "nothing"])
def test_an_outcome_says_what_came_of_it(state: str) -> None:
    result = Outcome(
        gpufix_version="0",
        patient=PatientSummary(),
        state=state,  # type: ignore[arg-type]
        run="20260101-000000-abcd",
        plans=[plan()],
        fixed=[finding("WHL503")],
        remaining=[finding("TCH201")],
        introduced=[finding("WHL506")],
        revealed=[finding("GPU101")],
        probes=[Probe(module="a", ok=False, said="ImportError: b")],
        reason="because" if state != "kept" else None,
        seconds=1.25,
        bytes_kept=3 << 20,
    )
    shown = text(plans.came_out, result)
    for part in ("remaining TCH201", "introduced WHL506", "now visible GPU101", "ImportError: b"):
        assert part in shown
    assert ("because" in shown) is (state != "kept")
    assert ("3.0 MiB kept for: gpufix undo 20260101-000000-abcd" in shown) is (state == "kept")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\n::error::" not in shown
    again = plans.outcome_as_json(result)
    assert again.isascii()
    assert json.loads(again)["state"] == state


INSTEAD = "gpufix fix --apply --fallback fused_ssim"
ASKED = Skip(fix="f", code="", subject="fused_ssim", reason="it needs torch>=2.0", asked=True)


def test_what_could_be_done_instead_is_named() -> None:
    """Before a rebuild, and after one that failed."""
    rebuild = replace(plan(title="rebuild it"), alternative=INSTEAD)
    before = text(plans.proposed, proposal(plans=[rebuild]))
    failed = Outcome(
        gpufix_version="0",
        patient=PatientSummary(),
        state="failed",
        held=[Held(plan=rebuild, reason="nvcc exits with 1")],
    )
    after = text(plans.came_out, failed)
    for shown in (before, after):
        assert f"$ {INSTEAD}" in shown
    assert "instead" not in text(plans.proposed, proposal(plans=[plan()]))


def test_plans_that_do_the_same_are_told_once() -> None:
    """numpy<2 for pandas and for scipy: one entry, and the notes of both."""
    rows = [
        Held(plan=replace(plan(), notes=[note]), reason="needs --unsafe")
        for note in ("pandas", "scipy")
    ]
    before = text(plans.proposed, proposal(held=rows))
    after = text(plans.came_out, replace(_kept(), held=rows))
    assert before.count(plan().title) == after.count(plan().title) == 1
    assert "note: pandas" in before and "note: scipy" in before


@pytest.mark.parametrize(("tried", "shown"), [(False, False), (True, True)])
def test_a_plan_that_waited_for_what_is_fixed_is_not_told(tried: bool, shown: bool) -> None:
    fixed = finding("WHL503")
    row = Held(plan=replace(plan(), finding=fixed.key), reason="waits", tried=tried)
    assert ("not applied" in text(plans.came_out, replace(_kept(fixed), held=[row]))) is shown


def test_what_has_a_plan_is_not_said_to_have_none() -> None:
    planned = replace(plan(), finding=FindingKey("SYM401", "torchvision"))
    skips = [
        Skip(fix="g", code="SYM401", subject=name, reason="no") for name in ("torchvision", "x")
    ]
    shown = text(plans.proposed, proposal(plans=[planned], skips=skips))
    assert "SYM401 x: no" in shown and "SYM401 torchvision: no" not in shown


def _kept(*fixed: Finding) -> Outcome:
    return Outcome(gpufix_version="0", patient=PatientSummary(), state="kept", fixed=[*fixed])


@pytest.mark.parametrize(
    ("safety", "shown"), [("safe", False), ("unsafe", False), ("manual", True)]
)
def test_an_outcome_tells_the_command_of_what_only_people_can_do(safety: str, shown: bool) -> None:
    """A part of a plan that was not applied is none."""
    row = Held(plan=plan(safety), reason="it was not applied")
    nothing = Outcome(gpufix_version="0", patient=PatientSummary(), state="nothing", held=[row])
    assert ("$ sudo reboot" in text(plans.came_out, nothing)) is shown


@pytest.mark.parametrize(
    ("state", "subject", "planned", "shown"),
    [
        ("kept", "s", True, False),
        ("kept", "another", False, False),
        ("kept", "s", False, True),
        ("failed", "s", False, True),
    ],
)
def test_what_remains_without_a_plan_says_why(
    state: Any, subject: str, planned: bool, shown: bool
) -> None:
    tried = replace(plan(), finding=FindingKey("TCH201", "s") if planned else None)
    outcome = Outcome(
        gpufix_version="0",
        patient=PatientSummary(),
        state=state,
        plans=[tried],
        remaining=[finding("TCH201")],
        skips=[Skip(fix="f", code="TCH201", subject=subject, reason="nothing is listed")],
    )
    assert ("no plan: nothing is listed" in text(plans.came_out, outcome)) is shown


TOLD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"for_this_torch": True}, {}),
    (
        {"moves_torch": TorchMove(release="2.9.0", variant="cu128"), "alternative": "gpufix fix"},
        {"release": "2.9.0", "variant": "cu128", "alternative": "gpufix fix"},
    ),
    (
        {"fallback": "fused_ssim", "finding": FindingKey("GPU103", "s")},
        {"fallback": "fused_ssim", "finding": ["GPU103", "s"]},
    ),
    (
        {"fallback": "f", "asked": True, "served": (ServedFinding("SRC611", "a.py", 3),)},
        {"fallback": "f", "asked": "f", "served": [["SRC611", "a.py", 3]]},
    ),
    ({"fallback": "f", "asked": True}, {"fallback": "f", "asked": "f", "served": []}),
]


@pytest.mark.parametrize(("fields", "data"), TOLD)
def test_the_json_of_a_plan_has_its_form_from_the_first(
    fields: dict[str, Any], data: dict[str, Any]
) -> None:
    made = replace(plan(), **fields)
    assert from_json(Plan, json.loads(json.dumps(to_json(made)))) == made
    shown = json.loads(plans.as_json(proposal(plans=[made], held=[Held(plan=made, reason="r")])))
    for row in (shown["plans"][0], shown["held"][0]["plan"]):
        assert list(row) == [
            "fix",
            "codes",
            "subjects",
            "title",
            "safety",
            "steps",
            "notes",
            "data",
        ]
        assert (row["data"], list(row["data"])) == (data, list(data))


def test_what_was_asked_for_and_cannot_be_had_is_said() -> None:
    nothing = Outcome(gpufix_version="0", patient=PatientSummary(), state="nothing", skips=[ASKED])
    for shown in (
        text(plans.proposed, proposal(skips=[ASKED])),
        text(plans.came_out, nothing),
    ):
        assert "fused_ssim: it needs torch>=2.0" in shown
        assert "nothing to repair" not in shown


ROW = {
    "id": "20260101-000000-abcd",
    "state": "interrupted",
    "prefix": f"/env{EVIL}",
    "environment": "there",
    "this_patient": False,
    "project": None,
    "title": "repair it",
    "time": "2026-01-01T00:00:00Z",
    "bytes_kept": 1 << 20,
    "aside": 0,
}
BUSY = Undone(("/env/x: busy",))


def test_runs_are_listed_and_the_patients_marked(capsys: pytest.CaptureFixture[str]) -> None:
    run_list.show_list([], as_json=False)
    assert capsys.readouterr().out == "no runs\n"
    run_list.show_list([ROW], as_json=False)
    shown = capsys.readouterr().out
    assert "interrupted" in shown
    assert "*" not in shown
    assert "\x1b" not in shown
    run_list.show_list([ROW, {**ROW, "prefix": "/own", "this_patient": True}], as_json=False)
    others, _, own, _, legend = capsys.readouterr().out.splitlines()
    assert (others[0], own[0]) == (" ", "*")
    assert legend == "* of the current environment, /own"


def test_a_run_names_its_environment(capsys: pytest.CaptureFixture[str]) -> None:
    for changes, said in (
        ({}, "environment /env"),
        ({"environment": "gone"}, "(no longer there)"),
        ({"environment": "moved"}, "(now a link)"),
        ({"project": f"/proj{EVIL}"}, "project /proj"),
        ({"prefix": ""}, "environment unknown"),
    ):
        row = {**ROW, **changes}
        run_list.show_one(row, BUSY, as_json=False)
        shown = capsys.readouterr().out
        assert said in shown
        assert "/env/x: busy" in shown
        assert "\x1b" not in shown
        assert "\n::error::" not in shown
        assert said.rpartition(" ")[2] in run_list.named(row)
    run_list.show_one({**ROW, "state": "incomplete"}, BUSY, as_json=True)
    assert json.loads(capsys.readouterr().out)["problems"] == ["/env/x: busy"]


def test_what_lies_aside_is_named_with_the_way_back(capsys: pytest.CaptureFixture[str]) -> None:
    paths = (f"/p/a{EVIL}", *(f"/p/{number}" for number in range(20)))
    undone = Undone(aside=paths, back=(("/state/runs/x y/aside/1/p", "/p"),))
    run_list.show_one({**ROW, "state": "undone"}, undone, as_json=False)
    shown = capsys.readouterr().out
    for part in ("put aside, for it may be somebody else's (21)", "/p/a", "… and 11 more"):
        assert part in shown
    assert "$ cp -aT '/state/runs/x y/aside/1/p' /p" in shown
    assert "\x1b" not in shown
    run_list.show_one({**ROW, "state": "undone"}, undone, as_json=True)
    aside = json.loads(capsys.readouterr().out)["aside"]
    assert aside["paths"] == list(paths)
    assert aside["commands"] == ["cp -aT '/state/runs/x y/aside/1/p' /p"]


def test_a_preview_of_undo(capsys: pytest.CaptureFixture[str]) -> None:
    run_list.show_preview(ROW, Preview((), (), ()), as_json=False)
    assert "nothing would change" in capsys.readouterr().out
    preview = Preview((f"/p/a{EVIL}",), ("/p/new",), ("/p/since",))
    run_list.show_preview(ROW, preview, as_json=False)
    shown = capsys.readouterr().out
    for part in ("would be restored (1)", "/p/new", "--force puts it aside"):
        assert part in shown
    assert "\x1b" not in shown
    run_list.show_preview(ROW, preview, as_json=True)
    assert json.loads(capsys.readouterr().out)["taken_away"] == ["/p/new"]


def test_runs_of_other_environments_come_with_their_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def shown(prefix: str | None, act: str = "undo", as_json: bool = False) -> str:
        run_list.show_elsewhere([ROW], 30, prefix, act, as_json, commands=True)
        return capsys.readouterr().out

    assert "there is nothing to undo in /own\n" in shown("/own")
    assert "no environment is active" in shown(None)
    for part in ("  1. 20260101", "$ gpufix undo 20260101-000000-abcd", "… and 29 earlier ones"):
        assert part in shown("/own")
    assert "\x1b" not in shown("/own")
    assert "$ gpufix undo --forget 20260101-000000-abcd" in shown("/own", "forget")
    made = json.loads(shown("/own", as_json=True))
    assert (made["id"], made["state"], made["prefix"]) == (None, "elsewhere", "/own")
    assert made["runs"][0]["command"] == "gpufix undo 20260101-000000-abcd"
