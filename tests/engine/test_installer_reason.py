"""What pip and uv print when they bring nothing, and the sentence that is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpufix.engine.installer_reason import told_by

SAID = {
    "pip, a name that no index has": (
        "ERROR: Could not find a version that satisfies the requirement pixproc==4.1.0 "
        "(from versions: none)\nERROR: No matching distribution found for pixproc==4.1.0\n",
        "no index that was asked has pixproc==4.1.0",
    ),
    "pip, a release that no index has": (
        "ERROR: Could not find a version that satisfies the requirement torch==2.6.0 "
        "(from versions: 2.12.0, 2.13.0+cpu)\n",
        "no index that was asked has torch==2.6.0; its releases there end with 2.13.0+cpu",
    ),
    "pip, no network": (
        "Looking in indexes: https://user:secret@download.example.org/whl/cpu\n"
        "Looking in links: /wheels\n"
        "WARNING: Retrying (Retry(total=0, connect=None, read=None)) after connection broken by "
        "'NewConnectionError('<urllib3.connection.HTTPSConnection object>: [Errno -2]')': /x/\n"
        "ERROR: Could not find a version that satisfies the requirement pixproc==4.1.0 "
        "(from versions: none)\n",
        "the index at download.example.org does not answer",
    ),
    "pip, no network, two indexes": (
        "Looking in indexes: https://pypi.example.org/simple, https://download.example.org/whl\n"
        "WARNING: Retrying (Retry(total=0, connect=None, read=None)) after connection broken by "
        "'NewConnectionError('<urllib3.connection.HTTPSConnection object>: [Errno -2]')': /x/\n"
        "ERROR: Could not find a version that satisfies the requirement pixproc==4.1.0 "
        "(from versions: none)\n",
        "an index does not answer",
    ),
    "uv, a name that no index has": (
        "  × No solution found when resolving dependencies:\n"
        "  ╰─▶ Because pixproc was not found in the package registry and you\n"
        "      require pixproc==4.1.0, we can conclude that your requirements are\n"
        "      unsatisfiable.\n",
        "no index that was asked has pixproc",
    ),
    "uv, a release that no index has": (
        "error: No solution found when resolving dependencies:\n"
        "  Because there is no version of torch==2.6.0+cu124 and you require it, we can\n"
        "  conclude that your requirements are unsatisfiable.\n",
        "no index that was asked has torch==2.6.0+cu124",
    ),
    "uv, another Python's wheels alone": (
        "  ╰─▶ Because torch==2.13.0+cpu has no wheels with a matching Python ABI tag (e.g.,\n"
        "      `cp312`), we can conclude that torch cannot be used.\n",
        "torch==2.13.0+cpu has no wheel for this Python and system",
    ),
    "uv, no network": (
        "error: Request failed after 3 retries in 7.4s\n"
        "  Caused by: Failed to fetch: `https://download.example.org/whl/cpu/torch/`\n"
        "  Caused by: dns error\n",
        "the index at download.example.org does not answer",
    ),
    "uv 0.13, no network": (
        "error: Request failed after 3 retries in 7.4s\n"
        "  cause: Failed to fetch: https://download.example.org/whl/cpu/torch/\n"
        "  cause: error sending request for url (https://download.example.org/whl/cpu/torch/)\n"
        "  cause: client error (Connect)\n",
        "the index at download.example.org does not answer",
    ),
    "pip, a source that does not build": (
        "  error: subprocess-exited-with-error\n  × Getting requirements to build wheel\n",
        "there is no wheel here, and the source does not build",
    ),
    "uv, a source that does not build": (
        "error: Failed to build `tensorrt-cu12-libs==10.13.3.9`\n",
        "tensorrt-cu12-libs==10.13.3.9 has no wheel here, and its source does not build",
    ),
    "pip, versions": (
        "ERROR: Cannot install a and b because these package versions have conflicting dependencies.\n"
        "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/\n",
        "no releases fit what is installed",
    ),
    "uv, versions": (
        "  ╰─▶ Because datasets>=3 depends on multiprocess<0.70.17 and multiprocess==0.70.18 is\n"
        "      pinned, we can conclude that your requirements are unsatisfiable.\n",
        "no releases fit what is installed",
    ),
    "pip, links that lead nowhere": (
        "ERROR: Could not install packages due to an OSError: [Errno 2] No such file or directory: "
        "'/s/torch/_C.so'\n",
        "pip cannot replace what is there ([Errno 2] No such file or directory: '/s/torch/_C.so')",
    ),
    "nothing that is known": ("Segmentation fault\n", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize("name", SAID)
def test_the_reason_is_one_sentence(name: str, tmp_path: Path) -> None:
    log, reason = SAID[name]
    (tmp_path / "install.log").write_text(log)
    assert told_by(tmp_path / "install.log") == reason


def test_without_a_log_there_is_none(tmp_path: Path) -> None:
    assert told_by(tmp_path / "install.log") is None
