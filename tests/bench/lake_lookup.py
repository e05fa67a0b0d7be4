#!/usr/bin/env python3
"""Look-ups in a large event store: how long "everything about this entity" takes when a node has kept many gigabytes.

usage: tests/bench/lake_lookup.py [--gb N] [--keep] SOC_BINARY WORK_FOLDER EVENTS.json…
  EVENTS are Windows events as JSON lines; they are written again and again, each time a day later and from machines of another domain, until
  N gigabytes (10) of them are stored. Each question is asked with cold (as root) and with warm caches. One JSON line a figure.
"""
import argparse
import collections
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess

DATE = re.compile(rb'"@timestamp":"(\d{4}-\d\d-\d\d)T')
DOMAIN = b"theshire.local"


def days_of(text):
    return sorted(set(DATE.findall(text)))


def later(day, days):
    return (datetime.date.fromisoformat(day.decode()) + datetime.timedelta(days)).isoformat().encode()


def repetition(text, days, number):
    """The same events `number` days later, from other machines."""
    for day in reversed(days):   # the later day first: it must not be moved twice
        text = text.replace(day, later(day, number))
    return text.replace(DOMAIN, domain_of(number))


def domain_of(number):
    return b"site%03d.local" % number


def commonest_address(files):
    """The address that most events name as the one they went to."""
    found = collections.Counter()
    for file in files:
        with open(file, "rb") as events:
            found.update(re.findall(rb'"DestinationIp":"([0-9.]+)"', events.read()))
    return found.most_common(1)[0][0].decode()


def load(options, store):
    texts = [open(file, "rb").read() for file in options.events]
    days = [days_of(text) for text in texts]
    writing = subprocess.Popen([options.soc, "lake", "load", store, "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    written, number = 0, 0
    while written < options.gb * 1e9:
        for text, its_days in zip(texts, days):
            more = repetition(text, its_days, number)
            writing.stdin.write(more if more.endswith(b"\n") else more + b"\n")
            written += len(more)
        number += 1
    writing.stdin.close()
    told = writing.stderr.read().decode().splitlines()
    if writing.wait() not in (0, 1):
        raise SystemExit("\n".join(told))
    return number, json.loads(told[-1])


def forget_caches():
    if os.geteuid() != 0:
        return False
    subprocess.run(["sync"], check=True)
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")
    return True


def ask(options, store, what, *arguments):
    def once():
        done = subprocess.run([options.soc, "lake", "search", store, "--stats", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        return json.loads(done.stderr.decode().splitlines()[-1])
    cold = once()["seconds"] if forget_caches() else None
    warm = [once() for _ in range(5)]
    print(json.dumps({"what": what, **warm[-1], "seconds": statistics.median(row["seconds"] for row in warm), "seconds_cold": cold}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gb", type=float, default=10)
    parser.add_argument("--keep", action="store_true", help="the store stays, and is used again")
    parser.add_argument("soc")
    parser.add_argument("work")
    parser.add_argument("events", nargs="+")
    options = parser.parse_args()
    store = os.path.join(options.work, "lake")
    noted = os.path.join(options.work, "lake.repetitions")
    if options.keep and os.path.exists(noted):
        repetitions = int(open(noted, encoding="ascii").read())
    else:
        shutil.rmtree(store, ignore_errors=True)
        os.makedirs(options.work, exist_ok=True)
        repetitions, wrote = load(options, store)
        print(json.dumps({"what": "write", **wrote}), flush=True)
        with open(noted, "w", encoding="ascii") as file:
            file.write(str(repetitions))
    middle = repetitions // 2
    host = f"host:workstation5.{domain_of(middle).decode()}"
    with open(options.events[0], "rb") as file:
        day = datetime.date.fromisoformat(days_of(file.read(1 << 20))[0].decode())
    begins = (day + datetime.timedelta(middle)).isoformat()
    ends = (day + datetime.timedelta(middle + 1)).isoformat()
    address = commonest_address(options.events)
    window = ("--from", f"{begins}T00:00:00Z", "--to", f"{ends}T00:00:00Z")
    ask(options, store, "an address that all days have, the newest 100", "--entity", f"ip:{address}", "--limit", "100")
    ask(options, store, "a machine of one day, the newest 100", "--entity", host, "--limit", "100")
    ask(options, store, "a machine of one day, all of an hour", "--entity", host, "--from", f"{begins}T22:00:00Z", "--to", f"{begins}T23:00:00Z",
        "--limit", "1000000")
    ask(options, store, "an address, all of one day", "--entity", f"ip:{address}", *window, "--limit", "1000000")
    ask(options, store, "an address that is not there", "--entity", "ip:203.0.113.250")
    if not options.keep:
        shutil.rmtree(store, ignore_errors=True)


main()
