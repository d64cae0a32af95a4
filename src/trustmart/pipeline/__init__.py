"""The five verbs, in order: ingest, forget, transform, release, activate."""
