"""`python -m trustmart.cli`."""

from trustmart.cli import app

app()
