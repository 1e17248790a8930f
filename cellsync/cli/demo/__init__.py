"""`cellsync demo`: the main job, end to end, on one machine and in one minute.

    command     what the command line says
    run         from the first line to the exit code
    story       what happens, step by step: the script
    narration   how it is told: sentences, progress bars, the table
    outcome     what came of it: the numbers of the table and of the JSON object
    child       the parent's end of a device's process
    device      that process: one vault, one cell, driven by lines of JSON
    cable       a network whose cable can be pulled out
    leaks       looking for plaintext in the vaults

The devices use nothing but the library that others embed.
"""
