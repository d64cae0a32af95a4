"""The release gate: an anonymized mart is opened once it has proved that nobody in it stands out."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from trustmart.anonymity import ClassMeasures, summarize_sizes
from trustmart.gates.attacks import Attacked, sharing
from trustmart.gates.checks import look_up_texts, suppressed_share_of
from trustmart.gates.looking import look
from trustmart.gates.measures_sql import Reader, candidate_columns, measure_mart
from trustmart.gates.remembering import remembering
from trustmart.gates.report import Checked, Finding, GateReport
from trustmart.gates.self_test import misses, self_test
from trustmart.gates.suites import Memory, Requirement, requirements
from trustmart.gates.teachers import held_with_their_teachers
from trustmart.gates.validation import Verdict, validate
from trustmart.policy import Policy
from trustmart.warehouse import Session, Warehouse

_NO_MEMORY = Memory()


def inspect(mart: str, *, policy: Policy, warehouse: Warehouse, data_docs_folder: Path | None = None) -> GateReport:
    """Inspect one mart; see inspect_all."""
    (report,) = inspect_all(policy=policy, warehouse=warehouse, marts=[mart], data_docs_folder=data_docs_folder)
    return report


def inspect_all(
    *,
    policy: Policy,
    warehouse: Warehouse,
    marts: Sequence[str] | None = None,
    not_built: Mapping[str, Finding] = MappingProxyType({}),
    data_docs_folder: Path | None = None,
    memory: Memory = _NO_MEMORY,
) -> list[GateReport]:
    """Inspect the candidates of all marts (or some) in one run of Great Expectations. Never raises: it holds.

    not_built: why a mart was left out of the build, for those that were. data_docs_folder: where to build the Data Docs
    (none unless given); they hold names and booleans only. memory: what ledger and recodings remember of the marts.
    """
    marts = list(policy.releases) if marts is None else marts
    try:
        with warehouse.session(reads=["restricted"]) as session, remembering(session):
            return _inspect_with(session, policy, marts, not_built, data_docs_folder, memory)
    except Exception as error:  # noqa: BLE001 - fail closed: a gate that cannot look holds everything
        finding = _not_inspected("the gate could not look into the warehouse", error)
        return [_report(policy, mart, findings=[finding]) for mart in marts]


def _inspect_with(
    session: Session,
    policy: Policy,
    marts: Sequence[str],
    not_built: Mapping[str, Finding],
    data_docs_folder: Path | None,
    memory: Memory,
) -> list[GateReport]:
    """Ask Great Expectations about the candidates that exist, and the warehouse why where it says no."""
    built = [mart for mart in marts if mart not in not_built and candidate_columns(session, mart)]
    wanted = {mart: requirements(policy, mart, memory) for mart in built}
    _look_up_together(session, wanted)
    with sharing(session):
        answers = _answers(session, wanted, data_docs_folder)
        reports = [
            _report_on(session, policy, mart, wanted[mart], answers[mart])
            if mart in wanted
            else _report(policy, mart, findings=[not_built.get(mart) or _no_candidate(mart)])
            for mart in marts
        ]
    reports = held_with_their_teachers(policy, reports)
    missed = _self_test(session, policy, [one.mart for one in reports if not one.held], memory)
    return [replace(one, findings=(*one.findings, *missed)) for one in reports] if missed else reports


def _look_up_together(session: Session, wanted: Mapping[str, Sequence[Requirement]]) -> None:
    """Compare what all marts show with everybody's identifiers at once: reading those is dear."""
    asked = [
        dict(one.arguments) for all_of in wanted.values() for one in all_of if one.check == "no_direct_identifiers"
    ]
    # A mart that cannot be read is held by its own check, and no other with it.
    with suppress(Exception):
        look_up_texts(session, asked)


def _self_test(session: Session, policy: Policy, marts: Sequence[str], memory: Memory) -> list[Finding]:
    """Return what keeps the gate itself from being believed; marts that are held anyway are no ground for plants."""
    try:
        return misses(self_test(session, policy, marts, memory))
    except Exception as error:  # noqa: BLE001 - fail closed: a gate that cannot be tested holds everything
        return [_not_inspected("the gate's self-test broke off", error)]


def _answers(
    session: Session, wanted: Mapping[str, Sequence[Requirement]], data_docs_folder: Path | None
) -> dict[str, list[Verdict]]:
    """Return Great Expectations' verdicts; where it breaks, nothing is met."""
    if not wanted:
        return {}
    try:
        return validate(wanted, session, data_docs_folder=data_docs_folder)
    except Exception as error:  # noqa: BLE001 - fail closed, and its message may quote a value
        broken = Verdict(met=False, trouble=type(error).__name__)
        return {mart: [broken] * len(asked) for mart, asked in wanted.items()}


def _report_on(
    session: Session, policy: Policy, mart: str, asked: Sequence[Requirement], verdicts: Sequence[Verdict]
) -> GateReport:
    """Explain every requirement that is not met, and add the figures."""
    looks = [_look_again(session, requirement, verdict) for requirement, verdict in zip(asked, verdicts, strict=True)]
    findings = [finding for one in looks for finding in one.findings]
    attacks = [one for one in looks if one.attack]
    held_by = [requirement.check for requirement, one in zip(asked, looks, strict=True) if one.findings]
    checks = [
        Checked(expectation=requirement.expectation, about=requirement.about, findings=one.findings)
        for requirement, one in zip(asked, looks, strict=True)
    ]
    try:
        measures = _measure(session, policy, mart)
        share = suppressed_share_of(session, mart, class_size=policy.releases[mart].class_size)
    except Exception as error:  # noqa: BLE001 - fail closed: no figures, no release
        broken = _not_inspected("it could not be measured", error)
        return _report(policy, mart, findings=[*findings, broken], attacks=attacks, checks=checks)
    return _report(
        policy,
        mart,
        findings=findings,
        measures=measures,
        suppressed_share=share,
        attacks=attacks,
        held_by=held_by,
        checks=checks,
    )


def _look_again(session: Reader, requirement: Requirement, verdict: Verdict) -> Attacked:
    """Return why a requirement is not met; nothing only where Great Expectations and our own count say yes.

    An attack is made once: what it brought back says whether and why.
    """
    name = requirement.expectation
    if verdict.met and requirement.check == "no_direct_identifiers":
        return Attacked(attack="")  # the dearest check; the others are so cheap that they are made twice
    try:
        looked = verdict.told or look(requirement.check, session, requirement.arguments)
    except Exception as error:  # noqa: BLE001 - fail closed, and its message may quote a value
        broken = _not_inspected(f"{name} could not be measured", error, kind=verdict.trouble)
        return Attacked(attack="", findings=(broken,))
    if verdict.trouble:
        what = f"{name} could not be measured by Great Expectations ({verdict.trouble})"
        broken = Finding(what=what, count=1, next_step="mend what broke")
        return replace(looked, findings=(*looked.findings, broken))
    if not verdict.met and not looked.findings:
        what = f"{name} is not met, though a second count finds nothing"
        return replace(looked, findings=(Finding(what=what, count=1, next_step="look into the gate's log"),))
    return looked


def _measure(session: Reader, policy: Policy, mart: str) -> ClassMeasures:
    """Return the figures of a candidate; none where its columns are not what they must be."""
    release = policy.releases[mart]
    present = candidate_columns(session, mart)
    size = [release.class_size] if release.class_size else []
    if not {*release.keys, *size} <= set(present):
        return summarize_sizes({}, minimum=release.minimum_class_size, rows=0, classes_in_several_rows=0)
    return measure_mart(
        session,
        mart,
        columns=list(release.keys),
        class_size=release.class_size,
        minimum=release.minimum_class_size,
    )


def _report(
    policy: Policy,
    mart: str,
    *,
    findings: Sequence[Finding],
    measures: ClassMeasures | None = None,
    suppressed_share: float | None = None,
    attacks: Sequence[Attacked] = (),
    held_by: Sequence[str] = (),
    checks: Sequence[Checked] = (),
) -> GateReport:
    """Put a report together."""
    release = policy.releases[mart]
    return GateReport(
        mart=mart,
        title=release.title,
        rows=measures.rows if measures else 0,
        people=measures.people if measures else 0,
        minimum_class_size=release.minimum_class_size,
        smallest_class=measures.smallest_class if measures else None,
        median_class=measures.median_class if measures else None,
        suppressed_share=suppressed_share,
        maximum_suppressed=release.maximum_suppressed,
        histogram=measures.histogram if measures else (),
        findings=tuple(findings),
        attacks=tuple(one.as_dict() for one in attacks),
        held_by=tuple(dict.fromkeys(held_by)),
        checks=tuple(checks),
    )


def _no_candidate(mart: str) -> Finding:
    """Say that there is nothing to inspect."""
    return Finding(
        what=f"there is no candidate {mart} to inspect",
        count=0,
        next_step="build it, and look why its model failed",
    )


def _not_inspected(what: str, error: Exception, *, kind: str | None = None) -> Finding:
    """Say that a look was not possible; of the error, only its type is told."""
    kinds = dict.fromkeys([*([kind] if kind else []), type(error).__name__])
    return Finding(what=f"{what} ({', '.join(kinds)})", count=1, next_step="mend what broke")
