"""The journal: what was written is read back, a torn last line is dropped, damage is an error."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import pytest

from gpufix.engine.journal import parts, runs
from gpufix.engine.journal.journal import Journal, line, parse, read
from gpufix.engine.journal.listing import load
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


DEEP = b"[" * 100_000


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_is_whole_and_means_nothing_is_damage(number: int) -> None:
    body = (b"[]", b"{", b"{}", b'{"type": 1}', DEEP)[number]
    bad = b"%08x %08x %s\n" % (len(body), zlib.crc32(body), body)
    with pytest.raises(CorruptJournal):
        parse(DATA + bad + line(ROWS[0]))


@pytest.mark.parametrize("number", range(5))
def test_a_listing_of_another_kind_is_damage(number: int, tmp_path: Path) -> None:
    rows = (b"{", b"1\n", b'["a", [1]]\n', DEEP, b'["a", 3]\n')[number]
    path = tmp_path / "before-0-0"
    path.write_bytes(rows)
    with pytest.raises(CorruptJournal, match="is no listing"):
        load(path, hashlib.sha256(rows).hexdigest())


def test_a_named_pipe_in_place_of_a_journal_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal")
    assert runs.load(tmp_path).state == "damaged"


@pytest.mark.parametrize(
    ("row", "is_read"), [({}, True), ({"format": 1}, True), ({"format": 2}, False)]
)
def test_what_a_newer_gpufix_wrote_is_left_to_it(
    row: dict[str, int], is_read: bool, tmp_path: Path
) -> None:
    run = runs.Run(tmp_path, [{"type": "begin", **row}], "kept")
    if is_read:
        assert parts.of(run) == []
    else:
        with pytest.raises(CorruptJournal, match="made by a newer gpufix"):
            parts.of(run)
