"""Trustmart turns a CRM into data that a company may lawfully use."""

__version__ = "0.1.0"
