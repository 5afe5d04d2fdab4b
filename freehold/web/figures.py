"""Figures as people read them: sizes, counts and times. Source: the look, "Tables and numbers".

A space that never breaks stands between figure and unit; unknown is a dash, never zero.
"""

from datetime import UTC, datetime

GAP = "\u00a0"
UNKNOWN = "—"


def size(size_bytes: int | None) -> str:
    """Bytes in decimal units, three significant digits at most: ``612 B``, ``1.5 kB``, ``90.9 MB``."""
    if size_bytes is None:
        return UNKNOWN
    return _scaled(size_bytes, ("B", "kB", "MB", "GB", "TB", "PB", "EB"))


def short(number: int | None) -> str:
    """A large count in short: ``950``, ``134.5 M``, ``1.2 B``."""
    if number is None:
        return UNKNOWN
    return _scaled(number, ("", "k", "M", "B", "T"), thousand_from=10_000)


def count(number: int | None) -> str:
    """A whole number with thousands set apart: ``33,530``."""
    return UNKNOWN if number is None else f"{number:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """``1 file``, ``12 files``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago in short: ``now``, ``5 min``, ``2 h``, ``9 d``, ``5 mo``, ``3 y``."""
    figure, unit = _span(moment, now)
    return f"{figure}{GAP}{unit}" if unit else "now"


def long_ago(moment: datetime, now: datetime) -> str:
    """The same in words: ``2 hours ago``."""
    words = {"min": "minute", "h": "hour", "d": "day", "mo": "month", "y": "year"}
    figure, unit = _span(moment, now)
    return f"{plural(figure, words[unit])} ago" if unit else "just now"


def span(seconds: float | None) -> str:
    """How long something took or takes: ``3 ms``, ``2.5 s``, ``4 min``, ``1 h``, ``9 d``."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds * 1000:.3g}{GAP}ms"
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds / length_s:.3g}{GAP}{unit}"
    return f"{seconds:.3g}{GAP}s"


def money(micros: int | None) -> str:
    """An amount of money from its millionths: two digits after the point, more where it is a small one."""
    if micros is None:
        return UNKNOWN
    if 0 < micros < 10_000:
        return f"{micros / 1_000_000:.6f}".rstrip("0")
    return f"{micros / 1_000_000:,.2f}" if micros else "0"


def energy(millijoules: int | None) -> str:
    """Energy as bills have it, from thousandths of a joule: ``3.2 Wh``, ``1.5 kWh``."""
    if millijoules is None:
        return UNKNOWN
    watt_hours = millijoules / 3_600_000
    for unit, size in (("MWh", 1e6), ("kWh", 1e3), ("Wh", 1), ("mWh", 1e-3)):
        if watt_hours >= size:
            return f"{watt_hours / size:.3g}{GAP}{unit}"
    return f"{watt_hours * 1e3:.2g}{GAP}mWh" if watt_hours else "0"


def exact(moment: datetime) -> str:
    """``11 November 2026, 09:14 UTC``."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def _span(moment: datetime, now: datetime) -> tuple[int, str]:
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length_s in (("y", 31_557_600), ("mo", 2_629_800), ("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length_s:
            return seconds // length_s, unit
    return 0, ""


def _scaled(number: int, units: tuple[str, ...], *, thousand_from: int = 1000) -> str:
    if number < thousand_from:
        return f"{number:,}{GAP}{units[0]}" if units[0] else f"{number:,}"
    scaled, step = float(number), 0
    # 999.95 would be shown as 1000.0: go on to the next unit instead.
    while scaled >= 999.5 and step < len(units) - 1:
        scaled /= 1000
        step += 1
    digits = f"{scaled:.0f}" if scaled >= 200 else f"{scaled:.1f}".removesuffix(".0")
    return f"{digits}{GAP}{units[step]}"
