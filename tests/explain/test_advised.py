"""What a log alone shows of the installed packages: a fault while they are none of the remedy's releases."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import builders as b

from gpufix.checks.judge import run_check
from gpufix.cli.fix import _of_log
from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.explain.advised import advised
from gpufix.explain.confirm import check, headline
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import read
from gpufix.model import Distribution

NUMPY = "AttributeError: module 'numpy' has no attribute 'bool'.\n"


def explanation(text: str = NUMPY, do: str | None = None) -> Explanation:
    primary = read(io.BytesIO(text.encode()))[0].primary
    assert primary is not None
    return primary.but(do=do) if do else primary


def messages(one: Explanation, *dists: Distribution) -> Iterator[str]:
    rule = advised(one)
    for found in run_check(rule, b.view(b.facts(distributions=[*dists]))) if rule else ():
        yield found.message


OLD, NEW = b.dist("numpy", "1.23.5"), b.dist("numpy", "1.26.4")
SILENT = {
    "the installed release is the remedy's": (explanation(), OLD),
    "it is not installed": (explanation(), b.dist("scipy")),
    "one of several remedies is met": (
        explanation(do='`pip install "numpy<1.24"` or `pip install "mxnet>=2"`.'),
        NEW,
        b.dist("mxnet", "2.0"),
    ),
    "another index": (explanation(do="`pip install --index-url https://x/y numpy==1.0`."), NEW),
    "a placeholder": (explanation(do="`pip install NAME`."), b.dist("name", "1.0")),
    "a release that is not said": (explanation(do='`pip install "numpy==X.Y.Z"`.'), NEW),
    "what other rules choose": (
        explanation(do='`pip install "torch>=2.6"`.'),
        b.dist("torch", "2.5.1"),
    ),
    "a remark": (replace(explanation(), role="notice"), NEW),
    "a rule about libraries": (replace(explanation(), rule="SYM402"), NEW),
    "a text cannot have a package installed that no table has": (
        explanation("ModuleNotFoundError: No module named 'evil_thing'\n", "`pip install evil`."),
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    one, *dists = SILENT[case]
    assert isinstance(one, Explanation)
    assert list(messages(one, *(d for d in dists if isinstance(d, Distribution)))) == []


FIRING = {
    "a removed name": (
        explanation(),
        NEW,
        "numpy 1.26.4 is installed; the log's message is remedied by numpy<1.24.",
    ),
    "a later one, by its bare name": (
        explanation(do="`pip install -U numpy`."),
        NEW,
        "numpy 1.26.4 is installed; the log's message is remedied by numpy>1.26.4.",
    ),
    "a module that is not there": (
        explanation("ModuleNotFoundError: No module named 'yaml'\n", "`pip install pyyaml`."),
        b.dist("scipy"),
        "pyyaml is not installed; the log's message is remedied by pyyaml.",
    ),
    "a module of a package that has it no more": (
        explanation("ModuleNotFoundError: No module named 'pkg_resources'\n"),
        b.dist("setuptools", "82.0.1"),
        "setuptools 82.0.1 is installed; the log's message is remedied by setuptools<82.",
    ),
    "a module of a package that is not there": (
        explanation("ModuleNotFoundError: No module named 'pkg_resources'\n"),
        b.dist("scipy"),
        "setuptools is not installed; the log's message is remedied by setuptools<82.",
    ),
}


@pytest.mark.parametrize("case", FIRING)
def test_firing(case: str) -> None:
    one, dist, message = FIRING[case]
    assert list(messages(one, dist)) == [message]


def test_a_later_release_is_later_than_what_was_there_first() -> None:
    rule = advised(explanation(do="`pip install -U numpy`."))
    assert rule is not None
    found = [run_check(rule, b.view(b.facts(distributions=[d]))) for d in (OLD, NEW)]
    assert [len(findings) for findings in found] == [1, 0]


def test_the_plan_takes_the_place_of_the_advice() -> None:
    one, facts = explanation(), b.healthy(distributions=[NEW])
    rule = advised(one)
    assert rule is not None
    diagnosis = diagnose(facts, Request(of_log=rule))
    got = check(one, diagnosis, b.view(facts), "a log.txt")
    first = headline(one, got)
    assert (first.rule, first.what, first.do) == ("WHL506", one.what, "Install numpy<1.24.")
    assert got.plan and got.plan.command == "gpufix fix --apply --unsafe --log 'a log.txt'"


def test_what_the_doctor_finds_comes_first() -> None:
    one, facts = explanation(), b.healthy(distributions=[NEW])
    rule = advised(one)
    assert rule is not None
    diagnosis = diagnose(facts, Request(of_log=rule))
    own = replace(diagnosis.findings[0], code="SRC604", subject="numpy.bool", payload=None)
    both = replace(diagnosis, findings=[*diagnosis.findings, own])
    assert check(one, both, b.view(facts)).finding is own


def test_fix_reads_the_log(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(f"epoch 1\n{NUMPY}")
    rule = _of_log(str(log))
    assert rule is not None
    assert [f.subject for f in run_check(rule, b.view(b.facts(distributions=[NEW])))] == ["numpy"]
    log.write_text("epoch 1\n")
    assert _of_log(str(log)) is None
