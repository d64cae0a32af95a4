"""CSV files as the world writes them: torn quotes, wrong encodings and short rows cost one record, never the file."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from trustmart.errors import SourceUnreadable
from trustmart.policy import Location
from trustmart.sources.pages import PAGE_ROWS, Page, Unreadable, as_text

# A value may hold newlines (RFC 4180), but a record of more lines than this is a quote that was never closed.
LONGEST_RECORD_LINES = 1_000

# Python's own limit (131,072 characters) is shorter than some notes are.
csv.field_size_limit(16 * 1024 * 1024)


class _QuoteNeverClosed(Exception):
    """The record goes on and on: somewhere a quote was opened and not closed."""


class _Lines:
    """The file's lines, with the ones of the current record at hand so that reading can start again behind it."""

    def __init__(self, lines: Iterator[str], *, number: int) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.current: list[str] = []
        self.number = number

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.current) >= LONGEST_RECORD_LINES:
            raise _QuoteNeverClosed
        line = self._again.pop() if self._again else next(self._lines)
        self.current.append(line)
        self.number += 1
        return line

    def next_record(self) -> None:
        """Forget the lines of the record that was read."""
        self.current.clear()

    def give_back_all_but_first(self) -> str:
        """Return the record's first line; the others will be read again."""
        first, *others = self.current
        self._again.extend(reversed(others))
        self.number -= len(others)
        self.current.clear()
        return first


def header(path: Path, location: Location) -> tuple[str, ...]:
    """Return the column names in the first line; a column without a name is called by its position."""
    with _open(path, location) as file:
        try:
            names = next(csv.reader(file, delimiter=location.delimiter, strict=True), [])
        except csv.Error:
            names = []
    if not any(name.strip() for name in names):
        raise SourceUnreadable(f"{path.name} has no header line with the names of its columns")
    if not _is_clean("".join(names)):
        raise SourceUnreadable(_not_in_its_encoding(path, location))
    return tuple(name.strip() or f"unnamed_{position}" for position, name in enumerate(names, 1))


def pages(path: Path, location: Location, columns: tuple[str, ...]) -> Iterator[Page]:
    """Yield the file's records; what cannot be read comes along as Unreadable. Blank lines are not records.

    Reading goes at full speed as far as the quoting is sound, and with care from there on.
    """
    with _open(path, location) as file:
        reader = csv.reader(file, delimiter=location.delimiter, strict=True)
        next(reader, None)
        sound = reader.line_num
        is_sound = True
        while is_sound:
            records, is_sound = _sound_records(reader, len(columns))
            lines, sound = _line_numbers(records, sound, reader.line_num if is_sound else None)
            yield from _pages(columns, location, list(zip(lines, records, strict=True)))
            if is_sound and not records:
                return
    with _open(path, location) as file:
        for _ in zip(range(sound), file, strict=False):
            pass
        careful = _careful_records(_Lines(file, number=sound), location.delimiter, len(columns))
        while found := list(islice(careful, PAGE_ROWS)):
            yield from _pages(columns, location, found)


def _sound_records(reader: Any, width: int) -> tuple[list[list[str]], bool]:
    """Return the records of a page, and whether there may be more; where quoting breaks, those before it."""
    records: list[list[str]] = []
    is_sound = True
    try:
        records.extend(islice(reader, PAGE_ROWS))
    except csv.Error:
        is_sound = False  # what was read before the broken record is in `records` already
    if not set(map(len, records)) <= {0, width}:
        for position, record in enumerate(records):
            # Of several lines, and not as wide as it should be: a torn quote may have swallowed others.
            if len(record) != width and _line_breaks(record):
                return records[:position], False
    return records, is_sound


def _line_numbers(records: list[list[str]], before: int, after: int | None = None) -> tuple[Sequence[int], int]:
    """Return the line on which each record begins, and the last line of all; `before` is the line above them."""
    if after is not None and after - before == len(records):
        return range(before + 1, after + 1), after
    lines, line = [], before
    for record in records:
        lines.append(line + 1)
        line += 1 + _line_breaks(record)
    return lines, line


def _line_breaks(record: list[str]) -> int:
    """Return how many line ends stand within the values of a record."""
    return sum(value.count("\n") + value.count("\r") - value.count("\r\n") for value in record)


def _pages(
    columns: tuple[str, ...], location: Location, found: list[tuple[int, list[str] | Unreadable]]
) -> Iterator[Page]:
    """Sort what was found into records of the right width and unreadable ones, and make a page of them."""
    records: list[list[str]] = []
    lines: list[int] = []
    unreadable: list[Unreadable] = []
    for line, record in found:
        if isinstance(record, Unreadable):
            unreadable.append(record)
        elif len(record) == len(columns):
            records.append(record)
            lines.append(line)
        elif record:
            text = _written(record, location)
            unreadable.append(Unreadable(line=line, reason="wrong_number_of_columns", text=text))
    if records or unreadable:
        yield _page(columns, records, lines, unreadable, location)


def _careful_records(source: _Lines, delimiter: str, width: int) -> Iterator[tuple[int, list[str] | Unreadable]]:
    """Yield (line, record); after a broken record, begin again with the line behind its first one."""
    while True:
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        line = source.number + 1
        reason = "broken_quoting"
        try:
            for record in reader:
                if len(record) != width and _holds_a_record(source.current[1:], delimiter, width):
                    raise _QuoteNeverClosed
                yield line, record
                source.next_record()
                line = source.number + 1
            return
        except _QuoteNeverClosed:
            pass
        except csv.Error as error:
            if "field limit" in str(error):
                reason = "value_too_long"
        yield line, Unreadable(line=line, reason=reason, text=_printable(source.give_back_all_but_first()))


def _holds_a_record(lines: list[str], delimiter: str, width: int) -> bool:
    """True where one of the lines is a whole record by itself."""
    for line in lines:
        try:
            if len(next(csv.reader([line], delimiter=delimiter, strict=True), [])) == width:
                return True
        except csv.Error:
            continue
    return False


@contextmanager
def _open(path: Path, location: Location) -> Iterator[TextIO]:
    """Open for reading; bytes that are not in the encoding survive as escapes, to be judged record by record."""
    try:
        with path.open(encoding=_encoding(location), errors="surrogateescape", newline="") as file:
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


def _page(
    columns: tuple[str, ...], records: list[list[str]], lines: list[int], bad: list[Unreadable], location: Location
) -> Page:
    """Turn records into text columns; records that are not in the file's encoding are unreadable."""
    try:
        arrays = _arrays(columns, records)
    except UnicodeEncodeError:
        clean = [_is_clean("".join(record)) for record in records]
        bad = bad + [
            Unreadable(line=line, reason="wrong_encoding", text=_written(record, location))
            for line, record, is_clean in zip(lines, records, clean, strict=True)
            if not is_clean
        ]
        lines = [line for line, is_clean in zip(lines, clean, strict=True) if is_clean]
        arrays = _arrays(columns, [record for record, is_clean in zip(records, clean, strict=True) if is_clean])
    return Page(records=as_text(columns, arrays, pa.array(lines, pa.int64())), unreadable=tuple(bad))


def _arrays(columns: tuple[str, ...], records: list[list[str]]) -> list[pa.Array]:
    """Turn rows into columns."""
    if not records:
        return [pa.array([], pa.string()) for _ in columns]
    return [pa.array(values, pa.string()) for values in zip(*records, strict=True)]


def _is_clean(text: str) -> bool:
    """True where every byte was valid in the file's encoding."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _written(record: list[str], location: Location) -> str:
    """Return a record as it stands in the file, quotes included where they are needed."""
    text = StringIO()
    csv.writer(text, delimiter=location.delimiter).writerow(record)
    return _printable(text.getvalue())


def _printable(text: str) -> str:
    """Return the text with its invalid bytes written as escapes, so that it can be kept."""
    return text.rstrip("\r\n").encode(errors="backslashreplace").decode()


def _encoding(location: Location) -> str:
    """Read over a byte order mark, as spreadsheets write it."""
    return "utf-8-sig" if location.encoding.lower() in ("utf-8", "utf8") else location.encoding
