"""The hold model on SimPy: so many processes, each sleeping at random again and again.

hold.py PENDING EVENTS prints million events a second;
hold.py PENDING prints bytes for each process that sleeps;
hold.py prints a figure, which shows that it works.
"""

import resource
import sys
import time

import simpy

state = 12345


def ahead():
    global state
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return 1 + state % 1000000000


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


words = sys.argv[1:] or ["2", "1000"]
pending = int(words[0])
left = events = int(words[1]) if len(words) > 1 else 0
env = simpy.Environment()
done = env.event()


def process():
    global left
    while True:
        yield env.timeout(ahead())
        left -= 1
        if left == 0:
            done.succeed()


before = resident()
for _ in range(pending):
    env.process(process())
# All of them have begun, and none has slept.
env.run(until=0.5)
if events == 0:
    print((resident() - before) / pending)
else:
    begun = time.perf_counter()
    env.run(until=done)
    print(events / (time.perf_counter() - begun) / 1e6)
