"""What is split at once must come out as if it had been read record by record."""

import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from trustmart.policy import Location
from trustmart.sources import Unreadable, csv_files

Read = tuple[list[tuple[int, ...]], list[tuple[str, ...]], list[Unreadable]]

delimiters = st.sampled_from(",;|\t\x1f §")
# Bytes, so that some are no character: with separators, quotes, line ends, blanks, NUL and byte order marks.
pieces = [b",", b";", b"|", b"\t", b"\x1f", b" ", "§".encode(), b'"', b"\n", b"\n", b"\r\n", b"\r", b"\0", b"a", b"'"]
pieces += ["\ufeff".encode(), "é".encode(), "\u2028".encode(), b"\x85", b"\xff", b"\\", b"NULL", b"1.0", b"#"]
contents = st.lists(st.sampled_from(pieces), max_size=40).map(b"".join)


def read(content: bytes, location: Location, width: int) -> Read:
    """Return lines, records and unreadable ones of a file with a header of so many columns."""
    columns = tuple(f"c{number}" for number in range(width))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_bytes(location.delimiter.join(columns).encode() + b"\n" + content)
        pages = list(csv_files.pages(path, location, columns))
    lines = [tuple(page.records["_line"].to_pylist()) for page in pages]
    records = [tuple(map(str, row)) for page in pages for row in zip(*page.records.columns[:-1], strict=True)]
    return lines, records, [bad for page in pages for bad in page.unreadable]


@given(content=contents, delimiter=delimiters, width=st.integers(1, 4), page=st.integers(1, 6))
@settings(max_examples=400)
@example(content="\ufeffa,b\n".encode(), delimiter=",", width=2, page=5)
@example(content=b"a\n\nb\r\n\r\nc\r\rd", delimiter=",", width=1, page=5)
@example(content=b'a,b\n"c\nd,e\nf,"g\nh,i\n', delimiter=",", width=2, page=2)
def test_plain_lines_are_split_as_the_careful_reader_would(
    content: bytes, delimiter: str, width: int, page: int
) -> None:
    """Whatever bytes a file is made of, splitting many lines at once changes no record, line number or reason (S01)."""
    location = Location(kind="csv", folder=".", delimiter=delimiter)
    with mock.patch.object(csv_files, "PAGE_ROWS", page):
        found = read(content, location, width)
        with mock.patch.object(csv_files, "plain_line", return_value=lambda line: False):
            assert found == read(content, location, width)


@given(content=contents, width=st.integers(1, 3))
@settings(max_examples=100)
def test_the_size_of_a_page_changes_nothing(content: bytes, width: int) -> None:
    """Wherever a file is cut into pages, the same records and the same unreadable ones are found (S68)."""
    location = Location(kind="csv", folder=".")
    whole_lines, *whole = read(content, location, width)
    for page in (1, 3):
        with mock.patch.object(csv_files, "PAGE_ROWS", page):
            lines, *found = read(content, location, width)
        assert found == whole
        assert [line for part in lines for line in part] == [line for part in whole_lines for line in part]
