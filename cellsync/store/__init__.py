"""At rest: the vault with its key slots, an encrypted SQLite database for each circle, backups."""
