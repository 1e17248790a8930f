"""The `cellsync` command.

    main        the group, and how every command ends: exit codes, errors as sentences or as JSON
    options     what every command takes
    output      results on standard output, everything else on standard error
    terminal    what a person types, and how errors look
    reach       the daemon if one runs, else the profile itself
    words       times, counts and people's texts, for one line;  lines  for a narrow window
    waits       jobs: following one until it is over
    files       what a command was told to write
    settlement  the command that decides a conflict
    commands/   one module per noun

Modules here import what a command needs when it runs, so that `--help` answers at once.
"""
