"""Read a CRM: pages of records from files or a database, conformed to our columns."""

from trustmart.sources.ahead import read_ahead
from trustmart.sources.conform import conformed
from trustmart.sources.open import deliveries
from trustmart.sources.pages import Delivery, Page, Unreadable

__all__ = ["Delivery", "Page", "Unreadable", "conformed", "deliveries", "read_ahead"]
