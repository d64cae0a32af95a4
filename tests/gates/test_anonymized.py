"""The release gate: a clean mart is released, and every planted leak is held, with its count."""

import hashlib
from collections.abc import Callable

import pytest

from trustmart.errors import ReleaseHeld
from trustmart.gates import GateReport, inspect, inspect_all
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse

Plant = Callable[..., None]
MART = "anonymized_candidate.dim_segments"
OTHER = "anonymized_candidate.fct_outcomes"
EMAIL = "ada.planted@example.org"


@pytest.fixture
def report(policy: Policy, warehouse: DuckDBWarehouse) -> Callable[[str], GateReport]:
    """Return a function that asks the gate about one mart."""
    return lambda mart: inspect(mart, policy=policy, warehouse=warehouse)


def counts(report: GateReport) -> dict[str, int]:
    """Return what was found and how often, by the beginning of the sentence."""
    assert report.held
    return {finding.what: finding.count for finding in report.findings}


def only(report: GateReport, saying: str) -> int:
    """Return the count of the one finding that says something."""
    found = [count for what, count in counts(report).items() if saying in what]
    assert len(found) == 1, report.reasons
    return found[0]


def test_clean_marts_are_released_with_their_figures(policy: Policy, warehouse: DuckDBWarehouse) -> None:
    """S12: the gate is measured, and its figures stand next to the mart."""
    segments, outcomes = inspect_all(policy=policy, warehouse=warehouse)
    assert not segments.held
    assert not outcomes.held
    segments.raise_if_held()
    figures = segments.as_dict()
    assert {attack["attack"] for attack in figures.pop("attacks")} == {"G0", "G4"}
    assert {one["met"] for one in figures.pop("checks")} == {True}
    assert figures == {
        "mart": "dim_segments",
        "title": "Customers by segment",
        "verdict": "released",
        "rows": 4,
        "people": 96,
        "minimum_class_size": 11,
        "smallest_class": 11,
        "median_class": 25,
        "suppressed_share": 0.04,
        "maximum_suppressed": 0.10,
        "histogram": [
            {"from": 11, "to": 20, "classes": 1},
            {"from": 21, "to": 50, "classes": 3},
            {"from": 51, "to": 100, "classes": 0},
            {"from": 101, "to": 500, "classes": 0},
            {"from": 501, "to": None, "classes": 0},
        ],
        "held_by": [],
        "reasons": [],
    }


def test_a_lone_pensioner_in_the_north_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: a class below the minimum holds the mart, and the error names the next move."""
    plant(f"insert into {MART} values ('65+', 'north', 1, 5.0), ('40-64', 'south', 10, 6.0)")
    held = report("dim_segments")
    assert only(held, "2 equivalence classes of 6 have fewer than 11 people (the smallest has 1") == 2
    assert held.histogram[0].as_dict() == {"from": 1, "to": 10, "classes": 2}
    with pytest.raises(ReleaseHeld) as error:
        held.raise_if_held()
    assert "dim_segments is held: 2 equivalence classes of 6" in str(error.value)
    assert "Coarsen a quasi-identifier (age_band, region)" in str(error.value)
    assert str(error.value).endswith("then: trustmart transform, trustmart release")


def test_a_class_of_nulls_is_a_class(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: nulls are values an attacker can see; a class of nothing but nulls below the minimum is held."""
    plant(f"insert into {OTHER} values (null, 3)")
    assert only(report("fct_outcomes"), "1 equivalence class of 3 has fewer than 11 people") == 1


def test_a_class_of_nobody_knows_how_many_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: a null class size counts as nobody."""
    plant(f"insert into {OTHER} values ('autumn', null)")
    assert only(report("fct_outcomes"), "(the smallest has 0") == 1


def test_a_class_in_two_rows_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: two rows of one combination may be told apart by their figures."""
    plant(f"insert into {MART} values ('18-39', 'north', 20, 70.0)")
    assert counts(report("dim_segments")) == {"1 equivalence class has more than one row": 1}


def test_a_class_size_that_is_not_a_number_of_people_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: NaN is larger than every minimum, so only whole numbers count people."""
    plant(
        f"create or replace table {OTHER} as"
        " select * from (values ('a', 'nan'::double), ('b', 40.0::double)) as t(campaign, customers)"
    )
    assert only(report("fct_outcomes"), "customers must be a whole number of people, and is DOUBLE") == 1


def test_an_extra_column_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S03: unknown is restricted, so a column that policy does not list holds the mart."""
    plant(f"alter table {MART} add column postal_region varchar default '01'")
    assert only(report("dim_segments"), "1 column that policy does not list: postal_region") == 1


def test_a_missing_column_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S03: a mart that is not what policy describes is not released."""
    plant(f"alter table {MART} drop column average_balance_eur")
    assert counts(report("dim_segments")) == {"1 listed column missing: average_balance_eur": 1}


def test_without_a_quasi_identifier_nothing_can_be_measured(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: what cannot be measured is held."""
    plant(f"alter table {MART} drop column region")
    held = report("dim_segments")
    assert only(held, "it cannot be measured without region") == 1
    assert (held.rows, held.people, held.smallest_class) == (0, 0, None)


def test_a_figure_that_is_text_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S17: a name is not checked by value, so a figure may not be able to hold one."""
    plant(f"alter table {MART} alter column average_balance_eur type varchar using 'Ada'")
    assert only(report("dim_segments"), "1 figure with a type that can hold text: average_balance_eur") == 1


IDENTIFIERS = {
    EMAIL: "is a known email_normalized",
    "  BO@Hidden.example ": "is a known email_normalized",
    hashlib.sha256(EMAIL.encode()).hexdigest(): "is a known hashed email_normalized",
    hashlib.md5(b"C-1001").hexdigest().upper(): "is a known hashed customer_id_crm",
    "c-1002": "is a known customer_id_crm",
    "b8f0c2d4e6a81357b8f0c2d4e6a81357": "is a known subject_id",
    "Ada Planted": "is a known full name",
    "hidden bo": "is a known full name",
    "Storgata 5": "is a known street",
    "asked for a blue card": "is a known notes",
    "somebody@else.example": "looks like an e-mail address",
    "call 22 33-44.55 now": "looks like a phone number",
    "x-00aa11bb22cc33dd-y": "looks like a hash",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301": "looks like a UUID",
    "Zm9vYmFyYmF6cXV4MTIzNDU2Nw==": "looks like a token",
}


@pytest.mark.parametrize("value", [EMAIL, "Ada Planted", "Storgata 5"])
def test_a_person_behind_a_harmless_name_is_held(value: str, report: Callable[[str], GateReport], plant: Plant) -> None:
    """S17: a renamed e-mail, a name or a street as a label is held, and the report does not repeat it."""
    plant(f"insert into {OTHER} values ('{value}', 50)")
    held = report("fct_outcomes")
    assert only(held, f"1 value of campaign {IDENTIFIERS[value]}") == 1
    assert value not in str(held)


def test_every_kind_of_identifier_is_found(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S17: renaming, hashing or masking an identifier does not make it anonymous."""
    plant(*(f"insert into {OTHER} values ('{value}', 50)" for value in IDENTIFIERS))
    assert counts(report("fct_outcomes")) == {
        "1 value of campaign is a known customer_id_crm": 1,
        "2 values of campaign are a known email": 2,
        "2 values of campaign are a known email_normalized": 2,
        "2 values of campaign are a known full name": 2,
        "1 value of campaign is a known notes": 1,
        "1 value of campaign is a known street": 1,
        "1 value of campaign is a known subject_id": 1,
        "1 value of campaign is a known hashed customer_id_crm": 1,
        "1 value of campaign is a known hashed email_normalized": 1,
        "3 values of campaign look like an e-mail address": 3,
        "1 value of campaign looks like a phone number": 1,
        "4 values of campaign look like a hash": 4,
        "1 value of campaign looks like a UUID": 1,
        "4 values of campaign look like a token": 4,
    }


def test_ordinary_words_that_somebody_typed_do_not_hold(report: Callable[[str], GateReport]) -> None:
    """S12: the CRM has a note 'retired' and a street 'north', which are also labels of the marts."""
    assert not report("fct_outcomes").held
    assert not report("dim_segments").held


def test_what_a_calendar_writes_is_no_phone_number(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: months and days are published as text here and there."""
    plant(f"insert into {OTHER} values ('2026-05-01', 50), ('2026-05', 50), ('1980-1989', 50)")
    plant("update suppression_by_mart set people_total = 210 where mart = 'fct_outcomes'")
    assert not report("fct_outcomes").held


def test_columns_called_like_an_identifier_are_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S17: numbers and dates are judged by the name of their column."""
    names = ["email", "e_mail", "contact_id", "first_name", "subject_id", "old_phone_2", "md5_of_it"]
    plant(*(f"alter table {MART} add column {name} integer default 1" for name in names))
    held = report("dim_segments")
    assert [only(held, f"the column {name} is called like a direct identifier") for name in names] == [1] * 7
    assert only(held, "7 columns that policy does not list") == 7


def test_columns_that_may_hide_values_are_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S17: what cannot be looked into is held."""
    types = ["varchar[]", "struct(a integer)", "map(integer, integer)", "blob", "json", "uuid"]
    plant(*(f"alter table {OTHER} add column extra_{number} {name}" for number, name in enumerate(types)))
    held = report("fct_outcomes")
    assert [only(held, f"the column extra_{n} has a type that may hide values") for n in range(6)] == [1] * 6


def test_a_label_outside_the_hierarchy_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S18: a label finer than the hierarchy says more than was decided."""
    plant(f"insert into {MART} values ('64', 'north', 40, 1.0), ('64', 'south', 40, 1.0)")
    plant(f"insert into {MART} values ('63', 'south', 40, 1.0)")
    plant("update suppression_by_mart set people_total = 220 where mart = 'dim_segments'")
    assert counts(report("dim_segments")) == {"2 labels of age_band are not in the hierarchy age_bands": 2}


def test_a_null_label_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S18: a hierarchy has a word for what is not known."""
    plant(f"update {MART} set region = null where region = 'unknown'")
    assert counts(report("dim_segments")) == {"region has nulls": 1}


def test_a_missing_hierarchy_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S18: labels that cannot be compared are not released."""
    plant("drop table age_bands")
    saying = "age_band cannot be compared with its hierarchy: no age_bands with a column age_band"
    assert counts(report("dim_segments")) == {saying: 1}


def test_an_empty_mart_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: a mart of nobody is a mistake, and it would replace yesterday's."""
    plant(f"delete from {OTHER}")
    assert only(report("fct_outcomes"), "it has no rows") == 0


def test_a_missing_mart_is_held_and_the_others_are_not(
    policy: Policy, warehouse: DuckDBWarehouse, plant: Plant
) -> None:
    """S12: what is not there is not released."""
    plant(f"drop table {MART}")
    segments, outcomes = inspect_all(policy=policy, warehouse=warehouse)
    assert counts(segments) == {"there is no candidate dim_segments to inspect": 0}
    assert not outcomes.held


def test_too_many_suppressed_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: a mart that leaves many people out does not stand for everybody."""
    plant("update suppression_by_mart set people_total = 120, people_suppressed = 24")
    held = report("dim_segments")
    assert counts(held) == {"20.0% of the people were suppressed, policy allows 10.0%": 24}
    assert held.suppressed_share == pytest.approx(0.2)


def test_people_who_are_neither_published_nor_counted_are_suppressed_all_the_same(
    report: Callable[[str], GateReport], plant: Plant
) -> None:
    """S12: the gate reads what is published, not what the pipeline says of itself."""
    plant("update suppression_by_mart set people_total = 192, people_suppressed = 0 where mart = 'dim_segments'")
    assert report("dim_segments").suppressed_share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ("delete from suppression_by_mart where mart = 'dim_segments'", 0),
        ("insert into suppression_by_mart values ('dim_segments', 1, 1, 100, 1)", 2),
        ("update suppression_by_mart set people_suppressed = null", 1),
        ("update suppression_by_mart set people_total = 0", 1),
        ("drop table suppression_by_mart", 0),
    ],
)
def test_unknown_suppression_is_held(change: str, rows: int, report: Callable[[str], GateReport], plant: Plant) -> None:
    """S12: unknown is held, not guessed."""
    plant(change)
    held = report("dim_segments")
    assert only(held, "nobody knows how many people were left out") == rows
    assert held.suppressed_share is None


def test_nothing_to_compare_identifiers_with_is_held(report: Callable[[str], GateReport], plant: Plant) -> None:
    """S17: a renamed raw table must not switch the comparison off."""
    plant("alter table raw_crm__customers rename to raw_crm__people")
    assert counts(report("fct_outcomes")) == {"none of the 1 raw tables that know direct identifiers exists": 1}


def test_every_mart_is_held_where_the_warehouse_does_not_open(policy: Policy, warehouse: DuckDBWarehouse) -> None:
    """S12: a gate that cannot look holds everything, and says no more than the error's type."""
    warehouse.path("restricted").unlink()
    for held in inspect_all(policy=policy, warehouse=warehouse):
        assert counts(held) == {"the gate could not look into the warehouse (WarehouseLocked)": 1}


def test_a_hash_with_a_salt_that_policy_knows_is_held(policy: Policy, warehouse: DuckDBWarehouse, plant: Plant) -> None:
    """S11: whoever knows the salt makes the same digest from an address; a policy that knows it lets the gate look."""
    digest = hashlib.sha256(f"pepper{EMAIL}".encode()).hexdigest()
    plant(f"insert into {OTHER} values ('{digest}', 30)")
    knowing = policy.model_copy(update={"known_salts": ("pepper",)})
    report = inspect("fct_outcomes", policy=knowing, warehouse=warehouse)
    assert only(report, "hashed or written in another way") >= 1
    without = inspect("fct_outcomes", policy=policy, warehouse=warehouse)
    assert not any("hashed or written in another way" in reason for reason in without.reasons)
