#!/usr/bin/env python3
"""What a byte of a slow sender costs the event loop, with some and with ten times as many: the same, as processor time tells."""

import socket
import time

from siege import Daemon, Report, arguments

options = arguments(__doc__, senders=5000, drops=20000)
report = Report("drops")
daemon = Daemon(configuration={"request_seconds": 600})  # they are to stay
daemon.start()


def loop_seconds():
    """Of the thread that runs the event loop, which is the daemon's first."""
    with open(f"/proc/{daemon.process.pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def cost(count):
    """Microseconds of the loop for each byte of `count` senders in turn."""
    senders = []
    for _ in range(count):
        senders.append(socket.socket(socket.AF_UNIX))
        senders[-1].connect(daemon.socket)
        senders[-1].send(b"POST /v1/best HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
    spent = 0.0
    # Twice: the first pieces of each sender are read at once, and new pages are touched.
    for _ in range(2):
        time.sleep(0.5)
        spent = loop_seconds()
        for number in range(options.drops):
            senders[number % count].send(b"x")
            if number % 50 == 49:
                time.sleep(0.005)
        time.sleep(1)
        spent = loop_seconds() - spent
    for each in senders:
        each.close()
    time.sleep(0.5)
    return 1e6 * spent / options.drops


costs = {count: cost(count) for count in (options.senders // 10, options.senders)}
report.check(daemon.alive(), "the daemon ended")
few, many = costs.values()
report.timed(options, many <= 1.3 * few, f"a byte costs more the more senders there are: {costs}")
report.figures = {f"us a byte of {count}": value for count, value in costs.items()}
daemon.remove()
raise SystemExit(report.end())
