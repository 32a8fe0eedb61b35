from . import _core

answer = _core.answer
