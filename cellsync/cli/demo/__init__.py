"""`cellsync demo`: the main job, end to end, on one machine and in one minute.

    command     the command and its help
    run         from the first line to the exit code
    story       the script, step by step
    narration   how it is told: sentences, progress bars, the table
    outcome     the results: the numbers of the table and of the JSON object
    child       the parent's end of a device's process
    device      that process: one vault, one cell, driven by lines of JSON
    cable       a network whose cable can be pulled out
    leaks       the search for plaintext in the vaults

The devices use only the library that other programs embed.
"""
