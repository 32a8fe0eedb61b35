"""What Windows says where Linux's loader has words of its own."""

from __future__ import annotations

from gpufix.evidence.view import View

# https://learn.microsoft.com/windows/win32/debug/system-error-codes
_WORDS = {
    126: "The specified module could not be found",
    127: "The specified procedure could not be found",
    193: "%1 is not a valid Win32 application",
}


def says(view: View, number: int) -> tuple[str, ...]:
    """The evidence of a Windows patient: the error that people see; nothing for others."""
    python = view.facts.python
    if python is None or python.platform != "win32":
        return ()
    return (f"Windows says: [WinError {number}] {_WORDS[number]}",)
