"""The five verbs as tasks: each is one call into trustmart.pipeline, and leaves counts only behind."""

from collections.abc import Iterable
from typing import Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.bases.skipmixin import SkipMixin

from trustmart.errors import ModelsFailed, TrustmartError
from trustmart_airflow.assets import (
    ANONYMIZED,
    ARRIVED_REQUESTS,
    OPENED_ZONES,
    PERSONAL,
    PRIVACY_REQUESTS,
    RESTRICTED_CRM,
)
from trustmart_airflow.boxes import boxes_to_leave_out
from trustmart_airflow.failures import told_safely
from trustmart_airflow.instants import instant_of

Report = dict[str, Any]


class Stage(BaseOperator, SkipMixin):
    """A verb of the pipeline. Its report goes to XCom; nothing else does."""

    ui_color = "#e8eef7"
    inherits_from_skipmixin = True
    verb: ClassVar[str]
    writes_page: ClassVar[bool] = True

    def execute(self, context: Any) -> Report:
        """Do the stage for the instant of this run, and say what came of it."""
        as_of = instant_of(context)
        self.log.info("%s as of %s", self.verb, as_of.isoformat())
        report = told_safely(lambda: self._call_and_write(_open(as_of)), stage=self.verb)
        self.tell(context, report)
        return report

    def _call_and_write(self, tools: Any) -> Report:
        """Call, and bring the night's page up to date: a night that stops half-way has a page too."""
        from trustmart import pipeline

        report = self.call(tools)
        if self.writes_page:
            pipeline.write_report(tools)
        return report

    def call(self, tools: Any) -> Report:
        """Call the one pipeline function."""
        from trustmart import pipeline

        function = getattr(pipeline, self.verb)
        report: Report = function(tools)
        return report

    def tell(self, context: Any, report: Report) -> None:
        """Emit asset events; most stages have none of their own."""

    def end_here(self, context: Any, report: Report, leave_out: Iterable[BaseOperator]) -> None:
        """Keep the report, then let Airflow skip those tasks."""
        context["ti"].xcom_push(key="return_value", value=report)
        self.skip(context["ti"], leave_out)


class Ingest(Stage):
    """Take the CRM in; tell of requests only when some have arrived."""

    verb = "ingest"

    def __init__(self, **kwargs: Any) -> None:
        """Write the restricted zone, perhaps ring for the requests."""
        super().__init__(outlets=[RESTRICTED_CRM, ARRIVED_REQUESTS], **kwargs)

    def tell(self, context: Any, report: Report) -> None:
        """Send the instant along, so that the whole chain speaks for it."""
        events = context["outlet_events"]
        rows = {row["table"]: row["loaded"] for row in report["tables"]}
        events[RESTRICTED_CRM].extra = {"as_of": report["as_of"], "loaded": rows}
        if arrived := report["requests_arrived"]:
            events[ARRIVED_REQUESTS].add(PRIVACY_REQUESTS, {"as_of": report["as_of"], "requests": arrived})


class Forget(Stage):
    """Let erasures, objections, restrictions and withdrawals take effect."""

    verb = "forget"
    writes_page = False  # it runs every quarter of an hour, which is not a night each time

    def __init__(self, **kwargs: Any) -> None:
        """Go first where tasks wait for their turn: people who ask do not wait for a night to end."""
        super().__init__(priority_weight=1000, weight_rule="absolute", **kwargs)


class DbtBuild(Stage):
    """Run dbt once; tell of each model as it ends, and leave its box green only if it was built."""

    verb = "transform"

    def call(self, tools: Any) -> Report:
        """Build, listening to every node. A model that fails is the alarm's to raise, beside the boxes."""
        from trustmart import pipeline

        try:
            report: Report = pipeline.transform(tools, on_node=self._on_node)
        except ModelsFailed:
            kept: Report | None = tools.kept(self.verb)
            if not kept or not kept["failed"]:
                raise
            report = kept
        return report

    def tell(self, context: Any, report: Report) -> None:
        """Leave out the boxes of models that are not there, and the alarm where nothing failed."""
        alarms = [task for task in self.downstream_list if isinstance(task, Alarm)]
        missing = boxes_to_leave_out(context["dag"], report["models"])
        self.end_here(context, report, missing if report["failed"] else [*missing, *alarms])

    def _on_node(self, node: str, status: str, seconds: float) -> None:
        """Write one line."""
        self.log.info("dbt %-8s %6.2f s  %s", status, seconds, node)


class Release(Stage):
    """Open what passes its gate; tell of the anonymized zone only where something was opened."""

    verb = "release"

    def __init__(self, **kwargs: Any) -> None:
        """Open the anonymized and personal zones, each only if there is something to open."""
        super().__init__(outlets=[OPENED_ZONES], **kwargs)

    def tell(self, context: Any, report: Report) -> None:
        """Send the instant along, and wake the alarm where something is held.

        The personal zone is told of even where every audience is held: nobody is added then, but destinations must hear
        whom to remove.
        """
        opened = context["outlet_events"][OPENED_ZONES]
        for zone, part in ((ANONYMIZED, "marts"), (PERSONAL, "audiences")):
            verdicts = [row["verdict"] for row in report[part]]
            passed = verdicts.count("released")
            if passed or zone is PERSONAL:
                held = len(verdicts) - passed
                opened.add(zone, {"as_of": report["as_of"], "released": passed, "held": held})
        alarms = [task for task in self.downstream_list if isinstance(task, Alarm)]
        if not told_safely(lambda: _complaint(report), stage=self.verb):
            self.end_here(context, report, alarms)


class Activate(Stage):
    """Send the audiences' changes to their destinations."""

    verb = "activate"


class Alarm(BaseOperator):
    """Fails in words about the report of the task before it; skipped on a good night, so it costs nothing."""

    ui_color = "#f7e3e3"

    def __init__(self, *, about: str, **kwargs: Any) -> None:
        """about: the task whose report is read."""
        super().__init__(retries=0, pool="default_pool", **kwargs)
        self.about = about

    def execute(self, context: Any) -> None:
        """Raise what is wrong."""
        report = context["ti"].xcom_pull(task_ids=self.about)
        told_safely(lambda: self.complain(report), stage=self.task_id)

    def complain(self, report: Report) -> None:
        """Raise the TrustmartError that the report calls for."""
        raise NotImplementedError


class ModelsFailedAlarm(Alarm):
    """Names the models and tests that failed in dbt."""

    def complain(self, report: Report) -> None:
        """Raise ModelsFailed."""
        failed = report["failed"]
        raise ModelsFailed(
            f"dbt could not build or test {len(failed)}: {', '.join(failed)}. Nothing was released,"
            " yesterday's release stands. Mend them, then: trustmart transform"
        )


class HeldAlarm(Alarm):
    """Names what the gates hold back; what passed is open already."""

    def complain(self, report: Report) -> None:
        """Raise ReleaseHeld."""
        if complaint := _complaint(report):
            raise complaint


def _complaint(report: Report) -> TrustmartError | None:
    """Return what there is to say about held marts and audiences, or None."""
    from trustmart import pipeline

    try:
        pipeline.raise_if_held(report)
    except TrustmartError as held:
        return held
    return None


def _open(as_of: Any) -> Any:
    """Open the pipeline's tools with the secrets of this deployment."""
    from trustmart import pipeline
    from trustmart_airflow.connections import lend_database_urls, settings_with_key

    tools = pipeline.open_context(as_of=as_of, settings=settings_with_key())
    lend_database_urls(tools.policy)
    return tools
