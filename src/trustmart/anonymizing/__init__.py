"""Anonymize tables with an engine: count, fit, apply, measure."""
