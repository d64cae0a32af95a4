"""Tells somebody which task failed or holds something back: our own words, which hold counts only."""

import os
from html import escape
from typing import Any

from airflow.sdk import BaseNotifier

from trustmart_airflow.failures import OURS


class TellSomebody(BaseNotifier):
    """Writes a line to the task's log; mails it too where TRUSTMART_NOTIFY names an address.

    The mail goes through the Airflow connection TRUSTMART_SMTP_CONNECTION (`smtp_default`).
    """

    def notify(self, context: Any) -> None:
        """Say it once, at the end of the last try."""
        message = told(context)
        self.log.error("%s", message)
        if address := os.environ.get("TRUSTMART_NOTIFY"):
            self._mail(address, message)

    def _mail(self, address: str, message: str) -> None:
        """Send the line by mail."""
        # Imported where it is used: parsing stays quick.
        from airflow.providers.smtp.hooks.smtp import SmtpHook

        connection = os.environ.get("TRUSTMART_SMTP_CONNECTION", "smtp_default")
        with SmtpHook(smtp_conn_id=connection) as hook:
            text = f"<pre>{escape(message)}</pre>"
            hook.send_email_smtp(to=address, subject="Trustmart needs you", html_content=text)


def told(context: Any) -> str:
    """Return one line: which task of which run, and why if the reason is in our own words."""
    task = context["ti"]
    error = context.get("exception")
    reason = str(error) if isinstance(error, OURS) else type(error).__name__
    return f"Trustmart: {task.dag_id}.{task.task_id} of {task.run_id}: {reason}"
