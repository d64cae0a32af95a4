"""The type check follows what is learned and whom it is applied to; what it cannot follow is held."""

import json
from pathlib import Path

import pytest

from support.compiled import PROJECT, manifest
from trustmart.lineage import TypeReport, check_types, read_manifest
from trustmart.lineage.forms import Form
from trustmart.policy import load_policy

MODEL, TEACHER = "fct_offer_propensity", "restricted.anonymized_candidate.fct_offer_profiles"
SCORE, LABELLED = "score_term_deposit_propensity__customers", "int_subjects__labelled"
TAUGHT = f"select born, family, schooling, took_offer from {TEACHER}"


def checked(folder: Path, *changed: tuple[str, str, str]) -> TypeReport:
    """Return the types of the shipped project; changed: (model, text, other text) of its compiled SQL."""
    content = manifest()
    for model, old, new in changed:
        node = content["nodes"][f"model.trustmart.{model}"]
        assert old in node["compiled_code"]
        node["compiled_code"] = node["compiled_code"].replace(old, new)
    path = folder / "manifest.json"
    path.write_text(json.dumps(content))
    return check_types(read_manifest(path), load_policy(PROJECT / "policy", environment={}))


def learned_by(folder: Path, sql: str) -> set[tuple[str, str]]:
    """Return (column, rule) of what is found where a learned mart's SQL is another."""
    content = manifest()
    content["nodes"][f"model.trustmart.{MODEL}"]["compiled_code"] = sql
    path = folder / "manifest.json"
    path.write_text(json.dumps(content))
    report = check_types(read_manifest(path), load_policy(PROJECT / "policy", environment={}))
    return {(one.column, one.rule) for one in report.findings if one.model == MODEL}


def test_a_propensity_is_a_score(tmp_path: Path) -> None:
    """(S13) What was learned, applied to people's labels, is what a model says of one person, and nothing more."""
    report = checked(tmp_path)
    assert report.findings == ()
    (propensity,) = report.relation(SCORE).named("propensity")
    assert {name: trace.form for name, trace in propensity.traces.items()} == dict.fromkeys(
        ("birth_date", "marital_status", "education", "is_converted"), Form.SCORED
    )


def test_a_learned_mart_is_all_of_its_teacher(tmp_path: Path) -> None:
    """(S13) The shipped SQL takes the teacher's columns as they are published."""
    assert learned_by(tmp_path, TAUGHT) == set()


@pytest.mark.parametrize(
    ("sql", "column", "rule"),
    [
        (f"select born, family, took_offer from {TEACHER}", "schooling", "learned_from"),
        (f"{TAUGHT} where took_offer = 'yes'", "", "undetermined"),
        (TAUGHT.replace("family", "born as family", 1), "", "undetermined"),
        (TAUGHT.replace("family", "left(family, 1) as family", 1), "", "undetermined"),
        (TAUGHT.replace("family", "family, family", 1), "family", "learned_from"),
        (TAUGHT.replace("family", "family, works_as", 1), "works_as", "unlisted_column"),
        (f"{TAUGHT} limit 20", "", "undetermined"),
        (f"{TAUGHT} tablesample 5 percent", "", "undetermined"),
        (f"{TAUGHT}, {TEACHER} as again", "", "undetermined"),
        (f"select distinct born, family, schooling, took_offer from {TEACHER}", "", "undetermined"),
        (f"{TAUGHT} union all {TAUGHT}", "", "undetermined"),
        ("select 'a' as born, 'b' as family, 'c' as schooling, 'yes' as took_offer", "", "undetermined"),
        ("select birth_date as born from restricted.main.int_customers__anonymizable", "", "undetermined"),
    ],
)
def test_anything_else_is_held(sql: str, column: str, rule: str, tmp_path: Path) -> None:
    """(S13) A choice of rows, a changed or other column, rows of nobody, a table past the teacher: nothing is built."""
    assert (column, rule) in learned_by(tmp_path, sql)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("use_case,\n", "'term_deposit_propensity' as use_case,\n"),
        ("subject_id,\n", "purpose as subject_id,\n"),
        ("education as schooling", "email_normalized as schooling"),
    ],
)
def test_labels_are_of_people_who_came_through_the_door(old: str, new: str, tmp_path: Path) -> None:
    """(S13) A use case that nobody was permitted for, a name of no one, or an identifier among the labels: held."""
    assert LABELLED in {one.model for one in checked(tmp_path, (LABELLED, old, new)).findings}


def test_labels_alone_permit_nobody(tmp_path: Path) -> None:
    """(S13) A score that takes its people from the labels, and not from the door, is held."""
    report = checked(
        tmp_path, (SCORE, "from permitted\ninner join weighed on permitted.subject_id = weighed.subject_id", "")
    )
    assert SCORE in {one.model for one in report.findings}
