"""So many customers of a queue with one server (M/M/1) on SimPy, each a process.

queue.py CUSTOMERS prints thousand customers a second;
queue.py prints a figure, which shows that it works.
"""

import random
import sys
import time

import simpy


def customer(env, server, rng):
    with server.request() as turn:
        yield turn
        yield env.timeout(rng.expovariate(40))


def source(env, server, rng, customers):
    for _ in range(customers):
        yield env.timeout(rng.expovariate(20))
        env.process(customer(env, server, rng))


customers = int(sys.argv[1]) if len(sys.argv) > 1 else 100
begun = time.perf_counter()
env = simpy.Environment()
env.process(source(env, simpy.Resource(env), random.Random(1), customers))
env.run()
print(customers / (time.perf_counter() - begun) / 1e3)
