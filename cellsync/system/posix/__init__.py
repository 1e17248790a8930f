"""POSIX: Linux, macOS, the BSDs, Android. What only one of them has is tried, and done without elsewhere."""
