"""A plan is asked by the rules that judge the patient: what would they find once it is applied?"""

from __future__ import annotations

from typing import Any

import builders as b
import pytest

from gpufix.checks.judge import findings_of
from gpufix.checks.registry import builtin_rules
from gpufix.evidence.view import View
from gpufix.fixes.foresight import after, objection
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import declared, fix
from gpufix.model import (
    Advise,
    Finding,
    Install,
    Plan,
    SetVariables,
    Severity,
    Skip,
    Step,
    TorchMove,
)

BLACKWELL = {"gpus": [b.gpu("sm_120")], "drivers": [b.driver(cuda="12.8")]}
PTX = b.library(
    "x/_C.so", b.code("sm_80", kind="ptx", ptx_version="8.0"), distribution="rasterizer"
)
GRADIO = [b.dist("gradio", "4.44.1"), b.dist("huggingface-hub", "0.36.0")]


def plan(*steps: Step, safety: Any = "safe", torch: tuple[str, str] | None = None) -> Plan:
    move = TorchMove(release=torch[0], variant=torch[1]) if torch else None
    return Plan(fix="f", codes=["X"], title="t", safety=safety, steps=list(steps), moves_torch=move)


def sets(**variables: str | None) -> SetVariables:
    return SetVariables(variables=variables)


def of_torch(release: str, variant: str) -> Plan:
    step = Install(install=[f"torch=={release}+{variant}", "torchvision"], index=variant)
    return plan(step, safety="unsafe", torch=(release, variant))


def first(code: str, view: View) -> Finding:
    rule = next(rule for rule in builtin_rules() if rule.code == code)
    return next(iter(findings_of(rule, view)))


OTHER = Finding(code="X", name="x", severity=Severity.error, subject="x", message="x")


def against(given: Plan, code: str | None = None, **sections: Any) -> str | None:
    view = b.view(b.healthy(**sections))
    return objection(given, first(code, view) if code else OTHER, view)


OLD_TORCH = {**BLACKWELL, "torch": b.torch("2.6.0+cu124", cuda="12.4")}
ELSEWHERE = {"toolkits": [b.toolkit(selected=False)]}


@pytest.mark.parametrize(
    ("given", "code", "sections"),
    [
        (plan(sets(MAX_JOBS="2")), None, {}),
        (plan(sets(CUDA_HOME=b.toolkit().root)), "TCH204", ELSEWHERE),
        (of_torch("2.7.1", "cu128"), "GPU101", OLD_TORCH),
        # what another look would tell, or another step makes
        (plan(sets(LD_LIBRARY_PATH="/nowhere")), None, {}),
        (plan(Install(install=["a"]), sets(CUDA_HOME="/nowhere")), "TCH204", ELSEWHERE),
        (plan(Advise(text="a"), safety="manual", torch=("2.6.0", "cu124")), "GPU101", OLD_TORCH),
        # which version is taken is for an installer to say
        (plan(Install(install=["huggingface-hub>=1"])), None, {"distributions": GRADIO}),
        (plan(Install(install=["huggingface-hub==0.35.0"])), None, {"distributions": GRADIO}),
        (plan(Install(install=["xformers==0.0.30"])), None, {}),
        (plan(Install(install=["xformers==0.0.34"])), None, BLACKWELL),
    ],
)
def test_nothing_speaks_against_it(given: Plan, code: str | None, sections: dict[str, Any]) -> None:
    assert against(given, code, **sections) is None


@pytest.mark.parametrize(
    ("given", "code", "sections", "reason"),
    [
        (plan(sets(CUDA_HOME="/nowhere")), "TCH204", ELSEWHERE, "it would leave this: "),
        (
            plan(sets(CUDA_DISABLE_PTX_JIT="1")),
            None,
            {**BLACKWELL, "binaries": b.binaries(PTX)},
            "it would bring GPU102: rasterizer serves sm_120",
        ),
        (
            of_torch("2.7.1", "cu126"),
            "GPU101",
            OLD_TORCH,
            "it would leave this: torch 2.7.1+cu126 holds",
        ),
        (
            of_torch("2.9.1", "cu130"),
            "GPU101",
            OLD_TORCH,
            "it would bring GPU105: torch 2.9.1+cu130 needs",
        ),
        (
            plan(Install(install=["huggingface-hub==1.2.0"]), safety="unsafe"),
            None,
            {"distributions": GRADIO},
            "it would bring WHL506: gradio 4.44.1 does not work with huggingface-hub 1.2.0",
        ),
        (
            plan(Install(install=["xformers==0.0.32.post2"], reinstall=True), safety="unsafe"),
            None,
            BLACKWELL,
            "it would bring GPU103: xformers 0.0.32.post2 takes xformers/flash_attn_3/_C.so",
        ),
    ],
)
def test_what_speaks_against_it(
    given: Plan, code: str | None, sections: dict[str, Any], reason: str
) -> None:
    assert str(against(given, code, **sections)).startswith(reason)


def test_what_is_not_known_of_the_new_is_left_out() -> None:
    """Its requirements and libraries; what is removed is gone."""
    kept, moved, gone = b.dist("k"), b.dist("m", "1.0", requires=["z"]), b.dist("g")
    libraries = [b.library(f"{n}.so", distribution=n) for n in "kmg"]
    view = b.view(b.facts(distributions=[kept, moved, gone], binaries=b.binaries(*libraries)))
    there = after(plan(Install(install=["m==2.0"], uninstall=["g"])), view)
    assert there is not None
    assert there.facts.distributions == [kept, b.dist("m", "2.0")]
    assert there.facts.binaries.libraries == libraries[:1]


def test_no_view_of_what_the_facts_do_not_show() -> None:
    view = b.view(b.healthy())
    assert after(plan(Install(install=["torch==2.9.0+cu128"], reinstall=True)), view) is None
    assert after(plan(sets(PATH="/x")), view) is None


def test_the_planner_says_why() -> None:
    @fix("set-cuda-home", "TCH204")
    def set_cuda_home(finding: Finding, view: View) -> Plan:
        return plan(sets(CUDA_HOME="/nowhere"))

    view = b.view(b.healthy(**ELSEWHERE))
    (answer,) = Planner([declared(set_cuda_home)], view).offers(first("TCH204", view))
    assert isinstance(answer, Skip)
    assert answer.reason.startswith("it would leave this: CUDA_HOME is /nowhere")
    unasked = Planner([declared(set_cuda_home)], view, foresee=False)
    assert isinstance(unasked.offers(first("TCH204", view))[0], Plan)


def test_which_variables_a_rule_asks_for() -> None:
    view = b.view(b.healthy())
    for rule in builtin_rules():
        findings_of(rule, view)
    assert "CUDA_DISABLE_PTX_JIT" in view.judged["GPU102"].asked
    assert "CUDA_DISABLE_PTX_JIT" not in view.judged["WHL502"].asked
    # also where what asks was derived for another rule before
    assert view.judged["TCH202"].asked >= {"CUDA_HOME"} <= view.judged["TCH203"].asked


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("1.23.1", "the listing of onnxruntime-gpu has no 1.23.1"),
        ("1.23.2", None),
        ("99.0", None),  # newer than the listing: not known
        ("1.0", None),  # older than what was listed
    ],
)
def test_the_listings_are_asked(version: str, says: str | None) -> None:
    assert against(plan(Install(install=[f"onnxruntime-gpu=={version}"]))) == says


def test_what_is_installed_may_be_installed_again() -> None:
    again = plan(Install(install=["onnxruntime-gpu==1.23.1"], reinstall=True))
    assert against(again, distributions=[b.dist("onnxruntime-gpu", "1.23.1")]) is None
