"""What the DAGs pass to each other: the three zones, and the requests of people."""

from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.sdk import Asset, AssetAlias, AssetWatcher

from trustmart.settings import Settings

SECONDS_BETWEEN_LOOKS = 5

# `trustmart request` touches this file; the triggerer takes it away and rings PRIVACY_REQUESTS.
DOORBELL = Settings().data_folder / "doorbell" / "privacy_request"

RESTRICTED_CRM = Asset("restricted", uri="x-trustmart://zone/restricted", group="zones")
ANONYMIZED = Asset("anonymized", uri="x-trustmart://zone/anonymized", group="zones")
PERSONAL = Asset("personal", uri="x-trustmart://zone/personal", group="zones")
PRIVACY_REQUESTS = Asset(
    "privacy_requests",
    uri="x-trustmart://requests",
    group="requests",
    watchers=[
        AssetWatcher(
            name="doorbell",
            trigger=FileDeleteTrigger(filepath=str(DOORBELL), poke_interval=SECONDS_BETWEEN_LOOKS),
        )
    ],
)

# An alias stands for assets that are told about only when there is something to tell.
ARRIVED_REQUESTS = AssetAlias("arrived_requests", group="requests")
OPENED_ZONES = AssetAlias("opened_zones", group="zones")
