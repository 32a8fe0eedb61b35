"""Demangling, against c++filt where that is installed."""

from __future__ import annotations

import random
import stat
import subprocess
from pathlib import Path

import pytest

import needs
from gpufix.binary.demangle.demangler import demangle
from gpufix.binary.demangle.qualified import demangle_one
from gpufix.knowledge.symbols import SymbolHistory
from gpufix.knowledge.symbols.releases import listed

CHECK = "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs"
GENERIC_LAMBDA = "_ZZN2at3fooEvENKUlT_E_clIiEEDaS0_"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_Z",
        "_ZN",
        "memcpy",
        "_ZN2atE",
        "_ZN2at3fooE",
        "_Z3foo",
        "_ZS99_",
        "_ZN2at3fooEvv@@VERSION",
        "_ZN2at99999999999fooEv",
        "_ZN2at3fooES" + "_" * 50,
        "_Z1f" + "P" * 5000 + "i",
        "_Z1f" + "N" * 5000,
        "_ZN2at3foöEv",
        GENERIC_LAMBDA,
    ],
)
def test_left_alone(name: str) -> None:
    text = demangle_one(name)
    assert text is None or text in ("at::foo", "foo", "at")
    assert demangle([name], use_filter=False)[name] in (name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_ZN2at6Tensor3sumEv", "at::Tensor::sum()"),
        ("_ZNKR2at10TensorBase3fooEv", "at::TensorBase::foo() const &"),
        ("_ZTVN3c1010TensorImplE", "vtable for c10::TensorImpl"),
        ("_ZN3c1010TensorImplD0Ev", "c10::TensorImpl::~TensorImpl()"),
        ("_ZN2atlsERSoRKNS_6TensorE", "at::operator<<(std::basic_ostream<char, std::char_traits<char> >&, at::Tensor const&)"),
        ("_Z1fPFvPKcEA3_i", "f(void (*)(char const*), int [3])"),
        ("_Z1fIJidEEvDpOT_", "void f<int, double>(int&&, double&&)"),
        ("_ZNK2at6TensorcvbEv", "at::Tensor::operator bool() const"),
        ("_Z1fILb1ELin3ELm4EEvv", "void f<true, -3, 4ul>()"),
        ("_ZZN2at3fooEvENKUlvE_clEv", "at::foo()::{lambda()#1}::operator()() const"),
    ],
)  # fmt: skip
def test_text(name: str, text: str) -> None:
    assert demangle_one(name) == text


def test_growth_is_bounded() -> None:
    """Each parameter repeats the last one twice: 2**40 characters if written out."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    name = "_Z1f1AIiE" + "".join(
        f"1AI{ref}{ref}E" for ref in ("S_", *(f"S{d}_" for d in digits[:36]))
    )
    assert demangle_one(name) is None or len(demangle_one(name) or "") < 1 << 17


@pytest.mark.needs("c++filt")
@pytest.mark.parametrize("count", [1_500, pytest.param(59_000, marks=pytest.mark.slow)])
def test_real_names_agree_with_cxxfilt(count: int) -> None:
    rows = SymbolHistory.load().names.rows
    names = random.Random(5).sample([n for n in rows if n.startswith("_Z")], 3 * count)
    names = [name for name in names if listed(name, rows[name])]
    answer = subprocess.run(
        [needs.path("c++filt")], input="\n".join(names), capture_output=True, text=True
    )
    pairs = [
        (demangle_one(n), ref) for n, ref in zip(names, answer.stdout.splitlines(), strict=True)
    ]
    assert [pair for pair in pairs if pair[0] not in (None, pair[1])] == []
    assert sum(own is not None for own, _ in pairs) > 0.98 * len(pairs)


def fake_filter(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "c++filt"
    program.write_text("#!/bin/sh\n" + body + "\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr("gpufix.binary.demangle.demangler.is_binary", lambda _: True)


def test_a_script_is_no_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fake_filter(tmp_path, "sed s/.*/answer/", patch)
        assert demangle([GENERIC_LAMBDA])[GENERIC_LAMBDA] == "answer"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert demangle([GENERIC_LAMBDA])[GENERIC_LAMBDA] == GENERIC_LAMBDA


@pytest.mark.parametrize(
    "body", ["exit 1", "yes", "cat >/dev/null; echo one; echo two", "exec sleep 30"]
)
def test_broken_filter(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpufix.binary.demangle.demangler.TIMEOUT", 0.3)
    fake_filter(tmp_path, body, monkeypatch)
    assert demangle([GENERIC_LAMBDA, "x"]) == {GENERIC_LAMBDA: GENERIC_LAMBDA, "x": "x"}


def test_filter_gets_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_filter(tmp_path, "sed s/.*/answer/", monkeypatch)
    found = demangle([CHECK, GENERIC_LAMBDA, "plain", "_Z-- not;a name"])
    assert found[GENERIC_LAMBDA] == "answer"
    assert found[CHECK].startswith("c10::detail::torchCheckFail(char const*")
    assert (found["plain"], found["_Z-- not;a name"]) == ("plain", "_Z-- not;a name")


def test_no_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demangle([GENERIC_LAMBDA]) == {GENERIC_LAMBDA: GENERIC_LAMBDA}
