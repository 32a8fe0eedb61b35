"""The journal: what was written is read back, a torn last line is dropped, damage is an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpufix.engine.journal.journal import Journal, line, parse, read
from gpufix.engine.run_context import CorruptJournal

ROWS = [{"type": "begin", "prefix": "/a\udcff\n☃"}, {"type": "guard", "step": 0}, {"type": "end"}]
DATA = b"".join(line(row) for row in ROWS)


def test_rows_are_read_back(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        for row in ROWS:
            journal.append(**{"kind" if k == "type" else k: v for k, v in row.items()})
    rows = Journal(tmp_path / "journal").rows
    assert [{k: v for k, v in row.items() if k != "at"} for row in rows] == ROWS
    assert sorted(times := [row["at"] for row in rows]) == times


@pytest.mark.parametrize("cut", range(len(line(ROWS[-1]))))
def test_a_torn_last_line_is_cut_off(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(DATA[: len(DATA) - len(line(ROWS[-1])) + cut])
    with Journal(path) as journal:
        assert journal.rows == ROWS[:2]
        journal.append("again")
    assert [row["type"] for row in parse(path.read_bytes())[0]] == ["begin", "guard", "again"]


@pytest.mark.parametrize("at", [0, 9, 20, 30])
def test_damage_before_the_last_line_is_an_error(at: int) -> None:
    damaged = DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
    with pytest.raises(CorruptJournal):
        parse(damaged)


def test_damage_is_an_error_also_where_one_byte_follows() -> None:
    damaged = bytes([DATA[0] ^ 1]) + line(ROWS[0])[1:] + b"0"
    with pytest.raises(CorruptJournal, match="at byte 0"):
        parse(damaged)


def test_what_no_run_can_have_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    os.truncate(path, 64 << 20)
    assert len(read(path)) == 64 << 20
    os.truncate(path, (64 << 20) + 1)
    with pytest.raises(CorruptJournal, match="too long"):
        read(path)


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"ffffffff 00000000 {}", b"00000002 x {}"])
def test_an_unwritten_journal_has_no_rows(data: bytes) -> None:
    assert parse(data) == ([], 0)
