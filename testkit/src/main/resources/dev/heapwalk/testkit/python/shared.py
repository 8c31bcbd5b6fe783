# SPDX-License-Identifier: Apache-2.0
# A target for Python 3.13 on without the global interpreter lock, whose threads share objects. It prints READY, and obeys
# commands, a line each; every answer ends with a line END. Commands, at each of which the process stops itself when it
# knows all:
#
#   ended        objects that threads have made which ended: id of each
#   counts       objects that several threads refer to: id, and sys.getrefcount
#   waiting      makes dictionaries and lists larger that another thread has read, while a thread computes: how many

import gc
import os
import signal
import sys
import threading
import time


class Plain:
    def __init__(self, number):
        self.number = number


class Slotted:
    __slots__ = ("number",)

    def __init__(self, number):
        self.number = number


SHARED = [[], {}, set(), "text " + str(os.getpid()), 10**40, 1.5e300, Plain(1), Slotted(2), b"bytes" * 3, (1, [])]
HELD = []
LEFT = []
GROWN = []
COMPUTING = []


def hold(times):
    mine = [list(SHARED) for _ in range(times)]
    HELD.append(mine)
    if times % 2:
        threading.Event().wait()


def leave(count):
    LEFT.append([[Plain(i), Slotted(i), [i], {i: i}, "text %d" % i, float(i)] for i in range(count)])


def compute():
    # C code, in which it may be reading anything all the while.
    COMPUTING.append(1)
    sum(range(10**12))


def read(some):
    for one in some:
        len(one)
        for _ in one:
            pass


def run(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def start():
    for times in range(1, 6):
        thread = run(hold, times)
        if times % 2 == 0:
            thread.join()
    for _ in range(4):
        run(leave, 500).join()
    while len(HELD) < 5:
        pass


def ended():
    return [(id(one),) for left in LEFT for group in left for one in group]


def counts():
    # No variable refers to them meanwhile.
    return [(id(SHARED[i]), sys.getrefcount(SHARED[i])) for i in range(len(SHARED))]


def waiting():
    dicts = [{0: 0} for _ in range(50)]
    lists = [[0] for _ in range(50)]
    run(read, dicts).join()
    run(read, lists).join()
    run(compute)
    while not COMPUTING:
        pass
    time.sleep(0.1)
    for i in range(2000):
        for one in dicts:
            one[i] = i
        for one in lists:
            one.append(i)
    GROWN.extend(dicts)
    GROWN.extend(lists)
    del dicts, lists, one
    return [(len(GROWN),)]


COMMANDS = {"ended": ended, "counts": counts, "waiting": waiting}

gc.collect()
gc.disable()
start()
print("READY")
sys.stdout.flush()
while True:
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    rows = COMMANDS[line.strip()]()
    os.kill(os.getpid(), signal.SIGSTOP)
    for row in rows:
        print(*row)
    print("END")
    sys.stdout.flush()
