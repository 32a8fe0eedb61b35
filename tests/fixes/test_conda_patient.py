"""Whatever is wrong in a conda environment: no plan gives pip what is conda's, or known to it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.judge import judge
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.evidence.requirements import objections, parse
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes, fix, fixes_in
from gpufix.fixes.wheels.resolve_conflict import resolve_conflict
from gpufix.model import (
    Advise,
    Binaries,
    CondaPackage,
    Distribution,
    Facts,
    Finding,
    Gap,
    Install,
    Plan,
    Problem,
    Record,
    Severity,
    SharedFile,
    Skip,
    Step,
)
from gpufix.model.base import from_json
from gpufix.plugins import all_rules
from gpufix.text.names import normalise

LIB = "nvidia/nccl/lib/libnccl.so.2"
# What a patient holds in which much is wrong. The second of a row: how conda spells its package.
SICK: tuple[tuple[Distribution, str], ...] = (
    (
        b.dist(
            "torch",
            "2.9.0+cu126",
            requires=["nvidia-nccl-cu12==2.27.5", "triton==3.5.0", "numpy>=2"],
        ),
        "pytorch",
    ),
    (b.dist("nvidia-nccl-cu12", "2.21.5"), "nccl"),
    (b.dist("nvidia-nccl-cu11", "2.21.5"), "nccl-cu11"),
    (b.dist("triton", "3.1.0", location=f"{b.SITE}/old"), "triton"),
    (b.dist("triton", "3.1.0"), "triton"),
    (b.dist("numpy", "2.1.0"), "numpy"),
    (b.dist("torchvision", "0.19.0", requires=["torch==2.4.0", "pillow"]), "torchvision"),
    (b.dist("gradio", "4.44.1"), "gradio"),
    (b.dist("huggingface-hub", "1.2.0"), "huggingface_hub"),
    (b.dist("broken", "1.0", record=Record(files=9, missing=["a.so"], missing_count=1)), "broken"),
)
SHARED = SharedFile(path=LIB, owners=["nvidia-nccl-cu11", "nvidia-nccl-cu12"], differ=True)
LACKING = b.library(
    "torch/lib/libtorch_cuda.so",
    distribution="torch",
    links_torch=True,
    problems=[Problem(kind="missing-library", name="libnccl.so.2")],
)
DEPENDS = [
    "magma-cuda126 >=2.6",
    "libstdcxx >=13",
    "forge::mkl 2024.*",
    "python_abi 3.11.* *_cp311",
]


def package(name: str, version: str, **more: object) -> CondaPackage:
    place = {"prefix": "/env", "metadata": f"/env/conda-meta/{name}.json"}
    return from_json(CondaPackage, {"name": name, "version": version, **place, **more})


def patient(condas: bool) -> Facts:
    """All of it installed by conda, or by pip."""
    dists = [dist for dist, _ in SICK]
    packages: list[CondaPackage] = []
    if condas:
        owned = {"source": "conda", "installer": "conda", "record": None}
        dists = [replace(d, **owned, package=name) for d, name in SICK]
        packages = [package(n, d.version, record=d.record, depends=DEPENDS) for d, n in SICK]
        packages.append(
            package("libgcc", "13", record=Record(missing=["lib/a.so"], missing_count=1))
        )
    return b.healthy(
        torch=b.torch("2.9.0+cu126"),
        gpus=[b.gpu("sm_120")],
        distributions=dists,
        conda_packages=packages,
        shared_files=[SHARED],
        tools=[],
        binaries=Binaries(libraries=[LACKING], scanned=1, numpy_1={"/env/x.so": "broken"}),
    )


def plans(facts: Facts) -> Iterator[Plan]:
    """Of every fix for every finding, consequences included."""
    view = b.view(facts)
    planner = Planner(builtin_fixes(), view)
    queue = judge(view, all_rules()[0])
    while queue:
        finding = queue.pop()
        queue += finding.consequences
        yield from planner.plans(finding)


def names(plan: Plan) -> set[str]:
    """What the plan gives to pip."""
    steps = [step for step in plan.steps if isinstance(step, Install)]
    wanted = [parse(text) for step in steps for text in step.install]
    return {normalise(r.name) for r in wanted if r} | {n for s in steps for n in s.uninstall}


def test_no_plan_of_any_fix_gives_pip_what_is_condas() -> None:
    twin = [plan for plan in plans(patient(condas=False)) if names(plan)]
    fixes = {plan.fix for plan in twin}  # the same is wrong with pip's, and pip mends it
    assert fixes >= {
        "install-declared",
        "match-torch-family",
        "pin-numpy",
        "reinstall-distribution",
        "remove-stray-cuda",
        "resolve-conflict",
        "drop-duplicate",
    }
    found = list(plans(patient(condas=True)))
    given = [(plan.fix, names(plan)) for plan in found if names(plan)]
    assert sorted(given, key=str) == [
        ("install-build-tools", {"ninja"}),
        ("install-build-tools", {"setuptools"}),
        ("resolve-conflict", {"setuptools"}),  # Triton asks for it
    ]
    by_hand = {p.steps[0].command for p in found if isinstance(p.steps[0], Advise)}
    assert "conda install --prefix /env --force-reinstall libgcc=13" in by_hand
    assert "conda install --prefix /env 'huggingface_hub<1.0'" in by_hand
    assert "conda install --prefix /env 'numpy<2'" in by_hand


FACTS = replace(
    patient(condas=True),
    distributions=[
        *patient(condas=True).distributions,
        b.dist("asks", requires=["mkl>=2024", "click>=8", "numpy>=1.20"]),
        b.dist("click", "7.0"),
    ],
)


def planned(step: Step, facts: Facts = FACTS) -> Plan | Skip | None:
    """What becomes of a plan of somebody's fix, built in or a plug-in's."""

    @fix("somebodys", "WHL506")
    def somebodys(finding: Finding, view: object) -> Plan:
        return Plan(fix="somebodys", codes=["WHL506"], title="t", safety="safe", steps=[step])

    (declared,) = fixes_in(type("module", (), {"somebodys": somebodys}))
    finding = Finding(code="WHL506", name="n", severity=Severity.error, subject="s", message="m")
    (offer,) = Planner([declared], b.view(facts)).offers(finding)
    return offer


@pytest.mark.parametrize(
    "step",
    [
        Install(install=["click>=8"]),  # pip's own, which pip may move
        Install(install=["mkl>=2024"], dependencies=True),  # a distribution of pip's requires it
        Install(install=["numpy>=1.20", "click>=8"], dependencies=True),  # conda's stays as it is
        Install(uninstall=["click"]),
        Install(install=["unheard-of"]),
    ],
)
def test_a_name_of_pythons_passes(step: Install) -> None:
    plan = planned(step)
    assert isinstance(plan, Plan)
    assert (plan.safety, plan.steps) == ("safe", [step])


@pytest.mark.parametrize(
    ("step", "command"),
    [
        (Install(install=["libstdcxx>=13"]), "'libstdcxx>=13'"),
        (Install(install=["Magma_CUDA126"], dependencies=True), "magma-cuda126"),
        (Install(install=["numpy==2.1.0"], reinstall=True), "--force-reinstall numpy=2.1.0"),
        (Install(install=["torch>2.9"]), "'pytorch>2.9'"),
        (Install(install=["pytorch==2.9.0"], reinstall=True), "--force-reinstall pytorch=2.9.0"),
        (Install(install=["huggingface.hub<1"]), "'huggingface_hub<1'"),
    ],
)
def test_conda_is_told_by_hand(step: Install, command: str) -> None:
    plan = planned(step)
    assert isinstance(plan, Plan)
    (advice,) = plan.steps
    assert isinstance(advice, Advise)
    assert (plan.safety, advice.command) == ("manual", f"conda install --prefix /env {command}")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Install(uninstall=["numpy"]), "numpy was installed by conda"),
        (Install(install=["numpy<1", "click>=8"]), "numpy was installed by conda"),
        (Install(install=["torch==2.9.0+cu128"], index="cu128"), "torch was installed by conda"),
        (Install(install=["broken[all]"], reinstall=True), "broken was installed by conda"),
        (Install(install=["foo @ https://example.org/foo.whl"]), "is not a plain requirement"),
        (Install(install=["--index-url=https://example.org"]), "is not a plain requirement"),
        (Install(install=["foo==1\n--index-url=x"]), "is not a plain requirement"),
        (Install(uninstall=["-r/etc/passwd"]), "is not the name of a distribution"),
    ],
)
def test_nothing_is_offered(step: Install, reason: str) -> None:
    skip = planned(step)
    assert isinstance(skip, Skip)
    assert reason in skip.reason


@pytest.mark.parametrize("name", ["-evil", "a b", "a\nb", "$(id)", ""])
def test_a_package_of_an_odd_name_gets_no_command(name: str) -> None:
    facts = b.facts(distributions=[b.dist("a", source="conda", package=name)])
    assert isinstance(planned(Install(install=["a>1"]), facts), Skip)


@pytest.mark.parametrize("owner", [{}, {"source": "conda", "package": "asks"}])
@pytest.mark.parametrize("required", ["foo>=2", "foo @ https://example.org/foo.whl"])
def test_an_index_is_asked_only_for_what_is_required_of_one(
    owner: dict[str, str], required: str
) -> None:
    """Of another address, or of a package that conda made, the name may be another's there."""
    facts = b.facts(distributions=[b.dist("asks", requires=[required], **owner)])
    (finding,) = b.run(requirement_conflict, facts)
    plan = resolve_conflict(finding, b.view(facts))
    assert isinstance(plan, Plan if required == "foo>=2" and not owner else Skip)


def test_where_condas_packages_could_not_be_looked_at_nothing_is_given_to_pip() -> None:
    gap = Gap(section="conda", subject="/env/conda-meta", reason="cannot be listed: no")
    facts = replace(b.facts(), gaps=[gap])
    step = Install(install=["click>=8"])
    assert list(objections(step, b.facts())) == []
    skip = planned(step, facts)
    assert isinstance(skip, Skip)
    assert "not known" in skip.reason
