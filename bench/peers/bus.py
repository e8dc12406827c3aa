"""100 processes on a bus of 1 ms: whoever's turn it is sends to all others, who all get it. As SimPy's users would write it.

bus.py SENDS prints how many million messages a second arrived;
bus.py prints a figure, which shows that it works.
"""

import sys
import time

import simpy

NODES, DELAY = 100, 1  # ms
left = int((sys.argv[1:] or ["10"])[0])
sends = left
arrived = 0


class Bus:
    """SimPy's own example of a broadcast, with latency."""

    def __init__(self, env):
        self.env = env
        self.stores = [simpy.Store(env) for _ in range(NODES)]

    def latency(self, store, packet):
        yield self.env.timeout(DELAY)
        yield store.put(packet)

    def put(self, sender, packet):
        for node, store in enumerate(self.stores):
            if node != sender:
                self.env.process(self.latency(store, packet))


def node(env, me, bus, done):
    global left, arrived
    while True:
        turn = yield bus.stores[me].get()
        arrived += 1
        if turn == me:
            left -= 1
            if left > 0:
                bus.put(me, (me + 1) % NODES)
            else:
                # When all have theirs.
                yield env.timeout(0)
                done.succeed()


env = simpy.Environment()
bus = Bus(env)
done = env.event()
for me in range(NODES):
    env.process(node(env, me, bus, done))
begun = time.perf_counter()
bus.put(0, 1)
env.run(until=done)
env.run(until=env.now + 1)
assert arrived == sends * (NODES - 1), arrived
print(1e-6 * arrived / (time.perf_counter() - begun))
