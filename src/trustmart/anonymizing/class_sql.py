"""What each equivalence class gives away about a sensitive column, in SQL.

Every function returns common table expressions. They start from `counted`, one row per class and sensitive value with
the columns `people` and `code` and the keys of the class, and from a table of `shares` with one row per value:
`code`, `share` of the whole table, `place` in the order, and `node_1` … the value's ancestors, the root last.
Keys and codes are never null, so plain joins compare them.
"""

from collections.abc import Sequence

from trustmart.anonymizing.words import listed

Keys = Sequence[str]


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


def ordered_t(name: str, counted: str, shares: str, keys: Keys, values: int) -> list[str]:
    """Return `name`: per class its t with values in their order. values: how many there are."""
    key = listed(keys)
    return [
        *_differences(name, counted, shares, keys, "shares.place"),
        f"{name}_carried as (select {key}, sum(difference) over (partition by {key} order by place) as carried"
        f" from {name}_differences)",
        f"{name} as (select {key}, sum(abs(carried)) / {max(values - 1, 1)} as t from {name}_carried group by {key})",
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
