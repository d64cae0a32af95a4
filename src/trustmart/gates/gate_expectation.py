"""What all of the gate's expectations have in common: met or not, and nothing else on the page."""

from typing import Any

from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.render import LegacyDiagnosticRendererType
from great_expectations.render.renderer.renderer import renderer


class GateExpectation(BatchExpectation):
    """Met where its check finds nothing."""

    mart: str

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        """Compare the number of findings with none; nothing but the answer goes into the result."""
        (metric,) = self.metric_dependencies
        return {"success": metrics[metric] == 0, "result": {}}

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)
    def _diagnostic_observed_value_renderer(
        cls, configuration: Any = None, result: Any = None, runtime_configuration: Any = None
    ) -> str:
        """Say no more on the page than the answer itself."""
        return "met" if result is not None and result.success else "not met"
