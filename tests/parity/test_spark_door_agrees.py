"""Two engines agree at the door: what it makes of the same records on Spark, night after night, is what DuckDB makes."""

import json
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from support import cubes, people_nights
from support.noisy import DOMAINS, noisy_release
from support.two_engines import LentNights, Told
from trustmart.anonymity.epochs import Epoch
from trustmart.anonymizing.cubes import make_cube
from trustmart.anonymizing.files import engine
from trustmart.anonymizing.laboratory import make_laboratory
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata import make_microdata
from trustmart.anonymizing.noise import make_noisy_cube
from trustmart.anonymizing.noise.bounding import bounded_aggregates
from trustmart.anonymizing.noise.figures import figures_of
from trustmart.ledger import Ledger
from trustmart.warehouse import Session
from trustmart.warehouse.duckdb import DuckDBSession

pytest.importorskip("pyspark", reason="Spark has an environment of its own: make spark")
pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17"),
]
FIRST_NIGHT = datetime(2026, 1, 1, 3, tzinfo=UTC)
NIGHTS = [FIRST_NIGHT + timedelta(days=number) for number in range(2)]


@pytest.fixture(scope="module")
def spark() -> Iterator[Session]:
    """Return one Spark for all tests."""
    from trustmart.warehouse.spark import spark_session

    with spark_session(threads=1, memory="1g") as session:
        yield session


@pytest.fixture
def both(spark: Session) -> Iterator[tuple[Session, Session]]:
    """Return DuckDB and Spark, neither of which keeps a zone."""
    with engine() as session:
        yield session, spark


def _tell(nights: LentNights, deliveries: list[pa.Table]) -> list[Told]:
    """Make and publish night after night."""
    told = []
    for at, records in zip(NIGHTS, deliveries, strict=True):
        told.append(nights.tell(records, at))
        nights.publish(at)
    return told


def _check_same(duck: list[Told], spark: list[Told]) -> None:
    """Fail unless the same was made every night: rows, members, and everything that is said of them."""
    for ours, theirs in zip(duck, spark, strict=True):
        assert theirs.rows == ours.rows
        assert theirs.members == ours.members
        assert _flat(_said(theirs.made)) == pytest.approx(_flat(_said(ours.made)))


def _said(made: Made) -> dict[str, Any]:
    """Return what a report says."""
    names = ("rows", "people_total", "people_suppressed", "classes_total", "classes_suppressed", "facts")
    return {name: getattr(made, name) for name in names}


def _flat(said: Any, at: str = "") -> dict[str, Any]:
    """Return every figure and word by its way through what is said."""
    if isinstance(said, dict):
        return {name: found for key, below in said.items() for name, found in _flat(below, f"{at}/{key}").items()}
    return {at: said if isinstance(said, int | float) else str(said)}


def _deliveries_of_cubes() -> list[pa.Table]:
    """Return two nights of bookings: one person joins a cell, a crowd another, and one is gone."""
    chance = random.Random(12)
    rows = [
        {
            "subject_id": str(chance.randrange(90)),
            "region": chance.choice(["a", "a", "b", "c", None]),
            "band": chance.choice(["", "x", "y"]),
            "group": chance.choice(["one", "two", None]),
            "amount": chance.choice([None, -12.5, 3.25, 40.0, 399.99]),
            "flag": chance.choice([True, False, None]),
        }
        for _ in range(220)
    ]
    joiner = {"subject_id": "new", "region": "a", "band": "x", "group": "one", "amount": 7.5, "flag": True}
    crowd = [{**joiner, "subject_id": f"crowd {n}", "region": "b", "amount": 1.5 * n} for n in range(12)]
    gone = [row for row in rows if row["subject_id"] != rows[0]["subject_id"]]
    schema = pa.schema(
        [(name, pa.string()) for name in ("subject_id", *cubes.COLUMNS)]
        + [("amount", pa.float64()), ("flag", pa.bool_())]
    )
    money = schema.set(4, pa.field("amount", pa.decimal128(18, 2)))
    return [pa.Table.from_pylist(night, schema).cast(money) for night in (rows, [*gone, joiner, *crowd])]


def _cubes(engines: tuple[Session, Session], **asked: Any) -> list[Told]:
    """Tell two nights of a cube on both engines; return those of DuckDB."""
    release = cubes.release_of(k=5, dominance_percent=10, **asked)

    def make(session: Session, *, has_history: bool, **places: Any) -> Made:
        return make_cube(session, release=release, history=has_history, **places)

    duck, spark = (_tell(LentNights(one, make), _deliveries_of_cubes()) for one in engines)
    _check_same(duck, spark)
    return duck


def test_a_cube_with_margins_is_the_same(both: tuple[Session, Session]) -> None:
    """Full-row k, margins, complementary cells, the p %-rule: the same cells and figures on two nights (S12)."""
    told = _cubes(both, margins=[(), ("region",), ("region", "band")])
    reasons = ("too_few", "dominance", "complementary", "margin_withdrawn")
    assert all(night.rows for night in told)
    assert all(night.made.facts["cells_withheld"][reason] for night in told for reason in reasons)


def test_a_cube_that_holds_back_is_the_same(both: tuple[Session, Session]) -> None:
    """Classes that changed by few show their last figures, or wait: the same on two nights (S12)."""
    told = _cubes(both, hold_back=True)
    assert [night.made.facts["held_back"] for night in told] == [0, 2]


def _deliveries_of_people() -> list[pa.Table]:
    """Return two nights of people: somebody joins a class, many another, and a few leave a third."""
    chance = random.Random(7)
    names = ("subject_id", *people_nights.COLUMNS, "band")
    rows = [
        (
            str(number),
            chance.choice(["n1", "n1", "n2", "s1", "s2", "elsewhere"]),
            chance.choice(["round", "round", "square", None]),
            chance.choice(["high", "low", "low"]),
        )
        for number in range(300)
    ]
    joined = [*rows, ("new", "n1", "square", "low"), *((f"crowd {n}", "s1", "round", "low") for n in range(9))]
    left = [row for row in joined if row[1:3] != ("n2", "square") or int(row[0]) % 9]
    return [pa.table(dict(zip(names, map(list, zip(*night, strict=True)), strict=True))) for night in (rows, left)]


def _people(engines: tuple[Session, Session], tier: str, maker: Any) -> tuple[list[Told], list[Epoch]]:
    """Tell two nights of people on both engines, each in the epoch that the night before left; return DuckDB's."""
    release = people_nights.release_of(k=4, tier=tier)
    found = []
    for engine_tried in engines:
        epochs: list[Epoch] = []

        def make(session: Session, *, epochs: list[Epoch] = epochs, **asked: Any) -> Made:
            standing = Epoch(**json.loads(json.dumps(epochs[-1].as_dict(), sort_keys=True))) if epochs else None
            made, epoch = maker(session, release=release, rules=people_nights.RULES, epoch=standing, **asked)
            epochs.append(epoch)
            return made

        found.append((_tell(LentNights(engine_tried, make), _deliveries_of_people()), epochs))
    (duck, epochs), (spark, theirs) = found
    _check_same(duck, spark)
    assert [epoch.as_dict() for epoch in theirs] == [epoch.as_dict() for epoch in epochs]
    return duck, epochs


def test_microdata_is_the_same(both: tuple[Session, Session]) -> None:
    """One epoch for two nights, the same rows left out, the same classes shown again: on both engines (S12)."""
    told, epochs = _people(both, "analyst_microdata", make_microdata)
    assert [epoch.number for epoch in epochs] == [1, 1]
    assert told[1].made.facts["held_back"] > 0


def test_a_laboratory_is_the_same(both: tuple[Session, Session]) -> None:
    """One tree for two nights, routed and repaired to the same classes: on both engines (S12)."""
    told, epochs = _people(both, "laboratory", make_laboratory)
    assert [epoch.number for epoch in epochs] == [1, 1]
    assert told[1].made.facts["held_back"] > 0


def _bookings() -> pa.Table:
    """Return bookings of people in too many cells and with too many records, strangers, nulls and huge sums included."""
    chance = random.Random(5)
    amounts = [None, -900.0, -1.25, 0.0, 0.01, 3.5, 4.99, 1e6, 1e300, float("nan")]
    rows = [
        (
            chance.choice([None, *map(str, range(60))]),
            chance.choice(["north", "south", "moon", None]),
            chance.choice(["young", "old"]),
            chance.choice(amounts),
        )
        for _ in range(900)
    ]
    columns = zip(("subject_id", "region", "band", "amount"), zip(*rows, strict=True), strict=True)
    return pa.table({name: pa.array(list(values)) for name, values in columns})


def test_what_noise_is_drawn_for_is_the_same(both: tuple[Session, Session]) -> None:
    """Each person's cells and records are bounded to the same ones, so the same figures get the noise (S12)."""
    release = noisy_release(records_per_cell=2)
    assert release.noise is not None
    found = []
    for session in both:
        session.register("bookings", _bookings())
        found.append(
            bounded_aggregates(
                session,
                records="bookings",
                labels=list(release.quasi_identifiers),
                figures=figures_of(release),
                noise=release.noise,
                key="k",
                domains=DOMAINS,
            )
        )
    assert found[0] == found[1]
    assert len(found[0]) == 6


def test_a_period_drawn_of_spark_is_shown_again(both: tuple[Session, Session], tmp_path: Any) -> None:
    """Records are counted on Spark; what is drawn is kept in the zone, paid for once, and shown again (S12)."""
    pytest.importorskip("opendp")
    _, spark = both
    spark.register("bookings", _bookings())
    ledger = Ledger(tmp_path / "ledger.jsonl")
    with duckdb.connect() as connection:
        zone = DuckDBSession(connection)
        zone.run("attach ':memory:' as restricted")
        shown = []
        for at in NIGHTS:
            made = make_noisy_cube(
                zone,
                mart="cube",
                release=noisy_release(every="month"),
                records="bookings",
                target="restricted.cube",
                ledger=ledger,
                key="k",
                as_of=at,
                at=at,
                domains=DOMAINS,
                counted_in=spark,
            )
            shown.append((sorted(zone.rows("select * from restricted.cube"), key=str), made.facts["newly_paid"]))
    assert [newly for _, newly in shown] == [True, False]
    assert shown[0][0] == shown[1][0]
    assert len(shown[0][0]) == 6
