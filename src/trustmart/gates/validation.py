"""A checkpoint of Great Expectations for each zone, and their Data Docs: booleans only."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trustmart.gates.attacks import Attacked
from trustmart.gates.looking import listening, told
from trustmart.gates.pages import keep_at_home, write_index
from trustmart.gates.suites import Requirement
from trustmart.warehouse import CANDIDATE_SCHEMA, Session

_NUMBER = "requirement"
_TYPE_AT_THE_END = re.compile(r"(?:^|\n)(?:[\w]+\.)*(\w+)(?::[^\n]*)?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an expectation is met, or else the type of the error that kept it from being measured.

    told: what an attack brought back, where it was made on the way.
    """

    met: bool
    trouble: str | None = None
    told: Attacked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The zone that a checkpoint is of, and the schema (`zone.schema`) in which its tables stand."""

    zone: str
    schema: str


ANONYMIZED = Checkpoint(zone="anonymized", schema=f"restricted.{CANDIDATE_SCHEMA}")


def validate(
    wanted: Mapping[str, Sequence[Requirement]],
    session: Session,
    *,
    at: Checkpoint = ANONYMIZED,
    data_docs_folder: Path | None = None,
) -> dict[str, list[Verdict]]:
    """Run a zone's checkpoint; return the verdict on each requirement of each table, in their order.

    What has no answer is not met. wanted: by table. data_docs_folder: the pages of each zone have a folder in it.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    from trustmart.gates.gx_duckdb import reading

    pages = data_docs_folder / at.zone if data_docs_folder else None
    context = gx.get_context(mode="ephemeral", project_config=_configuration(pages))
    with reading(session, at.schema) as url, listening() as heard:
        datasource = context.data_sources.add_sql(at.zone, connection_string=url, create_temp_table=False)
        try:
            verdicts = _run(context, datasource, at.zone, wanted)
        finally:
            datasource.get_engine().dispose()
    if data_docs_folder and pages:
        context.build_data_docs(build_index=False)
        keep_at_home(pages)
        write_index(data_docs_folder)
    return {
        mart: [_with_told(heard, *pair) for pair in zip(wanted[mart], verdicts[mart], strict=True)] for mart in wanted
    }


def _with_told(heard: Mapping[str, Attacked], requirement: Requirement, verdict: Verdict) -> Verdict:
    """Add what an attack brought back to the verdict on it."""
    return replace(verdict, told=told(heard, requirement.check, requirement.arguments))


def _configuration(data_docs_folder: Path | None) -> Any:
    """Return a context that keeps everything in memory but the pages, and phones nobody."""
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
        data_docs_sites={} if data_docs_folder is None else {"gate": _site(data_docs_folder)},
    )


_VIEW = {"module_name": "trustmart.gates.gx_view", "class_name": "PageView"}


def _site(folder: Path) -> dict[str, Any]:
    """Return where and how Data Docs are built."""
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder.resolve()),
        },
        "site_section_builders": {"expectations": {"view": _VIEW}, "validations": {"view": _VIEW}, "profiling": "None"},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},  # not asked for: pages.py writes a plainer one
    }


def _run(
    context: Any, datasource: Any, zone: str, wanted: Mapping[str, Sequence[Requirement]]
) -> dict[str, list[Verdict]]:
    """Run the zone's checkpoint over its tables, and keep the cleaned results for the pages."""
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier

    definitions = [_definition(context, datasource, table, asked) for table, asked in wanted.items()]
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=zone, validation_definitions=definitions, result_format="BOOLEAN_ONLY")
    )
    result = checkpoint.run(run_id=RunIdentifier(run_name=_RUN_NAMES.get(zone, zone)))
    verdicts = {table: [Verdict(met=False, trouble="NoResult")] * len(asked) for table, asked in wanted.items()}
    for key, one in result.run_results.items():
        table = key.expectation_suite_identifier.name
        for answer in one.results:
            verdicts[table][answer.expectation_config.meta[_NUMBER]] = _verdict(answer)
            answer.result.clear()
            answer.exception_info = dict(_NO_EXCEPTION)
        _keep(context, table, key, one)
    return verdicts


# How a zone's run is called on its pages.
_RUN_NAMES = {"anonymized": "release"}
_NO_EXCEPTION = {"raised_exception": False, "exception_message": None, "exception_traceback": None}


def _definition(context: Any, datasource: Any, table: str, asked: Sequence[Requirement]) -> Any:
    """Return a table with the suite that the policy asks of it."""
    import great_expectations as gx

    # Named without a schema: with one, Great Expectations drops it and finds no table.
    batch = datasource.add_table_asset(table, table_name=table).add_batch_definition_whole_table("all")
    suite = _suite(context, table, asked)
    return context.validation_definitions.add(gx.ValidationDefinition(name=table, data=batch, suite=suite))


def _suite(context: Any, mart: str, asked: Sequence[Requirement]) -> Any:
    """Return the suite that the policy asks for."""
    import great_expectations as gx

    from trustmart.gates.expectations import EXPECTATIONS

    expectations = [
        EXPECTATIONS[one.expectation](**one.arguments, description=one.description, meta={_NUMBER: number})
        for number, one in enumerate(asked)
    ]
    return context.suites.add(gx.ExpectationSuite(name=mart, expectations=expectations))


def _keep(context: Any, table: str, key: Any, result: Any) -> None:
    """Put a cleaned result in the place of the one that the run has stored, under a name for the page."""
    from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier

    named = ValidationResultIdentifier(
        expectation_suite_identifier=key.expectation_suite_identifier, run_id=key.run_id, batch_identifier=table
    )
    context.validation_results_store.remove_key(key)
    context.validation_results_store.set(named, result)


def _verdict(answer: Any) -> Verdict:
    """Read one answer; of an error, only the type is kept."""
    trouble = next(_troubles(answer.exception_info), None)
    return Verdict(met=trouble is None and answer.success is True, trouble=trouble)


def _troubles(info: Any) -> Iterator[str]:
    """Yield the types of the errors in exception_info (one, or one for each metric)."""
    from trustmart.gates.expectations import NOT_MEASURED

    if not isinstance(info, Mapping):
        return
    if not info.get("raised_exception"):
        for value in info.values():
            yield from _troubles(value if isinstance(value, Mapping) else getattr(value, "__dict__", None))
        return
    message = str(info.get("exception_message") or "")
    ours = message.rpartition(NOT_MEASURED)[2]
    if NOT_MEASURED in message and ours.isidentifier():
        yield ours
        return
    found = _TYPE_AT_THE_END.search(str(info.get("exception_traceback") or ""))
    yield found.group(1) if found else "unknown error"
