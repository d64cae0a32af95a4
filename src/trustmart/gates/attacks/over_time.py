"""G6, G7 and G9: what somebody learns who has kept the earlier releases.

A class that changes by a few people tells of those few (differencing); whoever stayed in a class through many releases
is one of those who stayed (intersection); labels of untouched people that change inside an epoch let two releases be
intersected (stability). Sources: Byun et al., SDM 2006; Fung et al., EDBT 2008; ANONYMITY findings 4 and 6.
"""

from collections.abc import Sequence

from trustmart.gates.attacks.comparison import MEMBERS, RELEASES, classes_among, compared, key_of
from trustmart.gates.attacks.history import is_there
from trustmart.gates.attacks.outcome import Attacked, attacked, not_made
from trustmart.gates.attacks.published import literal, members_of
from trustmart.gates.measures_sql import Reader, columns_of, quoted, restricted
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import RELEASES_REMEMBERED, bound

# Who was in a class at the last release, of a comparison's rows.
_WAS_THERE = "since <= (select moment from last) and (until is null or until > (select moment from last))"
_UNTOUCHED = "(touched.moment is null or touched.moment <= anew.moment)"
_NO_HISTORY = "there is no whole history; the mart is held for that"


def differencing(reader: Reader, *, mart: str, minimum_class_size: int, marts: Sequence[str] | None = None) -> Attacked:
    """Count, per class and each of the last 30 releases, who joined or left: 1 to k - 1 people together stand out.

    marts: all that policy knows. One that was never released is compared with those that are gone from there: it may be
    one of them under another name. None where nobody has said.
    """
    if not is_there(reader, mart):
        return not_made("G6", _NO_HISTORY)
    k = int(minimum_class_size)
    renamed = _changed_under_another_name(reader, mart, marts, k) if marts else 0
    with compared(reader, mart) as comparison:
        ((classes, people, smallest),) = reader.rows(
            f"{_changes(comparison)} select count(distinct case when n between 1 and {k - 1} then class_key end),"
            f" coalesce(max(case when n between 1 and {k - 1} then n end), 0),"
            " min(case when n > 0 then n end) from changes",
            [mart],
        )
    finding = Finding(
        what=f"{classes} classes changed by fewer than {k} people since an earlier release",
        count=int(classes),
        next_step="hold these classes back (hold_back in policy/releases.yml), or release less often",
    )
    of_old = Finding(
        what=f"{renamed} classes changed by fewer than {k} people since a mart that is gone from policy published them",
        count=renamed,
        next_step=f"call {mart} by the name of that mart, so that its classes are held back until enough have changed",
    )
    return attacked(
        "G6",
        [finding if classes else None, of_old if renamed else None],
        classes_changed_by_few=int(classes) + renamed,
        most_people_of_a_small_change=int(people),
        smallest_change=None if smallest is None else int(smallest),
    )


def _changed_under_another_name(reader: Reader, mart: str, marts: Sequence[str], k: int) -> int:
    """Return how many classes of a mart without a release differ by 1 to k - 1 people from those of a mart gone.

    Classes have the same id where they have the same labels. Counted for each mart that is gone.
    """
    known = ", ".join(literal(one) for one in marts)
    ((releases, others),) = reader.rows(
        f"select count(case when mart = ? then 1 end), count(case when mart not in ({known}) then 1 end)"
        f" from {RELEASES}",
        [mart],
    )
    if releases or not others:
        return 0
    ((few,),) = reader.rows(
        f"with gone as (select mart, class_id, subject_id from {MEMBERS} where mart not in ({known}) and until is null"
        f" and subject_id is not null), shared as (select distinct mart, class_id from gone"
        f" where class_id in (select class_id from {members_of(mart)})),"
        f" here as (select shared.mart, class_id, subject_id from {members_of(mart)} as tonight"
        " join shared using (class_id)),"
        " there as (select mart, class_id, subject_id from gone join shared using (mart, class_id)),"
        " changes as (select mart, class_id,"
        " sum(case when here.subject_id is null or there.subject_id is null then 1 else 0 end) as n"
        " from here full outer join there using (mart, class_id, subject_id) group by mart, class_id)"
        f" select count(*) from changes where n between 1 and {k - 1}"
    )
    return int(few)


def _changes(comparison: str) -> str:
    """Return `with … changes`: per class and release, how many joined or left since."""
    return (
        f"with {_releases()}, oldest as (select min(released_at) as moment from releases),"
        # Whoever was there at the oldest release and is there still has changed nothing.
        f" flows as (select class_key, is_tonight, since, until, count(*) as n from {comparison}"
        " where not (is_tonight and until is null and coalesce(since <= (select moment from oldest), false))"
        " group by class_key, is_tonight, since, until),"
        # Somebody of tonight has joined since every release before they came; if they were there once before, not
        # since those. Somebody who is gone has left since every release at which they were there.
        " changes as (select f.class_key, r.released_at,"
        " sum(case when f.is_tonight and f.until is not null then -f.n else f.n end) as n"
        " from flows as f join releases as r on case when f.is_tonight and f.until is null"
        " then f.since is null or r.released_at < f.since"
        " else f.since <= r.released_at and (f.until is null or f.until > r.released_at) end"
        " group by f.class_key, r.released_at)"
    )


def classes_changed_by_few(reader: Reader, mart: str, k: int) -> list[str]:
    """Return the ids of the classes that differencing finds."""
    with compared(reader, mart) as comparison:
        found = f"{_changes(comparison)} select distinct class_key from changes where n between 1 and {int(k) - 1}"
        return classes_among(reader, mart, found)


def intersection(reader: Reader, *, mart: str, minimum_class_size: int) -> Attacked:
    """Count, for everybody in microdata tonight, who was in the same class through the same of the last 30 releases.

    The attacker knows since when a person is in the mart and that nothing about them has changed.
    """
    if not is_there(reader, mart):
        return not_made("G7", _NO_HISTORY)
    with compared(reader, mart) as comparison:
        ((few, smallest),) = reader.rows(
            f"{_together(comparison)}"
            f" select coalesce(sum(case when stayed < {int(minimum_class_size)} then n else 0 end), 0), min(stayed)"
            " from together",
            [mart],
        )
    finding = Finding(
        what=f"{few} people are among fewer than {minimum_class_size} who have stayed in their class since they came",
        count=int(few),
        next_step="suppress these people, coarsen the recoding with a new epoch, or release less often",
    )
    return attacked(
        "G7",
        [finding if few else None],
        people_below_k=int(few),
        smallest_intersection=None if smallest is None else int(smallest),
    )


def _together(comparison: str) -> str:
    """Return `with … together`: per class and cohort its people, and how many of the class have stayed as long."""
    return (
        f"with {_releases()},"
        # Who came before the oldest remembered release has been there since it, as far as anybody remembers.
        " cohorts as (select class_key, case when since is not null"
        " then greatest(since, (select min(released_at) from releases)) end as came, count(*) as n"
        f" from {comparison} where is_tonight and until is null group by 1, 2),"
        " together as (select class_key, n, sum(n) over (partition by class_key order by came nulls last"
        " rows between unbounded preceding and current row) as stayed from cohorts)"
    )


def classes_few_stayed_in(reader: Reader, mart: str, k: int) -> list[str]:
    """Return the ids of the classes that intersection finds somebody in."""
    with compared(reader, mart) as comparison:
        found = f"{_together(comparison)} select distinct class_key from together where stayed < {int(k)}"
        return classes_among(reader, mart, found)


def stability(
    reader: Reader,
    *,
    mart: str,
    changed_in: Sequence[str],
    tree: bool,
    epoch: str | None = None,
) -> Attacked:
    """Count the people about whom nothing was delivered since their class was last made anew, and who are in another.

    changed_in: the raw tables that know when a person's row came in. tree: a frozen tree may relabel 1 %. epoch: the
    id of the epoch that tonight's labels and the last release's share; None where the recoding is new tonight.
    """
    if epoch is None:
        return not_made("G9", "the recoding begins a new epoch tonight")
    if not is_there(reader, mart):
        return not_made("G9", _NO_HISTORY)
    with compared(reader, mart) as comparison:
        ((people, relabelled),) = reader.rows(
            f"{_moved(reader, comparison, changed_in)},"
            f" touched_here as (select count(*) as n from {comparison} as here"
            " join touched on touched.person_key = here.person_key join anew on anew.class_key = here.class_key"
            f" where is_tonight and {_WAS_THERE} and touched.moment > anew.moment),"
            " changed as (select count(*) as n from moved)"
            " select (select coalesce(sum(stayed), 0) from anew) - (select n from touched_here)"
            " + (select n from changed), (select n from changed)",
            [mart],
        )
    share = int(relabelled) / int(people) if people else 0.0
    finding = Finding(
        what=f"{relabelled} people of {people} have another class, though nothing about them has changed",
        count=int(relabelled),
        next_step="apply the epoch's frozen recoding as it is, or begin a new epoch",
    )
    above = share > bound("relabelled_tree" if tree else "relabelled")
    return attacked("G9", [finding if above else None], untouched=int(people), relabelled_share=round(share, 6))


def classes_with_relabelled(reader: Reader, mart: str, changed_in: Sequence[str]) -> list[str]:
    """Return the ids of the classes of tonight that stability finds somebody in."""
    with compared(reader, mart) as comparison:
        found = f"{_moved(reader, comparison, changed_in)} select distinct class_key from moved"
        return classes_among(reader, mart, found)


def _moved(reader: Reader, comparison: str, changed_in: Sequence[str]) -> str:
    """Return `with … moved`: tonight's class of everybody who is in another one though nothing about them came in."""
    touched = [
        f"select {key_of('subject_id')} as person_key, {quoted(instant)} as moment from {restricted(table)}"
        for table in changed_in
        if (instant := _instant(reader, table))
    ] or ["select cast(null as ubigint) as person_key, cast(null as timestamp) as moment where false"]
    return (
        f"with {_releases()}, last as (select max(released_at) as moment from releases),"
        # A class that is held back shows people as they were when it was last made anew, whatever came in since.
        " anew as (select class_key, max(greatest(since, case when until in (select released_at from releases)"
        " then until else since end)) as moment,"
        f" sum(case when is_tonight and {_WAS_THERE} then 1 else 0 end) as stayed"
        f" from {comparison} group by class_key),"
        # Most rows came in before any class was made anew, and say nothing.
        f" touched as (select person_key, max(moment) as moment from ({' union all '.join(touched)}) as touched"
        " where moment > (select min(moment) from anew) group by person_key),"
        f" gone as (select class_key, person_key from {comparison} where not is_tonight and {_WAS_THERE}),"
        f" fresh as (select class_key, person_key from {comparison} where is_tonight and until is null"
        " and since is null),"
        # A row of microdata is a person: whoever is in another class has left one and is new in the other.
        " moved as (select fresh.class_key from gone join anew on anew.class_key = gone.class_key"
        " join fresh on fresh.person_key = gone.person_key"
        " left join touched on touched.person_key = gone.person_key"
        f" where fresh.class_key <> gone.class_key and {_UNTOUCHED})"
    )


def _releases() -> str:
    """Return `releases`: the instants of those that are remembered against a new one."""
    return (
        f"releases as (select released_at from {RELEASES} where mart = ? order by released_at desc"
        f" limit {RELEASES_REMEMBERED})"
    )


def _instant(reader: Reader, table: str) -> str:
    """Return the column of a raw table that says when a row came in; empty where there is none."""
    present = columns_of(reader, table)
    return next((name for name in ("_ingested_as_of", "ingested_as_of") if name in present), "")
