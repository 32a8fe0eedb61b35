"""The readers themselves: what each construct is read as."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from gpufix.source import git_files, requirement_files
from gpufix.source.arch_flags import UNKNOWN, ArchFlag, parse, switches_off_torch
from gpufix.source.builds import cmake_patterns, shell_patterns
from gpufix.source.builds.cmake_syntax import commands
from gpufix.source.builds.shell_parser import parse as parse_shell
from gpufix.source.edits import Edit, Offsets, applied, raise_standard
from gpufix.source.python.environ import choices, knobs
from gpufix.source.python.tree import NotPython, Tree
from gpufix.source.source_facts import ArchKnob, BackendChoice
from gpufix.source.source_text import UndecodableText, decode


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-O3", []),
        ("-Iresearch/arch_75", []),
        ("-arch", []),
        ("arm64", []),
        ("-gencode=arch=compute_80,code=sm_80", [("cubin", "sm_80")]),
        ("arch=compute_90a,code=sm_90a", [("cubin", "sm_90a")]),
        ("-gencode=arch=compute_90a, code=sm_90a", [("cubin", "sm_90a")]),
        ("-gencode arch=compute_80,code=compute_80", [("ptx", "sm_80")]),
        (
            "-gencode=arch=compute_80,code=[sm_80,compute_80]",
            [("cubin", "sm_80"), ("ptx", "sm_80")],
        ),
        ("-arch=sm_120", [("cubin", "sm_120"), ("ptx", "sm_120")]),
        ("--gpu-architecture=compute_75", [("ptx", "sm_75")]),
        ("-arch=compute_75 -code=sm_75", [("cubin", "sm_75")]),
        ("-code sm_80,sm_86 -arch compute_80", [("cubin", "sm_80"), ("cubin", "sm_86")]),
        ("-arch=compute_75 -code=sm_75,compute_75", [("cubin", "sm_75"), ("ptx", "sm_75")]),
        ("--gpu-architecture=compute_75 --gpu-code=compute_75", [("ptx", "sm_75")]),
        ("-code=sm_75", [("cubin", "sm_75")]),
        (f"-arch=compute_75 -code=sm_{UNKNOWN}", [("dynamic", "sm")]),
        ("-arch=native", [("native", "")]),
        ("--offload-arch=gfx90a:xnack-", [("hip", "gfx90a:xnack-")]),
        (f"-gencode=arch=compute_{UNKNOWN},code=sm_{UNKNOWN}", [("dynamic", "sm")]),
        (f"--offload-arch={UNKNOWN}", [("dynamic", "gfx")]),
    ],
)
def test_arch_flags(text: str, expected: list[tuple[str, str]]) -> None:
    assert parse(text) == [ArchFlag(*pair) for pair in expected]  # type: ignore[arg-type]


def test_what_torch_takes_for_an_arch_flag() -> None:
    assert switches_off_torch("-I/home/me/research/glm")
    assert not switches_off_torch("-DTORCH_EXTENSION_NAME=search")
    assert not switches_off_torch("-O3")


@pytest.mark.parametrize(
    ("test", "guards"),
    [
        ("os.environ.get('A')", ["env:A"]),
        ("not os.getenv('A')", ["!env:A"]),
        ("'A' in os.environ", ["env:A"]),
        ("'A' not in os.environ", ["!env:A"]),
        ("os.environ.get('A') is None", ["!env:A"]),
        ("torch.version.hip", ["hip"]),
        ("torch.version.hip is None", ["!hip"]),
        ("torch.version.hip and os.environ['A']", ["hip", "env:A"]),
        ("torch.version.hip or x", ["?"]),
        ("sys.platform == 'win32'", ["windows"]),
        ("os.name != 'nt'", ["!windows"]),
        ("torch.cuda.is_available()", ["gpu"]),
        ("__name__ == '__main__'", []),
        ("False", ["never"]),
        ("x > 3", ["?"]),
        ("known", ["env:K"]),
    ],
)
def test_guards(test: str, guards: list[str]) -> None:
    tree = Tree(f"known = os.environ.get('K')\nif {test}:\n    mark\nelse:\n    other\n")
    (mark,) = [n for n in tree.nodes if getattr(n, "id", "") == "mark"]
    assert tree.guards(mark) == guards


def test_cmake_tokens() -> None:
    text = 'set(A "x ) # no" [[ y ) ]] z\\;w) # set(B 1)\n#[=[\nset(C 2)\n]=]\nIF(X)\n  Set(D\n   3)\nendif()\n'
    rows = [(c.name, c.words, c.line) for c in commands(text)]
    assert rows == [
        ("set", ["A", "x ) # no", " y ) ", "z\\;w"], 1),
        ("if", ["X"], 5),
        ("set", ["D", "3"], 6),
        ("endif", [], 8),
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git@github.com:a/b.git", "https://github.com/a/b.git"),
        ("ssh://git@host.org:2222/a/b", "https://host.org/a/b"),
        ("https://github.com/a/b", None),
        ("../b", None),
    ],
)
def test_https(url: str, expected: str | None) -> None:
    assert git_files.https_url(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://host:8443/a%20b/c?d=1", "https://host:8443/a%20b/c?d=1"),
        ("git@github.com:a/b.git", "https://github.com/a/b.git"),
        ("http://github.com/a/b", None),
        ("HTTPS://github.com/a/b", None),
        ("https://github.com", None),
        ("https://github.com@evil.org/a", None),
        ("https://user:secret@host/a", None),
        ("https://-host/a", None),
        ("https://host/a%0ahost=other", None),
        ("https://host/a b", None),
        ("https://host/a\n", None),
        ("https://host/a\\b", None),
        ("https://host/é", None),
        ("git@host:a b", None),
        ("ext::sh -c id", None),
        ("../b", None),
        ("", None),
    ],
)
def test_by_https(url: str, expected: str | None) -> None:
    assert git_files.by_https(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("../c.git", "https://host:1/a/c.git"),
        ("./c/", "https://host:1/a/b/c"),
        ("../../x/c", "https://host:1/x/c"),
        ("../../../c", None),
    ],
)
def test_relative_addresses(url: str, expected: str | None) -> None:
    assert git_files.relative(url)
    assert git_files.resolved("https://host:1/a/b/", url) == expected


def test_addresses_are_shown_without_credentials() -> None:
    assert git_files.shown("ftp://user:secret@host/a@b") == "ftp://…@host/a@b"
    assert git_files.shown("../a") == "../a"


SETTINGS = """\
\ufeff# comment = no
[core] bare = false ; same line
\tfileMode
[remote "a.b \\"c\\\\"]  # comment
\turl = "x # y"  z   ; comment
\tURL =   a   b\t
\tempty =
\tescapes = \\"q\\"\\t\\\\ "  kept  "
\tcontinued = one \\
  two\\
three
[branch.Old] merge = x\r
[Remote "Case"] Fetch = +refs/*:refs/*
"""


@pytest.mark.needs("git")
def test_settings_are_those_that_git_reads(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(SETTINGS.encode())
    command = ["git", "config", "--file", str(file), "--list", "-z"]
    said = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    expected = [tuple((row + "\ntrue").split("\n")[:2]) for row in said.split("\0")[:-1]]
    found = list(git_files.parse_config(SETTINGS))
    named = [(".".join(filter(None, (s.section, s.name, s.key))), s.value) for s in found]
    assert named == expected
    assert [s.line for s in found] == [2, 2, 4, 4, 4, 4, 4, 12, 13]


def test_lines_that_are_no_settings_are_left_out() -> None:
    text = 'key = before any section\n[x]\n1 = y\n= z\nok = 1\n[broken\nok = 2\n[y "n"\nend = "a\\'
    assert [(s.section, s.key, s.value) for s in git_files.parse_config(text)] == [
        ("x", "ok", "1"),
        ("x", "ok", "2"),
        ("x", "end", "a"),
    ]


def test_a_submodule_whose_section_is_written_twice() -> None:
    text = '[submodule "a"] path = x\n[core]\n[submodule "a"]\nurl = "u" # v\nshallow\n'
    (row,) = git_files.parse_gitmodules(text)
    assert (row.path, row.url, row.line, row.shallow) == ("x", "u", 1, True)


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x", ".", "", "-x"])
def test_submodules_stay_inside(path: str) -> None:
    assert git_files.parse_gitmodules(f'[submodule "x"]\n\tpath = {path}\n\turl = u\n') == []


def test_requirements() -> None:
    text = "a==1 \\\n  ; python_version > '3'\n# b\n-r other.txt\n--extra-index-url=https://h/whl/cu124\nc\n"
    facts = requirement_files.scan(text)
    assert [row.line for row in facts.requirements] == [1, 6]
    assert [(a.line, a.variant) for a in facts.addresses] == [(5, "cu124")]


def test_knobs_and_choices() -> None:
    source = 'v = os.environ.get("MY_CUDA_ARCHS", "80")\nx = v.split(",")\nif "90" in x: pass\n'
    assert knobs(Tree(source)) == (ArchKnob("MY_CUDA_ARCHS", 1, "80", ",", ("90",)),)
    assert choices(Tree('b = os.environ.get("ATTN_BACKEND", "xformers")\n')) == (
        BackendChoice(("ATTN_BACKEND",), (), "xformers", 1),
    )


def test_python_is_asked_for_torch_outside_of_conditions() -> None:
    text = "if(A)\n  if(B)\n  endif()\n  set(CMAKE_CXX_STANDARD 17)\nendif()\nset(CMAKE_CUDA_STANDARD 17)\n"
    new = raise_standard(text, {4, 6}, 20, "2.14", ask=True) or ""
    assert 0 < new.index("print(torch.__version__)") < new.index("if(A)")


def test_offsets_count_utf_8() -> None:
    text = "\ufeffa = 'é'; b = 1\r\nc = 2\n"
    offsets = Offsets(text)
    assert text[offsets.at(1, 10) :].startswith("b = 1")
    assert text[offsets.at(2, 0) :].startswith("c = 2")
    with pytest.raises(ValueError, match="overlap"):
        applied("abc", [Edit(0, 2, ""), Edit(1, 3, "")])


@pytest.mark.parametrize(
    "data", [b"a\r\nb", b"\xef\xbb\xbfa", b"\xe9", b"# coding: cp1252\n\x80", b""]
)
def test_text_comes_back(data: bytes) -> None:
    source = decode(data)
    assert source.text.encode(source.encoding) == data


def test_binary_is_no_text() -> None:
    with pytest.raises(UndecodableText):
        decode(b"\x7fELF\0\0")


DEEP: dict[str, Any] = {
    "parentheses": "(" * 5000,
    "unary": "-" * 50_000 + "1",
    "syntax": "def (:",
    "nul": "a\0",
}


@pytest.mark.parametrize("name", DEEP)
def test_no_python(name: str) -> None:
    with pytest.raises(NotPython):
        Tree(DEEP[name])


@pytest.mark.some(3)
@pytest.mark.parametrize("text", ["${", "$(a(b", "$(", '"a', "'a ", "[=", "<<A ", "\\"])
def test_openings_without_end_are_read_in_linear_time(text: str) -> None:
    # Quadratic readers would take minutes over these.
    parse_shell(text * (100_000 // len(text)))
    commands(text * (100_000 // len(text)))


@pytest.mark.parametrize("text", ["set(", 'set("', "#[[", "if(\n" * 50, ")))", "[==[", "a(b(c(d"])
def test_damaged_cmake_and_shell(text: str) -> None:
    commands(text)
    parse_shell(text)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("[+--]", "+,-"), ("[--a]", "-.Aa["), ("[^+--]", ".Aab&["), ("[[&&]", "&["), ("[b--", None)],
)
def test_a_set_of_characters_is_what_cmake_reads(pattern: str, fits: str | None) -> None:
    found = cmake_patterns.compiled(pattern)
    assert (found and "".join(filter(found.search, "+,-.Aab&["))) == fits


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pattern", ["[[", "[a||", "a[&&", "[[:a"])
def test_a_set_without_an_end_is_no_expression(pattern: str) -> None:
    assert shell_patterns.regular(pattern, basic=False, longest=10) is None
