"""The chain of releases and the digest of what was published: whatever is altered, is found."""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustmart.errors import ReleasesBroken
from trustmart.ledger.manifests import RELEASES_KEPT, ReleaseChain
from trustmart.warehouse.contents import class_changes, content_digest, digest_of
from trustmart.warehouse.duckdb import DuckDBSession

KEY = "k" * 64
Row = tuple[str | None, int | None, bool | None]
values = st.text(max_size=4) | st.sampled_from(["", "-", "1:a", "2:", ":", "∅", "a|b"])
rows = st.lists(st.tuples(st.none() | values, st.none() | st.integers(-9, 9), st.none() | st.booleans()), max_size=6)
COLUMNS = {"label": "VARCHAR", "figure": "BIGINT", "is_so": "BOOLEAN"}


@contextmanager
def chain_of(length: int, key: str = KEY) -> Iterator[tuple[ReleaseChain, Path]]:
    """Yield a chain of releases in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        chain, published = ReleaseChain(Path(folder), key), Path(folder) / "published"
        for number in range(1, length + 1):
            published.write_text(f"what release {number} published")
            chain.begin(chain.following({"release_id": f"night-{number}", "people": number * 11}), published)
            chain.finish()
        yield chain, Path(folder)


few = settings(max_examples=25)  # every example writes files and flushes them


@few
@given(st.data(), st.integers(1, 4))
def test_an_altered_byte_anywhere_is_found(data: st.DataObject, length: int) -> None:
    """Whichever byte of whichever manifest is another one, the chain says so, and that release is not read (S68)."""
    with chain_of(length) as (chain, _):
        assert chain.faults() == []
        number = data.draw(st.integers(1, length))
        content = bytearray(chain.manifest_file(number).read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        chain.manifest_file(number).write_bytes(bytes(content))
        assert any(fault.startswith(f"release {number}:") for fault in chain.faults())
        with pytest.raises(ReleasesBroken, match=chain.manifest_file(number).name):
            chain.read(number)


@few
@given(st.permutations([1, 2, 3, 4]))
def test_the_order_of_releases_is_sealed(order: list[int]) -> None:
    """Manifests under each other's numbers are found, each of them whole as it is (S68)."""
    with chain_of(4) as (chain, _):
        content = {number: chain.manifest_file(number).read_bytes() for number in order}
        for place, number in enumerate(order, start=1):
            chain.manifest_file(place).write_bytes(content[number])
        assert bool(chain.faults()) == (order != [1, 2, 3, 4])


@few
@given(st.integers(1, 3))
def test_a_manifest_from_the_middle_is_missed(number: int) -> None:
    """A release that is taken out leaves a gap that is named (S68)."""
    with chain_of(4) as (chain, _):
        chain.manifest_file(number).unlink()
        assert chain.faults() == [f"release {number}: its manifest is missing, altered, or not signed with this key"]


def test_nobody_else_can_sign() -> None:
    """A whole chain that was made with another key proves nothing (S68)."""
    with chain_of(3, key="another" * 8) as (_, folder):
        assert len(ReleaseChain(folder, KEY).faults()) == 3


def test_told_again_it_is_the_same_release() -> None:
    """The same facts do not lengthen the chain; a copy of the last thirty is kept, and every manifest (S12)."""
    with chain_of(RELEASES_KEPT + 2) as (chain, _):
        last = chain.newest()
        assert last is not None
        assert chain.following({"release_id": last.release_id, "people": last.manifest["people"]}) == last
        kept = [number for number in range(1, last.number + 1) if chain.published_file(number).exists()]
        assert kept == list(range(3, RELEASES_KEPT + 3))
        assert len(chain.every()) == RELEASES_KEPT + 2


@contextmanager
def table_of(**tables: list[Row]) -> Iterator[DuckDBSession]:
    """Yield a session on tables with these rows."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        declared = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        for name, content in tables.items():
            connection.execute(f"create table {name} ({declared})")
            for row in content:
                connection.execute(f"insert into {name} values (?, ?, ?)", list(row))
        yield DuckDBSession(connection)


def in_plain_python(content: list[Row]) -> str:
    """Digest a table as the warehouse should."""

    def text(value: Any) -> str:
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        return "-" if value is None else f"{len(plain.encode())}:{plain}"

    times = Counter(hashlib.sha256("".join(map(text, row)).encode()).hexdigest() for row in content)
    counted = " ".join(f"{digest}{number}" for digest, number in sorted(times.items()))
    contents = hashlib.sha256(counted.encode()).hexdigest() if content else ""
    return digest_of(COLUMNS, len(content), contents)


@settings(max_examples=60)
@given(rows)
def test_the_warehouse_digests_as_plain_python_does(content: list[Row]) -> None:
    """The digest in SQL is that of the reference, whatever the values hold, nulls included (S12)."""
    with table_of(mart=content) as session:
        assert content_digest(session, "memory", "mart") == in_plain_python(content)


@settings(max_examples=60)
@given(rows, rows, st.randoms(use_true_random=False))
def test_two_tables_have_one_digest_only_if_they_hold_the_same(one: list[Row], other: list[Row], random: Any) -> None:
    """The order of rows is nothing, and everything else is something: a doubled row, a null, a moved sign (S12)."""
    shuffled = random.sample(one, len(one))
    with table_of(one=one, other=other, shuffled=shuffled) as session:
        digests = {name: content_digest(session, "memory", name) for name in ("one", "other", "shuffled")}
    assert digests["one"] == digests["shuffled"]
    same = sorted(map(repr, one)) == sorted(map(repr, other))
    assert (digests["one"] == digests["other"]) == same


@settings(max_examples=60)
@given(rows, rows)
def test_changes_are_counted_by_class(before: list[Row], after: list[Row]) -> None:
    """Classes that came, went, and show other figures add up with a count by hand; null is a class (S12)."""

    def by_class(content: list[Row]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in content:
            found.setdefault("∅" if row[0] is None else row[0], []).append(repr(row))
        return {label: sorted(content) for label, content in found.items()}

    old, new = by_class(before), by_class(after)
    with table_of(before=before, after=after) as session:
        counted = class_changes(session, "before", "after", classes=["label"], columns=list(COLUMNS))
    assert counted == {
        "added": len(new.keys() - old.keys()),
        "removed": len(old.keys() - new.keys()),
        "changed": sum(old[label] != new[label] for label in old.keys() & new.keys()),
    }


def test_a_manifest_is_written_in_one_way() -> None:
    """The file is one line of JSON that anybody can read, with the signature beside the manifest (S68)."""
    with chain_of(2) as (chain, _):
        told = json.loads(chain.manifest_file(2).read_text())
        assert told.keys() == {"manifest", "signature"}
        assert told["manifest"]["previous"] == chain.read(1).digest
