"""Everybody's forms are the same however they are worked out, and those that a plain reading gives."""

import re
from collections import Counter
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from trustmart.gates.known_forms import known_forms
from trustmart.gates.remembering import remembering

PLAIN = st.text(alphabet="aBz019@.- '", max_size=18)
ANY = st.text(max_size=12)
NUMBERED = st.from_regex(r"[A-Za-z]{2}[0-9]{1,8}", fullmatch=True)
ADDRESS = st.from_regex(r"[a-c.0-9]{10,16}@[a-c]{2}\.de", fullmatch=True)
VALUES = st.one_of(
    st.lists(st.none() | PLAIN | ADDRESS, min_size=1, max_size=12),
    st.lists(NUMBERED, min_size=1, max_size=12),
    st.lists(st.none() | ANY | NUMBERED, min_size=1, max_size=12),
)
HASHES = "small, letters, digits, local, number"


class Reader:
    """Two raw tables of texts."""

    def __init__(self, values: list[str | None], others: list[str | None]) -> None:
        """Load them."""
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as restricted")
        for table, told in (("one", values), ("other", others)):
            self.connection.execute(f"create table restricted.main.{table} (known varchar)")
            self.connection.execute(f"insert into restricted.main.{table} select unnest(cast(? as varchar[]))", [told])

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()

    def hashes(self, *places: list[str]) -> list[tuple[Any, ...]]:
        """Return the hashes of one identifier, each once."""
        (forms,) = known_forms(self, places)
        return sorted(set(self.rows(f"select {HASHES} from {forms.hashes} as known")), key=str)


def read_plainly(text: str) -> tuple[str, str, str | None, str | None, float | None]:
    """Return the forms of a text without accents: small, letters, digits, before the sign, as a number."""
    form = text.strip(" ")
    letters = re.sub("[^a-z0-9]", "", form.lower())
    digits = re.sub("[^0-9]", "", form)
    before, sign, _ = form.partition("@")
    is_number, is_address = not sign and len(digits) >= 5, sign and len(before) >= 12 and re.search("[0-9]", before)
    return (
        form.lower(),
        letters,
        digits if is_number else None,
        re.sub("[^a-z0-9]", "", before.lower()) if is_address else None,
        float(digits) if is_number else None,
    )


@settings(deadline=None, max_examples=60)
@given(values=VALUES, others=VALUES)
def test_forms_that_are_kept_are_those_that_are_worked_out_each_time(
    values: list[str | None], others: list[str | None]
) -> None:
    """(S12) A shorter way for numbers, one table or two, kept for the night or not: the hashes are the same."""
    reader = Reader(values, others)
    for places in ([["one", "known"]], [["one", "known"], ["other", "known"]]):
        each_time = reader.hashes(*places)
        with remembering(reader):
            assert reader.hashes(*places) == reader.hashes(*places) == each_time


@settings(deadline=None, max_examples=60)
@given(values=st.lists(st.one_of(PLAIN, NUMBERED, ADDRESS), min_size=1, max_size=12))
def test_forms_are_those_of_a_plain_reading(values: list[str]) -> None:
    """(S12) Small letters, letters and digits, digits alone, what stands before an address's sign, and the number."""
    reader = Reader(list(values), [])
    wanted = Counter[tuple[Any, ...]]()
    for text in values:
        small, letters, digits, local, number = read_plainly(text)
        (found,) = reader.rows(
            "select hash(cast(? as varchar)), hash(cast(? as varchar)), case when ? is not null then hash(cast(? as"
            " varchar)) end, case when ? is not null then hash(cast(? as varchar)) end",
            [small, letters, digits, digits, local, local],
        )
        wanted[*found, number] += 1
    assert reader.hashes(["one", "known"]) == sorted(wanted, key=str)
