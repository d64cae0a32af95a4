"""What a person has agreed to, and whether a purpose may use them now: pure rules, time as an argument."""

from trustmart.consent.decision import Circumstances, Decision, Reason, decide
from trustmart.consent.events import ConsentEvent, ConsentRecord, ConsentState, fold

__all__ = ["Circumstances", "ConsentEvent", "ConsentRecord", "ConsentState", "Decision", "Reason", "decide", "fold"]
