"""A CRM of invented people, as dirty as a real extract, in any size."""

from trustmart.sources.synthetic.crm import generate

__all__ = ["generate"]
