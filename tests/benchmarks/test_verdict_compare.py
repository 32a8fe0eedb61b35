"""The verdict oracle: what counts as agreement between the doctor and an import."""

from __future__ import annotations

from typing import Any

import pytest

from verdict_break import same_hash
from verdict_compare import Said, ends_in, judge, said
from verdict_envs import Distribution, modules, recipes
from verdict_truth import Import, classify, worst

LIBRARY = "ImportError: libb.so.2: cannot open shared object file: No such file or directory"


def traceback(*lines: str) -> str:
    return "Traceback (most recent call last):\n" + "\n".join(lines) + "\n"


IMPORTS = {
    "works": (0, "", "works"),
    "works with a warning of the loader's": (0, "UserWarning: " + LIBRARY, "works"),
    "library": (1, traceback(LIBRARY), "library"),
    "symbol": (1, traceback("ImportError: /x/a.so: undefined symbol: f_2"), "library"),
    "a package's own words after the loader's": (
        1,
        traceback(LIBRARY, "During handling …", "RuntimeError: is it installed?"),
        "library",
    ),
    "driver": (1, traceback(LIBRARY.replace("libb.so.2", "libcuda.so.1")), "driver"),
    "a library with the driver's beginning": (
        1,
        traceback(LIBRARY.replace("libb.so.2", "libcudart.so.13")),
        "library",
    ),
    "module": (1, traceback("ModuleNotFoundError: No module named 'six'"), "module"),
    "no GPU": (1, traceback("RuntimeError: no GPU"), "other"),
    "crash": (-11, "", "other"),
}


@pytest.mark.parametrize(("code", "text", "kind"), IMPORTS.values(), ids=IMPORTS)
def test_an_import_is_classified_by_its_traceback(code: int, text: str, kind: str) -> None:
    assert classify(code, text).kind == kind


def test_the_worst_name_stands_for_the_package() -> None:
    assert worst([Import("works"), Import("library"), Import("module")]).kind == "library"
    assert worst([]).kind == "works"


ERROR, WARNING = {"severity": "error"}, {"severity": "warning"}
WORKS, FAILS, GONE = Import("works"), Import("library", LIBRARY), Import("module", "six")
DRIVER = Import("driver", "libcuda.so.1: cannot open")
CRASH = Import("other", "signal 7")
VERDICTS = {
    "both well": (WORKS, Said(), False, "healthy"),
    "warning of what works": (WORKS, Said(warnings=[WARNING]), False, "warned"),
    "error of what works": (WORKS, Said(errors=[ERROR]), False, "false error"),
    "error of what fails": (FAILS, Said(errors=[ERROR]), False, "caught"),
    "error that names the library": (FAILS, Said(of_cause=[ERROR]), False, "caught"),
    "warning of what fails by a library": (FAILS, Said(warnings=[WARNING]), False, "missed"),
    "silence on what fails": (FAILS, Said(), False, "missed"),
    "a crash that the damage brought": (CRASH, Said(warnings=[WARNING]), True, "missed"),
    "a crash of its own": (CRASH, Said(), False, "unclaimed"),
    "no driver": (DRIVER, Said(), False, "driver"),
    "no driver, and the package blamed": (DRIVER, Said(errors=[ERROR]), False, "driver blamed"),
    "requirement gone, said": (GONE, Said(warnings=[WARNING]), True, "caught as warning"),
    "requirement gone, not said": (GONE, Said(), True, "missed"),
    "no rule speaks of it": (GONE, Said(), False, "unclaimed"),
}


@pytest.mark.parametrize(("truth", "answer", "claimed", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_verdicts_are_compared(truth: Import, answer: Said, claimed: bool, verdict: str) -> None:
    assert judge(truth, answer, claimed) == verdict


def finding(subject: str, severity: str = "error", **more: Any) -> dict[str, Any]:
    return {"subject": subject, "severity": severity, "message": "", "evidence": [], **more}


def test_findings_are_those_of_the_package() -> None:
    inner = finding("/site/a/x.so")
    findings = [
        finding("B", consequences=[inner]),
        finding("a-of-another"),
        finding("other", message="it lacks libb.so.2"),
        finding("A", severity="warning"),
    ]
    answer = said({"findings": findings}, "a", {"/site/a/x.so"}, FAILS, {})
    assert answer == Said([inner], [findings[3]], [findings[2]])


TOLD = 'File "/v/site-packages/d/__init__.py"\nModuleNotFoundError: No module named'
CAUSES = {
    "fails within what the error names": (Import("other", "", TOLD), "D", True),
    "fails because of missing it": (Import("module", "d"), "d", True),
    "fails because of missing its namespace": (Import("module", "n"), "n-part", True),
    "fails within another": (Import("other", "", TOLD), "e", False),
    "a name that begins alike": (Import("other", "", TOLD.replace("/d/", "/dd/")), "d", False),
}


@pytest.mark.parametrize(("truth", "subject", "told"), CAUSES.values(), ids=CAUSES)
def test_the_cause_may_lie_in_another_package(truth: Import, subject: str, told: bool) -> None:
    report = {"findings": [finding(subject)]}
    assert (
        bool(
            said(report, "a", set(), truth, {"d": ["d"], "e": ["e"], "n-part": ["n.part"]}).of_cause
        )
        is told
    )


def test_the_cause_of_a_failure_is_where_its_traceback_ends() -> None:
    lines = [
        'File "/v/site-packages/e/__init__.py"',
        'File "/v/site-packages/d/__init__.py"',
        LIBRARY,
    ]
    truth = Import("library", LIBRARY, traceback(*lines))
    assert ends_in(truth, ["d"])
    assert not ends_in(truth, ["e"])
    assert not ends_in(Import("works"), ["d"])


def test_recipes_are_read() -> None:
    text = "# all\nnumpy Torch_Vision==1 ; x --no-deps ; -numpy | python=3.12 broken=3 # why\n\n"
    (found,) = recipes(text)
    assert found.targets == ("torch-vision", "x")
    assert (found.python, found.broken) == ("3.12", 3)


FILES = {
    "package": (["a/__init__.py", "a/b/__init__.py", "a.libs/liba.so.1"], ["a"]),
    "modules": (
        ["a.py", "_b.cpython-311-x86_64-linux-gnu.so", "c.abi3.so", "d.txt"],
        ["_b", "a", "c"],
    ),
    "namespace": (["nvidia/cudnn/__init__.py", "nvidia/cudnn/lib/libcudnn.so.9"], ["nvidia.cudnn"]),
    "a library beside a module": (["libx.so", "x.so"], ["x"]),
    "libraries only": (["nvidia/cu13/lib/libcublas.so.13"], []),
    "its tests": (["tests/__init__.py", "a/__init__.so"], ["a"]),
}


@pytest.mark.parametrize(("files", "names"), FILES.values(), ids=FILES)
def test_modules_are_told_from_files(files: list[str], names: list[str]) -> None:
    assert modules(Distribution("a", "1", files)) == names


def test_a_lost_symbol_keeps_its_place_in_the_hash_table() -> None:
    def gnu_hash(name: str) -> int:
        value = 5381
        for character in name:
            value = (value * 33 + ord(character)) & 0xFFFFFFFF
        return value

    for name in ("cublasCreate_v2", "_ZN3c1010TensorType3getEv", "deflate"):
        assert same_hash(name) != name and len(same_hash(name)) == len(name)
        assert gnu_hash(same_hash(name)) == gnu_hash(name)
