"""Learned marts at the gate: what was not learned is found, who is remembered is told, and teachers go first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from trustmart.gates.attacks import ATTACKS
from trustmart.gates.report import Finding, GateReport
from trustmart.gates.teachers import held_with_their_teachers
from trustmart.gates.thresholds import bound
from trustmart.policy import Learned, load_policy

MART, TEACHER = "restricted.anonymized_candidate.model", "restricted.anonymized_candidate.teacher"
ASKED = Learned(
    kind="propensity_model", learned_from="teacher", features=("age",), target="said", target_label="yes"
).model_dump(mode="json")
CLUSTERED = Learned(kind="cluster_centroids", learned_from="teacher", features=("age", "said"), clusters=2)
SIZES = {"class_size": "people", "minimum_class_size": 11}
CALLS: dict[str, dict[str, Any]] = {
    "learned_rows": {"learned": ASKED, **SIZES},
    "membership_of_learned": {"learned": ASKED, "columns": ["age"], "minimum_class_size": 11},
}
LEAKS = {
    "a foreign row": (f"insert into {MART} values ('age', 'a lone pensioner', 12, 0.3)", "1 rows are not what"),
    "a foreign weight": (f"update {MART} set weight = weight + 0.001 where label = 'old'", "1 rows are not what"),
    "a missing figure": (f"update {MART} set weight = null where label = 'old'", "1 rows are not what"),
    "a size that is not so": (f"update {MART} set people = people + 1 where label = '*'", "1 rows are not what"),
    "a row twice": (f"insert into {MART} from {MART} where label = 'old'", "1 rows are not what"),
    "a row that is missing": (f"delete from {MART} where label = 'young'", "1 rows that its teacher teaches"),
    "a teacher of tomorrow": (f"delete from {TEACHER} where said = 'no' and age = 'old'", "rows are not what"),
    "a teacher without a column": (f"alter table {TEACHER} drop column said", "has no said tonight"),
    "no teacher": (f"drop table {TEACHER}", "has no age, said tonight"),
}


class Reader:
    """A teacher of 800 people, a model learned from it, and who is in which class."""

    def __init__(self) -> None:
        """Make them agree."""
        self.connection = duckdb.connect()
        run = self.connection.execute
        run("attach ':memory:' as restricted")
        run("create schema restricted.anonymized_door")
        run("create schema restricted.anonymized_candidate")
        run(
            "create table restricted.anonymized_door.teacher as select 's' || i as subject_id,"
            " case when i % 2 = 0 then 'young' else 'old' end as age,"
            " case when i % 5 < 1 + i % 2 then 'yes' else 'no' end as said from range(800) as r(i)"
        )
        run(f"create table {TEACHER} as select age, said from restricted.anonymized_door.teacher")
        run(
            'create table restricted.anonymized_door."teacher__members" as select md5(age) as class_id, subject_id'
            " from restricted.anonymized_door.teacher"
        )
        self.learn()

    def learn(self) -> None:
        """Learn the model anew."""
        from trustmart.anonymizing.learned import make_learned
        from trustmart.policy import Release
        from trustmart.warehouse.duckdb import DuckDBSession

        release = Release(
            title="a model", use_case="learning", tier="open_cube", maximum_suppressed=0.1, learned=ASKED, **SIZES
        )
        make_learned(DuckDBSession(self.connection), release=release, records=TEACHER, target=MART)

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Return a clean model."""
    made = Reader()
    yield made
    made.connection.close()


@pytest.mark.parametrize("name", CALLS)
def test_a_clean_model_withstands_the_attack(name: str, reader: Reader) -> None:
    """(S12) A model that is what its teacher teaches, from labels of many, is not held."""
    outcome = ATTACKS[name](reader, mart="model", **CALLS[name])
    assert (outcome.findings, outcome.skipped) == ((), None)


@pytest.mark.parametrize("leak", LEAKS)
def test_what_was_not_learned_is_held(leak: str, reader: Reader) -> None:
    """(S12) A row, weight or size that the teacher does not teach tonight, or one that is kept from sight, is found."""
    statement, saying = LEAKS[leak]
    reader.connection.execute(statement)
    found = ATTACKS["learned_rows"](reader, mart="model", **CALLS["learned_rows"]).findings
    assert any(saying in one.what for one in found), found


def test_a_model_that_remembers_people_is_held(reader: Reader) -> None:
    """(S12) Labels of a single person each make a model that fits those better whom it has seen."""
    for table in (TEACHER, "restricted.anonymized_door.teacher"):
        reader.connection.execute(f"update {table} set age = 'person ' || rowid")
    reader.connection.execute(
        'create or replace table restricted.anonymized_door."teacher__members" as select md5(age) as class_id,'
        " subject_id from restricted.anonymized_door.teacher"
    )
    outcome = ATTACKS["membership_of_learned"](reader, mart="model", **CALLS["membership_of_learned"])
    assert [one.what.startswith("what is learned tells whom it has seen") for one in outcome.findings] == [True]
    assert outcome.figures["membership_auc"] > bound("membership_auc")


@pytest.mark.parametrize(
    "broken",
    [
        'drop table restricted.anonymized_door."teacher__members"',
        "delete from restricted.anonymized_door.teacher where subject_id > 's1'",
        f"drop table {TEACHER}",
    ],
)
def test_a_memory_that_cannot_be_looked_into_holds(broken: str, reader: Reader) -> None:
    """(S12) Where nobody knows who was learned from, or half of them are too few, the mart is held."""
    reader.connection.execute(broken)
    assert ATTACKS["membership_of_learned"](reader, mart="model", **CALLS["membership_of_learned"]).findings


def test_clusters_are_attacked_as_models_are(reader: Reader) -> None:
    """(S12) Centroids of labels of many people tell nobody that they were among them."""
    asked = CLUSTERED.model_dump(mode="json")
    outcome = ATTACKS["membership_of_learned"](
        reader, mart="clusters", learned=asked, columns=["age"], minimum_class_size=11
    )
    assert outcome.findings == ()


def report(mart: str, *, held: bool = False) -> GateReport:
    """Return what the gate says of a mart."""
    findings = (Finding(what="something", count=1, next_step="mend it"),) if held else ()
    return GateReport(
        mart=mart, title=mart, rows=1, people=11, minimum_class_size=11, smallest_class=11, median_class=11,
        suppressed_share=0.0, maximum_suppressed=0.1, histogram=(), findings=findings,
    )  # fmt: skip


@pytest.mark.parametrize("teacher", ["held", "not inspected", "released"])
def test_what_is_learned_is_released_with_its_teacher_or_not_at_all(teacher: str) -> None:
    """(S12) A learned mart that passes is held all the same where its teacher is, or was not looked at."""
    policy = load_policy(Path(__file__).resolve().parents[2] / "policy", environment={})
    reports = [report("fct_offer_propensity"), report("dim_customer_segments")]
    if teacher != "not inspected":
        reports.append(report("fct_offer_profiles", held=teacher == "held"))
    after = {one.mart: one for one in held_with_their_teachers(policy, reports)}
    assert after["fct_offer_propensity"].held is (teacher != "released")
    assert not after["dim_customer_segments"].held
