"""How a company's customers become an audience: every step that somebody is lost at, counted."""

from typing import Any

from trustmart.consent import Reason
from trustmart.policy import Policy
from trustmart.warehouse import Session

# What those who are left have in common, after the people with this reason are taken away.
_STEPS = {
    Reason.RESTRICTED: "not restricted",
    Reason.AGE_UNKNOWN: "age known",
    Reason.UNDER_AGE: "old enough",
    Reason.OBJECTED: "not objecting",
    Reason.NOT_ASKED: "asked",
    Reason.DENIED: "not refused",
    Reason.WITHDRAWN: "not withdrawn",
    Reason.EXPIRED: "not expired",
    Reason.NO_CONTACT_POINT: "can be reached",
    Reason.SHARED_CONTACT_POINT: "reached alone",
}


def waterfall(session: Session, policy: Policy, audience: str, *, withheld: int, addressable: int) -> dict[str, Any]:
    """Return the steps from all customers down to who is addressable, and how many were suppressed on the way."""
    rule = policy.audiences[audience]
    by_reason = dict(
        session.rows(
            "select reason, count(*) from restricted.int_subject_use_cases__decided where use_case = ? group by all",
            [rule.use_case],
        )
    )
    left = sum(by_reason.values())
    steps = [{"step": "customers", "people": left}]
    for reason, name in _STEPS.items():
        if lost := by_reason.get(reason.value, 0):
            left -= lost
            steps.append({"step": name, "people": left})
    in_segment = session.value(f"select count(*) from personal.{audience}")
    steps.append({"step": "in the segment", "people": in_segment})
    if withheld:
        steps.append({"step": "still permitted at the send", "people": in_segment - withheld})
    steps.append({"step": "addressable", "people": addressable})
    suppressed = sum(count for reason, count in by_reason.items() if reason != Reason.PERMITTED) + withheld
    return {"waterfall": steps, "addressable": addressable, "suppressed": suppressed}
