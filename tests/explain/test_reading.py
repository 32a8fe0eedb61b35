"""Logs as they come: encodings, boxes, prefixes, wrapped lines, hostile ones."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufix.explain import log_scan as scanning
from gpufix.explain.log_scan import LineWindow
from gpufix.explain.prefilter import normalised_line, texts, unwrapped
from gpufix.explain.read import Explanations, explain, read

SYMBOL = "_ZNK3c107SymBool14guard_or_falseEPKcl"
ERROR = f"ImportError: /x/_C.so: undefined symbol: {SYMBOL}"
LONG = (
    "ImportError: /home/user/miniconda3/envs/x/lib/python3.10/site-packages/"
    f"diff_gaussian_rasterization/_C.cpython-310-x86_64-linux-gnu.so: undefined symbol: {SYMBOL}"
)


def answer_to(text: str | bytes) -> Explanations:
    return read(io.BytesIO(text.encode() if isinstance(text, str) else text))[0]


def rule_of(text: str | bytes) -> str | None:
    answer = answer_to(text)
    return answer.primary.rule if answer.primary and answer.recognised else None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding: str) -> None:
    assert rule_of(f"first line é ‘x’\r\n{ERROR}\r\n".encode(encoding)) == "SYM401"


@pytest.mark.parametrize(
    "text",
    [
        f"> > {ERROR}",
        f"│ {ERROR} │",
        f"\x1b[31m\x1b[1m{ERROR}\x1b[0m",
        ERROR.replace("undefined", "\x1b[01;31m\x1b[Kundefined\x1b[m\x1b[K"),
        f"2024-05-01T12:00:00.1234567Z {ERROR}",
        f"[rank0]: ERROR 03-26 05:25:01 engine.py:389] {ERROR}",
        f"web-1  | {ERROR}",
        f"#12 34.56   error: {ERROR}",
        f"10%|█    | 1/10\r20%|██   | 2/10\r{ERROR}\r\n",
        ERROR.replace(" ", "%20"),
        f"ImportError: /x/_C.so:\n    undefined symbol: {SYMBOL}",
        f"noise\0noise\n{ERROR}\0\n",
        "\n".join(LONG[i : i + 80] for i in range(0, len(LONG), 80)),
        LONG.replace("undefined symbol: ", "undefined\nsymbol: "),
    ],
)
def test_pastes(text: str) -> None:
    answer = answer_to(text)
    assert answer.primary is not None and answer.primary.rule == "SYM401"
    assert answer.primary.captures["symbol"] == SYMBOL


def test_the_line_without_its_paste() -> None:
    assert normalised_line("[31m> │  2024-05-01 10:00:00 error: x  │") == "error: x"
    assert normalised_line("#include <x>") == "#include <x>"
    assert unwrapped("short\nlines\n") is None


def test_line_numbers_across_pieces() -> None:
    filler = "nothing to see here\n" * 40_000
    answer = answer_to(filler + ERROR + "\n" + filler)
    assert answer.primary is not None and answer.primary.line == 40_001


@pytest.mark.parametrize("offset", range(-3, 4))
def test_a_message_across_the_edge_of_two_pieces(offset: int) -> None:
    from gpufix.explain.read import PIECE

    for size in (PIECE, PIECE - scanning._MARGIN):
        before = b"x" * (size - 40 + offset * 13) + b"\n"
        assert rule_of(before + ERROR.encode() + b"\n" + b"y\n" * 40_000) == "SYM401"


def test_the_cause_outranks_what_follows() -> None:
    log = (
        "ninja: build stopped: subcommand failed.\n"
        "nvcc fatal   : Unsupported gpu architecture 'compute_120'\n"
        "RuntimeError: Error compiling objects for extension\n"
        "error: subprocess-exited-with-error\n"
    )
    answer = answer_to(log)
    assert answer.primary is not None and answer.primary.rule == "TCH206"
    assert [explanation.role for explanation in answer.others] == ["wrapper"] * 3


def test_wrappers_alone_name_no_cause() -> None:
    answer = answer_to("RuntimeError: Error compiling objects for extension\n")
    assert not answer.recognised
    assert answer.primary is not None and answer.primary.role == "wrapper"


def test_an_unknown_compiler_error_outranks_a_notice() -> None:
    answer = answer_to(
        "UserWarning: There was a minor version mismatch between CUDA 12.1 and 12.2\n"
        "a.cu(3): error: something never seen before\n"
    )
    assert not answer.recognised


HOSTILE = {
    "one line": lambda n: b"x" * n,
    "one line of words": lambda n: b"undefined symbol cuda error cannot open shared " * (n // 47),
    "binary": lambda n: random.Random(7).randbytes(n),
    "zeros": lambda n: b"\0" * n,
    "escapes": lambda n: b"\x1b[31merror\x1b[0m\x1b]0;" * (n // 18),
    "near misses": lambda n: b"".join(
        b"%d cannot import name foo cuda error code undefined identifier\n" % i
        for i in range(n // 64)
    ),
    "bait": lambda n: (b"undefined symbol " + b"_a" * 2000 + b" '`'`'`\n") * (n // 4000),
    "quotes": lambda n: b"version `GLIBC_2." + b"'" * n,
    "carriage returns": lambda n: b"12%|##   | cuda error\r" * (n // 22),
}


@pytest.mark.some(4)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_logs_end_and_cost_no_more_than_their_size(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    original = LineWindow.match

    def counted(spot: LineWindow, text: object) -> object:
        nonlocal looks
        looks += 1
        return original(spot, text)  # type: ignore[arg-type]

    monkeypatch.setattr(LineWindow, "match", counted)
    counts = []
    for size in (1 << 20, 1 << 21):
        looks = 0
        _, found = explain(HOSTILE[name](size)[i : i + 70_000] for i in range(0, size, 70_000))
        counts.append(looks)
        assert len(found.head) <= scanning._EDGE and len(found.tail) <= scanning._EDGE
    assert counts[1] <= 2.2 * counts[0] + 50


def test_a_flood_of_near_misses_is_said_and_does_not_hide_the_rare() -> None:
    flood = b"".join(
        b"a%d.cu(1): error: identifier x%d is undefined\n" % (i, i) for i in range(40_000)
    )
    rare = b"nvcc fatal   : Unsupported gpu architecture 'compute_120'\n"
    answer, found = read(io.BytesIO(flood + rare))
    assert answer.primary is not None and answer.primary.rule == "TCH206"
    assert len(found.hits) < 500


PARTS = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([text.text.encode() for text in texts()]),
    st.sampled_from(
        [b"\n", b"\r\n", b"\0", b"\x1b[", "│".encode(), b"> ", b"'", b" " * 60, b"\xff\xfe"]
    ),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(PARTS, max_size=40))
def test_whatever_is_read_gets_an_answer(parts: list[bytes]) -> None:
    answer = answer_to(b"".join(parts))
    for explanation in (answer.primary, *answer.others) if answer.primary else ():
        assert explanation.what and explanation.do and explanation.line >= 1
        assert "\n" not in explanation.shown


def gpufix(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "gpufix", "explain", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_nothing_read_acts_on_the_terminal() -> None:
    evil = f"\x1b]0;owned\x07{ERROR}\x1b[2J\u202e\n".encode()
    done = gpufix("-", "--no-patient", stdin=evil)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout and "\u202e".encode() not in done.stdout


def test_exit_codes_and_usage(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text(ERROR)
    assert gpufix(str(log), "--no-patient").returncode == 0
    assert gpufix("-", "--no-patient", stdin=b"KeyError: 'x'\n").returncode == 1
    assert gpufix("-", "--no-patient", stdin=b"").returncode == 1
    missing = gpufix("no-such-thing")
    assert missing.returncode == 2
    assert b"no rule" in missing.stderr and b"no file" in missing.stderr
    assert gpufix(str(tmp_path)).returncode == 2
    assert gpufix("-", "--no-patient", "--python", "/x", stdin=b"x").returncode == 2
    assert gpufix("SYM401").returncode == 0
    assert gpufix("undefined-torch-symbol").returncode == 0


def test_json() -> None:
    done = gpufix("-", "--no-patient", "--format", "json", stdin=ERROR.encode())
    report = json.loads(done.stdout)
    assert report["recognised"] is True and report["rule"] == "SYM401"
    assert report["primary"]["captures"]["symbol"] == SYMBOL
    assert any("2.8.0" in note for note in report["primary"]["notes"])
    assert report["patient"] is None


RAISES = '  File "/x/kiln.py", line 3, in burn\n    raise ValueError("CUDA out of memory. Tried to allocate 2.00 GiB")\n'


@pytest.mark.parametrize(
    "text, rule",
    [
        (f"{RAISES}KeyError: 'bricks'", None),
        (f"[rank0]: {RAISES}[rank0]: KeyError: 'bricks'", None),
        (RAISES, "RUN806"),  # cut off before its error
    ],
)
def test_a_text_in_a_frames_source_line_is_not_what_was_raised(text: str, rule: str | None) -> None:
    assert rule_of(text) == rule


def test_a_command_that_failed_leaves_the_error_before_it_as_the_one() -> None:
    wrapped = "subprocess.CalledProcessError: Command '['kiln']' returned non-zero exit status 1."
    primary = answer_to(f"ImportError: No bitsandbytes\n{wrapped}").primary
    assert primary is not None and "bitsandbytes" in primary.do


WARNED = (
    "/v/torch/cuda/__init__.py:235: UserWarning: NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is "
    "not compatible with the current PyTorch installation.\n"
)
KILN = '  File "/v/lib/python3.11/site-packages/kiln/fire.py", line 3, in burn\n    go()\n'


@pytest.mark.parametrize(
    "error, recognised",
    [
        ("KeyError: 'bricks'", False),  # no GPU has a part in it
        ("FileNotFoundError: [Errno 2] No such file or directory: 'bricks.json'", True),
        ("RuntimeError: the kiln is cold", True),  # the warning may be why
    ],
)
def test_a_warning_is_not_the_cause_of_an_error_of_names_and_files(
    error: str, recognised: bool
) -> None:
    answer = answer_to(f"{WARNED}Traceback (most recent call last):\n{KILN}{error}")
    assert answer.recognised is recognised
    assert answer.primary is not None
    warned = answer.primary.id == "torch-capability-unsupported"
    assert warned is error.startswith("RuntimeError")
