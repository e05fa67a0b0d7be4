#!/usr/bin/env python3
"""Writes recorded logs into live files in the order and (scaled) rhythm of their times, as the software that wrote them did.

usage: tools/replay.py [--speed X] [--max-gap S] SOURCE_DIR LIVE_DIR
Lines of all files of SOURCE_DIR (access.json, modsec_audit.json, audit.log) are interleaved by their own time stamps; nothing in a line is
changed. --speed 20 plays twenty times as fast; no pause is longer than --max-gap seconds (0.2).
"""
import argparse
import datetime
import json
import os
import re
import time

AUDIT_TIME = re.compile(rb"msg=audit\((\d+\.\d+):")

def time_of(name, line):
    """Unix seconds of a recorded line; None when it carries none (it then follows the line before it)."""
    if name.endswith(".log"):
        match = AUDIT_TIME.search(line)
        return float(match.group(1)) if match else None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if "msec" in record:
        return float(record["msec"])
    stamp = record.get("transaction", {}).get("time_stamp")
    if stamp:
        at = datetime.datetime.strptime(stamp, "%a %b %d %H:%M:%S %Y")
        return at.replace(tzinfo=datetime.timezone.utc).timestamp()
    return None

def recorded_lines(source):
    lines = []
    for name in ("access.json", "modsec_audit.json", "audit.log"):
        last = 0.0
        with open(os.path.join(source, name), "rb") as recorded:
            for number, line in enumerate(recorded):
                last = time_of(name, line) or last
                lines.append((last, name, number, line))
    lines.sort(key=lambda item: (item[0], item[1], item[2]))
    return lines

def replay(source, live, speed=20.0, max_gap=0.2, on_line=None):
    """Returns the number of lines written. `on_line(written, total)` is called now and then."""
    lines = recorded_lines(source)
    os.makedirs(live, exist_ok=True)
    files = {name: open(os.path.join(live, name), "ab", buffering=0) for name in {item[1] for item in lines}}
    previous = lines[0][0] if lines else 0
    for index, (at, name, _, line) in enumerate(lines):
        gap = min(max(0.0, at - previous) / speed, max_gap)
        if gap > 0.001:
            time.sleep(gap)
        previous = at
        files[name].write(line if line.endswith(b"\n") else line + b"\n")
        if on_line and index % 50 == 0:
            on_line(index + 1, len(lines))
    for opened in files.values():
        opened.close()
    return len(lines)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--max-gap", type=float, default=0.2)
    parser.add_argument("source")
    parser.add_argument("live")
    arguments = parser.parse_args()
    print(replay(arguments.source, arguments.live, arguments.speed, arguments.max_gap), "lines")
