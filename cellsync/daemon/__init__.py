"""The daemon: one process that keeps a cell in step, and serves the local API.

starting      the holder first, then everything else
running       one nursery for the LAN, sessions and the API, from start to clean end
rebirth       locking for good: the process starts anew, and nothing of its memory is left
ending        which signals end it
logs          structured, without content, names, addresses or secrets
notifying     telling systemd how it stands
units         systemd's unit file, launchd's property list, and where they go
"""
