"""The local API: what a program on this device can ask of a profile, over HTTP or in the same process.

    contract     the promise: the table of operations, their shapes, problems and events, the OpenAPI document
    operations   what they do, by subject
    service      a profile at work: empty, locked or open
    dispatch     from the name of an operation to its answer
    jobs         what takes a while, step by step: invites, joins, imports, syncs
    repeats      requests that come again with their key;  keyed  edits that did, also after a restart
    feed         events, with cursors that survive a restart
    lookup       which case is meant;  pages, room  how much fits into one answer
    web          the table over HTTP
    client       asks a daemon through its socket;  direct  does it here, where there is none

The command line uses `client` or `direct` and cannot tell them apart. protocol/80-local-api.md is the normative text.
"""
