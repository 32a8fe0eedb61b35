"""`gpufix env --output FILE`: the rest of the file stays, a second call changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_usage import gpufix, patient

from gpufix.cli.env import BEGIN, END, NotEnvironmentFile, put

__all__ = ["patient"]

TEXT = "export A=1;\n"


@pytest.mark.parametrize("before", [None, "", "KEY=1\n", "KEY=1", f"a\n{BEGIN}\nold\n{END}\nb\n"])
def test_the_rest_stays(tmp_path: Path, before: str | None) -> None:
    file = tmp_path / "env"
    if before is not None:
        file.write_text(before)
    for _ in range(2):
        put(file, TEXT, comments=True)
        text = file.read_text()
        assert text.count(BEGIN) == text.count(END) == text.count(TEXT) == 1
        assert "old" not in text
    for line in ("KEY=1", "a", "b"):
        assert (line in (before or "").splitlines()) == (line in text.splitlines())


def test_no_variables_take_the_block_out(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("KEY=1\n")
    put(file, TEXT, comments=True)
    put(file, "", comments=True)
    assert file.read_text() == "KEY=1\n"


@pytest.mark.parametrize("rest", ["", "\n", "\nMINE=1\n", f"\n{BEGIN}\nMINE=1"])
def test_a_beginning_without_an_end_begins_nothing(tmp_path: Path, rest: str) -> None:
    file = tmp_path / "env"
    file.write_text(BEGIN + rest)
    put(file, TEXT, comments=True)
    once = file.read_text()
    put(file, TEXT, comments=True)
    assert file.read_text() == once
    assert once.startswith(BEGIN + rest)


def test_a_format_without_comments_is_appended_once(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("OTHER=2\n")
    for _ in range(2):
        put(file, "A<<x\n1\nx\n", comments=False)
    assert file.read_text() == "OTHER=2\nA<<x\n1\nx\n"


@given(
    st.text(alphabet="ab\n#>< gpufix", max_size=60), st.text(alphabet="A=\\1g<0>\n", max_size=20)
)
def test_twice_is_once(tmp_path_factory: pytest.TempPathFactory, before: str, text: str) -> None:
    file = tmp_path_factory.mktemp("env") / "file"
    file.write_bytes(before.encode())
    put(file, text + "\n", comments=True)
    once = file.read_bytes()
    put(file, text + "\n", comments=True)
    assert file.read_bytes() == once


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b"])
def test_what_is_no_text_is_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "env"
    file.write_bytes(content)
    with pytest.raises(NotEnvironmentFile):
        put(file, TEXT, comments=True)
    assert file.read_bytes() == content


def test_the_command(patient: list[str], tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET=1\n")
    for _ in range(2):
        done = gpufix("env", *patient, "--format", "dotenv", "-o", str(file))
        assert done.returncode == 0, done.stderr
        assert file.read_text() == "SECRET=1\n"
    (tmp_path / "binary").write_bytes(b"\0")
    done = gpufix("env", *patient, "-o", str(tmp_path / "binary"))
    assert done.returncode == 2 and "binary" in done.stderr
