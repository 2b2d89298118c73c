"""Report: text that shows itself, in a terminal and in a notebook."""

import sys
from html import escape


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, by IPython's own configuration.

    >>> in_notebook()
    False
    """
    get = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return "IPKernelApp" in getattr(get(), "config", ())


class Report(str):
    """A page of text; its repr is the text itself, and a notebook keeps its columns.

    >>> Report("array  shape")
    array  shape
    >>> Report("<b>")._repr_html_()
    '<pre style="line-height: 1.3">&lt;b&gt;</pre>'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<pre style="line-height: 1.3">{escape(self)}</pre>'
