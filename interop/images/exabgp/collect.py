#!/usr/bin/python3
"""Keeps what ExaBGP reports: sessions and received routes in one file, rewritten after each change.

Commands to ExaBGP come through a named pipe, a line each.
"""
import json
import os
import sys
import threading

STATE = "/run/exabgp/state.json"
COMMANDS = "/run/exabgp/commands"

peers = {}


def peer(address):
    return peers.setdefault(address, {"state": "down", "routes": {}, "notification": None})


def key(nlri):
    return "%s %s" % (nlri["nlri"], nlri.get("path-information", ""))


def take_update(known, update):
    for of_family in update.get("withdraw", {}).values():
        for nlri in of_family:
            known["routes"].pop(key(nlri), None)
    attributes = update.get("attribute", {})
    for of_family in update.get("announce", {}).values():
        for next_hop, routes in of_family.items():
            if next_hop == "null":
                continue
            for nlri in routes:
                known["routes"][key(nlri)] = {
                    "prefix": nlri["nlri"],
                    "path-id": nlri.get("path-information"),
                    "next-hop": next_hop,
                    "attributes": attributes,
                }


def take(event):
    neighbor = event.get("neighbor")
    if neighbor is None:
        return
    known = peer(neighbor["address"]["peer"])
    kind = event["type"]
    if kind == "state":
        known["state"] = neighbor["state"]
        if neighbor["state"] != "up":
            known["routes"] = {}
    elif kind == "notification":
        known["notification"] = neighbor.get("notification", neighbor)
    elif kind == "update":
        take_update(known, neighbor["message"].get("update", {}))


def write():
    with open(STATE + ".new", "w") as file:
        json.dump(peers, file)
    os.rename(STATE + ".new", STATE)


def pass_commands():
    while True:
        with open(COMMANDS) as pipe:
            for line in pipe:
                sys.stdout.write(line)
                sys.stdout.flush()


write()
if not os.path.exists(COMMANDS):
    os.mkfifo(COMMANDS)
threading.Thread(target=pass_commands, daemon=True).start()
for line in sys.stdin:
    line = line.strip()
    if line.startswith("{"):
        try:
            take(json.loads(line))
        except ValueError as error:
            # ExaBGP 4.2 writes some events in a way that is not JSON.
            print("%s: %s" % (error, line), file=sys.stderr)
            continue
        write()
