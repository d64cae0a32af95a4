"""One run of Great Expectations over all marts, and its Data Docs: booleans only."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trustmart.gates.attacks import Attacked
from trustmart.gates.looking import listening, told
from trustmart.gates.pages import keep_at_home
from trustmart.gates.suites import Requirement
from trustmart.warehouse import Session

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


def validate(
    wanted: Mapping[str, Sequence[Requirement]], session: Session, *, data_docs_folder: Path | None = None
) -> dict[str, list[Verdict]]:
    """Return the verdict on each requirement of each mart, in their order; what has no answer is not met."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    from trustmart.gates.gx_duckdb import reading

    context = gx.get_context(mode="ephemeral", project_config=_configuration(data_docs_folder))
    with reading(session) as url, listening() as heard:
        datasource = context.data_sources.add_sql("candidates", connection_string=url, create_temp_table=False)
        try:
            verdicts = {mart: _validate_mart(context, datasource, mart, asked) for mart, asked in wanted.items()}
        finally:
            datasource.get_engine().dispose()
    if data_docs_folder is not None:
        context.build_data_docs()
        keep_at_home(data_docs_folder)
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


def _site(folder: Path) -> dict[str, Any]:
    """Return where and how Data Docs are built."""
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder.resolve()),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},  # pages.py writes a plainer one over it
    }


def _validate_mart(context: Any, datasource: Any, mart: str, asked: Sequence[Requirement]) -> list[Verdict]:
    """Validate one candidate and keep the cleaned result for the pages."""
    # Named without a schema: with one, Great Expectations drops it and finds no table.
    batch = datasource.add_table_asset(mart, table_name=mart).add_batch_definition_whole_table("all").get_batch()
    suite = _suite(context, mart, asked)
    result = batch.validate(suite, result_format="BOOLEAN_ONLY")
    verdicts = [Verdict(met=False, trouble="NoResult")] * len(asked)
    for answer in result.results:
        verdicts[answer.expectation_config.meta[_NUMBER]] = _verdict(answer)
        answer.result.clear()
        answer.exception_info = {
            "raised_exception": False,
            "exception_message": None,
            "exception_traceback": None,
        }
    _keep(context, mart, result)
    return verdicts


def _suite(context: Any, mart: str, asked: Sequence[Requirement]) -> Any:
    """Return the suite that the policy asks for."""
    import great_expectations as gx

    from trustmart.gates.expectations import EXPECTATIONS

    expectations = [
        EXPECTATIONS[one.expectation](**one.arguments, description=one.description, meta={_NUMBER: number})
        for number, one in enumerate(asked)
    ]
    return context.suites.add(gx.ExpectationSuite(name=mart, expectations=expectations))


def _keep(context: Any, mart: str, result: Any) -> None:
    """Put a result where the page builder finds it."""
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    run = RunIdentifier(run_name="release")
    result.meta["run_id"] = run
    key = ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(name=mart), run_id=run, batch_identifier=mart
    )
    context.validation_results_store.set(key, result)


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
