"""Shapes: what operations take and give, as JSON. Types, checks and JSON Schema come from these declarations.

Ids are lower-case hexadecimal; a request may give the beginning of one, if no other begins like that. Times are
ISO 8601 in UTC. Seconds are numbers. What a shape takes is checked before anything is done.

The table names shapes by their names alone, so all of them are here, whatever module they stand in:

    base         what all are made of, and failures;  jobs  what takes a while
    health       the cell as a whole;  backups, forks, examination  whether it is sound
    passphrase   what opens it, and the keys behind it
    membership   how members stand, why, and what is done about it;  recovery  what the key on paper does about it
    choices      what members have chosen together
    devices      one's own
    people       members, other devices, the cell at a glance;  pairing  invitations and joins;  syncs
    cases        to read;  edits  what is written to them;  moves  into another circle;  graphs  who wrote what
    tables       to import;  exports
    stream       events
"""

from cellsync.api.contract.shapes.backups import *
from cellsync.api.contract.shapes.base import *
from cellsync.api.contract.shapes.cases import *
from cellsync.api.contract.shapes.choices import *
from cellsync.api.contract.shapes.devices import *
from cellsync.api.contract.shapes.edits import *
from cellsync.api.contract.shapes.examination import *
from cellsync.api.contract.shapes.exports import *
from cellsync.api.contract.shapes.forks import *
from cellsync.api.contract.shapes.graphs import *
from cellsync.api.contract.shapes.health import *
from cellsync.api.contract.shapes.jobs import *
from cellsync.api.contract.shapes.membership import *
from cellsync.api.contract.shapes.moves import *
from cellsync.api.contract.shapes.pairing import *
from cellsync.api.contract.shapes.passphrase import *
from cellsync.api.contract.shapes.people import *
from cellsync.api.contract.shapes.recovery import *
from cellsync.api.contract.shapes.stream import *
from cellsync.api.contract.shapes.syncs import *
from cellsync.api.contract.shapes.tables import *
