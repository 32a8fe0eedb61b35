"""A port that is taken: which one, and whose it is by custom."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit

_PORT = re.compile(
    r"(?:port:? |bind to \S{0,40}?:|(?:\d{1,3}\.){3}\d{1,3}:|\[::\]:|localhost:|address \(?'[\d.]+', )(?P<port>\d{2,5})\b"
)
_CUSTOM = {
    11434: "an ollama that runs already (`sudo systemctl stop ollama`, or leave it and use that one; OLLAMA_HOST=127.0.0.1:11435 for a second)",
    8000: "another server (vLLM's own default; --port 8001)",
    30000: "another server (SGLang's own default; --port 30001)",
    7860: "another web UI (--port 7861, GRADIO_SERVER_PORT)",
    8188: "another ComfyUI (--port 8189)",
}  # fmt: skip


def taken(explanation: Explanation, hit: Hit) -> Explanation:
    """The port, and who holds it most often; torch's rendezvous keeps its own words."""
    found = _PORT.search(hit.shown) or _PORT.search(context(hit, 300, 600))
    port = int(found["port"]) if found else 0
    if not port or 29000 <= port < 30000:
        return explanation
    who = _CUSTOM.get(port, "the process that `lsof -i` shows, often an earlier run")
    return explanation.but(
        do=f"Port {port} is held by {who}. End it (`lsof -i :{port}`, on Windows `netstat -ano | findstr :{port}`), or choose another port."
    )
