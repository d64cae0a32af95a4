"""Gates hold or release. Great Expectations is imported only while one is asked (it costs seconds)."""

from trustmart.gates.anonymized import inspect, inspect_all
from trustmart.gates.personal import inspect_audiences
from trustmart.gates.report import AudienceGateReport, Finding, GateReport
from trustmart.gates.requirement import Memory
from trustmart.gates.zones import ZoneGateReport, inspect_zones

__all__ = [
    "AudienceGateReport",
    "Finding",
    "GateReport",
    "Memory",
    "ZoneGateReport",
    "inspect",
    "inspect_all",
    "inspect_audiences",
    "inspect_zones",
]
