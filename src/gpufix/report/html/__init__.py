"""One self-contained HTML file: no script, no font, no picture from elsewhere."""

from gpufix.report.html.document import Content, render

__all__ = ["Content", "render"]
