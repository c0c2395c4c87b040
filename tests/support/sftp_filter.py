#!/usr/bin/env python3
"""The SFTP subsystem of a test's sshd: OpenSSH's server without posix-rename, behind a filter that does one wrong thing.

  sftp_filter.py DIRECTORY

What is wrong is told by one line in DIRECTORY/rule when a connection begins, or later:

  before TYPE N   the connection ends when the N-th request of this type comes (and is not done)
  after TYPE N    it is done, and the connection ends instead of its reply
  refuse TYPE N   it is not done, and answered with "failure"
  empty           the first READ is answered with a DATA of no bytes
  stall           from the first WRITE on nothing is read any more

"before" and "after" hold once, whatever the number of connections; their rule is removed. With "for-good" behind N every
later connection ends at once. Each LSTAT is a line of DIRECTORY/looks.
"""

import os
import struct
import subprocess
import sys
import threading
import time

WRITE, LSTAT, STATUS, DATA = 6, 7, 101, 103
directory = sys.argv[1]
rule_file = os.path.join(directory, "rule")


def note(name):
    with open(os.path.join(directory, name), "a", encoding="ascii") as file:
        file.write("x\n")


def rule():
    try:
        with open(rule_file, encoding="ascii") as file:
            return file.read().split() or ["none"]
    except FileNotFoundError:
        return ["none"]


def packets(stream):
    while len(head := stream.read(4)) == 4:
        yield stream.read(struct.unpack(">I", head)[0])


def send(stream, body):
    with lock:
        stream.write(struct.pack(">I", len(body)) + body)
        stream.flush()


lock = threading.Lock()
last_request = None
server = subprocess.Popen(
    ["/usr/lib/openssh/sftp-server", "-P", "posix-rename"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)


def end():
    if rule()[-1] == "for-good":
        note("ended_for_good")
    os.remove(rule_file)
    server.stdin.close()
    server.wait()
    os._exit(0)


def replies():
    for body in packets(server.stdout):
        if body[1:5] == last_request:
            end()
        if body[0] == DATA and rule()[0] == "empty":
            body = body[:5] + bytes(4)
        send(sys.stdout.buffer, body)
    os._exit(0)


if os.path.exists(os.path.join(directory, "ended_for_good")):
    os._exit(0)
threading.Thread(target=replies, daemon=True).start()
counts = {}
for body in packets(sys.stdin.buffer):
    kind = body[0]
    counts[kind] = counts.get(kind, 0) + 1
    if kind == LSTAT:
        note("looks")
    what = rule()
    while kind == WRITE and what[0] == "stall":
        time.sleep(1)
    if what[0] in ("before", "after", "refuse") and what[1:3] == [str(kind), str(counts[kind])]:
        if what[0] == "before":
            end()
        if what[0] == "refuse":
            send(sys.stdout.buffer, bytes([STATUS]) + body[1:5] + struct.pack(">III", 4, 0, 0))
            continue
        last_request = body[1:5]
    send(server.stdin, body)
server.stdin.close()
