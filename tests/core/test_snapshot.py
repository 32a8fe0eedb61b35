"""Redaction: nothing personal leaves, and what was equal stays equal."""

from __future__ import annotations

import json
from pathlib import Path

import builders as b
import pytest

from gpufix.diagnosis import redaction
from gpufix.diagnosis.redaction import CorruptFacts, load, redact
from gpufix.model import CodePart, Distribution, Environment, Facts, Gap, Host, Import, Python
from gpufix.model.base import to_json

HOME = Path("/home/alice")


@pytest.fixture(autouse=True)
def alice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction.getpass, "getuser", lambda: "alice")
    monkeypatch.setattr(redaction.platform, "node", lambda: "wonderland.example.org")


def facts(**sections: object) -> Facts:
    return Facts(host=Host(os="Linux", kernel="6", machine="x86_64"), **sections)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/alice", "/home/user"),
        ("/home/alice/env/lib", "/home/user/env/lib"),
        ("/home/alicettt/env", "/home/alicettt/env"),
        ("/data/alice/x", "/data/user/x"),
        ("/data/malice/x", "/data/malice/x"),
        ("wonderland.example.org: no", "host: no"),
        ("on wonderland", "on host"),
        ("https://bob:s3cret@pypi.example/simple", "https://REDACTED@pypi.example/simple"),
        ("https://x/y?token=abc&v=1", "https://x/y?token=REDACTED&v=1"),
        ("hf_abcdefghijklmnopqrst", "REDACTED"),
        ("ghp_abcdefghijklmnopqrst in a line", "REDACTED in a line"),
        ("nothing personal", "nothing personal"),
    ],
)
def test_every_string_is_rewritten(text: str, shown: str) -> None:
    seen = redact(facts(gaps=[Gap(section="s", subject=text, reason=text)]), HOME).gaps[0]
    assert (seen.subject, seen.reason) == (shown, shown)


@pytest.mark.parametrize("name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PIP_PASSWORD", "X_API_KEY"])
def test_secret_variables(name: str) -> None:
    environment = Environment(process={name: "s3cret", "CUDA_HOME": "/usr/local/cuda"})
    seen = redact(facts(environment=environment), HOME).environment.process
    assert seen == {name: "REDACTED", "CUDA_HOME": "/usr/local/cuda"}


def test_paths_stay_equal_and_questions_answerable() -> None:
    path = "/home/alice/env/lib/python3.11/site-packages"
    before = facts(
        python=Python(
            executable="/home/alice/env/bin/python",
            version="3.11.7",
            tag="cp311",
            prefix="/home/alice/env",
            base_prefix="/usr",
            kind="venv",
            site_dirs=[path],
        ),
        distributions=[Distribution(name="a", version="1", location=path)],
        answers={f"exports:{path}/a.so": ["x"]},
    )
    after = redact(before, HOME)
    assert after.python is not None
    assert after.python.site_dirs == [after.distributions[0].location]
    assert list(after.answers) == [f"exports:{after.distributions[0].location}/a.so"]
    assert "alice" not in json.dumps(to_json(after))


def test_round_trip(tmp_path: Path) -> None:
    before = facts(gaps=[Gap(section="s", subject="x", reason="y")])
    (tmp_path / "f.json").write_text(json.dumps(to_json(before)))
    assert load(tmp_path / "f.json") == before


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"{",
        b"[" * 100_000,
        b'{"gpufix_version": "\\ud800"}',
        b"\xff",
    ],
    ids=["a mark at its start", "UTF-16", "cut", "nested", "half a character", "no text"],
)
def test_what_is_no_json_in_utf_8_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.json").write_bytes(content)
    with pytest.raises(CorruptFacts, match="not a facts file: the file: invalid JSON"):
        load(tmp_path / "f.json")


@pytest.mark.parametrize(
    ("sections", "where"),
    [
        ({"gpus": [b.gpu("ghx1100")]}, "gpus.0.arch: 'ghx1100' is no GPU architecture"),
        ({"drivers": [b.driver(cuda="new")]}, "drivers.0.cuda: 'new' is no version"),
        (
            {"binaries": b.binaries(b.library("a.so", b.code("sm_x")))},
            "binaries.libraries.0.code: 'sm_x' is no GPU architecture",
        ),
        ({"drivers": [b.driver(cuda="13x")]}, "drivers.0.cuda: '13x' is no version"),
        (
            {"binaries": b.binaries(b.library("a.so", parts=[CodePart(code=[0])]))},
            "binaries.libraries.0.parts: a part is of code that is not there",
        ),
        (
            {"binaries": b.binaries(imports=[Import(module="a", wants="=b")])},
            "binaries.imports.0.wants: '=b' is no requirement",
        ),
    ],
)
def test_what_no_check_can_read_is_refused(
    tmp_path: Path, sections: dict[str, object], where: str
) -> None:
    (tmp_path / "f.json").write_text(json.dumps(to_json(facts(**sections))))
    with pytest.raises(CorruptFacts, match=f"not a facts file: {where}"):
        load(tmp_path / "f.json")


def test_a_snapshot_of_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(json.dumps(to_json(facts(schema_version=2))))
    with pytest.raises(CorruptFacts, match="schema 2"):
        load(tmp_path / "f.json")
