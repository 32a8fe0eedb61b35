"""Prints the names of the runtime's errors that we retry."""

from cuda.bindings import runtime

RETRIED = ("cudaErrorMemoryAllocation", "cudaErrorSystemNotReady")

print([name for name in RETRIED if hasattr(runtime.cudaError_t, name)])
