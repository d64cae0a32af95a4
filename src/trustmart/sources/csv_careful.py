"""A record of a CSV file that is not plain, read with care: a torn quote costs its own line and nothing behind it."""

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from trustmart.sources.csv_plain import is_clean
from trustmart.sources.pages import Unreadable

# A value may hold newlines (RFC 4180), but a record of more lines than this is a quote that was never closed.
LONGEST_RECORD_LINES = 1_000

# Python's own limit (131,072 characters) is shorter than some notes are.
csv.field_size_limit(16 * 1024 * 1024)


class _QuoteNeverClosed(Exception):
    """The record goes on and on: somewhere a quote was opened and not closed."""


class Lines:
    """The lines of a page; where a record needs more, they are taken from the file and stay at hand.

    So reading can begin again right behind the first line of a record that turns out to be broken.
    """

    def __init__(self, at_hand: list[str], more: Iterator[str]) -> None:
        """Hold the page's lines, and the file behind them."""
        self.at_hand = at_hand
        self._more = more

    def beginning(self, position: int) -> Iterator[str]:
        """Yield the lines from a position on, but not without end."""
        for place in range(position, position + LONGEST_RECORD_LINES):
            if place == len(self.at_hand):
                self.at_hand.extend(islice(self._more, 1))
            if place == len(self.at_hand):
                return
            yield self.at_hand[place]
        raise _QuoteNeverClosed


def read_record(
    lines: Lines, position: int, number: int, *, delimiter: str, width: int
) -> tuple[list[str] | Unreadable, int]:
    """Read the record that begins at a position, on the file's line `number`; return it and how many lines it took.

    It has as many values as the table is wide, or none (a blank line); any other is unreadable.
    """
    reader = csv.reader(lines.beginning(position), delimiter=delimiter, strict=True)
    reason = "broken_quoting"
    try:
        record = next(reader)
        others = lines.at_hand[position + 1 : position + reader.line_num]
        if len(record) == width or not _holds_a_record(others, delimiter, width):
            return _judged(record, number, delimiter, width), reader.line_num
    except _QuoteNeverClosed:
        pass
    except csv.Error as error:
        if "field limit" in str(error):
            reason = "value_too_long"
    return Unreadable(line=number, reason=reason, text=_printable(lines.at_hand[position])), 1


def _judged(record: list[str], number: int, delimiter: str, width: int) -> list[str] | Unreadable:
    """Return a record, or why it cannot be used."""
    if not record or (len(record) == width and is_clean("".join(record))):
        return record
    reason = "wrong_encoding" if len(record) == width else "wrong_number_of_columns"
    return Unreadable(line=number, reason=reason, text=_written(record, delimiter))


def _holds_a_record(lines: list[str], delimiter: str, width: int) -> bool:
    """True where one of the lines is a whole record by itself."""
    for line in lines:
        try:
            if len(next(csv.reader([line], delimiter=delimiter, strict=True), [])) == width:
                return True
        except csv.Error:
            continue
    return False


def _written(record: list[str], delimiter: str) -> str:
    """Return a record as it stands in the file, quotes included where they are needed."""
    text = StringIO()
    csv.writer(text, delimiter=delimiter).writerow(record)
    return _printable(text.getvalue())


def _printable(text: str) -> str:
    """Return the text with its invalid bytes written as escapes, so that it can be kept."""
    return text.rstrip("\r\n").encode(errors="backslashreplace").decode()
