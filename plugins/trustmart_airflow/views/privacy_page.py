"""Registers the Privacy page with Airflow. Every Airflow process imports this, so it does next to nothing."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/trustmart"


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request; the pages are imported at the first one, in the API server only."""
    from trustmart_airflow.views.pages import app

    await app(scope, receive, send)


class PrivacyPage(AirflowPlugin):
    """Adds "Privacy" to the menu."""

    name = "trustmart"
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Trustmart"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012  Airflow changes these lists itself
        {"name": "Privacy", "href": f"{PREFIX}/", "destination": "nav", "url_route": "privacy"}
    ]
