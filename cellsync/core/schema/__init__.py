"""Schemas: how an application declares its documents, and reads and writes them over the cases of a circle."""
