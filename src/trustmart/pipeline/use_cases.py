"""The legal basis in front of every build: what may not run is not built; verdicts and crossings are written down."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from trustmart.gates import Finding
from trustmart.legal_basis import LegalBasis, Status
from trustmart.pipeline.context import Context
from trustmart.pipeline.membership import MEMBERSHIP_TABLES
from trustmart.warehouse import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBuilt:
    """A mart that its use case does not carry: why, who answers for it, and the next command."""

    mart: str
    title: str
    use_case: str
    zone: str
    why: str
    next_step: str
    owner: str | None

    @property
    def finding(self) -> Finding:
        """Return it as the gates say it."""
        return Finding(what=self.why, count=0, next_step=self.next_step)

    def as_dict(self) -> dict[str, Any]:
        """Return it as reports write it."""
        return {name: getattr(self, name) for name in self.__slots__}


def marts_not_built(context: Context) -> list[NotBuilt]:
    """Return every mart whose use case is a draft, refused, incomplete or of the wrong kind (S03)."""
    policy = context.policy
    marts = [(name, mart.title, mart.use_case, "anonymized") for name, mart in policy.releases.items()]
    marts += [(name, mart.title, mart.use_case, "personal") for name, mart in policy.personal_marts.items()]
    return [
        NotBuilt(
            mart=name,
            title=title,
            use_case=use_case,
            zone=zone,
            why=obstacle[0],
            next_step=obstacle[1],
            owner=policy.use_cases[use_case].owners.name("business"),
        )
        for name, title, use_case, zone in marts
        if (obstacle := _obstacle(context.statuses[use_case], zone) or _obstacle_of_learning(context, name)) is not None
    ]


def findings_of_not_built(context: Context) -> dict[str, Finding]:
    """Return why each mart that may not be built is not there, for the gates."""
    return {mart.mart: mart.finding for mart in marts_not_built(context)}


def _obstacle(status: Status, zone: str) -> tuple[str, str] | None:
    """Return why a use case carries no mart of this zone and what to do, or None."""
    if not status.is_ready:
        return status.reason, status.next_step
    basis = status.verdict.legal_basis
    if (basis is LegalBasis.ANONYMOUS) == (zone == "anonymized"):
        return None
    shown = f"trustmart decide --use-case {status.use_case}"
    if zone == "personal":
        return f"the use case {status.use_case} is about nobody (anonymous), and this mart holds people", shown
    return f"the use case {status.use_case} stands on {basis.value}, which opens no anonymized mart", shown


def _obstacle_of_learning(context: Context, mart: str) -> tuple[str, str] | None:
    """Return why nothing was learned that a score could apply to people, or None."""
    score = context.policy.scores.get(mart)
    if score is None:
        return None
    learning = (context.policy.releases[score.learned_from].use_case, score.learned_for)
    found = (_obstacle(context.statuses[use_case], "anonymized") for use_case in learning)
    why, next_step = next((obstacle for obstacle in found if obstacle), (None, ""))
    return None if why is None else (f"nothing may be learned for it: {why}", next_step)


def personal_marts_that_may_be(context: Context) -> set[str]:
    """Return the personal marts of policy whose use case may run."""
    return set(context.policy.personal_marts) - {mart.mart for mart in marts_not_built(context)}


def drop_what_may_not_be(session: Session, *, may_stay: Collection[str]) -> None:
    """Take away every other table of people, and every view, from which nobody can be taken out.

    Needs `personal` open for writing.
    """
    for schema, name, kind in session.rows(
        "select schema_name, table_name, 'table' from duckdb_tables() where database_name = 'personal' union all"
        " select schema_name, view_name, 'view' from duckdb_views() where database_name = 'personal' and not internal"
    ):
        if name not in MEMBERSHIP_TABLES and (name not in may_stay or kind == "view"):
            session.run(f'drop {kind} if exists personal."{schema}"."{name}"')


def scores_without_permission(context: Context, built: Collection[str] | None = None) -> Iterator[str]:
    """Say which scores hold people whom the door did not let through; audiences have a gate. built: only of these."""
    with context.warehouse.session(reads=["personal", "restricted"]) as session:
        for name, score in context.policy.scores.items():
            if (built is not None and name not in built) or not session.columns("personal", name):
                continue
            strangers = session.value(
                f"select count(*) from personal.{name} as scored where not exists (select 1 from"
                " restricted.int_subjects__permitted as door"
                " where door.subject_id = scored.subject_id and door.use_case = ?)",
                [score.use_case],
            )
            if strangers:
                yield f"{name}: {strangers} rows have no permission for {score.use_case}; read the door by permitted()"


def record_decisions(context: Context) -> None:
    """Write every verdict into the ledger that is not the last one written for its use case (S31)."""
    last = {entry.facts["use_case"]: entry.facts for entry in context.ledger.entries("decision")}
    for name, status in context.statuses.items():
        use_case = context.policy.use_cases[name]
        facts = {
            "use_case": name,
            "version": use_case.version,
            "legal_basis": status.verdict.legal_basis.value,
            "decided_by": status.verdict.decided_by,
            "status": status.state,
            "signed_by": [use_case.owners.name("business"), use_case.owners.name("legal")],
            "policy_version": context.policy.version,
        }
        if last.get(name) != facts:
            context.ledger.record("decision", facts, at=context.now)


def register_crossings(context: Context) -> list[dict[str, Any]]:
    """Write into the ledger to how many people what was learned anonymously is applied tonight (S15, S16)."""
    crossings = list(_crossings(context))
    written = [entry.facts for entry in context.ledger.entries("crossing") if entry.at == context.as_of.isoformat()]
    for facts in crossings:
        if facts not in written:
            context.ledger.record("crossing", facts, at=context.as_of)
    return crossings


def _crossings(context: Context) -> Iterator[dict[str, Any]]:
    """Count the people behind each score."""
    with context.warehouse.session(reads=["personal"]) as session:
        for name, score in context.policy.scores.items():
            if session.columns("personal", name):
                yield {
                    "mart": name,
                    "use_case": score.use_case,
                    "legal_basis": context.statuses[score.use_case].verdict.legal_basis.value,
                    "learned_from": score.learned_from,
                    "learned_for": score.learned_for,
                    "people": int(session.value(f"select count(*) from personal.{name}")),
                }
