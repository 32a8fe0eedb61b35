"""JAX finds one CUDA plug-in and registers it without a word."""

import logging

seen: list[str] = []


class Keep(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        seen.append(record.getMessage())


logging.getLogger("jax._src.xla_bridge").addHandler(Keep())

from jax._src import xla_bridge  # noqa: E402

xla_bridge.discover_pjrt_plugins()
assert not [said for said in seen if "plugin configuration error" in said], seen
assert "cuda" in xla_bridge._backend_factories
