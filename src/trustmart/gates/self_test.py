"""G10: every night, leaks are planted in copies of the marts, and the gate must catch every one of them.

A gate that misses a leak which it was shown has nothing to say about the others: then all releases are held.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trustmart.gates.attacks.published import names, records_of
from trustmart.gates.looking import look
from trustmart.gates.measures_sql import Reader, candidate_columns, columns_of, quoted, restricted
from trustmart.gates.report import Finding
from trustmart.gates.requirement import Memory, Requirement
from trustmart.gates.scratch import Scratch
from trustmart.gates.suites import requirements
from trustmart.policy import Policy
from trustmart.policy.releases import Release
from trustmart.warehouse import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One leak in one mart: caught, missed, or skipped with the reason."""

    mart: str
    plant: str
    caught: bool
    skipped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a plant has to work with."""

    scratch: Scratch
    release: Release
    asked: Sequence[Requirement]

    def arguments_of(self, check: str) -> dict[str, object]:
        """Return the arguments of a check of the mart; empty where it is not asked."""
        return next((dict(one.arguments) for one in self.asked if one.check == check), {})


class NotApplicable(Exception):
    """A plant has no place in a mart; the message says why."""


# A plant changes the copy, and says which checks should see it (any of them is enough).
Plant = Callable[[Ground], Sequence[str]]


def self_test(session: Session, policy: Policy, marts: Sequence[str], memory: Memory) -> list[Planted]:
    """Plant every leak in a copy of every mart and ask the gate; what concerns identifiers once is enough."""
    done: list[Planted] = []
    for mart in marts:
        ground = Ground(
            scratch=Scratch(session, mart), release=policy.releases[mart], asked=requirements(policy, mart, memory)
        )
        try:
            before = _before(ground)
            for plant in PLANTS:
                if plant in _OF_IDENTIFIERS and any(one.plant == _name(plant) and one.caught for one in done):
                    continue  # the same check on the same known values: dear, and already shown to see
                done.append(_try(ground, mart, plant, before))
        finally:
            ground.scratch.drop()
    return done


def misses(done: Sequence[Planted]) -> list[Finding]:
    """Return a finding for every leak that was not caught."""
    return [
        Finding(
            what=f"the gate's self-test failed: {one.plant}, planted in a copy of {one.mart}, was not caught",
            count=1,
            next_step="release nothing, and mend the gate: see docs/gate-attacks.md, G10",
        )
        for one in done
        if not one.caught and one.skipped is None
    ]


def _try(ground: Ground, mart: str, plant: Plant, before: Mapping[str, set[str]]) -> Planted:
    """Plant one leak; it is caught where a check finds what it does not find without the leak."""
    _copy(ground)
    try:
        should_see = plant(ground)
    except NotApplicable as reason:
        return Planted(mart=mart, plant=_name(plant), caught=False, skipped=str(reason))
    caught = any(
        _found(ground.scratch, one) - before.get(one.check, set()) for one in ground.asked if one.check in should_see
    )
    return Planted(mart=mart, plant=_name(plant), caught=caught)


def _copy(ground: Ground) -> None:
    """Copy the mart afresh."""
    ground.scratch.copy(list(ground.release.keys), whole=not ground.release.is_microdata)


def _before(ground: Ground) -> dict[str, set[str]]:
    """Return what the cheap checks say of a copy in which nothing is planted yet."""
    _copy(ground)
    found: dict[str, set[str]] = defaultdict(set)
    for one in ground.asked:
        if one.check in _CHEAP:
            found[one.check] |= _found(ground.scratch, one)
    return found


def _found(reader: Reader, requirement: Requirement) -> set[str]:
    """Return what a check says of the copy."""
    return {one.what for one in look(requirement.check, reader, requirement.arguments).findings}


def _name(plant: Plant) -> str:
    """Return what a plant is called: the first line of its docstring."""
    return (plant.__doc__ or "").partition(".")[0].lower()


def rows_in_full(ground: Ground) -> Sequence[str]:
    """Fifty rows at full resolution."""
    table, release = ground.scratch.table, ground.release
    if not release.is_microdata:
        first = _texts(ground)[0]
        kept = ", ".join(f"'' || n || {quoted(c)}" if c == first else quoted(c) for c in _columns(ground))
        kept = kept.replace(quoted(str(release.class_size)), f"1 as {quoted(str(release.class_size))}")
        ground.scratch.run(
            f"insert into {table} ({names(_columns(ground))}) select {kept}"
            f" from (select * from {table} limit 1) as one cross join range(50) as numbers(n)"
        )
        return _of_classes(release)
    columns = names(_columns(ground))
    present = candidate_columns(ground.scratch, ground.scratch.mart)
    raw = ", ".join(f"cast({quoted(column)} as {kind})" for column, kind in present.items())
    ground.scratch.run(f"insert into {table} ({columns}) select {raw} from {records_of(ground.scratch.mart)} limit 50")
    return ("k_anonymity", "declared_labels", "singling_out")


def _of_classes(release: Release) -> Sequence[str]:
    """Return which check sees a class that should not be there: in noisy marts size protects nobody, the draw does."""
    return ("drawn_cells",) if release.noise else ("k_anonymity",)


def a_name(ground: Ground) -> Sequence[str]:
    """A person's name."""
    known = ground.arguments_of("names_in_text").get("known_in") or []
    for table, given, surname in known:  # type: ignore[attr-defined]
        _into_a_text(ground, f"trim({quoted(given)}) || ' ' || trim({quoted(surname)})", table, [given, surname])
        return ("no_direct_identifiers",)
    raise NotApplicable("no source delivers names")


def a_hash(ground: Ground) -> Sequence[str]:
    """A hash of an e-mail address."""
    for table, column in _known(ground):
        if column == "email_normalized":
            _into_a_text(ground, f"sha256({quoted(column)})", table, [column])
            return ("no_direct_identifiers",)
    raise NotApplicable("no source delivers e-mail addresses")


def a_renamed_identifier(ground: Ground) -> Sequence[str]:
    """An identifier under another name."""
    for table, _ in _known(ground):
        _into_a_text(ground, "subject_id", table, ["subject_id"])
        return ("no_direct_identifiers",)
    raise NotApplicable("no source delivers identifiers")


def a_single_joiner(ground: Ground) -> Sequence[str]:
    """A single joiner since the last release."""
    scratch, schema = ground.scratch, "memory.gate_self_test"
    if not scratch.has_members or not ground.arguments_of("differencing"):
        raise NotApplicable("nobody knows who is in the mart")
    scratch.copy_members()
    mart, since = scratch.mart.replace("'", "''"), "timestamp '2000-01-01'"
    scratch.run(
        f"create table {schema}.releases_before as select '{mart}' as mart, {since} as released_at, '' as release_id",
        f"create table {schema}.members_before as select '{mart}' as mart, class_id, subject_id, {since} as since,"
        f" cast(null as timestamp) as until from {scratch.members}"
        f" where (class_id, subject_id) <> (select (class_id, subject_id) from {scratch.members} order by all limit 1)",
    )
    return ("differencing",)


def a_recoverable_cell(ground: Ground) -> Sequence[str]:
    """A suppressed cell of three that a total gives back."""
    asked = ground.arguments_of("table_audit")
    if not asked or not asked["additive"]:
        raise NotApplicable("the mart publishes no totals that add up")
    table, size, columns = (
        ground.scratch.table,
        quoted(str(asked["class_size"])),
        list(ground.release.quasi_identifiers),
    )
    margin = set(ground.release.margins[0])
    is_total = " and ".join(f"{quoted(c)} {'<>' if c in margin else '='} '*'" for c in columns)
    is_cell = " and ".join(f"p.{quoted(c)} <> '*'" for c in columns)
    same = " and ".join([*(f"p.{quoted(c)} = t.{quoted(c)}" for c in margin), is_cell])
    ground.scratch.run(
        f"update {table} as t set {size} = 3 + (select coalesce(sum(p.{size}), 0) from {table} as p where {same})"
        f" where {is_total}"
    )
    return ("table_audit",)


def a_class_of_nulls(ground: Ground) -> Sequence[str]:
    """A class of nothing but nulls."""
    release, size = ground.release, ground.release.class_size
    # A mart may have one that is large enough: the plant is a small one.
    if labels := [column for column in release.quasi_identifiers if column in _columns(ground)]:
        all_null = " and ".join(f"{quoted(column)} is null" for column in labels)
        ground.scratch.run(f"delete from {ground.scratch.table} where {all_null}")
    for _ in range(1 if size else 3):
        values = {**({size: "3"} if size else {})}
        cells = ", ".join(values.get(column, "null") for column in _columns(ground))
        ground.scratch.run(f"insert into {ground.scratch.table} ({names(_columns(ground))}) values ({cells})")
    return _of_classes(release) if release.keys else ()


def a_column_too_many(ground: Ground) -> Sequence[str]:
    """A column that policy does not list."""
    ground.scratch.run(f"alter table {ground.scratch.table} add column one_column_too_many integer default 1")
    return ("listed_columns",)


def a_figure_that_was_not_learned(ground: Ground) -> Sequence[str]:
    """A figure that was not learned."""
    learned = ground.release.learned
    if learned is None:
        raise NotApplicable("nothing is learned for this mart")
    table, figure = ground.scratch.table, quoted(learned.figure)
    ground.scratch.run(f"update {table} set {figure} = {figure} + 0.01 where rowid = (select min(rowid) from {table})")
    return ("learned_rows",)


_OF_IDENTIFIERS: tuple[Plant, ...] = (a_name, a_hash, a_renamed_identifier)
PLANTS: tuple[Plant, ...] = (
    rows_in_full,
    *_OF_IDENTIFIERS,
    a_single_joiner,
    a_recoverable_cell,
    a_class_of_nulls,
    a_column_too_many,
    a_figure_that_was_not_learned,
)
# Looked at before planting as well: on a part of a mart they may have something to say anyway.
_CHEAP = frozenset({"k_anonymity", "declared_labels", "singling_out", "listed_columns", "table_audit", "drawn_cells"})


def _columns(ground: Ground) -> list[str]:
    """Return the copy's columns."""
    return list(candidate_columns(ground.scratch, ground.scratch.mart))


def _texts(ground: Ground) -> list[str]:
    """Return the copy's text columns; raises NotApplicable where there is none."""
    present = candidate_columns(ground.scratch, ground.scratch.mart)
    found = [name for name, kind in present.items() if kind.startswith("VARCHAR")]
    if not found:
        raise NotApplicable("the mart has no text to plant it in")
    return found


def _known(ground: Ground) -> list[tuple[str, str]]:
    """Return where identifiers are known."""
    known = ground.arguments_of("rehashed").get("known_in") or []
    return [(place[0], place[1]) for place in known if len(place) == 2]  # type: ignore[attr-defined]


def _into_a_text(ground: Ground, value: str, table: str, columns: Sequence[str]) -> None:
    """Write one person's value into a text column of every row; raises NotApplicable where nobody has one."""
    column = _texts(ground)[0]
    if not set(columns) <= set(columns_of(ground.scratch, table)):
        raise NotApplicable(f"{table} lacks what would be planted")
    usable = " and ".join(f"length(trim(cast({quoted(name)} as varchar))) > 0" for name in columns)
    one = f"select {value} from {restricted(table)} where {usable} limit 1"
    if not ground.scratch.rows(f"select 1 from {restricted(table)} where {usable} limit 1"):
        raise NotApplicable(f"{table} is empty")
    ground.scratch.run(f"update {ground.scratch.table} set {quoted(column)} = ({one})")
