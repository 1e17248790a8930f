"""The data types that merge: one module each, with no knowledge of cases."""
