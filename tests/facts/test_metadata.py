"""Headers of METADATA files, whole, hostile and broken ones."""

from __future__ import annotations

import time
from email.parser import BytesParser
from importlib.metadata import distributions
from pathlib import Path

import pytest

from gpufix.facts.packages.metadata import CorruptMetadata, name_and_version, parse, read_metadata
from gpufix.text.names import normalise


def test_it_reads_what_the_email_package_reads() -> None:
    """Every METADATA of the environment that runs the tests."""
    files = [Path(str(d._path), "METADATA") for d in distributions()]  # type: ignore[attr-defined]
    files = [file for file in files if file.exists()]
    assert len(files) > 5
    for file in files:
        truth = BytesParser().parsebytes(file.read_bytes(), headersonly=True)
        found = read_metadata(str(file))
        assert found.name == normalise(truth["Name"])
        assert found.version == truth["Version"]
        assert found.requires == (truth.get_all("Requires-Dist") or [])
        assert found.requires_python == truth["Requires-Python"]


@pytest.mark.parametrize(
    ("raw", "requires"),
    [
        (b"Name: A.b_C\nVersion: 1\n\nRequires-Dist: in the text\n", []),
        (b"Name: A.b_C\r\nVersion: 1\r\nRequires-Dist: x\r\n\r\nRequires-Dist: y\r\n", ["x"]),
        (
            b"name: A--b.-c\nVERSION: 1\nRequires-Dist: x;\n  python_version<'3'\n",
            ["x; python_version<'3'"],
        ),
        (b"Name: a-b-c\nVersion: 1\nAuthor: \xff\xfe\nno colon here\nRequires-Dist: x\n", ["x"]),
    ],
)
def test_headers(raw: bytes, requires: list[str]) -> None:
    found = parse(raw)
    assert (found.name, found.version, found.requires) == ("a-b-c", "1", requires)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\nName: a\nVersion: 1\n",
        b"Name: a\n",
        b"Version: 1\n",
        b"Name: \x1b[31mred\nVersion: 1\n",
        b"Name: ../../etc\nVersion: 1\n",
        b"Name: a\nVersion: 1\x1b]0;x\x07\n",
        b"Name: a b\nVersion: 1\n",
        b"Name: " + b"a" * 300 + b"\nVersion: 1\n",
        bytes(range(256)) * 40,
    ],
)
def test_unusable(raw: bytes) -> None:
    with pytest.raises(CorruptMetadata):
        parse(raw)


def test_headers_longer_than_the_first_read(tmp_path: Path) -> None:
    rows = "".join(f"Requires-Dist: package-{i}\n" for i in range(1000))
    file = tmp_path / "METADATA"
    file.write_text(f"Name: a\nVersion: 1\n{rows}\n" + "text\n" * 1000)
    assert len(read_metadata(str(file)).requires) == 1000


@pytest.mark.parametrize(
    ("stem", "claim"),
    [
        ("torch-2.1.0+cu118", ("torch", "2.1.0+cu118")),
        ("Foo_Bar-1.0-py3.7", ("foo-bar", "1.0")),
        ("foo", None),
        ("-1.0", None),
        ("foo-", None),
        ("a\x1b-1", None),
    ],
)
def test_what_a_folder_name_claims(stem: str, claim: tuple[str, str] | None) -> None:
    assert name_and_version(stem) == claim


@pytest.mark.some(2)
@pytest.mark.parametrize("line", [b" x\n", b"Requires-Dist: x\n", b"\n ", b":\n", b" \r"])
def test_a_mebibyte_of_one_line_is_read_in_a_second(line: bytes) -> None:
    raw = b"Name: a\nVersion: 1\nSummary: s\n" + line * ((1 << 20) // len(line))
    begin = time.process_time()
    assert parse(raw).name == "a"
    assert time.process_time() - begin < 2  # measured: 0.2
