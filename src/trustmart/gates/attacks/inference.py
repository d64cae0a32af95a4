"""G4, inference from microdata: what a class says about a sensitive column of the people in it.

The guess is the most common value of a person's class. The control is the same guess from the same release less that
one person: what can be said of anybody of the class without having seen them. Anonymeter keeps people out of the data
for that; leaving out one at a time does it for everybody, exactly, without a sample (ties count as the share they are).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trustmart.anonymity.intervals import Risk, wilson
from trustmart.gates.attacks.outcome import Attacked, attacked, interval, lacking, unmeasurable
from trustmart.gates.attacks.published import literal, missing_columns, names, text
from trustmart.gates.attacks.sensitive_models import ClassMinima, worst_distance
from trustmart.gates.measures_sql import Reader, candidate
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import MOST_ATTEMPTS, bound

_TOLERANCE = 1e-9


def inference(
    reader: Reader,
    *,
    mart: str,
    columns: Sequence[str],
    sensitive: str,
    models: Mapping[str, Any],
    suppressed_share: float | None = None,
) -> Attacked:
    """Attack one sensitive column: guesses over control, nearly certain classes, l and t against policy.

    models: what policy asks for (distinct, entropy, recursive_c, recursive_l, t, distance, order). suppressed_share: by
    so much the published table may differ from the one that t was promised for; read from the pipeline's count unless
    given. A null is a value like any other.
    """
    if missing := missing_columns(reader, mart, [*columns, sensitive]):
        return lacking("G4", missing)
    measured = _measure(reader, mart, columns, sensitive, models)
    if not measured["rows"]:
        return unmeasurable("G4", "it has no rows", "look why the mart's model returns nothing", count=0)
    risk, control = _risk(measured)
    minima = ClassMinima.of(measured, worst_distance(reader, mart, columns, sensitive, models))
    certain = float(measured["certain"]) / float(measured["rows"])
    left_out = _suppressed(reader, mart) if suppressed_share is None else suppressed_share
    return attacked(
        "G4",
        [
            _risky(sensitive, risk.high) if risk.value > 0 and risk.high > bound("inference_risk") else None,
            _certain(sensitive, int(measured["certain"])) if certain > bound("nearly_certain_share") else None,
            *minima.faults(sensitive, models, left_out),
        ],
        column=sensitive,
        control=round(control, 6),
        nearly_certain_share=round(certain, 6),
        smallest_l=minima.distinct,
        largest_t=None if minima.t is None else round(minima.t, 6),
        **interval("inference_risk", risk),
    )


def _risk(measured: Mapping[str, Any]) -> tuple[Risk, float]:
    """Return the risk over control, and the control: of those whom the control gets wrong, how many the attack gets."""
    rows, right, control = (float(measured[name] or 0) for name in ("rows", "right", "control_right"))
    wrong = rows - control
    if wrong <= _TOLERANCE:
        return Risk(value=0.0, low=0.0, high=0.0), control / rows
    share = min(1.0, max(0.0, right - control) / wrong)
    attempts = min(wrong, MOST_ATTEMPTS)
    return wilson(share * attempts, attempts), control / rows


def _measure(
    reader: Reader, mart: str, columns: Sequence[str], sensitive: str, models: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the figures of all classes in one query.

    per_class: first and second are the counts of the two most common values, tied how many share the first place. Of
    somebody with the most common value the rest of the class has first - 1: still the guess where second is smaller;
    as likely as its equals where they are level; the other one's otherwise.
    """
    key, l = names(columns), int(models.get("recursive_l") or 2)  # noqa: E741 (the paper's letter)
    found = reader.rows(
        f"with counted as (select {key}, {text(sensitive)} as value, count(*) as n from {candidate(mart)}"
        f" group by {key}, {text(sensitive)}),"
        " shares as (select value, sum(n) * 1.0 / sum(sum(n)) over () as share from counted group by value),"
        f" ranked as (select c.*, s.share, sum(n) over (partition by {key}) as size,"
        f" row_number() over (partition by {key} order by n desc, s.share desc) as place from counted as c"
        " join shares as s on s.value = c.value),"
        " per_class as (select max(size) as size, count(*) as distinct_values,"
        " max(case when place = 1 then n end) as first, max(case when place = 1 then share end) as base,"
        " max(case when place = 1 then value end) as most,"
        " coalesce(max(case when place = 2 then n end), 0) as second,"
        " sum(case when n = top then 1 else 0 end) as tied, sum(case when n = top - 1 then 1 else 0 end) as nearly,"
        f" sum(case when place >= {l} then n else 0 end) as tail,"
        " exp(ln(max(size)) - sum(n * ln(n)) / max(size)) as entropy,"
        " (sum(abs(n * 1.0 / size - share) - share) + 1) / 2 as t"
        f" from (select *, max(n) over (partition by {key}) as top from ranked) as topped group by {key})"
        " select sum(size), sum(first), sum(case when first - 1 > second then first"
        " when first - 1 = second and tied = 1 then first * 1.0 / (nearly + 1) else 0 end),"
        f" sum(case when first >= {bound('nearly_certain')} * size and base < {bound('nearly_certain')}"
        f"{_harmful(models)} then size else 0 end), min(distinct_values), min(entropy), max(t),"
        " max(case when tail = 0 then 1e308 else first * 1.0 / tail end) from per_class"
    )
    figures = ("rows", "right", "control_right", "certain", "distinct", "entropy", "t", "recursive_ratio")
    return dict(zip(figures, found[0], strict=True))


def _harmful(models: Mapping[str, Any]) -> str:
    """Return the condition that a class's most common value is one that may not be learned (don't-care sets)."""
    harmless = [literal(str(value)) for value in models.get("harmless") or ()]
    return f" and most not in ({', '.join(harmless)})" if harmless else ""


def _suppressed(reader: Reader, mart: str) -> float:
    """Return the share of people whom the door left out; nothing is allowed for where it is not known."""
    from trustmart.gates.checks import suppressed_share_of

    return suppressed_share_of(reader, mart, class_size=None) or 0.0


def _risky(column: str, high: float) -> Finding:
    """Say that guesses owe too much to the people in the mart."""
    return Finding(
        what=(
            f"{column} of people in the mart is guessed with a risk over control of up to {high:.3f},"
            f" {bound('inference_risk'):.2f} is allowed"
        ),
        count=1,
        next_step="coarsen a quasi-identifier, so that no class depends on one person",
    )


def _certain(column: str, rows: int) -> Finding:
    """Say that classes give a value away."""
    return Finding(
        what=f"{rows} rows are in classes that say {column} with a probability of {bound('nearly_certain'):.0%}",
        count=rows,
        next_step=f"suppress these classes, coarsen a quasi-identifier, or do not publish {column}",
    )
