"""Cells of files that spreadsheets open. Pure."""

#: Source: OWASP, "CSV Injection": a cell that starts with one of these is a formula to some program.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def safe_cell(text: str) -> str:
    """``text`` as a cell of a CSV file that a spreadsheet shows and never computes."""
    return f"'{text}" if text.startswith(_FORMULA) else text
