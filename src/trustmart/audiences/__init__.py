"""Who is in an audience at an instant, and what changed since a destination last accepted it. Pure."""

from trustmart.audiences.delta import AudienceDelta, AudienceSnapshot, Member, change_id, delta

__all__ = ["AudienceDelta", "AudienceSnapshot", "Member", "change_id", "delta"]
