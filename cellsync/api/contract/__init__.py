"""What the local API promises: operations, shapes, problems, events, and the documents made from them."""
