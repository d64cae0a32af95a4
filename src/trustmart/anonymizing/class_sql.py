"""What each equivalence class gives away about a sensitive column, in SQL.

Every function returns common table expressions. They start from `counted`, one row per class and sensitive value with
the columns `people` and `code` and the keys of the class, and from a table of `shares` with one row per value:
`code`, `share` of the whole table, `place` in the order, and `node_1` … the value's ancestors, the root last.
Keys and codes are never null, so plain joins compare them.
"""

from collections.abc import Sequence

from trustmart.anonymizing.words import listed

Keys = Sequence[str]
_SO_FAR = "over (order by held rows between unbounded preceding and current row)"


def diversity(name: str, counted: str, shares: str, keys: Keys, ls: Sequence[int]) -> list[str]:
    """Return `name`: per class its size, its l in three forms (ratio_2 … for recursive diversity), and equal t."""
    key = listed(keys)
    ratios = "".join(
        f", max(people) * 1e0 / nullif(sum(case when standing >= {l} then people else 0 end), 0) as ratio_{l}"
        for l in ls  # noqa: E741 (the paper's letter)
    )
    return [
        f"{name}_ranked as (select counted.*, sum(people) over (partition by {key}) as size,"
        f" row_number() over (partition by {key} order by people desc) as standing from {counted} as counted)",
        f"{name} as (select {key}, max(size) as size, count(*) as distinct_values,"
        f" exp(ln(max(size)) - sum(people * ln(people)) / max(size)) as entropy{ratios},"
        f" (sum(abs(people * 1e0 / size - share) - share) + 1) / 2 as t"
        f" from {name}_ranked as ranked join {shares} as shares on shares.code = ranked.code group by {key})",
    ]


def ordered_t(name: str, counted: str, shares: str, keys: Keys, values: int | str) -> list[str]:
    """Return `name`: per class its t with values in their order. values: how many there are, a number or an expression.

    Only values that occur in a class are looked at. From one of them to the next the class's cumulated share (`held`)
    stays where it is, while the table's (`below`) grows. Where the two cross, the difference changes its sign; on both
    sides of that place sums of `below` (`total`) say what all the values between would. The place is found by sorting
    what classes hold among what the table holds.
    """
    key = listed(keys)
    in_class = f"over (partition by {key} order by place)"
    none = listed(["null"] * len(keys))
    found = f"least(greatest(coalesce(max({{0}}) {_SO_FAR}, 0), {{1}}), {{2}})"
    return [
        f"{name}_below as (select code, row_number() over (order by place) as place,"
        f" sum(share) over (order by place rows between unbounded preceding and current row) as below from {shares})",
        f"{name}_total as (select code, place, below, sum(below) over (order by place rows between unbounded preceding"
        f" and current row) as total from {name}_below)",
        f"{name}_steps as (select {key}, place, total - below as total_before,"
        f" sum(people) {in_class} * 1e0 / sum(people) over (partition by {key}) as held,"
        f" lead(place) {in_class} as next_place, lead(total - below) {in_class} as next_total_before,"
        f" lag(place) {in_class} is null as is_first"
        f" from {counted} as counted join {name}_total as totals on totals.code = counted.code)",
        f"{name}_segments as (select {key}, held, place - 1 as low, coalesce(next_place - 1, last_place) as high,"
        f" total_before as low_total, coalesce(next_total_before, last_total) as high_total, is_first,"
        f" cast(null as bigint) as place, cast(null as double) as total"
        f" from {name}_steps cross join (select max(place) as last_place, max(total) as last_total from {name}_total)"
        f" as ends union all select {none}, below, null, null, null, null, null, place, total from {name}_total)",
        f"{name}_crossed as (select segments.*, {found.format('place', 'low', 'high')} as crossing,"
        f" {found.format('total', 'low_total', 'high_total')} as crossing_total from {name}_segments as segments)",
        f"{name} as (select {key}, sum(held * (2 * crossing - low - high) - 2 * crossing_total + low_total + high_total"
        f" + case when is_first then low_total else 0 end) / greatest({values} - 1, 1) as t"
        f" from {name}_crossed where low is not null group by {key})",
    ]


def hierarchical_t(name: str, counted: str, shares: str, keys: Keys, height: int) -> list[str]:
    """Return `name`: per class its t with values in a tree. height: how many levels lie above the values."""
    key = listed(keys)
    nodes = [f"node_{level}" for level in range(1, height + 1)]
    found = _differences(name, counted, shares, keys, listed(f"shares.{node}" for node in nodes))
    below = f"{name}_differences"
    for level in range(1, height + 1):
        left = listed(nodes[level - 1 :])
        found.append(
            f"{name}_{level} as (select {key}, {left}, sum(difference) as difference,"
            f" least(sum(greatest(difference, 0)), sum(greatest(-difference, 0))) * {level}e0 / {height} as work"
            f" from {below} group by {key}, {left})"
        )
        below = f"{name}_{level}"
    levels = " union all ".join(f"select {key}, work from {name}_{level}" for level in range(1, height + 1))
    return [*found, f"{name} as (select {key}, sum(work) as t from ({levels}) as levels group by {key})"]


def _differences(name: str, counted: str, shares: str, keys: Keys, kept: str) -> list[str]:
    """Return `name`_differences: per class and value of the table, its share in the class less its share in all."""
    key = listed(keys)
    same = " and ".join(f"counted.{column} = classes.{column}" for column in keys)
    of_class = listed(f"classes.{column}" for column in keys)
    return [
        f"{name}_classes as (select {key}, sum(people) as size from {counted} as counted group by {key})",
        f"{name}_differences as (select {of_class}, {kept},"
        f" coalesce(counted.people, 0) * 1e0 / classes.size - shares.share as difference"
        f" from {name}_classes as classes cross join {shares} as shares"
        f" left join {counted} as counted on {same} and counted.code = shares.code)",
    ]
