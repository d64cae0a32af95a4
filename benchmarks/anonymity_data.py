"""Synthetic people to anonymize: the same rows for the same number, on every machine."""

from datetime import date
from pathlib import Path

import duckdb

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import assemble, categories, flat, prefixes

# A draw of person i for one purpose, in (0, 1), from nothing but the two numbers.
DRAW = "create or replace macro draw(i, purpose) as ((hash(i * 64 + purpose) % 1000003)::double + 0.5) / 1000003"

CRM = """
with drawn as (
    select range as i,
        18 + 72 * (draw(range, 1) + draw(range, 2) + draw(range, 3)) / 3 * (0.55 + 0.45 * draw(range, 4)) as age,
        draw(range, 5) as g, draw(range, 6) as f, draw(range, 7) as j, draw(range, 8) as c,
        draw(range, 9) as d, draw(range, 10) as l, draw(range, 11) as s, draw(range, 12) as n1,
        draw(range, 13) as n2, draw(range, 14) as n3, draw(range, 15) as n4
    from range({people})
),
placed as (
    select *,
        least(29, floor(pow(30, c))::int - 1) as country,
        least(23, floor(pow(24, f * 0.9 + 0.1 * least(1, age / 90)))::int - 1) as family,
        -- few departments and few places in each hold most people
        least(199, floor(pow(200, l))::int - 1) as place
    from drawn
),
settled as (
    select *,
        family * 10
            + least(9, floor(pow(10, 0.75 * j + 0.25 * least(1, greatest(0, (age - 20) / 50))))::int - 1) as job,
        1 + (least(94, floor(pow(95, d))::int - 1) * 37 + country * 11) % 95 as department
    from placed
)
select
    i as customer_id,
    (date '2026-11-01' - (age * 365.25)::int)::date as birth_date,
    lpad((department * 1000 + place // 20 * 100 + place * 7 % 20 * 5)::varchar, 5, '0') as postcode,
    case when g < 0.475 + 0.004 * (family % 12) then 'F' when g < 0.965 then 'M'
        when g < 0.985 then 'X' else 'U' end as gender,
    'J' || lpad(job::varchar, 3, '0') as job,
    'C' || lpad(country::varchar, 2, '0') as country,
    (date '2026-10-31' - (3650 * (1 - sqrt(1 - s)))::int)::date as signup_date,
    'I' || least(7, greatest(0, floor(family % 6 * 0.6 + age / 30 + 2.6 * (n1 + n2 - 1) + 0.8)))::int as income_band,
    'K' || least(5, greatest(0, floor(family % 6 * 0.35 + age / 40 + 3 * (n3 + n1 - 1) + 1.2)))::int as credit_band,
    (n4 < 0.05 + 0.25 * s)::int as churn,
    least(6, floor(7 * n2 * n3))::int as products
from settled
"""

# As many levels as UCI Adult's hierarchies have (6,480 nodes), as many values, and roughly its shares.
ADULT = """
with drawn as (
    select range as i, draw(range, 1) as a, draw(range, 2) as s, draw(range, 3) as r, draw(range, 4) as m,
        draw(range, 5) as e, draw(range, 6) as n, draw(range, 7) as w, draw(range, 8) as o, draw(range, 9) as p
    from range({people})
),
aged as (select *, least(90, 17 + floor(60 * pow(a, 1.35) + 13 * pow(m, 6)))::int as age from drawn)
select
    case when s < 0.675 then 'Male' else 'Female' end as sex,
    age,
    'R' || case when r < 0.86 then 0 when r < 0.953 then 1 when r < 0.983 then 2
        when r < 0.992 then 3 else 4 end as race,
    'M' || least(6, floor(case when age < 27 then 3 else 0 end + 4 * pow(m, 2)))::int as marital_status,
    'E' || lpad(least(15, floor(pow(16, pow(e, 0.75))) - 1)::int::varchar, 2, '0') as education,
    'N' || lpad((case when n < 0.91 then 0
        else 1 + least(39, floor(pow(40, (n - 0.91) / 0.09)) - 1) end)::int::varchar, 2, '0') as native_country,
    'W' || case when w < 0.739 then 0 else 1 + least(5, floor((w - 0.739) * 23))::int end as workclass,
    'O' || lpad(least(13, floor(14 * pow(o, 1.2)))::int::varchar, 2, '0') as occupation,
    case when p < 0.08 + 0.5 * pow(e, 0.75) * least(1, (age - 17) / 30) then '>50K' else '<=50K' end as salary
from aged
"""


def write(query: str, people: int, path: Path) -> Path:
    """Write the people to Parquet, unless they are there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.execute(DRAW)
            connection.execute(
                f"copy ({query.format(people=people)}) to '{path}' (format parquet, row_group_size 250000)"
            )
    return path


def crm_hierarchies(path: Path) -> list[Hierarchy]:
    """Return the six hierarchies over the values that occur: 7 × 6 × 2 × 4 × 3 × 5 = 5,040 nodes."""
    births, signups = _values(path, "birth_date"), _values(path, "signup_date")
    return [
        _dates("birth_date", births, ("month", "year", "5 years", "10 years", "20 years")),
        prefixes("postcode", _values(path, "postcode"), length=5),
        flat("gender", _values(path, "gender")),
        categories(
            "job", [(v, f"family {int(v[1:]) // 10}", f"group {int(v[1:]) // 40}") for v in _values(path, "job")]
        ),
        _numbered("country", _values(path, "country"), (6,)),
        _dates("signup_date", signups, ("month", "quarter", "year")),
    ]


def adult_hierarchies(path: Path) -> list[Hierarchy]:
    """Return the eight hierarchies: 2 × 5 × 2 × 3 × 4 × 3 × 3 × 3 = 6,480 nodes."""
    ages = [str(age) for age in range(17, 91)]
    spans = [(age, *(f"{int(age) // width * width}+{width}" for width in (5, 10, 20))) for age in ages]
    grouped = {
        "marital_status": (3,),
        "education": (4, 8),
        "native_country": (8,),
        "workclass": (3,),
        "occupation": (5,),
    }
    return [
        flat("sex", _values(path, "sex")),
        categories("age", spans),
        flat("race", _values(path, "race")),
        *(_numbered(name, _values(path, name), widths) for name, widths in grouped.items()),
    ]


def _numbered(name: str, values: list[str], widths: tuple[int, ...]) -> Hierarchy:
    """Group values such as J042 by their numbers."""
    return categories(name, [(v, *(f"{name} {int(v[1:]) // width} of {width}" for width in widths)) for v in values])


def _values(path: Path, column: str) -> list:
    """Return the distinct values of a column, in order."""
    with duckdb.connect() as connection:
        found = connection.execute(f"select distinct {column} from '{path}' order by 1").fetchall()
    return [value for (value,) in found]


def _dates(name: str, days: list[date], spans: tuple[str, ...]) -> Hierarchy:
    """Return a calendar over the days that occur."""
    columns = [[day.isoformat() for day in days], *([_span(day, span) for day in days] for span in spans)]
    return assemble(name, days, columns, level_names=("day", *spans), matching="day")


def _span(day: date, span: str) -> str:
    """Return the label of the span that a day lies in."""
    if span == "month":
        return f"{day.year}-{day.month:02}"
    if span == "quarter":
        return f"{day.year} Q{(day.month + 2) // 3}"
    years = 1 if span == "year" else int(span.split()[0])
    return f"{day.year // years * years}+{years}"
