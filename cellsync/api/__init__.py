"""The local API: what a program on this device can ask of a profile, over HTTP or in the same process.

    profile, holder    where a profile lives; the one process that works with it
    table, shapes      every operation, in one table: path, what it takes, what it gives
    service            a profile at work: empty, locked or open
    jobs               what takes a while, step by step: invites, joins, imports, syncs
    repeats            requests that come again with their key
    people, cases,     what the operations do
    tables, health
    dispatch           from the name of an operation to its answer
    feed               events, with cursors that survive a restart
    telling            what the data of each event is
    failures           with which codes each operation may fail
    web, openapi       the table as HTTP, and as an OpenAPI document
    client, direct     asking a daemon through its socket; or doing it here, where there is none

The command line uses `client` or `direct` and cannot tell them apart. protocol/80-local-api.md is the normative text.
"""
