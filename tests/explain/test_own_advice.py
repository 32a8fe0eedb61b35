"""An error that no row knows, and that says itself what helps."""

from __future__ import annotations

import pytest

from gpufix.explain.advised import advised
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain


def told(log: str) -> Explanation | None:
    return explain([log.encode()])[0].primary


def test_the_sentences_that_tell_what_to_do_are_repeated() -> None:
    log = "run.py starts\nValueError: the widget is cold. Please pass --warm or set WIDGET_HEAT=1.\nbye"
    answer = told(log)
    assert answer is not None and answer.rule is None and answer.role == "symptom"
    assert answer.do == "As the message says: Please pass --warm or set WIDGET_HEAT=1."
    assert answer.line == 2 and answer.shown.startswith("ValueError: the widget")


def test_a_bare_message_is_one_error() -> None:
    answer = told("\nthe widget needs to be warmed up, run `widget heat`\n")
    assert answer is not None and "run `widget heat`" in answer.do and answer.line == 2


@pytest.mark.parametrize(
    "log",
    [
        "ValueError: the widget is cold.",
        "ValueError: the widget is cold. Please open an issue at https://example.org",
        "ValueError: cold use of widget",
        "please be kind\n" * 60,
        "  steps:\n      # AttributeError: the widget is cold, please install heaters\n"
        + "      run: warm up\n" * 40,
    ],
)
def test_what_asks_for_nothing_gets_no_advice(log: str) -> None:
    answer = told(log)
    assert answer is None or answer.id != "own-advice"


def test_the_last_error_with_advice_counts() -> None:
    log = "Error: you must pass --first\nnoise\nError: you must pass --second\nRuntimeError: stopped\n"
    answer = told(log)
    assert answer is not None and "--second" in answer.do and "--first" not in answer.do


def test_a_listing_of_source_is_no_advice() -> None:
    log = "RuntimeError: the widget broke\n  73│ if not links:\n→ 74│ raise Cold(f'set {links} please')\n"
    answer = told(log)
    assert answer is None or "links" not in answer.do


@pytest.mark.parametrize(
    "log",
    [
        "lib/x.py:3: FutureWarning: `heat(args)` is deprecated. Please use `warm(args)` instead.",
        "lib/x.py:3: UserWarning: the widget is lukewarm\n  warnings.warn(",
    ],
)
def test_a_warning_alone_is_a_remark(log: str) -> None:
    answer = told(log)
    assert answer is not None and answer.role == "notice"


def test_an_error_counts_before_a_warning() -> None:
    log = (
        "DeprecationWarning: WARN: you should consider upgrading to v5.\n"
        "ImportError: The cold widgets have been moved to the widget-robotics project (https://example.org)."
    )
    answer = told(log)
    assert answer is not None and answer.role == "symptom"
    assert answer.do.endswith("(`pip install -U widget-robotics`)") and "v5" not in answer.do


def test_its_commands_are_no_plan() -> None:
    answer = told("ImportError: widget too old, please run `pip install widget==2.0`")
    assert answer is not None and answer.role == "cause" and advised(answer) is None


def test_an_error_below_its_wrapper_is_the_answer() -> None:
    log = (
        "[rank0]: ValueError: the widget is cold. Please pass --warm.\n"
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:\n"
    )
    answer = told(log)
    assert answer is not None and answer.role == "symptom" and "--warm" in answer.do
    bare = told("torch.distributed.elastic.multiprocessing.errors.ChildFailedError:\n")
    assert bare is not None and bare.role == "wrapper"


@pytest.mark.parametrize(
    "text",
    [
        "You can set WIDGET_HEAT=1, which must not be missing where heating is unsupported.",
        "# Heating\n\nIf it fails with an error, you should run `widget heat`, see [here](x.md).\n\n- a\n- b\n",
    ],
)
def test_a_sentence_of_a_document_is_no_error(text: str) -> None:
    answer = told(text)
    assert answer is None or answer.role in ("unknown", "notice")
