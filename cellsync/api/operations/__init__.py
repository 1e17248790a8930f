"""What the operations of the local API do, by subject."""
