"""What an error says it lacks: which package, and whose command brings it."""

from __future__ import annotations

import pytest

from gpufix.explain.lacking import lacking
from gpufix.explain.read import explain

SAYS_NOTHING_OF_A_PACKAGE = {
    "a value": "ValueError: warmth is required when cold is set",
    "a state": "RuntimeError: the widget is not available",
    "a class": "ImportError: WidgetHeater is not available.",
    "a word before it": "RuntimeError: heating functions not installed",
    "CUDA": "RuntimeError: warming requires CUDA",
    "a driver": "ImportError: the driver is not installed",
    "a placeholder": "ImportError: run `pip install <package>`",
    "a requirement of numbers": "ValueError: heat requires n >= 2",
    "a folder": "RuntimeError: build it: `pip install -e .`",
    "a bare no to a word": "ImportError: No warmth / none is here",
    "a list of choices": "ImportError: `pip install [red|green]` first",
}

LACKS = {
    "a bare no": (
        "ImportError: No bitsandbytes / it is not here",
        "bitsandbytes is not installed",
        "pip install bitsandbytes",
    ),
    "what was selected": (
        "ValueError: torchao was selected, but it is not installed on this machine.",
        "torchao is not installed",
        "pip install torchao",
    ),
    "a command in quotes": (
        "ImportError: Warming needs more. Run `pip install heaters` first.",
        "heaters is not installed for",
        "`pip install heaters`, for",
    ),
    "a command without quotes": (
        "ImportError: heaters is required. Install it with: pip install heaters tongs to go on",
        "heaters and tongs are not installed for",
        "`pip install heaters tongs`",
    ),
    "a sentence after it": (
        "ImportError: pip install heaters Then start again",
        "heaters is not installed for",
        "`pip install heaters`",
    ),
    "another name than the module's": (
        "ModuleNotFoundError: 'heat' is not installed; `pip install heaters`",
        "heat is not installed for",
        "`pip install heaters`",
    ),
    "a bound": (
        "ImportError: Please run pip install heaters>=1.2",
        "heaters is not installed, or in another release",
        "`pip install 'heaters>=1.2'`",
    ),
    "an upgrade": (
        "RuntimeError: this heat is unknown, `pip install -U heaters`",
        "heaters is not installed, or in another release",
        "`pip install -U heaters`",
    ),
    "an extra": (
        "RuntimeError: no tongs. `pip install heaters[tongs]`",
        "heaters is here without its part [tongs]",
        "`pip install 'heaters[tongs]'`",
    ),
    "another build": (
        "RuntimeError: cold. pip install heaters --index-url https://example.org/cu130",
        "heaters is not installed, or in another build",
        "--index-url https://example.org/cu130`",
    ),
    "of the system": (
        "OSError: no flue. sudo apt-get install libflue1",
        "What the system has to bring is missing: libflue1.",
        "`sudo apt-get install libflue1`",
    ),
    "a known package, whose build asks for an option": (
        "ImportError: please run `pip install flash-attn`",
        "flash-attn is not installed for",
        "pip install flash-attn --no-build-isolation",
    ),
    "a known package without a command": (
        "AssertionError: warming requires Triton",
        "Triton is not installed for",
        "`python -m pip install triton`",
    ),
    "called a package": (
        "RuntimeError: the heaters package is required to warm",
        "heaters is not installed for",
        "As the message says: RuntimeError: the heaters package is required to warm",
    ),
    "one of several": (
        "ImportError: warming requires `heaters` or `tongs` to be installed",
        "heaters or tongs is not installed for",
        "As the message says",
    ),
    "a page that tells how": (
        "ModuleNotFoundError: Refer to https://example.org for more information on how to install heaters",
        "heaters is not installed for",
        "Install it as its own page says.",
    ),
    "several": (
        "ImportError: warming requires `heaters` and `tongs` to be installed",
        "heaters and tongs are not installed for",
        "As the message says",
    ),
}


@pytest.mark.parametrize(
    "message", SAYS_NOTHING_OF_A_PACKAGE.values(), ids=SAYS_NOTHING_OF_A_PACKAGE
)
def test_silent(message: str) -> None:
    assert lacking(message) is None


@pytest.mark.parametrize(("message", "what", "do"), LACKS.values(), ids=LACKS)
def test_what_is_lacking_and_what_brings_it(message: str, what: str, do: str) -> None:
    answer = explain([message.encode()])[0].primary
    assert answer is not None and answer.role == "cause"
    assert answer.what.startswith(what)
    assert do in answer.do


@pytest.mark.parametrize(
    "level", ["WARNING: ", "WARNING 10:00 [a.py:1] ", "[2026-01-01] [WARNING] "]
)
def test_a_warning_is_no_cause(level: str) -> None:
    text = f"{level}heaters is not installed. Install it with `pip install heaters`\n"
    answer = explain([text.encode()])[0].primary
    assert answer is None or answer.role != "cause"
