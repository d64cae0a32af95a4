"""Marts whose use case may not run, or that policy does not name any more: nothing of them is kept, sent, or stays out."""

import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from trustmart.audiences import AudienceDelta, Member
from trustmart.errors import ActivationHeld, FenceBroken
from trustmart.pipeline import Context, activate, forget, open_context, transform
from trustmart.pipeline import membership as members_of
from trustmart.pipeline.dbt_project import DbtRun, artifacts_folder
from trustmart.pipeline.membership import Membership, snapshot_now
from trustmart.pipeline.use_cases import (
    drop_what_may_not_be,
    marts_not_built,
    personal_marts_that_may_be,
    scores_without_permission,
)
from trustmart.settings import Settings

SHIPPED = Path(__file__).resolve().parents[2] / "policy"
NIGHT = datetime(2026, 11, 20, 2, tzinfo=UTC)
MAIL, LETTERS = "aud_email_marketing__active_customers", "aud_loan_offers__good_standing"
SCORE, LEARNED = "score_term_deposit_propensity__customers", "fct_offer_propensity"

Opened = Callable[..., Context]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Return a function that opens a deployment whose policy has some words replaced."""
    monkeypatch.setenv("TRUSTMART_OUTBOX", str(tmp_path / "outbox"))

    def open_it(*replaced: tuple[str, str, str], nights: int = 0) -> Context:
        shutil.copytree(SHIPPED, tmp_path / "policy", dirs_exist_ok=True)
        for name, old, new in replaced:
            path = tmp_path / "policy" / name
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))
        settings = Settings(data=tmp_path / "data", policy=tmp_path / "policy", key=SecretStr("k" * 64))
        at = NIGHT + timedelta(days=nights)
        return open_context(as_of=at, now=at, settings=settings)

    return open_it


WITHOUT_MAIL = (
    "destinations.yml",
    f"  {MAIL}:\n    title: News and offers by e-mail\n    use_case: email_marketing\n"
    "    destination: campaign_tool\n    columns: [email_sha256]\n",
    "",
)


def given(context: Context, *statements: str) -> None:
    """Make tables of the zones whose names stand in the statements."""
    for zone in ("restricted", "personal"):
        with context.warehouse.session(writes=zone) as session:
            for statement in statements:
                if f"{zone}." in statement:
                    session.run(statement)


def held_by_the_campaign_tool(context: Context) -> None:
    """Have the campaign tool hold one person."""
    given(context, "create table restricted.int_subject_use_cases__decided (subject_id varchar)")
    ann = Member(
        member_id="m1", fields={"email_sha256": "h1"}, subject_id="ann", legal_basis="consent", evidence_event_id="e1"
    )
    with context.warehouse.session(writes="personal") as session:
        membership = Membership(session)
        change = AudienceDelta(audience=MAIL, removals=(), additions=(ann,), kept=0)
        membership.begin("first", change, "campaign_tool")
        membership.finish("first", MAIL, removed=False, added=True)


def no_audiences() -> tuple[str, str, str]:
    """Return the change that takes every audience out of the policy."""
    text = (SHIPPED / "destinations.yml").read_text()
    return ("destinations.yml", text[text.index("audiences:") :], "audiences: {}\n")


def told(outbox: Path) -> list[list[str]]:
    """Return the lines of every file that a destination was given."""
    return [path.read_text().split() for path in sorted(outbox.rglob("*.csv"))]


def test_whoever_policy_does_not_send_any_more_is_taken_back(tmp_path: Path, opened: Opened) -> None:
    """An audience that policy drops leaves nobody behind at its destination, and the ledger says so, once (S03, S42)."""
    held_by_the_campaign_tool(opened())
    context = opened(no_audiences())
    (rehearsed,) = activate(context, dry_run=True)["audiences"]
    assert (rehearsed["removed"], rehearsed["sent"], told(tmp_path / "outbox")) == (1, 0, [])
    (report,) = activate(context)["audiences"]
    assert (report["destination"], report["removed"], report["sent"]) == ("campaign_tool", 1, 1)
    assert told(tmp_path / "outbox") == [["member_id,email_sha256", "m1,h1"]]
    assert activate(context)["audiences"] == []
    (entry,) = context.ledger.entries("activation")
    assert (entry.facts["audience"], entry.facts["destination"], entry.facts["removed"]) == (MAIL, "campaign_tool", 1)


def test_a_destination_that_cannot_be_told_is_an_alarm(tmp_path: Path, opened: Opened) -> None:
    """People at a place that policy has forgotten are not forgotten: it is said until they can be removed (S42)."""
    held_by_the_campaign_tool(opened())
    context = opened(no_audiences(), ("destinations.yml", "  campaign_tool:", "  other_tool:"))
    for _ in range(2):
        with pytest.raises(ActivationHeld, match=f"1 people of {MAIL} are still at campaign_tool"):
            activate(context)
    assert told(tmp_path / "outbox") == []
    opened(no_audiences())
    activate(opened(no_audiences()))
    assert told(tmp_path / "outbox") == [["member_id,email_sha256", "m1,h1"]]


def test_a_change_that_was_begun_before_policy_changed_is_finished(tmp_path: Path, opened: Opened) -> None:
    """After a crash and a change of policy, whoever may have reached the old destination is removed there (S42, S73)."""
    context = opened()
    held_by_the_campaign_tool(context)
    folder = tmp_path / "outbox" / "campaign_tool" / MAIL
    folder.mkdir(parents=True)
    (folder / "second.add.csv").write_text("member_id,email_sha256\r\nm2,h2\r\n")
    bo = Member(
        member_id="m2", fields={"email_sha256": "h2"}, subject_id="bo", legal_basis="consent", evidence_event_id="e2"
    )
    with context.warehouse.session(writes="personal") as session:
        change = AudienceDelta(audience=MAIL, removals=(), additions=(bo,), kept=1)
        Membership(session).begin("second", change, "campaign_tool")
    (report,) = activate(opened(no_audiences()))["audiences"]
    assert report["removed"] == 2
    assert ["member_id,email_sha256", "m1,h1", "m2,h2"] in told(tmp_path / "outbox")


def test_a_table_that_no_mart_stands_for_is_dropped(opened: Opened) -> None:
    """The personal zone keeps no table of a mart that policy dropped, or whose use case may not run (S03)."""
    context = opened(
        WITHOUT_MAIL, ("use_cases.yml", "business: head_of_lending, legal: dpo", "business: head_of_lending")
    )
    tables = (MAIL, LETTERS, SCORE, f"{SCORE}__dbt_tmp")
    given(context, *(f"create table personal.{table} as select 'ann' as subject_id" for table in tables))
    with context.warehouse.session(writes="personal") as session:
        Membership(session)
        drop_what_may_not_be(session, may_stay=personal_marts_that_may_be(context))
        left = session.rows("select table_name from duckdb_tables() where database_name = 'personal' order by all")
    assert [name for (name,) in left] == ["changes", "members", "pending_changes", SCORE]


def test_a_view_keeps_nobody_from_being_forgotten(opened: Opened) -> None:
    """A mart that somebody made a view cannot be cleared: it goes, and requests are carried out as ever (S03, S33)."""
    context = opened()
    given(context, f"create view personal.{SCORE} as select 'ann' as subject_id")
    assert forget(context)["withdrawn_from_audiences"] == 0
    with context.warehouse.session(reads=["personal"]) as session:
        assert session.columns("personal", SCORE) == {}


@pytest.mark.parametrize("learned_for", ["campaign_learning", "monthly_report"])
def test_what_may_not_be_learned_is_applied_to_nobody(opened: Opened, learned_for: str) -> None:
    """Where the mart, or the use case, that a score was learned from may not run, neither may the score (S03, S16)."""
    context = opened(
        ("scores.yml", "learned_for: campaign_learning", f"learned_for: {learned_for}"),
        (
            "use_cases.yml",
            "business: head_of_marketing, legal: dpo}\n    purpose: {data_use: analytics",
            "legal: dpo}\n    purpose: {data_use: analytics",
        ),
    )
    not_built = {mart.mart: mart.why for mart in marts_not_built(context)}
    assert set(not_built) == {LEARNED, "fct_campaign_outcomes_by_segment", "fct_offer_profiles", SCORE}
    assert not_built[SCORE].startswith("nothing may be learned for it: campaign_learning is a draft")


def test_a_score_of_people_without_permission_is_found(opened: Opened) -> None:
    """Scores have no destination and no gate: who stands in them past the door is counted, and named by no one (S15, S42)."""
    context = opened()
    door = "select * from (values ('ann', 'term_deposit_propensity'), ('bo', 'email_marketing')) as t(subject_id, use_case)"
    given(
        context,
        f"create table restricted.int_subjects__permitted as {door}",
        f"create table personal.{SCORE} as select * from (values ('ann'), ('bo'), ('eve')) as t(subject_id)",
    )
    (found,) = scores_without_permission(context)
    assert found.startswith(f"{SCORE}: 2 rows have no permission for term_deposit_propensity")


def test_nothing_is_left_to_send_where_a_fence_is_broken(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was built around a door cannot be released or sent by the next command either (S13, S15)."""
    context = opened()

    def build(context: Context, *_: object, **__: object) -> DbtRun:
        """Build a candidate and an audience."""
        given(
            context,
            "create table restricted.anonymized_candidate.dim_customer_segments as select 1 as a",
            f"create table personal.{MAIL} as select 'ann' as subject_id",
        )
        artifacts_folder(context).mkdir(parents=True, exist_ok=True)
        (artifacts_folder(context) / "manifest.json").write_text('{"nodes": {}, "sources": {}}')
        return DbtRun(ok=True)

    def break_a_fence(*_: object, **__: object) -> None:
        raise FenceBroken("reads around its door")

    stage = sys.modules["trustmart.pipeline.transform"]
    monkeypatch.setattr(stage, "run_dbt", build)
    monkeypatch.setattr(stage, "_customers", lambda context: {})
    monkeypatch.setattr(stage, "check_fences", break_a_fence)
    with pytest.raises(FenceBroken):
        transform(context)
    with context.warehouse.session(reads=["restricted", "personal"]) as session:
        left = session.value(
            "select count(*) from duckdb_tables() where table_name in ('dim_customer_segments', ?)", [MAIL]
        )
    assert left == 0


def test_the_proof_of_a_member_is_the_doors(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what right somebody is sent is read at the door, and only while that is the verdict; a mart may say anything (S42)."""
    monkeypatch.setattr(members_of, "not_permitted_now", lambda *_, **__: set())
    context = opened()
    rows = (
        "select * from (values ('ann', 'email_marketing', 'consent', 'e1'), ('ann', 'loan_offers', 'legitimate_interest', null),"
        " ('bo', 'email_marketing', 'legitimate_interest', null)) as t(subject_id, use_case, legal_basis, evidence_event_id)"
    )
    mart = "select * from (values ('ann', 'a@x.example', 'contract'), ('bo', 'b@x.example', 'consent')) as t(subject_id, email_normalized, legal_basis)"
    given(
        context,
        f"create table restricted.int_subjects__permitted as {rows}",
        f"create table personal.{MAIL} as {mart}",
    )
    with context.warehouse.session(writes="personal", reads=["restricted"]) as session:
        snapshot, withheld = snapshot_now(session, context, MAIL)
    (member,) = snapshot.members.values()
    assert (member.subject_id, member.legal_basis, member.evidence_event_id, withheld) == ("ann", "consent", "e1", 1)
