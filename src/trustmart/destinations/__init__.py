"""Places that accept audiences: told what to remove first, then what to add; each answers with a receipt."""

from trustmart.destinations.files import FileDestination
from trustmart.destinations.protocol import Destination, Operation, Receipt

__all__ = ["Destination", "FileDestination", "Operation", "Receipt"]
