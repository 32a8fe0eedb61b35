"""The table of messages holds to its language, and no text of it can be slow."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gpufix.checks.registry import builtin_rules
from gpufix.explain.details import REFINERS
from gpufix.explain.prefilter import texts
from gpufix.explain.read import explain
from gpufix.knowledge.messages import (
    KINDS,
    BadText,
    choices,
    compiled,
    cuda_errors,
    messages,
    pieces,
    whole_words,
)

try:
    from re import _parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_parse as _parser

SAMPLE = {
    "arch": "sm_90",
    "code": "1.0",
    "header_file": "foo.h",
    "line": "it did not work",
    "module": "foo.bar",
    "name": "foo",
    "number": "12",
    "path": "/a/b",
    "pin": "foo<2.0",
    "release": "1.2.3",
    "requirement": "foo==1.0",
    "size": "1.5 GiB",
    "soname": "libfoo.so.1",
    "symbol": "_ZN3fooE",
    "symver": "GLIBC_2.34",
    "version": "1.2.3",
    "word": "foo",
}


def example(text: str) -> str:
    """A line that the text matches: samples for captures, the first of each choice."""

    def fill(found: re.Match[str]) -> str:
        inside = found[1]
        if inside in ("*", "."):
            return " " if inside == "*" else ""
        if "|" in inside:
            return inside.split("|")[0]
        name, _, kind = inside.partition(":")
        return SAMPLE[kind or name]

    return re.sub(r"\{([^{}]*)\}", fill, text.removeprefix("^").removesuffix("$"))


def test_the_table_is_broad() -> None:
    known = messages()
    assert len(known) >= 180
    assert len({message.id for message in known}) == len(known)
    assert sum(message.rule is not None for message in known) >= 120


def test_every_row_is_complete() -> None:
    codes = {rule.code for rule in builtin_rules()}
    for message in messages():
        assert message.texts, message.id
        assert message.rule is None or message.rule in codes, message.id
        assert message.what and message.do and message.source, message.id
        assert message.refine is None or message.refine in REFINERS, message.id
        assert message.what.endswith((".", "}")), message.id
        for text in (message.what, message.do):
            sentences = text.split(". ")
            assert len(sentences) == len(set(sentences)), f"{message.id} says a sentence twice"
        assert set(message.cuda) <= set(cuda_errors()) | {38, 59, 77}, message.id


@pytest.mark.parametrize("message", messages(), ids=lambda m: m.id)
def test_every_text_matches_its_own_example(message: object) -> None:
    for text in texts():
        if text.message is not message:
            continue
        line = example(text.text)
        assert compiled(text.text).search(line), text.text
        low = line.encode().lower()
        assert all(piece in low for piece in text.pieces), text.text
        assert all(any(c in low for c in group) for group in text.choices), text.text
        assert text.words <= set(re.findall(rb"[a-z]+", low)), text.text


def longest_repeat(parsed: Any) -> int:
    """The highest bound of a repetition; 2**32 - 1 for one without bound."""
    bounds = [0]
    for operation, arguments in parsed:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT"):
            bounds.append(int(arguments[1]))
        for argument in arguments if isinstance(arguments, tuple) else ():
            parts = argument if isinstance(argument, list) else [argument]
            bounds += [longest_repeat(p) for p in parts if isinstance(p, _parser.SubPattern)]
    return max(bounds)


def test_no_text_can_be_slow() -> None:
    """Bounded repetitions, one skip at most, and none inside another that repeats letters."""
    for message in messages():
        for text in (*message.texts, *message.near, *message.unless):
            assert text.count("{*}") <= 1, text
            assert not text.startswith("{*}") and not text.endswith("{*}"), text
            assert longest_repeat(_parser.parse(compiled(text).pattern)) <= 2000, text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_matches_its_sample(kind: str) -> None:
    assert re.fullmatch(KINDS[kind], SAMPLE[kind])


@pytest.mark.parametrize("text", ["{nonsense} failed", "left over } brace", "a {b{c}d} e"])
def test_a_bad_text_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        compiled(text)


def test_a_repetition_without_bound_would_be_seen() -> None:
    assert longest_repeat(_parser.parse("a(b|(?:c{1,7})*)d")) > 2000
    assert longest_repeat(_parser.parse("a(b|(?:c{1,7}){0,3})d")) == 7


def test_the_language() -> None:
    assert compiled("no 'x' here").search("NO `x`   here")
    assert compiled("error: 2").search("error：2")
    assert not compiled("error 2").search("terror 2")
    assert not compiled("torch{*} has").search("torchvision has")
    assert compiled("torch{*} has").search("torch.cuda has")
    assert not compiled("cudaErrorInvalidDevice{.}").search("cudaErrorInvalidDeviceFunction")
    assert whole_words("{name} is 'undefined'") == ["is", "undefined"]
    assert pieces("undefined symbol {symbol}") == (b"undefined", b"symbol")
    assert choices("{aa|bb} {cc|}") == ((b"aa", b"bb"),)


def test_cuda_errors_by_number_and_name() -> None:
    for text, rule in (
        ("CUDA error 222", "GPU104"),
        ("cuda runtime error (35)", "GPU105"),
        ("CUDA failure 804", "GPU106"),
        ("CUDA error 912", None),
        ("cudaErrorInvalidPitchValue", None),
    ):
        answer, _ = explain([text.encode()])
        assert answer.recognised, text
        assert answer.primary is not None and answer.primary.rule == rule, text
