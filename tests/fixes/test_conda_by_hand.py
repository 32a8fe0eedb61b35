"""What is conda's is changed by conda's commands, printed; a copy that does not come first is left."""

from __future__ import annotations

import builders as b

from gpufix.checks.toolchain.tch201_torch_variant_mismatch import torch_variant_mismatch
from gpufix.checks.wheels.whl503_files_missing import files_missing
from gpufix.checks.wheels.whl507_duplicate_install import duplicate_install
from gpufix.fixes.gpu.install_torch_build import install_torch_build
from gpufix.fixes.wheels.drop_duplicate import drop_duplicate
from gpufix.fixes.wheels.reinstall_distribution import reinstall_distribution
from gpufix.model import Advise, CondaPrefix, Distribution, Facts, Plan, Record, Skip

LOST = Record(files=2, missing=["a/b.py"], missing_count=1)
PYTHON = b.python(kind="conda", prefix="/env")
USER = "/home/u/.local/lib/python3.11/site-packages"


def command(plan: Plan | Skip | None) -> str | None:
    assert isinstance(plan, Plan) and plan.safety == "manual", plan
    (step,) = plan.steps
    assert isinstance(step, Advise)
    return step.command


def cpu_torch(**more: object) -> Facts:
    dist = b.dist("torch", "2.9.1", source="conda", package="pytorch", build="cpu_generic_0")
    torch = b.torch("2.9.1", cuda=None, variant="cpu")
    sections = {"python": PYTHON, "conda": CondaPrefix(), "torch": torch, "distributions": [dist]}
    return b.facts(**(sections | more))


def test_a_cpu_build_is_replaced_by_conda_forges() -> None:
    facts = cpu_torch()
    view = b.view(facts, "sm_120")
    (finding,) = b.run(torch_variant_mismatch, facts, "sm_120")
    assert any("cpu_generic_0" in e.text for e in finding.evidence)
    assert command(install_torch_build(finding, view)) == (
        "CONDA_OVERRIDE_CUDA=12.9 conda install --prefix /env --channel conda-forge "
        "'pytorch=2.9.1=cuda129*'"
    )


def test_what_pip_replaced_is_put_there_again() -> None:
    dist = b.dist("torch", "2.10.0")
    package = b.conda("pytorch", "2.9.1", brings=["torch"])
    facts = b.facts(python=PYTHON, distributions=[dist], conda_packages=[package])
    (finding,) = b.run(duplicate_install, facts)
    plan = drop_duplicate(finding, b.view(facts))
    assert command(plan) == "conda install --prefix /env --force-reinstall pytorch=2.9.1"


def test_a_package_without_python_is_reinstalled_by_its_own_name() -> None:
    package = b.conda("libtorch", "2.9.1", record=LOST, brings=[])
    facts = b.facts(python=PYTHON, conda_packages=[package])
    (finding,) = b.run(files_missing, facts)
    plan = reinstall_distribution(finding, b.view(facts))
    assert command(plan) == "conda install --prefix /env --force-reinstall libtorch=2.9.1"


def broken(*dists: Distribution) -> Plan | Skip | None:
    facts = b.facts(distributions=[*dists])
    (finding,) = b.run(files_missing, facts)
    return reinstall_distribution(finding, b.view(facts))


def test_the_copy_that_python_takes_is_reinstalled() -> None:
    found = broken(b.dist("a", "2.0", record=LOST), b.dist("a", "1.0", location=USER))
    assert isinstance(found, Plan) and found.title == "reinstall a 2.0"


def test_a_broken_copy_behind_another_is_not() -> None:
    found = broken(b.dist("a", "2.0"), b.dist("a", "1.0", location=USER, record=LOST))
    assert isinstance(found, Skip)
    assert found.reason == (f"an installer would act on a 2.0 in {b.SITE}, which comes first")
