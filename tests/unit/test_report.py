"""The night's report: one page for everybody, one screen for the person at the terminal."""

import copy
import io
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from trustmart.report import print_summary, render_page, summary, write_page

VERSION = "2026.10-4f1c2a9"
NIGHT = "2026-10-07T02:00:00+00:00"


def full_night() -> dict[str, Any]:
    """Return the reports of a night on which everything went well."""
    return {
        "ingest": {
            "as_of": NIGHT,
            "batch_id": "crm-20261007T020000Z-1",
            "seconds": 21.4,
            "requests_arrived": 231,
            "tables": [
                table(
                    "customers",
                    43_527,
                    43_380,
                    0,
                    {"impossible_date": 96, "no_identifier": 51},
                    ["loyalty_tier"],
                ),
                table("transactions", 391_204, 390_871, 1_204, {"unknown_customer": 301, "not_a_number": 32}),
                table("interactions", 41_188, 41_188, 0, {}),
                table("consent_events", 68_310, 68_297, 499, {"impossible_date": 13}),
                table("objections", 187, 187, 0, {}),
                table("privacy_requests", 44, 44, 0, {}),
            ],
        },
        "forget": {
            "as_of": NIGHT,
            "seconds": 2.8,
            "erased": 37,
            "erased_before": 112,
            "tombstones": 149,
            "objecting": 1_871,
            "restricted": 23,
            "withdrawn": 2_604,
            "rows_erased": 412,
            "withdrawn_from_audiences": 58,
        },
        "transform": {
            "as_of": NIGHT,
            "seconds": 38.2,
            "models": [
                {"name": name, "layer": layer, "zone": zone, "status": "success", "seconds": seconds}
                for name, layer, zone, seconds in [
                    ("stg_crm__customers", "staging", "restricted", 1.2),
                    ("int_customers__deduplicated", "intermediate", "restricted", 3.4),
                    ("int_customers__k_anonymized", "intermediate", "anonymized", 2.1),
                    ("dim_customer_segments", "marts", "anonymized", 0.6),
                    ("aud_email_marketing__active_customers", "marts", "personal", 0.9),
                ]
            ],
            "tests": {"passed": 184, "failed": 0},
            "customers": {"records": 43_380, "duplicates": 2_155, "deduplicated": 41_225, "forgotten": 37},
            "failed": [],
            "orphans": {"consent_events": 91},
        },
        "release": {
            "as_of": NIGHT,
            "seconds": 9.1,
            "release_id": "r-20261007T020000Z",
            "policy_version": VERSION,
            "data_docs": "/work/var/runs/20261007T020000Z/data_docs/index.html",
            "marts": [
                mart("dim_customer_segments", "Customers by segment", 118, 40_396, 11, 143.5, 0.0192),
                mart(
                    "fct_transactions_by_segment",
                    "Transactions by segment and month",
                    4_410,
                    38_020,
                    11,
                    61,
                    0.0769,
                ),
                mart(
                    "fct_campaign_outcomes_by_segment",
                    "Campaign outcome by segment",
                    92,
                    39_871,
                    14,
                    208,
                    0.0319,
                ),
            ],
            "audiences": [
                {"audience": name, "verdict": "released", "rows": rows, "reasons": []}
                for name, rows in [("aud_email", 9_415), ("aud_insurance", 1_204), ("aud_loans", 17_332)]
            ],
        },
        "activate": {
            "as_of": NIGHT,
            "seconds": 4.4,
            "dry_run": False,
            "audiences": [
                audience(
                    "aud_email",
                    "News and offers by e-mail",
                    "consent",
                    [
                        ("all customers", 41_188),
                        ("asked and said yes", 14_902),
                        ("consent not expired", 12_118),
                        ("no objection to direct marketing", 10_377),
                        ("e-mail address that works", 9_430),
                        ("addressable", 9_415),
                    ],
                    added=312,
                    removed=187,
                    withheld=3,
                ),
                audience(
                    "aud_insurance",
                    "Insurance for customers with a housing loan",
                    "explicit_consent",
                    [
                        ("all customers", 41_188),
                        ("has_housing_loan", 22_846),
                        ("consent given", 1_390),
                        ("addressable", 1_204),
                    ],
                    added=77,
                    removed=12,
                    withheld=0,
                ),
                audience(
                    "aud_loans",
                    "Better loan terms by letter",
                    "legitimate_interest",
                    [
                        ("all customers", 41_188),
                        ("adults with a whole postal address and no objection", 17_332),
                        ("addressable", 17_332),
                    ],
                    added=951,
                    removed=406,
                    withheld=1,
                ),
            ],
        },
    }


def table(
    name: str, rows_in: int, loaded: int, again: int, reasons: dict[str, int], new: list[str] | None = None
) -> dict[str, Any]:
    """Return what ingest says about one table."""
    return {
        "source": "crm",
        "table": name,
        "rows_in": rows_in,
        "loaded": loaded,
        "redelivered": again,
        "quarantined": sum(reasons.values()),
        "files": 1,
        "new_columns": new or [],
        "reasons": reasons,
    }


def mart(
    name: str, title: str, rows: int, people: int, smallest: int, median: float, suppressed: float
) -> dict[str, Any]:
    """Return what the release gate says about a mart that opened."""
    bins = [(11, 20, 31), (21, 50, 44), (51, 100, 27), (101, 200, 12), (201, 500, 4), (501, None, 1)]
    return {
        "mart": name,
        "title": title,
        "verdict": "released",
        "rows": rows,
        "people": people,
        "minimum_class_size": 11,
        "smallest_class": smallest,
        "median_class": median,
        "suppressed_share": suppressed,
        "maximum_suppressed": 0.10,
        "histogram": [{"from": low, "to": high, "classes": classes} for low, high, classes in bins],
        "reasons": [],
        "standing_since": None,
    }


def audience(
    name: str,
    title: str,
    basis: str,
    steps: list[tuple[str, int]],
    *,
    added: int,
    removed: int,
    withheld: int,
) -> dict[str, Any]:
    """Return what activate says about one audience."""
    addressable = steps[-1][1]
    return {
        "audience": name,
        "title": title,
        "use_case": "email_marketing",
        "legal_basis": basis,
        "destination": "campaign_tool",
        "waterfall": [{"step": step, "people": people} for step, people in steps],
        "addressable": addressable,
        "suppressed": steps[0][1] - addressable,
        "kept": addressable - added,
        "added": added,
        "removed": removed,
        "withheld_at_send": withheld,
        "sent": added + removed - withheld,
        "receipt": f"/work/var/outbox/campaign_tool/{name}/receipt.json",
    }


def held_night() -> dict[str, Any]:
    """Return the same night with one mart and one audience held."""
    stages = full_night()
    stages["release"]["marts"][0] |= {
        "verdict": "held",
        "smallest_class": 4,
        "reasons": ["its smallest equivalence class has 4 people, policy asks for 11"],
        "standing_since": "2026-10-04T02:00:00+00:00",
    }
    stages["release"]["marts"][0]["histogram"].insert(0, {"from": 1, "to": 10, "classes": 3})
    stages["release"]["audiences"][1] |= {"verdict": "held", "reasons": ["2 rows have no consent event"]}
    return stages


def page(stages: dict[str, Any]) -> str:
    """Return the page of a night."""
    return render_page(stages, policy_version=VERSION)


def text_of(html: str) -> str:
    """Return what a reader sees, on one line."""

    class Reader(HTMLParser):
        words: list[str]

        def handle_data(self, data: str) -> None:
            self.words.append(data)

    reader = Reader()
    reader.words = []
    reader.feed(re.sub(r"<style>.*?</style>", "", html, flags=re.S))
    return " ".join(" ".join(reader.words).split())


def screen(stages: dict[str, Any], **more: Any) -> str:
    """Return the terminal's text at 80 columns without colour."""
    console = Console(file=io.StringIO(), width=80, no_color=True, force_terminal=False)
    if more:
        print_summary(stages, console, **more)
    else:
        console.print(summary(stages))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_newcomer_reads_the_whole_night_on_one_page():
    """S57: one page tells, in numbers and plain words, what came in, who was left out and what went out."""
    read = text_of(page(full_night()))
    for said in [
        "3 of 3 marts released, 3 audiences sent, nothing held",
        "7 October 2026, 02:00 UTC",
        "544,460",  # rows in
        "543,967",  # loaded
        "1,703",  # redelivered
        "493",  # quarantined
        "loyalty_tier",
        "Impossible date",
        "109",  # impossible dates over two tables
        "43,380 records − 2,155 duplicates − 37 forgotten = 41,188 customers",
        "412 rows erased",
        "184 data tests passed",
        "dim_customer_segments",
        "asked: at least 11",
        "143.5",
        "1.9%",
        "allowed: 10.0%",
        "/work/var/runs/20261007T020000Z/data_docs/index.html",
        VERSION,
    ]:
        assert said in read, said
    assert "What to do" not in read


def test_the_waterfall_says_what_each_step_took():
    """S41: an audience's waterfall shows what is left after each suppression reason, and what it cost."""
    html = page(full_night())
    read = text_of(html)
    assert "All customers 41,188; Asked and said yes 14,902; Consent not expired 12,118" in html
    for said in ["−26,286", "−2,784", "−15", "9,415", "312", "187", "31,773"]:
        assert said in read, said


@pytest.mark.parametrize("missing", ["ingest", "forget", "transform", "release", "activate"])
def test_a_stage_that_is_missing_is_said_to_be_missing(missing):
    """S57: a night that broke off says which stages did not run and how to run them."""
    for stages in ({k: v for k, v in full_night().items() if k != missing}, {**full_night(), missing: None}):
        html = page(stages)
        assert f"<strong>{missing.capitalize()} did not run.</strong>" in html
        assert f"trustmart {missing}" in text_of(html)
        assert f"{missing} did not run" in screen(stages).lower()


def test_a_night_without_any_stage_still_has_a_page():
    """S57: a night on which nothing ran gets a page that says so, and what to type."""
    assert "Nothing ran" in text_of(page({}))
    assert "trustmart ingest && trustmart forget && trustmart transform" in text_of(page({}))
    assert "Nothing ran" in screen({})


@pytest.mark.parametrize("stage", ["ingest", "forget", "transform", "release", "activate"])
def test_a_stage_that_says_little_does_not_break_the_page(stage):
    """S57: a report that was cut short leaves dashes, not a crash."""
    assert "<h1" in page({stage: {"as_of": NIGHT}})
    assert stage in screen({stage: {"as_of": NIGHT}})


def test_a_held_mart_says_why_and_how_old_its_standing_release_is():
    """S57: a held mart names its reasons, the age of what readers have meanwhile, and the next move."""
    read = text_of(page(held_night()))
    assert "2 of 3 marts released, 2 audiences sent, 1 mart and 1 audience held" in read
    assert "its smallest equivalence class has 4 people, policy asks for 11" in read
    assert "readers keep the release of 3 days ago (since 4 October 2026, 02:00 UTC)" in read
    assert "trustmart transform && trustmart release" in read
    assert "2 rows have no consent event" in read
    assert "in orange, too few" in read


def test_a_mart_held_on_its_first_night_has_nothing_to_read():
    """S57: a mart that was never released is not said to have a standing release."""
    stages = held_night()
    stages["release"]["marts"][0]["standing_since"] = None
    assert "it was never released, so there is nothing to read yet" in text_of(page(stages))


def test_a_rehearsal_is_not_called_sent():
    """S57: a dry run is told apart from a night on which audiences left."""
    stages = full_night()
    stages["activate"]["dry_run"] = True
    assert "3 audiences rehearsed (nothing left the house)" in text_of(page(stages))
    assert "rehearsal" in screen(stages)


def test_figures_that_do_not_add_up_are_reported():
    """S57: a page whose rows do not add up says so instead of looking calm."""
    stages = full_night()
    stages["ingest"]["tables"][0]["loaded"] -= 1
    assert "Rows in are not rows loaded plus rows quarantined" in text_of(page(stages))
    assert '<h1 class="act">' in page(stages)


def test_failed_models_and_tests_are_named():
    """S57: what could not be built is named with the next move."""
    stages = full_night()
    stages["transform"] |= {"failed": ["int_customers__deduplicated"], "tests": {"passed": 3, "failed": 2}}
    read = text_of(page(stages))
    assert "1 build step and 2 data tests failed" in read
    assert "int_customers__deduplicated" in screen(stages)


def test_every_word_is_escaped():
    """Security: markup in a title, reason, step, column or path shows as text, in tables and in charts."""
    evil = '<script>alert("x")</script>'
    stages = held_night()
    stages["ingest"]["tables"][0] |= {"table": evil, "new_columns": [evil], "reasons": {evil: 147}}
    stages["transform"]["models"][0]["name"] = evil
    stages["release"]["marts"][0] |= {"title": evil, "reasons": [evil], "standing_since": evil}
    stages["activate"]["audiences"][0] |= {
        "title": evil,
        "receipt": evil,
        "destination": evil,
        "use_case": evil,
    }
    stages["activate"]["audiences"][0]["waterfall"][1]["step"] = f'{evil}" onload="x'
    html = render_page(stages, policy_version=evil, files={evil: evil})
    assert "<script" not in html.lower()
    assert 'onload="x' not in html
    assert "&lt;script&gt;" in html


def test_the_page_needs_nothing_but_itself():
    """S57: the page opens without a network: no script, no link, no picture, font or style from elsewhere."""
    html = page(held_night())
    assert not re.search(r"https?://", html)
    assert not re.search(r"<(script|link|img|iframe|object)\b", html)
    assert not re.search(r"\b(src|action)=|@import|url\((?!#)", html)


def test_charts_can_stand_beside_each_other_and_be_read_aloud():
    """S57: no two parts of the page share an id, and each chart says its numbers to a screen reader."""
    html = page(full_night())
    ids = re.findall(r'\bid="([^"]+)"', html)
    charts = re.findall(r'<svg class="chart" role="img" aria-label="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert len(charts) == 1 + 3 + 3
    assert "Rows in quarantine by reason: Unknown customer 301; Impossible date 109" in charts[0]
    assert "DOCTYPE svg" not in html
    assert "<?xml" not in html


def test_the_same_night_gives_the_same_bytes():
    """S57: a page can be compared with an earlier one, because equal figures give equal bytes."""
    assert page(full_night()) == page(copy.deepcopy(full_night()))


def test_writing_replaces_the_page_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """S57: a reader sees the old page or the new one; a write that breaks off leaves no litter."""
    path = tmp_path / "runs" / "report.html"
    assert write_page(full_night(), path, VERSION) == path
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_page(held_night(), path, VERSION)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_the_terminal_has_the_key_figures_at_80_columns():
    """S57: 80 columns without colour show rows, people, anonymity figures and what was sent."""
    said = screen(full_night())
    assert max(map(len, said.splitlines())) <= 80
    for figure in [
        "3 of 3 marts released, 3 audiences sent, nothing held",
        "544,460 rows in = 543,967 loaded + 493 quarantined",
        "37 people forgotten",
        "43,380 records - 2,155 duplicates - 37 forgotten = 41,188 customers",
        "143.5",
        "1.9%",
        "9,415",
        "31,773",
        "496",
    ]:
        assert figure in said, figure
    assert "…" not in said


def test_the_terminal_says_what_is_held_and_what_to_type_next():
    """S57: the terminal names what is held and why, where each file is, and the next command."""
    long_path = "/srv/" + "very_long_folder/" * 8 + "anonymized.duckdb"
    said = screen(held_night(), files={"Anonymous marts [for analysts]": long_path}, next_steps=["trustmart release"])
    assert "readers keep the release of 3 days ago" in " ".join(said.split())
    assert "its smallest equivalence class has 4 people, policy asks for 11" in said
    assert long_path in said
    assert "Anonymous marts [for analysts]" in said
    assert said.rstrip().endswith("trustmart release")


def useful_night() -> dict[str, Any]:
    """Return a night whose door says what readers lose, of a cube, a noisy one, a model, and one that nobody measured."""
    stages = full_night()
    utility = {"measure": "accuracy of totals (median)", "raw": 1.0, "published": 0.994, "loss": 0.006}
    cube = {"mart": "dim_segments", "title": "Segments", "tier": "open_cube", "status": "made", "rows": 156}
    stages["transform"]["door"] = [
        {**cube, "people_total": 45_184, "people_suppressed": 282, "utility": utility, "levels": {"born": "decade"},
         "query_error": {"questions": 19, "median": 0.006, "largest": 0.5}},
        {**cube, "mart": "fct_noisy", "title": "Noisy segments", "epsilon": 0.5, "utility": {**utility, "loss": 0.029},
         "expected_error": {"people": 3.959}, "people_total": 34_013, "people_suppressed": 0},
        {**cube, "title": "Who takes offers", "utility": {"measure": "AUC", "raw": 0.78, "published": 0.81,
         "loss": -0.03}},
        {**cube, "title": "Nobody measured"},
        {**cube, "title": "Held at the door", "status": "held", "why": "no person", "rows": None},
    ]  # fmt: skip
    return stages


def test_page_and_terminal_say_what_readers_lose():
    """S18: each mart the door made: kind, rows, people kept, figure on raw data and as published, loss, levels."""
    stages = useful_night()
    read, said = text_of(page(stages)), " ".join(screen(stages).split())
    assert max(map(len, screen(stages).splitlines())) <= 80
    for figure in ("Segments", "99.4%", "0.994", "0.006", "born: decade", "Open cube with noise", "-0.030", "156"):
        assert figure in read, figure
        assert figure in said, figure
    assert "19 questions; the worst answer is off by up to 50.0%" in read
    assert "people ± 4.0" in read
    assert "Nobody measured" in read
    assert "not measured" in said
    assert "Held at the door" not in read + said
    # Who is left out of a noisy mart would have to be counted without noise.
    assert "100.0%" not in said


def test_a_mart_told_with_noise_has_no_smallest_class():
    """S18: its page and its line say epsilon and how far a cell is off, and draw no class of too few."""
    stages = full_night()
    mart = dict(stages["release"]["marts"][0], mart="fct_noisy", title="Noisy segments", smallest_class=0)
    stages["release"]["marts"] = [dict(mart, histogram=[{"from": 0, "to": 10, "classes": 13}])]
    noise = {"epsilon": 0.5, "population": "customers", "expected_error": {"people": 3.959}}
    stages["transform"]["door"] = [{"mart": "fct_noisy", "status": "made", **noise}]
    read, said = text_of(page(stages)).split("Release: the anonymous marts")[1], screen(stages)
    assert "0.500 spent on each draw" in " ".join(read.split())
    assert "Smallest class" not in read
    assert "too few" not in read
    assert "ε 0.5" in said
    stages["transform"]["door"] = []
    assert "in orange, too few" in text_of(page(stages))


def test_a_loss_below_nothing_or_above_everything_stays_within_its_bar():
    """S18: the picture of losses speaks them all, and draws none beyond its bar."""
    stages = useful_night()
    stages["transform"]["door"][0]["utility"]["loss"] = 7.5
    chart = page(stages).split('id="useful"')[1].split("</figure>")[0]
    assert "loss 7.500" in chart
    assert "loss -0.030" in chart
    widths = [float(x) for x in re.findall(r"L ([\d.]+) ", chart)]
    assert max(widths) <= 340.01
