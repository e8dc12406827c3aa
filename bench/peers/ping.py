"""Round trips over a link of 1 ms, as SimPy's users would write it.

ping.py TIMES prints how many million messages a second were sent;
ping.py prints a figure, which shows that it works.
"""

import sys
import time

import simpy

TIMES, DELAY = int((sys.argv[1:] or ["1000"])[0]), 1  # ms


class Link:
    """As the cable in SimPy's own example of latency."""

    def __init__(self, env):
        self.env = env
        self.store = simpy.Store(env)

    def latency(self, packet):
        yield self.env.timeout(DELAY)
        yield self.store.put(packet)

    def put(self, packet):
        self.env.process(self.latency(packet))

    def get(self):
        return self.store.get()


def client(there, back):
    for packet in range(TIMES):
        there.put(packet)
        yield back.get()


def server(there, back):
    while True:
        back.put((yield there.get()))


begun = time.perf_counter()
env = simpy.Environment()
there, back = Link(env), Link(env)
env.process(server(there, back))
env.run(until=env.process(client(there, back)))
assert env.now == 2 * TIMES
print(2e-6 * TIMES / (time.perf_counter() - begun))
