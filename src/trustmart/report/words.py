"""How figures and names are put into words, the same on the page and in the terminal."""

from collections.abc import Sequence
from datetime import datetime
from numbers import Real
from typing import Any

UNKNOWN = "–"


def number(value: Any) -> str:
    """Return a count with thousands separators; a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value) if isinstance(value, str) and value else UNKNOWN
    whole = float(value).is_integer()
    return f"{int(value):,}" if whole else f"{float(value):,.1f}"


def percent(value: Any) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{float(value):.1%}" if isinstance(value, Real) else UNKNOWN


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a count with its noun: 1 mart, 2 marts."""
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"


def duration(seconds: Any) -> str:
    """Return a duration the way one would say it: 0.4 s, 38 s, 3 min 5 s."""
    if not isinstance(seconds, Real):
        return UNKNOWN
    value = float(seconds)
    if value < 9.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def plain(name: Any) -> str:
    """Return a reason's or step's name as words: impossible_date becomes Impossible date."""
    text = "".join(character for character in str(name) if character.isprintable()).strip()
    words = text if " " in text else " ".join(text.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def listing(items: Sequence[str]) -> str:
    """Return a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def instant(value: Any) -> datetime | None:
    """Return an ISO instant as a datetime, or None where it is not one."""
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def moment(value: Any) -> str:
    """Return an instant as 7 October 2026, 02:00 UTC."""
    at = instant(value)
    return f"{at.day} {at:%B %Y, %H:%M} {at:%Z}".strip() if at else UNKNOWN


def age(since: Any, until: Any) -> str:
    """Return how long lies between two instants, in days, or in hours below two days."""
    begin, end = instant(since), instant(until)
    if begin is None or end is None:
        return UNKNOWN
    hours = (end.replace(tzinfo=None) - begin.replace(tzinfo=None)).total_seconds() / 3600
    return plural(round(hours / 24), "day") if hours >= 48 else plural(max(0, round(hours)), "hour")
