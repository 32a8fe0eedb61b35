"""What options of several commands can be set to."""

from __future__ import annotations

from enum import Enum


class Format(str, Enum):
    """Report formats."""

    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"
    junit = "junit"
    markdown = "markdown"
    html = "html"


class TextOrJson(str, Enum):
    """Report formats of what is no diagnosis."""

    text = "text"
    json = "json"


class FailOn(str, Enum):
    """The least severity that makes the exit code 1."""

    error = "error"
    warning = "warning"
    advice = "advice"
    never = "never"
