"""Each row of the messages explains a real text: none is there that no log ever reaches."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from test_messages import HERE, UNSEEN, texts, tomllib

from gpufix.checks.registry import builtin_rules
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain
from gpufix.knowledge.messages import Message, cuda_errors, messages

ROWS = tomllib.loads((HERE / "rows.toml").read_text("utf-8"))["message"]
IDS = {message.id for message in messages()}


def primary(text: str) -> Explanation | None:
    answer, _ = explain([text.encode()])
    return answer.primary


@cache
def reached() -> frozenset[str]:
    """Rows that are named, with a rule that the label accepts, for some labelled text."""
    found = {row["row"] for row in ROWS}
    for name in ("seen", *UNSEEN):
        for text in texts(name):
            cause = primary(text.text)
            if cause and (cause.rule or "none") in text.accepted:
                found.add(cause.id)
    return frozenset(found)


@pytest.mark.parametrize("row", ROWS, ids=[row["row"] for row in ROWS])
def test_the_row_explains_its_text(row: dict[str, Any]) -> None:
    cause = primary(row["text"])
    assert cause is not None and cause.id == row["row"]
    assert (cause.rule or "none") in {row["rule"], *row.get("also", ())}


HIP_NAMES = {
    "a.hip:3:33: error: use of undeclared identifier '__dp4a'": (
        "HIP has no __dp4a, up to ROCm 7.1.",
        "Instead: __builtin_amdgcn_sdot4(a, b, c, false)",
    ),
    "a.hip:3:276: error: no member named 'reduce' in namespace 'cooperative_groups'": (
        "HIP has cooperative_groups::reduce from ROCm 7.13 on.",
        "Instead: a loop of tile.shfl_xor.",
    ),
    "a.hip:3:342: error: use of undeclared identifier '__match_any_sync'": (
        "HIP has __match_any_sync from ROCm 7.0 on, and from 6.2 on with -DHIP_ENABLE_WARP",
        "Instead: a loop over __ballot",
    ),
}


@pytest.mark.parametrize("text", HIP_NAMES)
def test_a_name_that_hip_lacks_has_its_row(text: str) -> None:
    cause = primary(text)
    assert cause is not None
    what, do = HIP_NAMES[text]
    assert cause.what.startswith(what) and cause.do.startswith(do)


ENUMERATED = [message for message in messages() if message.cuda]


@pytest.mark.parametrize("message", ENUMERATED, ids=lambda m: m.id)
def test_an_error_of_cuda_is_explained_by_the_row_that_counts_it(message: Message) -> None:
    """CUDA's own names and texts, from cudaGetErrorName and cudaGetErrorString, are its source."""
    for number in set(message.cuda) & set(cuda_errors()):
        name, text = cuda_errors()[number]
        for log in (name, f"RuntimeError: CUDA error: {text}"):
            cause = primary(log)
            assert cause is not None and cause.id == message.id, log


CODES = {
    "ollama-cuda-init": "time=2025-03-02T11:22:33Z level=INFO source=gpu.go:612 msg="
    '"Unable to load cudart library: cuda driver library init failure: 999"',
    "trt-cuda-init": "[TRT] [W] CUDA initialization failure with error: 35. Please check CUDA.",
}


@pytest.mark.parametrize("row", CODES)
def test_a_code_that_a_program_quotes_is_explained_by_the_row_of_that_code(row: str) -> None:
    cause = primary(CODES[row])
    assert row in IDS and cause is not None and cause.id in {m.id for m in ENUMERATED}


def test_no_row_lacks_a_real_text() -> None:
    covered = reached() | {message.id for message in ENUMERATED} | {"cuda-other", *CODES}
    lacking = IDS - covered
    assert not lacking, f"add a text to rows.toml for: {', '.join(sorted(lacking))}"


def test_the_texts_are_sound() -> None:
    known = {rule.code for rule in builtin_rules()} | {"none"}
    assert len({row["row"] for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row["row"] in IDS and {row["rule"], *row.get("also", ())} <= known, row["row"]
        assert re.match(r"https://\S+$|run( \([^)]+\))?: ", row["source"]), row["row"]
        assert 0 < len(row["text"].strip().splitlines()) <= 25, row["row"]
