"""No row takes what another row's text says: each text, filled in, is explained by its own row."""

from __future__ import annotations

import re

import pytest

from gpufix.explain.read import explain
from gpufix.knowledge.messages import KINDS, Message, messages

EXAMPLES = {
    "arch": "sm_120",
    "code": "E42",
    "header_file": "some/header.h",
    "line": "something odd",
    "module": "some_module",
    "name": "thing",
    "number": "7",
    "path": "/opt/some/path",
    "pin": "some-package==1.2",
    "release": "1.2.3",
    "requirement": "some-package>=1.0",
    "size": "2.00 GiB",
    "soname": "libsome.so.3",
    "symbol": "some_symbol",
    "symver": "GLIBCXX_3.4.30",
    "version": "1.2.3",
    "word": "something",
}
# Rows whose closer look wants more than their own words: a size, a library's or a build's name.
LOOKS_FOR_MORE = {
    "changed-call",
    "foreign-cpu-option",
    "lacking-attribute",
    "missing-argument",
    "oom-absurd",
    "missing-library",
    "no-module-torch-build",
    "undefined-name",
    "unexpected-by",
}


def filled(text: str) -> str:
    """What a log would say: each capture an example, each choice its first."""

    def one(found: re.Match[str]) -> str:
        inside = found[1]
        if inside in ("*", "."):
            return " … " if inside == "*" else ""
        if "|" in inside:
            return next(choice for choice in inside.split("|") if choice)
        return EXAMPLES[inside.rpartition(":")[2]]

    return re.sub(r"\{([^{}]*)\}", one, text.removeprefix("^").removesuffix("$"))


def test_each_kind_has_an_example_that_it_matches() -> None:
    assert EXAMPLES.keys() == KINDS.keys()
    assert all(re.fullmatch(KINDS[kind], example) for kind, example in EXAMPLES.items())


@pytest.mark.parametrize(
    "message", [m for m in messages() if m.id != "cuda-other"], ids=lambda message: message.id
)
def test_its_own_row_explains_each_of_its_texts(message: Message) -> None:
    beside = f"{filled(message.near[0])}\n" if message.near else ""
    for text in message.texts:
        primary = explain([f"{beside}{filled(text)}\n".encode()])[0].primary
        if primary is None:
            assert message.id in LOOKS_FOR_MORE, text
        else:
            assert primary.id == message.id, text
