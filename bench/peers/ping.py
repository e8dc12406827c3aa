"""100,000 round trips over a link of 1 ms, as SimPy's users would write it."""

import time

import simpy

TIMES, DELAY = 100_000, 1  # ms


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
print(f"{TIMES} round trips in {env.now} ms, {time.perf_counter() - begun:.2f} s of real time")
