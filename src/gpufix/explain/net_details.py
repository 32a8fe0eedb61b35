"""A request that failed: what its answer says."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit

_HUB = re.compile(r"huggingface|hf\.co|hf-mirror", re.IGNORECASE)
_ANSWERS = (
    (
        r"RepositoryNotFoundError|Repository Not Found",
        "The name is wrong, or the repository is private or gone: correct it (owner/model, as on its page), or log in (`hf auth "
        "login`, HF_TOKEN) with an account that may read it.",
    ),
    (
        r"EntryNotFoundError|Entry Not Found|404 Client Error",
        "The repository has no such file (in this revision): look at its page for the name. A library that asks for a file that was "
        "renamed wants its newest release; or give the revision that had it (revision=…).",
    ),
    (
        r"\b429\b|Too Many Requests",
        "Too many requests: wait some minutes, and log in (`hf auth login`, HF_TOKEN), which allows more. HF_HUB_OFFLINE=1 where all "
        "is downloaded.",
    ),
    (r"\b401\b|Unauthorized", "Log in: `hf auth login`, or HF_TOKEN of an account that may read it."),
    (r"\b403\b|Forbidden", "Accept the conditions on its page with the account whose token is used (`hf auth login`, HF_TOKEN with read rights)."),
)  # fmt: skip
# flash-attn's, mamba's and causal-conv1d's setup.py say which wheel they ask for.
_GUESSED = re.compile(
    r"Guessing wheel URL:\s+(?P<page>https://\S{1,200}?/releases)/download/\S{1,60}?/(?P<package>[A-Za-z]\w*)-"
)
_CERTIFICATE = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLCertVerificationError"
)


def answered(explanation: Explanation, hit: Hit) -> Explanation:
    """The remedy for the code that the Hub answered, or for a certificate that is not known."""
    around = context(hit, 600, 600)
    if _CERTIFICATE.search(around):
        return explanation.but(
            do="The certificate of the server, or of a company's proxy, is not known here: `pip install -U certifi`; behind a proxy "
            "its certificate as REQUESTS_CA_BUNDLE and SSL_CERT_FILE=/path/ca.pem; on macOS run Install Certificates.command."
        )
    if guessed := _GUESSED.search(around):
        return explanation.but(
            what=f"{guessed['package']} publishes no wheel for this torch, CUDA and Python: the address that its setup.py made up is not there.",
            do=f"Take one that its releases list ({guessed['page']}), with the torch and Python that stand in its name; or build it: nvcc of torch's "
            "CUDA in CUDA_HOME, ninja, `MAX_JOBS=4 pip install --no-build-isolation …`.",
        )
    if _HUB.search(around):
        for pattern, do in _ANSWERS:
            if re.search(pattern, around):
                return explanation.but(do=do)
    return explanation
