"""Follows the feed with nothing but Python: python3 feed.py http://127.0.0.1:7878 TOKEN jobs"""

import contextlib
import json
import socket
import sys
import time
from urllib.parse import urlsplit

host, token, topics, after = urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3], ""
head = f"Host: {host.netloc}\r\nAuthorization: Bearer {token}\r\nSec-WebSocket-Version: 13\r\n"
head += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
while True:
    # No tick for 40 s: the line is dead, and reading ends with an OSError.
    with contextlib.suppress(OSError), socket.create_connection((host.hostname, host.port or 80), 40) as line:
        line.sendall(f"GET /v1/feed?topics={topics}{after} HTTP/1.1\r\n{head}".encode())
        stream = line.makefile("rb")
        while stream.readline().strip():  # the head of the answer
            pass
        while len(start := stream.read(2)) == 2:  # frames: a kind, a length, bytes
            longer = {126: 2, 127: 8}.get(start[1])
            size = int.from_bytes(stream.read(longer), "big") if longer else start[1]
            kind, body = start[0] & 15, stream.read(size)
            if kind == 9:  # a ping, which wants its pong
                line.sendall(bytes([0x8A, 0x80 | size, 0, 0, 0, 0]) + body)
            if kind == 8 and 4400 <= int.from_bytes(body[:2], "big") < 4429:
                sys.exit(body[2:].decode())  # refused, and why
            message = json.loads(body) if kind == 1 else {}
            for event in message.get("events", []):
                print(event["kind"], event["jobNumber"], event["step"], event["first"], event["state"])
            if message.get("type") in ("events", "tick"):
                after = f"&after={message['cursor']}"  # nothing is lost: here it goes on
    time.sleep(1)
