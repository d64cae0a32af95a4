"""CSV files as the world writes them: torn quotes, wrong encodings and short rows cost one record, never the file."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from trustmart.errors import SourceUnreadable
from trustmart.policy import Location
from trustmart.sources.csv_careful import Lines, read_record
from trustmart.sources.csv_plain import is_clean, plain_line, split
from trustmart.sources.pages import LINE, PAGE_ROWS, Page, Unreadable, as_text

# Whenever it reads from the disk, a thread gives up the interpreter's lock and has to wait for it: seldom, then.
_BYTES_AT_ONCE = 1024 * 1024


@dataclass(slots=True)
class _Found:
    """What the lines of a page are, with the number of the line on which each record begins."""

    plain: list[str] = field(default_factory=list)
    plain_numbers: list[int] = field(default_factory=list)
    records: list[list[str]] = field(default_factory=list)
    record_numbers: list[int] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def add(self, record: list[str] | Unreadable, number: int) -> None:
        """Add a record that was read by itself; a blank line is none."""
        if isinstance(record, Unreadable):
            self.unreadable.append(record)
        elif record:
            self.records.append(record)
            self.record_numbers.append(number)


def header(path: Path, location: Location) -> tuple[str, ...]:
    """Return the column names in the first line; a column without a name is called by its position."""
    with _open(path, location) as file:
        try:
            names = next(csv.reader(file, delimiter=location.delimiter, strict=True), [])
        except csv.Error:
            names = []
    if not any(name.strip() for name in names):
        raise SourceUnreadable(f"{path.name} has no header line with the names of its columns")
    if not is_clean("".join(names)):
        raise SourceUnreadable(_not_in_its_encoding(path, location))
    return tuple(name.strip() or f"unnamed_{position}" for position, name in enumerate(names, 1))


def pages(path: Path, location: Location, columns: tuple[str, ...]) -> Iterator[Page]:
    """Yield the file's records; what cannot be read comes along as Unreadable. Blank lines are not records.

    Nearly every line is plain and is split along with all others of its page; the rest is read one by one, with care.
    """
    with _open(path, location) as file:
        reader = csv.reader(file, delimiter=location.delimiter, strict=True)
        next(reader, None)
        number = reader.line_num + 1
        at_hand = list(islice(file, PAGE_ROWS))
        while at_hand:
            found, taken = _sorted_out(Lines(at_hand, file), number, location.delimiter, len(columns))
            if found.plain or found.records or found.unreadable:
                yield _page(found, location.delimiter, columns)
            number += taken
            at_hand = at_hand[taken:]  # what a torn quote in one of the last lines has looked at
            at_hand.extend(islice(file, max(0, PAGE_ROWS - len(at_hand))))


def _sorted_out(lines: Lines, number: int, delimiter: str, width: int) -> tuple[_Found, int]:
    """Sort the lines of a page; return what they are and how many have been dealt with. `number` is the first one's."""
    is_plain = plain_line(delimiter, width)
    end = min(PAGE_ROWS, len(lines.at_hand))
    others = [position for position, line in enumerate(lines.at_hand[:end]) if not is_plain(line)]
    found = _Found()
    position = 0
    for other in [*others, end]:
        if other < position:
            continue  # it was part of a record that began before it
        found.plain += lines.at_hand[position:other]
        found.plain_numbers += range(number + position, number + other)
        position = other
        if other < end:
            record, taken = read_record(lines, other, number + other, delimiter=delimiter, width=width)
            found.add(record, number + other)
            position += taken
    return found, position


def _page(found: _Found, delimiter: str, columns: tuple[str, ...]) -> Page:
    """Turn what was found into text columns, in the order of the file."""
    records = as_text(columns, split(found.plain, delimiter, len(columns)), found.plain_numbers)
    if found.records:
        others = as_text(columns, _turned(found.records), found.record_numbers)
        records = pa.concat_tables([records, others]).sort_by(LINE)
    return Page(records=records, unreadable=tuple(found.unreadable))


def _turned(records: list[list[str]]) -> list[pa.Array]:
    """Turn rows into columns."""
    return [pa.array(values, pa.string()) for values in zip(*records, strict=True)]


@contextmanager
def _open(path: Path, location: Location) -> Iterator[TextIO]:
    """Open for reading; bytes that are not in the encoding survive as escapes, to be judged record by record."""
    try:
        with path.open(
            buffering=_BYTES_AT_ONCE, encoding=_encoding(location), errors="surrogateescape", newline=""
        ) as file:
            yield file
        return
    except (UnicodeError, LookupError):
        what = _not_in_its_encoding(path, location)
    except OSError as error:
        what = f"{path.name} cannot be read ({type(error).__name__})"
    # Raised outside the handler: what Python says of an undecodable file holds a piece of it.
    raise SourceUnreadable(what)


def _not_in_its_encoding(path: Path, location: Location) -> str:
    """Say that a whole file cannot be decoded."""
    return (
        f"{path.name} is not in the encoding {location.encoding!r}, which policy/sources.yml gives (utf-8 unless it"
        " says otherwise). Name the right one at location.encoding, then: trustmart ingest"
    )


def _encoding(location: Location) -> str:
    """Read over a byte order mark, as spreadsheets write it."""
    return "utf-8-sig" if location.encoding.lower() in ("utf-8", "utf8") else location.encoding
