"""The daemon: one process that keeps a cell in step, and serves the local API.

start         the holder first, then everything else
work          one nursery for the LAN, sessions and the API, from start to clean end
rebirth       locking for good: the process starts over, and nothing of its memory is left
logs          structured, without content, names, addresses or secrets
units         letting the system start it
"""
