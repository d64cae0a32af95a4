"""Who a person is, without saying who: keyed subject ids, tombstones, contact points, wire formats."""

from trustmart.identity.contact_points import hash_email, normalize_email
from trustmart.identity.keys import derive_key
from trustmart.identity.subjects import subject_id, subject_ids, tombstone

__all__ = ["derive_key", "hash_email", "normalize_email", "subject_id", "subject_ids", "tombstone"]
