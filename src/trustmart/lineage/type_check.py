"""The privacy type check: derive every column's type, and hold what policy does not allow. No data is touched."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trustmart.errors import TypesHeld
from trustmart.lineage.forms import Form, Trace, Value
from trustmart.lineage.manifest import Manifest
from trustmart.lineage.project import ProjectTypes, derive_types
from trustmart.lineage.publications import Kind, Publication, publications
from trustmart.lineage.relations import Relation
from trustmart.lineage.verdicts import TypeFinding, judge, undetermined
from trustmart.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeReport:
    """What the check found: findings, the types, what is asked of each model, and notes on what was not known."""

    findings: tuple[TypeFinding, ...]
    types: ProjectTypes
    allowed: Mapping[str, Publication]

    def raise_if_held(self) -> None:
        """Raise TypesHeld with every finding."""
        if self.findings:
            listing = "\n".join(f"  {finding}" for finding in self.findings)
            noun = "column or model is" if len(self.findings) == 1 else "columns or models are"
            raise TypesHeld(
                f"{len(self.findings)} {noun} not what policy allows; nothing was built:\n{listing}\n"
                "Mend the models (or let policy say otherwise), then: trustmart check"
            )

    def relation(self, model: str) -> Relation | None:
        """Return the types of a model by its name, or None where nothing can be told of it."""
        return next((one for key, one in self.types.relations.items() if key.split(".")[-1] == model), None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values: findings, and every model with its columns' types."""
        return {
            "verdict": "held" if self.findings else "passed",
            "findings": [finding.as_dict() for finding in self.findings],
            "models": {
                key.split(".")[-1]: {
                    "kind": self.allowed[key].kind.value,
                    "rows": relation.rows.name.lower(),
                    "people_at_least": relation.guarded,
                    "columns": {name: described(value) for name, value in relation.columns},
                }
                for key, relation in sorted(self.types.relations.items())
            },
            "notes": {key.split(".")[-1]: list(notes) for key, notes in sorted(self.types.notes.items())},
        }


def check_types(manifest: Manifest, policy: Policy, *, dialect: str = "duckdb") -> TypeReport:
    """Return what is wrong with the types of a compiled project's models. Never raises for a model: it is a finding."""
    types = derive_types(manifest, policy, dialect=dialect)
    allowed = publications(manifest, policy)
    findings = [undetermined(manifest.models[key].name, why) for key, why in types.undetermined.items()]
    for key, relation in types.relations.items():
        if allowed[key].kind is not Kind.STEP:
            findings += judge(manifest.models[key].name, relation, allowed[key])
    return TypeReport(findings=tuple(findings), types=types, allowed=allowed)


def described(value: Value) -> list[dict[str, Any]]:
    """Return a column's type as plain values, the most dangerous attribute first."""
    traces = sorted(value.traces.values(), key=lambda trace: (-trace.form, trace.attribute))
    return [
        {
            "attribute": trace.attribute,
            "role": trace.nature.value,
            "form": trace.form.name.lower(),
            "to": sorted(trace.to) if trace.form is Form.GENERALIZED else [],
            "path": trace.path(),
        }
        for trace in traces
    ]


def type_in_words(value: Value) -> str:
    """Return a column's type for people."""
    if value.people_of:
        return "people, counted"
    if not value.traces:
        return "constant, or a number of rows"
    return "; ".join(_in_words(trace) for trace in sorted(value.traces.values(), key=lambda trace: -trace.form))


def _in_words(trace: Trace) -> str:
    """Return one attribute's part of a type."""
    to = f" to {', '.join(sorted(trace.to))}" if trace.form is Form.GENERALIZED and trace.to else ""
    return f"{trace.attribute} {trace.form.name.lower()}{to}"
