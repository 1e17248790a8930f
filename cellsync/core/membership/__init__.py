"""Who belongs to a circle, with which role and keys, and what their clocks show (protocol/40-membership.md)."""
