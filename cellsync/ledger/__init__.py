"""The ledger: circles that are open on this device, between the store and those who show or send what is in them.

circle         one circle: planning, committing, telling; the only place that writes entries
circles        all of one vault: open together, and one more founded
founding       what a founder's database holds at first
joining        what a newcomer's database holds at first
surroundings   what it takes from the world: the time, randomness, threads
members        which devices there are, and which of them is this one
answer         who hears how this device answers its own removal
days           under which keys other devices are called, wherever their clocks are
own_chain      the chain that this device writes on, and its incarnations
disk           when what is staged is flushed in a thread
view           what a session asks of a circle that its replica alone can answer
source         where a step came from
pause          a collector that does not run while much is in the making
turns          an event loop that turns while a worker thread computes
"""
