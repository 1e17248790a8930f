"""The library that programs embed: found, open, join, edit, follow."""
