"""One self-contained HTML file: no font, picture or script from elsewhere."""

from gpufix.report.html.document import Content, render

__all__ = ["Content", "render"]
