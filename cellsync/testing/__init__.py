"""What tests of cellsync, and of programs built on it, need: a simulated network in virtual time."""
