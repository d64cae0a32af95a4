"""The record of processing activities (GDPR Art. 30(1)), row by row, as it falls out of policy."""

from collections.abc import Mapping, Sequence

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.facts import read_categories
from trustmart.legal_basis.status import Status
from trustmart.policy.models import Policy
from trustmart.policy.use_cases import Controller, Mechanism, Transfer, UseCase

COLUMNS = (
    "controller",
    "contact",
    "data_protection_officer",
    "use_case",
    "purpose",
    "benefit",
    "asked_as",
    "legal_basis",
    "article",
    "categories_of_people",
    "categories_of_data",
    "recipients",
    "transfers_outside_the_eea",
    "time_limit",
    "security_measures",
    "owner_business",
    "owner_legal",
    "version",
    "status",
)

_ARTICLES = {
    LegalBasis.ANONYMOUS: "Recital 26 (not personal data)",
    LegalBasis.CONTRACT: "6(1)(b)",
    LegalBasis.LEGAL_OBLIGATION: "6(1)(c)",
    LegalBasis.LEGITIMATE_INTEREST: "6(1)(f)",
    LegalBasis.CONSENT: "6(1)(a)",
    LegalBasis.EXPLICIT_CONSENT: "6(1)(a)",
    LegalBasis.REFUSED: "none",
}
_TIME_LIMITS = {
    LegalBasis.ANONYMOUS: "none: nobody can be singled out",
    LegalBasis.CONTRACT: "until the contract has been performed",
    LegalBasis.LEGAL_OBLIGATION: "as long as the law asks for it",
    LegalBasis.LEGITIMATE_INTEREST: "until the person objects, or is no customer any more",
    LegalBasis.REFUSED: "not applicable: it is not done",
}
_SECURITY = (
    "pseudonymized at ingest (keyed HMAC); restricted and personal zones encrypted at rest; consent and objections"
    " decided again before every send; every release and send in an append-only ledger"
)
_SECURITY_ANONYMOUS = "released only where a gate has found that nobody stands out (class sizes, identifiers); {rest}"


def record_rows(policy: Policy, statuses: Mapping[str, Status]) -> list[dict[str, str]]:
    """Return one row per use case; drafts and refused ones are in it too, and say so."""
    return [_row(name, policy.use_cases[name], status, policy) for name, status in statuses.items()]


def _row(name: str, use_case: UseCase, status: Status, policy: Policy) -> dict[str, str]:
    """Say one use case as Art. 30(1) asks, letter by letter."""
    basis, purpose = status.verdict.legal_basis, use_case.purpose
    return {
        **_controller(policy.controller),
        "use_case": name,
        "purpose": purpose.data_use,
        "benefit": purpose.benefit or "",
        "asked_as": use_case.asked_as or "",
        "legal_basis": basis.value,
        "article": _article(basis, use_case),
        "categories_of_people": _people(use_case),
        "categories_of_data": ", ".join(use_case.source.categories),
        "recipients": "; ".join(f"{transfer.recipient} ({transfer.relation})" for transfer in use_case.transfers),
        "transfers_outside_the_eea": "; ".join(_abroad(use_case.transfers, policy)),
        "time_limit": _time_limit(basis, use_case, policy),
        "security_measures": _security(basis),
        "owner_business": use_case.owners.name("business") or "",
        "owner_legal": use_case.owners.name("legal") or "",
        "version": use_case.version,
        "status": status.state.value,
    }


def _controller(controller: Controller) -> dict[str, str]:
    return {
        "controller": f"{controller.name} ({controller.country})",
        "contact": controller.contact,
        "data_protection_officer": controller.data_protection_officer,
    }


def _article(basis: LegalBasis, use_case: UseCase) -> str:
    """Return the article, and the one that lifts the ban where special categories are used."""
    article = _ARTICLES[basis]
    found = read_categories(use_case.source.categories)
    if basis is LegalBasis.EXPLICIT_CONSENT and found.special:
        return f"GDPR {article}, 9(2)(a)"
    if basis is LegalBasis.LEGAL_OBLIGATION and (found.special or found.criminal):
        return f"GDPR {article}, {'9(2)(b)-(j)' if found.special else '10'}"
    return article if basis is LegalBasis.REFUSED else f"GDPR {article}"


def _people(use_case: UseCase) -> str:
    """Return whom it is about."""
    source = use_case.source
    known = {True: "customers", False: "people who are no customers", None: "not known"}
    people = known[source.existing_relationship]
    if source.youngest is not None:
        people += f", from {source.youngest} years"
    if read_categories(source.categories).children:
        people += ", children among them"
    return f"{people}, in {', '.join(source.countries)}" if source.countries else people


def _abroad(transfers: Sequence[Transfer], policy: Policy) -> list[str]:
    """Return every transfer out of the EEA with what carries it."""
    return [
        f"{transfer.recipient}: {transfer.country or 'country not known'} ({_carried_by(transfer)})"
        for transfer in transfers
        if transfer.country not in policy.eea
    ]


def _carried_by(transfer: Transfer) -> str:
    """Return the mechanism as the law calls it."""
    return {
        Mechanism.ADEQUACY: "adequacy decision, GDPR 45",
        Mechanism.SCC: "standard contractual clauses, GDPR 46(2)(c)",
        Mechanism.BCR: "binding corporate rules, GDPR 47",
        Mechanism.NONE: "needed for the contract, GDPR 49(1)(b)" if transfer.necessary_for_contract else "nothing",
    }[transfer.mechanism]


def _time_limit(basis: LegalBasis, use_case: UseCase, policy: Policy) -> str:
    """Return until when data are used."""
    if not basis.needs_consent:
        return _TIME_LIMITS[basis]
    purpose = policy.purposes.get(use_case.asked_as or "")
    if purpose is None or purpose.valid_for_days is None:
        return "until consent is withdrawn"
    return f"until consent is withdrawn, at most {purpose.valid_for_days} days"


def _security(basis: LegalBasis) -> str:
    return _SECURITY_ANONYMOUS.format(rest=_SECURITY) if basis is LegalBasis.ANONYMOUS else _SECURITY
