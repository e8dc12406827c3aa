"""The hold model on SimPy: so many processes, each sleeping at random again and again.

hold.py PENDING EVENTS prints million events a second.
"""

import sys
import time

import simpy

state = 12345


def ahead():
    global state
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return 1 + state % 1000000000


pending, events = int(sys.argv[1]), int(sys.argv[2])
env = simpy.Environment()
left = events


def process():
    global left
    while left > 0:
        left -= 1
        yield env.timeout(ahead())


for _ in range(pending):
    env.process(process())
begun = time.perf_counter()
env.run()
print(events / (time.perf_counter() - begun) / 1e6)
