"""Airflow's own database: the tables, the pool, the DAGs. Import it only after the environment is on."""

from typing import Any

from airflow.configuration import write_default_airflow_configuration_if_needed
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.models.asset import AssetDagRunQueue, AssetEvent, DagScheduleAssetReference
from airflow.models.pool import Pool
from airflow.utils import db
from airflow.utils.session import create_session
from sqlalchemy import delete, func, select

from trustmart_airflow.defaults import POOL

BUNDLE = "dags-folder"


def prepare() -> None:
    """Make or migrate the tables, and the pool of one slot in which the tasks take turns."""
    # This makes airflow.cfg with the keys of this installation; without it connections are kept in clear.
    write_default_airflow_configuration_if_needed()
    db.initdb()
    Pool.create_or_update_pool(POOL, 1, "One task at a time writes a zone", include_deferred=False)


def load_dags() -> dict[str, Any]:
    """Read the DAG files, keep them in the database, and return them by name."""
    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    bundle = manager.get_bundle(BUNDLE)
    bundle.initialize()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=BUNDLE)
    if bag.import_errors:
        raise SystemExit("\n".join(f"{path}: {error}" for path, error in bag.import_errors.items()))
    sync_bag_to_db(bag, BUNDLE, None)
    return dict(bag.dags)


def last_event() -> int:
    """Return the number of the newest asset event."""
    with create_session() as session:
        return session.scalar(select(func.max(AssetEvent.id))) or 0


def dags_rung(*, since: int) -> set[str]:
    """Return the DAGs that wait for an asset which has had an event since, and take them from the queue.

    Whoever asks runs them; left in the queue, a scheduler that is started later would run them once more.
    """
    waits = DagScheduleAssetReference
    with create_session() as session:
        query = select(waits.dag_id).join(AssetEvent, AssetEvent.asset_id == waits.asset_id)
        rung = set(session.scalars(query.where(AssetEvent.id > since)))
        session.execute(delete(AssetDagRunQueue).where(AssetDagRunQueue.target_dag_id.in_(rung)))
        return rung
