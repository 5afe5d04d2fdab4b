"""Web: what every page is made of: the shell, components, style sheet, markdown, figures and ``render()``.

A *page* is a frozen dataclass with a template of the same name in its own room; the *shell* is what surrounds it.
Imports only ``core``; rooms above bring their own pages, templates and menu entries (*slots*).
"""
