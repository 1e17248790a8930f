"""One live encrypted connection between two devices, sans-IO (protocol/50-sync.md)."""
