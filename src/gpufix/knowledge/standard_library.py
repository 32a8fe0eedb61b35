"""What Python's own library has no more, by release."""

from __future__ import annotations

from gpufix.knowledge.data_table import at_least

_DEAD = (
    "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes "
    "sndhdr spwd sunau telnetlib uu xdrlib"
)
# PEP 594, PEP 632 and https://docs.python.org/3/whatsnew/3.12.html#removed: the first Python without each.
_MODULES = {
    **dict.fromkeys(["asynchat", "asyncore", "distutils", "imp", "smtpd"], "3.12"),
    **dict.fromkeys(_DEAD.split(), "3.13"),
}
_ABSTRACT = (
    "Callable Container Generator Hashable Iterable Iterator Mapping MutableMapping MutableSequence "
    "MutableSet Sequence Set Sized"
)
# https://docs.python.org/3/whatsnew/3.10.html#removed and its like; each asked of the releases around it.
_NAMES = {
    **dict.fromkeys((f"collections.{name}" for name in _ABSTRACT.split()), "3.10"),
    **dict.fromkeys(["asyncio.coroutine", "inspect.formatargspec", "inspect.getargspec"], "3.11"),
    **dict.fromkeys(
        [
            "configparser.SafeConfigParser", "importlib.find_loader", "locale.format", "pkgutil.ImpImporter",
            "pkgutil.ImpLoader", "ssl.match_hostname", "ssl.wrap_socket",
        ],
        "3.12",
    ),
    **dict.fromkeys(
        ["locale.resetlocale", "typing.io", "typing.re", "unittest.findTestCases", "unittest.makeSuite"],
        "3.13",
    ),
}  # fmt: skip


def is_gone(module: str, python: str) -> bool:
    """Whether this Python's library had a module and has it no more."""
    until = _MODULES.get(module.partition(".")[0])
    return until is not None and at_least(python, until)


def lacks(dotted: str, python: str) -> bool:
    """Whether a module of this Python's library had a name, as "pkgutil.ImpImporter", and has it no more."""
    until = _NAMES.get(dotted)
    return until is not None and at_least(python, until)


def is_lost(dotted: str, python: str) -> bool:
    """Whether this Python has no more what an import asks for: a module, or a name of one."""
    return is_gone(dotted, python) or lacks(dotted, python)


def gone(python: str) -> list[str]:
    """All that this Python's library has no more."""
    return [name for name, until in (_MODULES | _NAMES).items() if at_least(python, until)]
