"""What a message itself says, in the advice: numbers, versions, packages and systems."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

SAYS = [
    (
        "/usr/include/crt/host_config.h:132:2: error: #error -- unsupported GNU version! gcc versions later than 12 "
        "are not supported!",
        ("12",),
    ),
    (
        "ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by x.so)",
        ("libstdcxx-ng",),
    ),
    (
        "ERROR: torchao-0.6.1+git-cp312-cp312-win_amd64.whl is not a supported wheel on this platform.",
        ("3.12",),
    ),
    (
        "Looking in indexes: https://download.pytorch.org/whl/cu131\n"
        "ERROR: Could not find a version that satisfies the requirement torch==2.9.0 (from versions: none)",
        ("not on the index cu131", "whl/cu130"),
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement torch==2.0.1+cu118 (from versions: 2.2.0, 2.6.0)",
        ("Python 3.8 to 3.11", "whl/cu118", "torch 2.2.0 or newer"),
    ),
    (  # the index, not the Python
        "ERROR: Could not find a version that satisfies the requirement torch==2.5.1 (from versions: 2.7.0+cu128, 2.8.0+cu128)",
        ("not on the index cu128", "whl/cu124"),
    ),
    ("ImportError: cannot import name 'EncoderDecoderCache' from 'transformers'", ("4.43",)),
    ("ModuleNotFoundError: No module named 'torch'", ("--no-build-isolation",)),
    ("ImportError: Numba needs NumPy 2.0 or less. Got NumPy 2.1.", ("numpy",)),
]


@pytest.mark.parametrize("log, words", SAYS, ids=[words[0] for _, words in SAYS])
def test_the_advice_holds_what_the_message_says(log: str, words: tuple[str, ...]) -> None:
    answer, _ = explain([log.encode()])
    assert answer.primary is not None and answer.primary.do is not None
    for word in words:
        assert word in answer.primary.do
