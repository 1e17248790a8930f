"""The state of a case: folded from operations, edited in drafts, kept in snapshots."""
