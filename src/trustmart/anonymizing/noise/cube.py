"""A differentially private cube: afford it, bound it, draw it, keep it, pay for it, show it."""

import itertools
import json
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from trustmart.anonymity.budget import refuse_overspending, year_of
from trustmart.anonymity.usefulness import Utility, expected_noise
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.noise.bounding import Cell, Domains, bounded_aggregates
from trustmart.anonymizing.noise.drawing import Draw, draw_private, draw_public, load_opendp
from trustmart.anonymizing.noise.figures import PEOPLE, figures_of, noise_of
from trustmart.anonymizing.noise.keeping import KeptDraw, declaration_of, keep, kept_draws, period_of, show
from trustmart.anonymizing.noise.publishing import published_cells
from trustmart.anonymizing.noise.spending import paid_draws, pay, spends_of
from trustmart.anonymizing.words import listed, quoted
from trustmart.errors import ReleaseFault
from trustmart.identity import derive_key
from trustmart.ledger import Ledger
from trustmart.policy.releases import Release
from trustmart.warehouse import Session

MOST_CELLS = 1_000_000


def make_noisy_cube(
    session: Session,
    *,
    mart: str,
    release: Release,
    records: str,
    target: str,
    ledger: Ledger,
    key: str,
    as_of: datetime,
    at: datetime,
    domains: Domains | None = None,
    counted_in: Session | None = None,
) -> Made:
    """Make a mart's candidate of noisy figures; a period that was drawn already is shown again and costs nothing.

    records: table with subject_id, labels and the columns of sums. target: the candidate, with release.columns.
    key: the master key. as_of: the night. at: the instant whose calendar year pays, never earlier than the clock.
    domains: every label that each column may show, known without looking at a person; needed where cells are public.
    counted_in: where the records are, if it is another engine than the one that keeps what is drawn.
    Must not be called within a transaction: what is drawn is kept for good before it is paid for, and paid for before
    it is shown. Made counts published, so noisy, people: reports are read by those whom the noise is for.
    Raises BudgetSpent, ReleaseFault (domains), ExtraMissing, StatementFailed, LedgerBroken.
    """
    noise = noise_of(release)
    wanted = (declaration_of(release), period_of(noise.every, as_of))
    kept = _newest(kept_draws(session, mart=mart), *wanted)
    is_paid = kept is not None and kept.draw_id in paid_draws(ledger)
    if not is_paid:
        refuse_overspending(
            spends_of(ledger),
            mart=mart,
            population=noise.population,
            epsilon=kept.epsilon if kept else noise.epsilon,
            budget=noise.yearly_epsilon,
            at=at,
        )
    if kept is None:
        secret = derive_key(key, f"noise/{mart}/{wanted[1]}")
        counting = counted_in or session
        draw = _draw(counting, release, records, secret, domains)
        kept = _described(draw, mart, release, *wanted)
        labels = counting.arrow(f"select {listed(map(quoted, release.quasi_identifiers))} from {records} where 1 = 0")
        keep(session, kept, published_cells(draw, release), release=release, labels=labels)
    if not is_paid:
        pay(ledger, kept, population=noise.population, year=year_of(at), at=at)
    rows = show(session, kept, release=release, paid=paid_draws(ledger), target=target)
    return _made(session, release, kept, target, rows, newly_paid=not is_paid)


def _newest(kept: Iterable[KeptDraw], declaration: str, released_for: str) -> KeptDraw | None:
    """Return the draw of this declaration and period, if there is one."""
    found = [draw for draw in kept if (draw.declaration, draw.released_for) == (declaration, released_for)]
    return found[-1] if found else None


def _draw(session: Session, release: Release, records: str, key: str, domains: Domains | None) -> Draw:
    """Bound, add up and draw, in memory."""
    load_opendp()
    noise, figures, labels = noise_of(release), figures_of(release), list(release.quasi_identifiers)
    cells = listed_cells(labels, domains or {}) if noise.cells == "public" else None
    inside = {label: domains[label] for label in labels if label in domains} if domains else None
    true = bounded_aggregates(
        session, records=records, labels=labels, figures=figures, noise=noise, key=key, domains=inside
    )
    return draw_private(true, figures, noise) if cells is None else draw_public(true, cells, figures, noise)


def listed_cells(labels: Sequence[str], domains: Domains) -> list[Cell]:
    """Return every combination of labels; raises ReleaseFault where a domain is missing, empty or repeats itself."""
    faults = [f"{label}: its labels are not listed, and cells are public" for label in labels if not domains.get(label)]
    known = [label for label in labels if domains.get(label)]
    faults += [f"{label}: a label is listed twice" for label in known if len(set(domains[label])) < len(domains[label])]
    if (cells := math.prod(len(domains[label]) for label in known)) > MOST_CELLS:
        faults.append(f"{cells:,} cells are more than {MOST_CELLS:,}: most would hold noise alone; coarsen a column")
    if faults:
        raise ReleaseFault(faults)
    return list(itertools.product(*(domains[label] for label in labels)))


def _described(draw: Draw, mart: str, release: Release, declaration: str, released_for: str) -> KeptDraw:
    """Return what is kept of a draw beside its cells."""
    units = {figure.name: figure.units for figure in figures_of(release)}
    scales = {name: scale / units[name] for name, scale in draw.scales.items()}
    facts: dict[str, Any] = {"scales": scales, "threshold": draw.threshold}
    return KeptDraw(
        mart=mart,
        declaration=declaration,
        released_for=released_for,
        draw_id=secrets.token_hex(8),
        mechanism="discrete Laplace" + (" with threshold" if draw.threshold is not None else "") + " (OpenDP)",
        epsilon=draw.epsilon,
        delta=draw.delta,
        facts=json.dumps(facts, sort_keys=True),
    )


def _made(session: Session, release: Release, draw: KeptDraw, target: str, rows: int, *, newly_paid: bool) -> Made:
    """Say what the candidate holds, in noisy numbers."""
    people = session.value(f'select sum("{release.class_size}") from {target}')
    noise = noise_of(release)
    described = json.loads(draw.facts)
    facts = {
        **described,
        **_usefulness(session, release, target, described["scales"]),
        "mechanism": draw.mechanism,
        "epsilon": draw.epsilon,
        "delta": draw.delta,
        "population": noise.population,
        "released_for": draw.released_for,
        "draw_id": draw.draw_id,
        "newly_paid": newly_paid,
        "cells_per_person": noise.cells_per_person,
        "records_per_cell": noise.records_per_cell,
    }
    return Made(
        rows=rows,
        people_total=int(people or 0),
        people_suppressed=0,
        classes_total=rows,
        classes_suppressed=0,
        facts=facts,
    )


def _usefulness(session: Session, release: Release, target: str, scales: Mapping[str, float]) -> dict[str, Any]:
    """Return what noise costs readers, as expected from the mechanism and from noisy numbers alone: never as measured.

    Whoever knew by how much a figure is off could take the noise away. What bounding contributions leaves out is not
    in it, and neither is rounding.
    """
    units = {figure.name: figure.units for figure in figures_of(release)}
    expected = {name: expected_noise(scale * units[name]) / units[name] for name, scale in scales.items()}
    typical = session.value(f"select median({quoted(release.class_size or PEOPLE)}) from {target}")
    off = min(expected[PEOPLE] / max(float(typical or 0), 1.0), 1.0)
    utility = Utility(measure="expected accuracy of a typical cell", raw=1.0, published=1 - off)
    return {"utility": utility.as_dict(), "expected_error": {name: round(off, 3) for name, off in expected.items()}}
