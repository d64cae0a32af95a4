"""G6, G7 and G9: what somebody learns who has kept the earlier releases.

A class that changes by a few people tells of those few (differencing); whoever stayed in a class through many releases
is one of those who stayed (intersection); labels of untouched people that change inside an epoch let two releases be
intersected (stability). Sources: Byun et al., SDM 2006; Fung et al., EDBT 2008; ANONYMITY findings 4 and 6.
"""

from collections.abc import Sequence

from trustmart.gates.attacks.history import MEMBERS, RELEASES, is_there
from trustmart.gates.attacks.outcome import Attacked, attacked, not_made
from trustmart.gates.attacks.published import NULL_SIGN, members_of
from trustmart.gates.measures_sql import Reader, columns_of, quoted, restricted
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import RELEASES_REMEMBERED, bound

_NO_HISTORY = "there is no whole history; the mart is held for that"


def differencing(reader: Reader, *, mart: str, minimum_class_size: int) -> Attacked:
    """Count, per class and each of the last 30 releases, who joined or left: 1 to k - 1 people together stand out."""
    if not is_there(reader, mart):
        return not_made("G6", _NO_HISTORY)
    k = int(minimum_class_size)
    ((classes, people, smallest),) = reader.rows(
        f"with {_memory(mart)},"
        # Whoever was there at the oldest release and is there still has changed nothing.
        " fresh as (select t.* from tonight as t anti join (select * from past where until is null"
        " and since <= (select min(released_at) from releases)) as p using (class_id, subject_id)),"
        " gone as (select p.* from past as p anti join tonight using (class_id, subject_id)),"
        " were as (select f.class_id, r.released_at, count(*) as n from fresh as f join past as p"
        " using (class_id, subject_id) join releases as r on p.since <= r.released_at"
        " and (p.until is null or p.until > r.released_at) group by all),"
        " new as (select class_id, count(*) as n from fresh group by class_id),"
        " joined as (select new.class_id, r.released_at, new.n - coalesce(were.n, 0) as n"
        " from new cross join releases as r"
        " left join were on were.class_id = new.class_id and were.released_at = r.released_at),"
        " lost as (select g.class_id, r.released_at, count(*) as n from gone as g join releases as r"
        " on g.since <= r.released_at and (g.until is null or g.until > r.released_at) group by all),"
        " changes as (select class_id, released_at, sum(n) as n from"
        " (select * from joined union all select * from lost) as moved group by class_id, released_at)"
        f" select count(distinct case when n between 1 and {k - 1} then class_id end),"
        f" coalesce(max(case when n between 1 and {k - 1} then n end), 0),"
        " min(case when n > 0 then n end) from changes",
        [mart, mart],
    )
    finding = Finding(
        what=f"{classes} classes changed by fewer than {k} people since an earlier release",
        count=int(classes),
        next_step="hold these classes back (hold_back in policy/releases.yml), or release less often",
    )
    return attacked(
        "G6",
        [finding if classes else None],
        classes_changed_by_few=int(classes),
        most_people_of_a_small_change=int(people),
        smallest_change=None if smallest is None else int(smallest),
    )


def intersection(reader: Reader, *, mart: str, minimum_class_size: int) -> Attacked:
    """Count, for everybody in microdata tonight, who was in the same class through the same of the last 30 releases.

    The attacker knows since when a person is in the mart and that nothing about them has changed.
    """
    if not is_there(reader, mart):
        return not_made("G7", _NO_HISTORY)
    ((few, smallest),) = reader.rows(
        f"with {_memory(mart)},"
        # Who came before the oldest remembered release has been there since it, as far as anybody remembers.
        " stays as (select t.class_id, t.subject_id, min(greatest(p.since, (select min(released_at) from releases)))"
        " as since from tonight as t left join past as p on p.class_id = t.class_id and p.subject_id = t.subject_id"
        " and p.until is null group by t.class_id, t.subject_id),"
        " cohorts as (select class_id, since, count(*) as n from stays group by class_id, since),"
        " together as (select n, sum(n) over (partition by class_id order by since nulls last"
        " rows between unbounded preceding and current row) as stayed from cohorts)"
        f" select coalesce(sum(case when stayed < {int(minimum_class_size)} then n else 0 end), 0), min(stayed)"
        " from together",
        [mart, mart],
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
    touched = [
        f"select subject_id, {quoted(_instant(reader, table))} as moment from {restricted(table)}"
        for table in changed_in
        if _instant(reader, table)
    ] or ["select cast(null as varchar) as subject_id, cast(null as timestamp) as moment where false"]
    ((people, relabelled),) = reader.rows(
        f"with {_memory(mart)}, last as (select max(released_at) as moment from releases),"
        f" touched as (select subject_id, max(moment) as moment from ({' union all '.join(touched)})"
        " group by subject_id),"
        # A class that is held back shows people as they were when it was last made anew, whatever came in since.
        " anew as (select class_id, max(greatest(since, coalesce(until, since))) as moment from past"
        " group by class_id),"
        " before as (select class_id, subject_id from past join anew using (class_id) left join touched"
        " using (subject_id) where since <= (select moment from last)"
        " and (until is null or until > (select moment from last)) and subject_id is not null"
        " and (touched.moment is null or touched.moment <= anew.moment)),"
        # Somebody who moved is in two classes while the one they left is held back: nobody is relabelled who is still
        # in one of those they were in.
        " still as (select distinct b.subject_id from before as b join tonight as t using (class_id, subject_id))"
        " select count(distinct b.subject_id), count(distinct case when s.subject_id is null then b.subject_id end)"
        " from before as b semi join tonight as t using (subject_id) left join still as s using (subject_id)",
        [mart, mart],
    )
    share = int(relabelled) / int(people) if people else 0.0
    finding = Finding(
        what=f"{relabelled} people of {people} have another class, though nothing about them has changed",
        count=int(relabelled),
        next_step="apply the epoch's frozen recoding as it is, or begin a new epoch",
    )
    above = share > bound("relabelled_tree" if tree else "relabelled")
    return attacked("G9", [finding if above else None], untouched=int(people), relabelled_share=round(share, 6))


def _memory(mart: str) -> str:
    """Return `releases`, `past` and `tonight`, people by name or by number.

    A class that is held back has its members as published, those who were forgotten since without a name: its figures
    still count them. Numbered, they meet themselves in the history; a class that is made anew has lost them.
    """
    number = f"'{NULL_SIGN}' || class_id || cast(row_number() over (partition by class_id"
    forgotten = "subject_id is null and until is not null and until not in (select released_at from every_release)"
    return ", ".join(
        [
            f"every_release as (select released_at from {RELEASES} where mart = ?)",
            f"releases as (select released_at from every_release order by released_at desc"
            f" limit {RELEASES_REMEMBERED})",
            f"shown as (select class_id, coalesce(subject_id, {number}, subject_id is null) as varchar)) as subject_id,"
            f" subject_id is null as is_nameless from {members_of(mart)})",
            f"kept as (select class_id, subject_id, since, until, {forgotten} as is_forgotten"
            f" from {MEMBERS} where mart = ?)",
            f"past as (select class_id, coalesce(subject_id, case when is_forgotten then '' else 'left ' end ||"
            f" {number}, subject_id is null, is_forgotten) as varchar)) as subject_id, since,"
            # Whoever was forgotten is shown until their class is made anew, whether tonight or not yet.
            " case when is_forgotten then null else until end as until from kept)",
            "tonight as (select class_id, subject_id from shown)",
        ]
    )


def _instant(reader: Reader, table: str) -> str:
    """Return the column of a raw table that says when a row came in; empty where there is none."""
    present = columns_of(reader, table)
    return next((name for name in ("_ingested_as_of", "ingested_as_of") if name in present), "")
