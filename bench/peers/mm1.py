"""A queue with one server (M/M/1) for a simulated day, as SimPy's users would write it."""

import random
import time

import simpy

ARRIVALS, SERVICES, DAY = 20, 40, 86_400  # a second, a second, seconds

waits = []


def customer(env, server, rng):
    arrived = env.now
    with server.request() as turn:
        yield turn
        waits.append(env.now - arrived)
        yield env.timeout(rng.expovariate(SERVICES))


def source(env, server, rng):
    while True:
        yield env.timeout(rng.expovariate(ARRIVALS))
        env.process(customer(env, server, rng))


begun = time.perf_counter()
env = simpy.Environment()
env.process(source(env, simpy.Resource(env), random.Random(1)))
env.run(until=DAY)
took = time.perf_counter() - begun
theory = ARRIVALS / SERVICES / (SERVICES - ARRIVALS)
print(f"mean wait {sum(waits) / len(waits):.4f} s, in theory {theory:.4f} s")
print(f"{len(waits)} customers, {2 * len(waits)} arrivals and departures, {took:.2f} s of real time")
