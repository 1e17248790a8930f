"""The `cellsync` command.

    main        the group, and how every command ends: exit codes, errors as sentences or as JSON
    options     the options that every command takes
    output      results on standard output, everything else on standard error
    terminal    questions to a person, and everything a command says
    reach       the daemon if one runs, else the profile itself
    words       times, counts and people's texts, for one line;  lines  for a narrow window
    waits       jobs: following one until it is over
    files       files that a command was told to write
    settlement  the command that decides a conflict
    commands/   one module per noun

Modules here import what a command needs only when it runs, to keep `--help` fast.
"""
