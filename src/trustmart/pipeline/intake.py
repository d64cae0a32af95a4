"""One table of one batch: each of its rows is put where it belongs, and counted."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from trustmart.errors import AccountingMismatch
from trustmart.pipeline.people import ADDRESS_COLUMNS, ERASED, People, has_addresses
from trustmart.policy import Policy, Table
from trustmart.sources import Delivery, Page, Unreadable, conformed
from trustmart.sources.conform import drifted, quoted, sql_type
from trustmart.warehouse import Session, naive_utc

# One row per record with the person it belongs to. An erased person's row is not kept, only counted.
_SORT = """
create or replace temp table sorted as
with conformed as ({conformed})
select conformed.*, people.subject_id,
    case when people.is_erased then 'erased_subject' else nullif(split_part(_faults, ':', 1), '') end as _reason
from conformed left join people on conformed.{subject} = people._subject_value
"""

# The sound records that the raw table does not hold yet, each once: a batch delivered twice changes nothing.
_FIND_NEW = """
create or replace temp table new_lines as
with sound as (
    select _digest, min(_line) as _line from sorted where _reason is null group by _digest
)
select sound._line from sound anti join restricted.{raw} as known on sound._digest = known._row_digest
"""


@dataclass(kw_only=True)
class Count:
    """Rows of one table in one batch."""

    files: int = 0
    rows_in: int = 0
    loaded: int = 0
    redelivered: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    new_columns: list[str] = field(default_factory=list)

    @property
    def quarantined(self) -> int:
        """Return the rows kept out."""
        return sum(self.reasons.values())

    def add_reason(self, reason: str, rows: int) -> None:
        """Count rows kept out for a reason."""
        self.reasons[reason] = self.reasons.get(reason, 0) + rows


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Takes the pages of one table into `restricted`; the caller holds the transaction."""

    session: Session
    policy: Policy
    as_of: datetime
    batch_id: str
    source_name: str
    table_name: str
    people: People
    count: Count = field(default_factory=Count)

    @property
    def table(self) -> Table:
        """Return the table's mapping."""
        return self.policy.sources[self.source_name].tables[self.table_name]

    @property
    def raw(self) -> str:
        """Return the name of the raw table."""
        return f"raw_{self.source_name}__{self.table_name}"

    def begin(self, delivery: Delivery) -> None:
        """Create the raw table, and add columns that policy or the source have grown; the latter stay in raw."""
        self.count.files += 1
        wanted, unmapped = self._wanted(), self._unmapped(delivery)
        existing = self.session.columns("restricted", self.raw)
        if not existing:
            columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in wanted.items())
            self.session.run(f"create table restricted.{self.raw} ({columns})")
            existing = wanted
        there = {name.lower() for name in existing}  # SQL does not tell Name from name
        for name, kind in {**wanted, **unmapped}.items():
            if name.lower() not in there:
                self.session.run(f"alter table restricted.{self.raw} add column {quoted(name)} {kind}")
        self.count.new_columns.extend(name for name in unmapped if name.lower() not in there)

    def load(self, delivery: Delivery, page: Page) -> None:
        """Judge one page, and put each of its rows where it belongs."""
        page = self.people.with_addresses(page, self.table, self.policy.attributes)
        self.session.register("page", page.records)
        self.session.register("people", self.people.of(page, self.table))
        made = ADDRESS_COLUMNS if ADDRESS_COLUMNS[0] in page.records.column_names else ()
        judged = conformed(self.table, delivery.columns, as_of=self.as_of, made=made)
        self.session.run(_SORT.format(conformed=judged, subject=quoted(self.table.subject)))
        self.session.run(_FIND_NEW.format(raw=self.raw))
        unreadable = self.people.without_erased(page.unreadable)
        self._count(page, unreadable)
        self._quarantine(delivery)
        self._quarantine_unreadable(delivery, unreadable)
        self._insert()
        self.session.unregister("page")
        self.session.unregister("people")

    def close_books(self) -> None:
        """Check that nothing was lost, write the batch down and move the watermark."""
        count = self.count
        if count.rows_in != count.loaded + count.quarantined:
            raise AccountingMismatch(
                f"{self.source_name}.{self.table_name}: {count.rows_in} rows in, {count.loaded} loaded and"
                f" {count.quarantined} quarantined; the batch was rolled back and nothing was changed"
            )
        if not count.files:
            return
        self._check_raw()
        where = [self.batch_id, naive_utc(self.as_of), self.source_name, self.table_name]
        numbers = [count.files, count.rows_in, count.loaded, count.redelivered, count.quarantined]
        self.session.run(
            "insert into restricted.batches values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*where, *numbers, json.dumps(count.new_columns)],
        )
        for reason, rows in count.reasons.items():
            self.session.run("insert into restricted.batch_reasons values (?, ?, ?, ?, ?, ?)", [*where, reason, rows])
        if self.table.watermark:
            self._move_watermark(self.table.watermark)

    def _wanted(self) -> dict[str, str]:
        """Return our columns of the raw table, and their types."""
        wanted = {name: sql_type(column) for name, column in self.table.columns.items()}
        wanted |= {"subject_id": "varchar", "_row_digest": "varchar", "_batch_id": "varchar"}
        wanted |= {"_ingested_as_of": "timestamp", "_line": "bigint"}
        if has_addresses(self.table, self.policy.attributes):
            wanted |= {name.removeprefix("_"): "varchar" for name in ADDRESS_COLUMNS}
        return wanted

    def _unmapped(self, delivery: Delivery) -> dict[str, str]:
        """Return the source's columns that policy does not know, under the names they are kept by."""
        known = {column.source_name for column in self.table.columns.values()}
        return {drifted(name): "varchar" for name in delivery.columns if name not in known}

    def _check_raw(self) -> None:
        """Check that the raw table has grown by what was counted as loaded and new."""
        grown = self.session.value(f"select count(*) from restricted.{self.raw} where _batch_id = ?", [self.batch_id])
        if grown != self.count.loaded - self.count.redelivered:
            raise AccountingMismatch(
                f"{self.source_name}.{self.table_name}: {self.count.loaded} rows loaded, {self.count.redelivered} of"
                f" them known, but {self.raw} has {grown} more; the batch was rolled back and nothing was changed"
            )

    def _count(self, page: Page, unreadable: tuple[Unreadable, ...]) -> None:
        """Count the page: loaded, of which redelivered, and quarantined by reason."""
        self.count.rows_in += page.rows_in
        for reason, rows in Counter(bad.reason for bad in unreadable).items():
            self.count.add_reason(reason, rows)
        for reason, rows in self.session.rows(
            "select _reason, count(*) from sorted where _reason is not null group by all order by all"
        ):
            self.count.add_reason(reason, rows)
        loaded, new = self.session.rows(
            "select count(*) filter (_reason is null), (select count(*) from new_lines) from sorted"
        )[0]
        self.count.loaded += loaded
        self.count.redelivered += loaded - new

    def _insert(self) -> None:
        """Add the records that are sound and new."""
        self.session.run(
            f"insert into restricted.{self.raw} by name"
            " select sorted.* exclude (_reason, _faults, _digest), _digest as _row_digest,"
            " cast(? as varchar) as _batch_id, cast(? as timestamp) as _ingested_as_of"
            " from sorted semi join new_lines using (_line)",
            [self.batch_id, naive_utc(self.as_of)],
        )

    def _quarantine(self, delivery: Delivery) -> None:
        """Keep each unsound row once, as it was delivered, with its reason."""
        place = (self.source_name, self.table_name)
        record = ", ".join(f"{quoted(name)} := page.{quoted(name)}" for name in delivery.columns)
        self.session.run(
            "insert into restricted.quarantine by name"
            " with unsound as (select * from sorted where _reason <> 'erased_subject'"
            " qualify row_number() over (partition by _digest order by _line) = 1)"
            " select ? as batch_id, ? as source, ? as table_name, ? as origin, unsound._line as line,"
            " unsound._reason as reason, regexp_replace(unsound._faults, '[a-z_]+:', '', 'g') as column_names,"
            f" cast(to_json(struct_pack({record})) as varchar) as record, unsound.subject_id,"
            " unsound._digest as digest, cast(? as timestamp) as quarantined_at"
            " from unsound join page using (_line)"
            " where not exists (select 1 from restricted.quarantine as q"
            " where q.source = ? and q.table_name = ? and q.digest = unsound._digest)",
            [self.batch_id, *place, delivery.name, naive_utc(self.as_of), *place],
        )

    def _quarantine_unreadable(self, delivery: Delivery, unreadable: tuple[Unreadable, ...]) -> None:
        """Keep each record that could not be split into columns once, as text."""
        kept = [bad for bad in unreadable if bad.reason != ERASED]
        if not kept:
            return
        place = (self.source_name, self.table_name)
        columns = {"line": [bad.line for bad in kept], "reason": [bad.reason for bad in kept]}
        self.session.register("unreadable", pa.table({**columns, "record": [bad.text for bad in kept]}))
        self.session.run(
            "insert into restricted.quarantine by name"
            " with digested as (select *, md5(record) as digest from unreadable"
            " qualify row_number() over (partition by record order by line) = 1)"
            " select ? as batch_id, ? as source, ? as table_name, ? as origin, digested.*,"
            " cast(? as timestamp) as quarantined_at"
            " from digested where not exists (select 1 from restricted.quarantine as q"
            " where q.source = ? and q.table_name = ? and q.digest = digested.digest)",
            [self.batch_id, *place, delivery.name, naive_utc(self.as_of), *place],
        )
        self.session.unregister("unreadable")

    def _move_watermark(self, column: str) -> None:
        """Remember up to where rows are known; a date in the future must not hide what arrives before it."""
        place = [self.source_name, self.table_name]
        self.session.run("delete from restricted.watermarks where source = ? and table_name = ?", place)
        self.session.run(
            f"insert into restricted.watermarks select ?, ?, least(max({quoted(column)}), cast(? as timestamp))"
            f" from restricted.{self.raw} having max({quoted(column)}) is not null",
            [*place, naive_utc(self.as_of)],
        )
