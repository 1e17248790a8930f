"""A profile: the folder of one vault, and the one process that works with it."""
