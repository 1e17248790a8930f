"""Sending: one device on its networks. It finds the others, calls them, and carries entries that it cannot read."""
