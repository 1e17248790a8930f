#!/bin/sh
# zeroconf keeps a service that says it lives for 60 s on its list for 1,125 s.
#
# zeroconf 0.154.0 finds devices on a LAN. A `ServiceInfo` is made with `host_ttl` and `other_ttl`, the second for the
# pointer that puts an instance on the list of its type. By RFC 6762 (section 10) a record says itself how long others
# may keep it.
#
# What happens: the pointer is sent with the 60 s that were given, and each zeroconf that hears it, the sender's own
# as well, keeps it for 1,125 s. The other records of the same message keep their 60 s. So a device that goes without
# a goodbye (asleep, out of reach, out of power) stays listed for nearly 19 minutes, with no address to be found, and a
# device that takes new names, so as not to be followed, leaves one behind for that long at each of them.
#
# It is meant, as protection from devices that announce very short lives (pull request 824, 2021). It is told by a
# comment in the source (`_DNS_PTR_MIN_TTL`) and at debug level, not by the documentation of `ServiceInfo`.
#
# Why it matters: `ServiceBrowser` says who was here in the last minutes, not who is here. cellsync announces 1,125 s,
# so that it says what is done (`node/discovery.py`), says goodbye to each old name, and believes that a device is
# there when it has answered.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check zeroconf==0.154.0
"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
from importlib.metadata import version
from queue import Queue
from socket import inet_aton

from zeroconf import ServiceBrowser, ServiceInfo, Zeroconf

TYPE = f"_found{os.getpid() % 100_000}._tcp.local."
NAME = f"one.{TYPE}"
HOST = f"found-{os.getpid()}.local."


class Told:
    """The names that a browser is told of."""

    def __init__(self):
        self.names = Queue()

    def add_service(self, zeroconf, of_type, name):
        self.names.put(name)

    def update_service(self, zeroconf, of_type, name):
        pass

    remove_service = update_service


sender, hearer = Zeroconf(interfaces=["127.0.0.1"]), Zeroconf(interfaces=["127.0.0.1"])
try:
    told = Told()
    ServiceBrowser(hearer, TYPE, told)
    info = ServiceInfo(TYPE, NAME, 4000, addresses=[inet_aton("127.0.0.1")], server=HOST, host_ttl=60, other_ttl=60)
    sent = info.dns_pointer().ttl
    sender.register_service(info)
    assert told.names.get(timeout=60) == NAME
    assert hearer.get_service_info(TYPE, NAME, 60_000) is not None
    kept = {
        f"{who}, {type(record).__name__}": record.ttl
        for who, responder in (("sender", sender), ("hearer", hearer))
        for name in (TYPE, NAME, HOST)
        for record in responder.cache.entries_with_name(name)
    }
finally:
    sender.close()
    hearer.close()
print("zeroconf", version("zeroconf"), "on the loopback interface")
print("announced:", sent, "s; kept:", kept)
so = [sent == 60]
so += [kept[f"{who}, DNSPointer"] == 1125 for who in ("sender", "hearer")]
so += [kept[f"hearer, {kind}"] == 60 for kind in ("DNSService", "DNSText", "DNSAddress")]
sys.exit(None if all(so) else f"not as described above: {so}")
PYTHON
