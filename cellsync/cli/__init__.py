"""The `cellsync` command.

    main        the group, and how every command ends: exit codes, errors as sentences or as JSON
    options     what every command takes
    terminal    results on standard output, everything else on standard error; prompts
    reaching    the daemon if one runs, else the profile itself
    wording     times, counts and people's texts, for one line
    waiting     jobs: following one until it is over
    commands/   one module per noun

Modules here import what a command needs when it runs, so that `--help` answers at once.
"""
