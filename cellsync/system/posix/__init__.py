"""POSIX: Linux, macOS, the BSDs, Android. A feature that only one of them has is tried, and done without elsewhere."""
