"""Nights of a small mart with a row per person: made, looked at by the gate's attacks over time, published, forgotten."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
from hypothesis import strategies as st

from trustmart.anonymity.epochs import Epoch
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata import make_microdata
from trustmart.errors import TrustmartError
from trustmart.gates.attacks.history import whole_history
from trustmart.gates.attacks.over_time import differencing, intersection, stability
from trustmart.policy import HierarchyRule
from trustmart.policy.releases import Release
from trustmart.warehouse.duckdb import DuckDBSession
from trustmart.warehouse.release_history import ensure_release_history, forget_members, look_back, remember

FIRST_NIGHT = datetime(2026, 1, 1, 3, tzinfo=UTC)
RULES = {
    "areas": HierarchyRule.model_validate({"tree": {"north": ["n1", "n2"], "south": ["s1", "s2"]}}),
    "shapes": HierarchyRule.model_validate({"flat": ["round", "square"]}),
}
COLUMNS = ("area", "shape")
PEOPLE = [str(number) for number in range(16)]
# Somebody's area, shape and what nobody shall learn of them; None: they are not there.
PERSON = st.tuples(
    st.sampled_from(["n1", "n1", "n2", "s1", "elsewhere", None]),
    st.sampled_from(["round", "round", "square", None]),
    st.sampled_from(["high", "low", "low"]),
)
CROWD = st.fixed_dictionaries(dict.fromkeys(PEOPLE, PERSON))
# A night: who joins, leaves or changes, whether the gate lets the mart out, and who asks to be forgotten the day after.
NIGHT = st.tuples(
    st.dictionaries(st.sampled_from(PEOPLE), st.one_of(st.none(), PERSON), max_size=5),
    st.booleans(),
    st.sets(st.sampled_from(PEOPLE), max_size=1),
)
NIGHTS = st.lists(NIGHT, min_size=2, max_size=7)

Person = tuple[str | None, str | None, str]
Row = tuple[Any, ...]
Maker = Callable[..., tuple[Made, Epoch]]


def release_of(*, k: int, tier: str = "analyst_microdata", **more: Any) -> Release:
    """Return a release of people by area and shape, with one sensitive column."""
    return Release.model_validate(
        {
            "title": "People",
            "use_case": "report",
            "tier": tier,
            "minimum_class_size": k,
            "maximum_suppressed": 0.4,
            "quasi_identifiers": {
                "area": {"from": "area", "hierarchy": "areas"},
                "shape": {"from": "shape", "hierarchy": "shapes"},
            },
            "sensitive": {"band": {"distinct": 2, "t": 0.5}},
            **more,
        }
    )


@dataclass(frozen=True, kw_only=True)
class Night:
    """What was made of a night. classes: per class its rows, counted; members: per class who is in it, by name."""

    made: Made
    epoch: Epoch
    classes: Mapping[str, Counter[Row]]
    members: Mapping[str, Counter[str | None]]


class PeopleNights:
    """A restricted zone in memory in which one mart is made night after night."""

    def __init__(self, release: Release, make: Maker = make_microdata) -> None:
        """Nothing is published yet."""
        self.release, self._make = release, make
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as restricted")
        for schema in ("anonymized_candidate", "anonymized_door"):
            self.connection.execute(f"create schema restricted.{schema}")
        self.connection.execute("create table restricted.raw (subject_id varchar, _ingested_as_of timestamp)")
        self.session = DuckDBSession(self.connection)
        ensure_release_history(self.session)
        self.people: dict[str, Person] = {}
        self.gone: set[str] = set()
        self.epoch: Epoch | None = None
        self.number = 0
        self.released: Epoch | None = None

    @property
    def at(self) -> datetime:
        """Return tonight's instant."""
        return FIRST_NIGHT + timedelta(days=self.number)

    def change(self, edits: Mapping[str, Person | None]) -> None:
        """Begin a night with what was delivered since the last."""
        self.number += 1
        for one, what in edits.items():
            if one in self.gone:
                continue
            if what is None or what[0] is None:
                self.people.pop(one, None)
            elif self.people.get(one) != what:
                self.people[one] = what
                self.connection.execute("insert into restricted.raw values (?, ?)", [one, self.at.replace(tzinfo=None)])

    def make(self) -> Night:
        """Make tonight's candidate; raises TrustmartError where the mart has to be held."""
        self._load()
        look_back(self.session, before=self.at)
        made, self.epoch = self._make(
            self.session,
            mart="mart",
            release=self.release,
            rules=RULES,
            records="restricted.anonymized_door.mart",
            target="restricted.anonymized_candidate.mart",
            members="restricted.anonymized_door.mart__members",
            epoch=_as_the_ledger_keeps_it(self.epoch),
            standing="restricted.main.standing" if self.released else None,
            has_history=bool(self.session.value("select count(*) from restricted.releases_before")),
        )
        return self._night(made, self.epoch)

    def attacks(self) -> list[str]:
        """Return what the gate's attacks over time find in tonight's candidate; nothing is what it should be."""
        reader, k = self.session, self.release.minimum_class_size
        same = self.epoch.digest if self.released and self.epoch and self.released.digest == self.epoch.digest else None
        found = [
            whole_history(reader, mart="mart", columns=COLUMNS, class_size=None),
            differencing(reader, mart="mart", minimum_class_size=k),
            intersection(reader, mart="mart", minimum_class_size=k),
            stability(reader, mart="mart", changed_in=["raw"], tree=self.release.tier == "laboratory", epoch=same),
        ]
        return [finding.what for one in found for finding in one.findings]

    def publish(self) -> None:
        """Publish tonight's candidate and take down who is in it."""
        self.session.run("create or replace table restricted.standing as from restricted.anonymized_candidate.mart")
        remember(
            self.session,
            mart="mart",
            members="restricted.anonymized_door.mart__members",
            released_at=self.at,
            release_id=str(self.number),
        )
        self.released = self.epoch

    def forget(self, people: set[str]) -> None:
        """Forget people half a day after the night."""
        for one in people:
            self.people.pop(one, None)
        self.gone |= people
        self.connection.execute("create or replace temporary table asked (subject_id varchar)")
        for one in people:
            self.connection.execute("insert into asked values (?)", [one])
        forget_members(self.session, "asked", at=self.at + timedelta(hours=12))

    def ask(self, **changed: Any) -> None:
        """Let policy ask something else from now on."""
        self.release = Release.model_validate({**self.release.model_dump(by_alias=True, exclude_unset=True), **changed})

    def _load(self) -> None:
        """Replace the records."""
        self.connection.execute(
            "create or replace table restricted.anonymized_door.mart"
            " (subject_id varchar, area varchar, shape varchar, band varchar)"
        )
        if self.people:
            rows = [value for one, what in self.people.items() for value in (one, *what)]
            places = ", ".join(["(?, ?, ?, ?)"] * len(self.people))
            self.connection.execute(f"insert into restricted.anonymized_door.mart values {places}", rows)

    def _night(self, made: Made, epoch: Epoch) -> Night:
        """Read back what was made."""
        key = "md5(concat_ws('|', coalesce(area, '∅'), coalesce(shape, '∅')))"
        classes: dict[str, Counter[Row]] = {}
        for name, *row in self.session.rows(f"select {key}, * from restricted.anonymized_candidate.mart"):
            classes.setdefault(name, Counter())[tuple(row)] += 1
        members: dict[str, Counter[str | None]] = {}
        for name, one in self.session.rows("select class_id, subject_id from restricted.anonymized_door.mart__members"):
            members.setdefault(name, Counter())[one] += 1
        return Night(
            made=replace(made, facts={**made.facts, "seconds": 0}), epoch=epoch, classes=classes, members=members
        )


def _as_the_ledger_keeps_it(epoch: Epoch | None) -> Epoch | None:
    """Return an epoch as it comes back from the ledger: written as JSON, names in the order of the alphabet."""
    return Epoch(**json.loads(json.dumps(epoch.as_dict(), sort_keys=True))) if epoch else None


def is_held(nights: PeopleNights) -> Night | TrustmartError:
    """Return tonight's candidate, or why there is none."""
    try:
        return nights.make()
    except TrustmartError as error:
        return error


class Story:
    """Tells nights, and keeps what somebody has seen who reads every release."""

    def __init__(self, past: PeopleNights, crowd: Any, nights: Any) -> None:
        """Remember the deliveries. crowd: who is there first. nights: as NIGHTS yields them."""
        self.past = past
        self._deliveries = [(crowd, True, set()), *nights]
        self.versions: list[dict[str, frozenset[str]]] = []

    def tell(self) -> Iterator[tuple[dict[str, Person], Night | TrustmartError]]:
        """Yield (people before it, what was made) of each night; a mart that is held yields its error."""
        for edits, is_released, forgotten in self._deliveries:
            before = dict(self.past.people)
            self.past.change(edits)
            made = is_held(self.past)
            yield before, made
            if is_released and not isinstance(made, TrustmartError):
                self.versions.append({name: self._whose(made, name) for name in made.classes})
                self.past.publish()
            self.past.forget(forgotten)
        self.past.connection.close()

    def tell_twice(self, *, before: bool) -> Iterator[tuple[Night, Night]]:
        """Yield every night and the same one told again; or, after it was published, the first one alone."""
        for _, made in self.tell():
            if isinstance(made, TrustmartError):
                continue
            if not before:
                self.past.publish()
            again = is_held(self.past)
            assert isinstance(again, Night)
            yield made, again
            if not before:
                break
        self.past.connection.close()

    def last(self, name: str) -> frozenset[str]:
        """Return who was in a class when it was last published."""
        return next((version[name] for version in reversed(self.versions) if name in version), frozenset())

    def _whose(self, night: Night, name: str) -> frozenset[str]:
        """Return whose rows a class shows: who was forgotten is still in what is shown again."""
        written = night.members[name]
        named = frozenset(one for one in written if one is not None)
        if None not in written:
            return named
        assert named < self.last(name)
        assert written.total() == len(self.last(name))
        return self.last(name)
