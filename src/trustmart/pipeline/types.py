"""The privacy type check of the dbt project: compile the models, read their text, touch no data."""

import secrets
import tempfile
from pathlib import Path

from pydantic import SecretStr

from trustmart.errors import ModelsFailed
from trustmart.lineage import TypeReport, check_types, read_manifest
from trustmart.pipeline.context import Context, open_context
from trustmart.pipeline.dbt_project import artifacts_folder, run_dbt
from trustmart.settings import Settings


def check_types_of_project(context: Context) -> TypeReport:
    """Compile the project of a context and check its types; raises ModelsFailed where dbt cannot compile it.

    The empty zones are made where there are none yet: dbt opens them, and reads nothing.
    """
    with context.warehouse.session(writes="restricted"):
        pass
    with context.warehouse.session(writes="personal"):
        pass
    if not run_dbt(context, ["compile", "--no-populate-cache"]).ok:
        raise ModelsFailed("dbt could not compile the models, so nothing was built. See why: trustmart dbt compile")
    return check_types(read_manifest(artifacts_folder(context) / "manifest.json"), context.policy)


def check_types_aside(settings: Settings) -> TypeReport:
    """Check the types of a project in a folder of its own: no key, no zone and no data of the deployment is needed."""
    # A compilation that failed may still be closing its files while the folder goes.
    with tempfile.TemporaryDirectory(prefix="trustmart-check-", ignore_cleanup_errors=True) as folder:
        aside = Settings(
            home=settings.home,
            data=Path(folder),
            policy=settings.policy,
            key=SecretStr(secrets.token_hex(32)),
            memory_limit=settings.memory_limit,
        )
        return check_types_of_project(open_context(settings=aside))
