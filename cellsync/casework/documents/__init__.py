"""The documents of the work: one schema each, or a few that belong together."""
