"""What each destination was last known to hold, kept in the personal zone, so that a crash never sends twice."""

import json

import pyarrow as pa

from trustmart.audiences import AudienceDelta, AudienceSnapshot, Member
from trustmart.identity import derive_key, hash_email
from trustmart.identity.subjects import member_id
from trustmart.pipeline.context import Context
from trustmart.pipeline.permission import not_permitted_now
from trustmart.policy import Policy
from trustmart.warehouse import Session

_COLUMNS = (
    "audience varchar, member_id varchar, subject_id varchar, fields varchar, legal_basis varchar,"
    " evidence_event_id varchar"
)

MEMBERSHIP_TABLES = ("members", "pending_changes", "changes")


class Membership:
    """Reads and writes personal.members (accepted) and personal.pending_changes (told, answer unknown)."""

    def __init__(self, session: Session) -> None:
        """Create the tables where they are missing."""
        self._session = session
        session.run(f"create table if not exists personal.members ({_COLUMNS}, change_id varchar)")
        session.run(
            f"create table if not exists personal.pending_changes ({_COLUMNS}, change_id varchar, operation varchar)"
        )
        session.run("create table if not exists personal.changes (audience varchar, change_id varchar, number bigint)")
        for table in ("members", "pending_changes"):
            session.run(f"alter table personal.{table} add column if not exists destination varchar")

    def elsewhere(self, policy: Policy) -> list[tuple[str, str]]:
        """Return (audience, destination) where somebody is held whom policy does not send there any more."""
        rows = self._session.rows(
            "select distinct audience, destination from (select audience, destination from personal.members union all"
            " select audience, destination from personal.pending_changes) where destination is not null order by all"
        )
        sent = {(name, audience.destination) for name, audience in policy.audiences.items()}
        return [(audience, destination) for audience, destination in rows if (audience, destination) not in sent]

    def accepted(self, audience: str, destination: str) -> dict[str, Member]:
        """Return the members a destination holds."""
        rows = self._session.rows(
            "select member_id, subject_id, fields, legal_basis, evidence_event_id from personal.members"
            " where audience = ? and coalesce(destination, ?) = ?",
            [audience, destination, destination],
        )
        return {
            row[0]: Member(
                member_id=row[0],
                subject_id=row[1],
                fields=json.loads(row[2]),
                legal_basis=row[3],
                evidence_event_id=row[4],
            )
            for row in rows
        }

    def last_change(self, audience: str) -> str:
        """Return the name of the change that was accepted last, or an empty name."""
        found = self._session.value(
            "select change_id from personal.changes where audience = ? order by number desc limit 1", [audience]
        )
        return found or ""

    def begin(self, name: str, change: AudienceDelta, destination: str) -> None:
        """Write a change down before the destination is told."""
        with self._session.transaction():
            for operation, members in (("remove", change.removals), ("add", change.additions)):
                self._session.register("told", _as_table(change.audience, members))
                self._session.run(
                    "insert into personal.pending_changes by name"
                    " select *, ? as change_id, ? as operation, ? as destination from told",
                    [name, operation, destination],
                )
                self._session.unregister("told")

    def unfinished(self, audience: str, destination: str) -> list[str]:
        """Return the changes whose answer was never seen."""
        rows = self._session.rows(
            "select distinct change_id from personal.pending_changes"
            " where audience = ? and coalesce(destination, ?) = ? order by all",
            [audience, destination, destination],
        )
        return [name for (name,) in rows]

    def finish(self, name: str, audience: str, *, removed: bool, added: bool) -> None:
        """Remember what the destination accepted of a change, and forget the rest of it."""
        with self._session.transaction():
            if removed:
                self._session.run(
                    "delete from personal.members where audience = ? and member_id in (select member_id from"
                    " personal.pending_changes where change_id = ? and operation = 'remove')",
                    [audience, name],
                )
            if added:
                self._session.run(
                    "insert into personal.members by name select * exclude (operation) from personal.pending_changes"
                    " where change_id = ? and operation = 'add'",
                    [name],
                )
            if removed or added:
                self._session.run(
                    "insert into personal.changes select ?, ?, count(*) + 1 from personal.changes where audience = ?",
                    [audience, name, audience],
                )
            self._session.run("delete from personal.pending_changes where change_id = ?", [name])


def snapshot_now(session: Session, context: Context, audience: str) -> tuple[AudienceSnapshot, int]:
    """Return who may be sent at this instant, and how many of the mart's people may not be any more.

    By what right, and what proves it, is read at the door: a mart could say anything.
    """
    rule = context.policy.audiences[audience]
    refused = not_permitted_now(session, context, audience, rule.use_case)
    ground = context.grounds.get(rule.use_case)
    key = derive_key(context.settings.secret_key, f"member/{rule.destination}")
    sources = [f"mart.{_source_of(column)}" for column in rule.columns]
    members: dict[str, Member] = {}
    withheld = 0
    for subject, basis, evidence, *values in session.rows(
        f"select mart.subject_id, door.legal_basis, door.evidence_event_id, {', '.join(sources)}"
        f" from personal.{audience} as mart join restricted.int_subjects__permitted as door"
        " on mart.subject_id = door.subject_id and door.use_case = ? order by mart.subject_id",
        [rule.use_case],
    ):
        # The door was made under another verdict where policy has changed since.
        if subject in refused or ground is None or basis != ground.legal_basis:
            withheld += 1
            continue
        fields = {name: _on_the_wire(name, value) for name, value in zip(rule.columns, values, strict=True)}
        name = member_id(fields, key=key)
        members[name] = Member(
            member_id=name, fields=fields, subject_id=subject, legal_basis=basis, evidence_event_id=evidence
        )
    return AudienceSnapshot(audience=audience, members=members), withheld


def permitted_rest(session: Session, context: Context, audience: str, accepted: dict[str, Member]) -> AudienceSnapshot:
    """Return who of the accepted members may stay, when the mart itself cannot be trusted: nobody is added."""
    use_case = context.policy.audiences[audience].use_case
    refused = not_permitted_now(session, context, "members", use_case, audience=audience)
    stay = {name: member for name, member in accepted.items() if member.subject_id not in refused}
    return AudienceSnapshot(audience=audience, members=stay)


def _source_of(column: str) -> str:
    """Return the mart's column behind a column that leaves."""
    return "email_normalized" if column == "email_sha256" else column


def _on_the_wire(column: str, value: str) -> str:
    """Return a value as it leaves."""
    return hash_email(value) if column == "email_sha256" else str(value)


def _as_table(audience: str, members: tuple[Member, ...]) -> pa.Table:
    """Turn members into a table. What was sent is kept only as far as a removal needs it."""
    return pa.table(
        {
            "audience": pa.array([audience] * len(members), pa.string()),
            "member_id": pa.array([member.member_id for member in members], pa.string()),
            "subject_id": pa.array([member.subject_id for member in members], pa.string()),
            "fields": pa.array([json.dumps(_for_removal(member)) for member in members], pa.string()),
            "legal_basis": pa.array([member.legal_basis for member in members], pa.string()),
            "evidence_event_id": pa.array([member.evidence_event_id for member in members], pa.string()),
        }
    )


def _for_removal(member: Member) -> dict[str, str]:
    """Return the fields by which a destination can be told to forget a member."""
    return {name: value for name, value in member.fields.items() if name == "email_sha256"}
