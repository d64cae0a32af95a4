"""Give the rows of a page their people: subject ids, erased or not, and usable e-mail addresses."""

import re
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from trustmart.identity import derive_key, normalize_email, subject_ids, tombstone
from trustmart.identity.contact_points import mailbox
from trustmart.policy import Attribute, Table
from trustmart.sources import Page, Unreadable
from trustmart.warehouse import Session

# What is added to a page that has e-mail addresses: the usable form, and the mailbox it reaches.
ADDRESS_COLUMNS = ("_email_normalized", "_email_mailbox")


# The reason of a row that is not kept, because its person was erased.
ERASED = "erased_subject"

# What may stand around a customer's number in a record that could not be split: by fields first, then by words.
_FIELD_EDGES = re.compile(r"[,;|\t\r\n\"]+")
_WORD_EDGES = re.compile(r"[^\w.-]+")


def has_addresses(table: Table, attributes: Mapping[str, Attribute]) -> bool:
    """True where one of the table's columns is an e-mail address."""
    return any(attributes[name].contact_point == "email" for name in table.columns)


class People:
    """Knows one source's people by their keyed ids; the key never leaves Python."""

    def __init__(self, session: Session, source_name: str, *, key: str) -> None:
        """Read the tombstones once."""
        self._source = source_name
        self._subject_key = derive_key(key, "subject_id")
        self._tombstone_key = derive_key(key, "tombstone")
        rows = session.rows("select digest from restricted.tombstones where kind = 'customer'")
        self._tombstones = {digest for (digest,) in rows}
        self._subjects: dict[str, str] = {}
        self._emails: dict[str, str | None] = {}

    def of(self, page: Page, table: Table) -> pa.Table:
        """Return one row per customer number in the page: _subject_value, subject_id, is_erased."""
        values = pc.unique(page.records.column(table.columns[table.subject].source_name)).to_pylist()
        values = [value for value in values if value is not None]
        strangers = [value for value in values if value not in self._subjects]
        self._subjects.update(zip(strangers, subject_ids(self._source, strangers, key=self._subject_key), strict=True))
        erased = [self._is_erased(value) for value in values] if self._tombstones else [False] * len(values)
        return pa.table(
            {
                "_subject_value": pa.array(values, pa.string()),
                "subject_id": pa.array([self._subjects[value] for value in values], pa.string()),
                "is_erased": pa.array(erased, pa.bool_()),
            }
        )

    def with_addresses(self, page: Page, table: Table, attributes: Mapping[str, Attribute]) -> Page:
        """Return the page with the columns of ADDRESS_COLUMNS where it has an e-mail column."""
        for name, column in table.columns.items():
            if attributes[name].contact_point == "email" and column.source_name in page.records.column_names:
                given = page.records.column(column.source_name).to_pylist()
                usable = [self._email(text) for text in given]
                boxes = [mailbox(address) if address else None for address in usable]
                records = page.records.append_column(ADDRESS_COLUMNS[0], pa.array(usable, pa.string()))
                records = records.append_column(ADDRESS_COLUMNS[1], pa.array(boxes, pa.string()))
                return Page(records=records, unreadable=page.unreadable)
        return page

    def without_erased(self, unreadable: tuple[Unreadable, ...]) -> tuple[Unreadable, ...]:
        """Return the records with the text of those taken away in which an erased customer's number stands."""
        if not self._tombstones:
            return unreadable
        return tuple(
            Unreadable(line=bad.line, reason=ERASED, text="") if self._names_erased(bad.text) else bad
            for bad in unreadable
        )

    def _names_erased(self, text: str) -> bool:
        """True where something in the text is the number of an erased customer."""
        return any(self._is_erased(part) for part in parts_of_record(text))

    def _is_erased(self, customer: str) -> bool:
        """True where a tombstone stands for this customer."""
        return customer_tombstone(self._source, customer, self._tombstone_key) in self._tombstones

    def _email(self, text: str | None) -> str | None:
        """Return (and remember) the usable form of an address."""
        if text is None or text == "":
            return None
        if text not in self._emails:
            self._emails[text] = normalize_email(text)
        return self._emails[text]


def parts_of_record(text: str) -> set[str]:
    """Return everything in an unreadable record that may be a customer's number."""
    return {part.strip() for edges in (_FIELD_EDGES, _WORD_EDGES) for part in edges.split(text)} - {""}


def customer_tombstone(source_name: str, customer: str, tombstone_key: str) -> str:
    """Return the digest that remembers an erased customer of a source."""
    return tombstone("customer", f"{source_name}\x1f{customer.strip()}", key=tombstone_key)


def mailbox_tombstone(box: str, tombstone_key: str) -> str:
    """Return the digest that remembers an erased customer's mailbox."""
    return tombstone("mailbox", box, key=tombstone_key)
