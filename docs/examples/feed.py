"""Follows the feed with nothing but Python: TALLY_TOKEN=… python3 feed.py http://127.0.0.1:7878 jobs"""

import json
import sys
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from os import environ
from time import sleep

(scheme, _, host), topics, after = sys.argv[1].rstrip("/").partition("://"), sys.argv[2], ""
Line = HTTPSConnection if scheme == "https" else HTTPConnection
head = {"Authorization": f"Bearer {environ['TALLY_TOKEN']}", "Connection": "Upgrade", "Upgrade": "websocket"}
head |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
while True:
    # No tick for 40 s: the line is dead, and reading ends with an OSError.
    with suppress(OSError, HTTPException), closing(Line(host, timeout=40)) as line:
        line.request("GET", f"/v1/feed?topics={topics}{after}", headers=head)
        answer = line.getresponse()
        if 400 <= answer.status < 500:
            sys.exit(f"{answer.status} {answer.read().decode()}")  # not even a WebSocket, and why
        read = answer.fp.read
        while answer.status == 101 and len(start := read(2)) == 2:  # frames: a kind, a length, bytes
            size = int.from_bytes(read(n), "big") if (n := {126: 2, 127: 8}.get(start[1])) else start[1]
            kind, body = start[0] & 15, read(size)
            if kind == 9:  # a ping, which wants its pong
                line.sock.sendall(bytes([0x8A, 0x80 | size, 0, 0, 0, 0]) + body)
            if kind == 8 and 4400 <= int.from_bytes(body[:2], "big") < 4429:
                sys.exit(body[2:].decode())  # refused, and why
            message = json.loads(body) if kind == 1 else {}
            for event in message.get("events", []):
                print(event["kind"], event["jobNumber"], event["step"], event["first"], event["state"])
            # Nothing is lost: the cursor says where to go on.
            after = f"&after={message['cursor']}" if message.get("type") in ("events", "tick") else after
    sleep(1)
