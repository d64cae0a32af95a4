"""The same verbs, for people: trustmart ingest, forget, transform, release, activate, and a whole night."""

from trustmart.cli.app import app

# isort: off
# In the order in which --help lists them.
from trustmart.cli import verbs
from trustmart.cli import decide
from trustmart.cli import proof
from trustmart.cli import releases
from trustmart.cli import budget
from trustmart.cli import anonymity
from trustmart.cli import check
from trustmart.cli import tools

__all__ = ["anonymity", "app", "budget", "check", "decide", "proof", "releases", "tools", "verbs"]
