# SPDX-License-Identifier: Apache-2.0
# A target for Python 2.7 and 3.6 on, whose threads, generators and tasks stand still. It prints READY, and obeys
# commands, a line each; every answer ends with a line END. A thread of its own answers, so that the others don't move.
# Texts are hex of UTF-8, or - if they are empty. Commands, at each of which the process stops itself when it knows all:
#
#   frames       'thread' and get_ident() of each thread but the one that answers, and its frames, the innermost first:
#                'frame', id of the code, id of f_globals, f_lasti, f_lineno, co_filename, name (co_qualname where there
#                is one), and name:id of each entry of f_locals; '-' in place of all where f_locals is f_globals
#   faulthandler what faulthandler writes of all threads
#   generators   'generator', id, state, id of the code, f_lineno, id of what it waits for, and name:id for each local
#   tasks        'task', id, name, state, id of the coroutine, id of what it waits for, and id:line of each generator that
#                leads from the coroutine to what it waits for, the outermost first
#   names        'thread', get_ident(), get_native_id() or -1, and name of each thread
#   computing    starts a thread that only computes, so that it always has the lock of the interpreter when this waits for
#                the next command; its get_ident()
#   turns        starts threads that call functions all the while, each of which calls but the next: turn_0 to turn_3
#   reprs        id, and what repr() says of the object

from __future__ import print_function

import collections
import gc
import inspect
import os
import signal
import sys
import tempfile
import threading
import types

try:
    import faulthandler
except ImportError:
    faulthandler = None

PYTHON2 = sys.version_info[0] == 2
STANDING = []
GENERATORS = []
STATES = {}


def stand():
    STANDING.append(1)
    threading.Event().wait()


def plain(number, text="default", *rest, **named):
    unset = 1
    del unset
    return stand()


def closure(argument, kept):
    shared = [argument]
    late = "later"

    def inner(own):
        own = own + 1
        print_nothing = lambda: (shared, own)
        return plain(own, "text", 1, 2, key=shared) or (print_nothing, kept)

    if not argument:
        del late
        late = None
    return inner(41)


def recursive(depth):
    if depth:
        return recursive(depth - 1)
    stand()


def body():
    around = "a free variable"

    class Body(object):
        attribute = 1
        other = around

        def method(self):
            return Body

        plain(attribute)

    return Body


def comprehension(count):
    after = 5
    return [plain(i, outer) for i in range(count) for outer in (after, 2)]


def mapped():
    return list(map(lambda one: plain(one, "mapped"), [1, 2]))


def several(value):
    try:
        with open(os.devnull) as file:
            return (
                plain(
                    value,
                    text=(
                        "many"
                        "lines"
                    ),
                ),
                file,
            )
    finally:
        value = 2


def executed():
    space = {"given": [1], "__builtins__": __builtins__}
    own = {"first": 1, "call": stand}
    exec(compile("second = first\n\n\ncall()\n", "<executed>", "exec"), space, own)


def module():
    space = {"call": stand, "__builtins__": __builtins__}
    exec(compile("\n\nfor one in (1, 2):\n    call()\n", "a module", "exec"), space)


def long_function():
    source = ["def long(one):"]
    source += ["    two = %d" % i for i in range(700)]
    source += ["", "" * 300, "    for three in (", "        one,", "        2,", "    ):"]
    source += ["        four = three + one" for i in range(300)]
    source += ["        call("] + ["" for i in range(400)] + ["            four)"]
    space = {"call": plain}
    exec(compile("\n".join(source), "long file \u00e9.py" if not PYTHON2 else "long file.py", "exec"), space)
    return space["long"](7)


def numbers(kept):
    for number in range(3):
        held = [number, kept]
        yield held
    yield


def driven():
    def outer(name):
        for one in numbers(name):
            yield plain(one, name)

    return list(outer("driven"))


class Sorted(object):
    def __init__(self, number):
        self.number = number

    def __lt__(self, other):
        stand()
        return self.number < other.number


def sort():
    return sorted([Sorted(1), Sorted(2)])


def sent():
    generator = numbers("sent")
    next(generator)
    started = numbers(generator)
    for _ in range(2):
        next(started)
    GENERATORS.extend([generator, started, numbers("new")])
    done = numbers(0)
    list(done)
    GENERATORS.append(done)


NEWER = """
def delegate(depth):
    kept = depth
    if depth:
        yield from delegate(depth - 1)
    else:
        for one in numbers("inner"):
            yield one

class Awaitable(object):
    def __await__(self):
        held = self
        yield held

async def coroutine(depth):
    local = [depth]
    if depth:
        await coroutine(depth - 1)
    else:
        await Awaitable()

async def stream(count):
    for i in range(count):
        await Awaitable()
        yield i

async def consume():
    async for one in stream(3):
        pass

def make(cells):
    def generator():
        cells.append(shared)
        yield shared
    shared = 1
    return generator

@types.coroutine
def old_style(inner):
    return (yield from inner)

for some in (delegate(3), coroutine(4), coroutine(0), consume(), make([])(), old_style(coroutine(1)), delegate(0)):
    GENERATORS.append(some)
    if isinstance(some, types.GeneratorType):
        next(some)
    else:
        some.send(None)
GENERATORS.append(coroutine(2))
GENERATORS.append(stream(2))
STATES[id(GENERATORS[-1])] = "created"
some = stream(2)
STATES[id(some)] = "suspended"
step = some.__anext__()
step.send(None)
GENERATORS.append(some)
done = coroutine(0)
try:
    done.send(None)
    done.send(None)
except StopIteration:
    pass
GENERATORS.append(done)
"""

if not PYTHON2:
    exec(NEWER)

ASYNC = """
import asyncio

async def leaf(future, number):
    local = [number]
    await future

async def middle(future, number):
    await leaf(future, number + 1)

async def items(future):
    yield 1
    await future
    yield 2

async def through_items(future):
    async for one in items(future):
        pass

async def other(task):
    await task

async def gathered(*some):
    await asyncio.gather(*some)

async def result():
    return 1

@types.coroutine
def generated(future):
    return (yield from middle(future, 5))

async def through_generator(future):
    await generated(future)

class Derived(asyncio.Task):
    pass

async def run():
    loop = asyncio.get_event_loop()
    future = loop.create_future()
    named = {"name": "the first"} if sys.version_info >= (3, 8) else {}
    first = loop.create_task(middle(future, 1), **named)
    TASKS.extend([first, loop.create_task(other(first)), loop.create_task(through_items(future))])
    TASKS.extend([loop.create_task(through_generator(future)), loop.create_task(gathered(first, future))])
    TASKS.extend([Derived(middle(future, 7), loop=loop), loop.create_task(result()), loop.create_task(leaf(loop.create_future(), 8))])
    if sys.version_info >= (3, 7):
        TASKS.append(asyncio.tasks._PyTask(leaf(future, 9), loop=loop))
        TASKS.append(asyncio.tasks._PyTask(leaf(asyncio.futures._PyFuture(loop=loop), 9), loop=loop))
        TASKS.append(asyncio.tasks._PyTask(result(), loop=loop))
    await asyncio.sleep(0.01)
    TASKS[7].cancel()
    await asyncio.sleep(0.01)
    STANDING.append(1)
    await leaf(loop.create_future(), 3)

def loop():
    asyncio.new_event_loop().run_until_complete(run())
"""
TASKS = []

TARGETS = [
    (plain, (1,)),
    (closure, (3, "kept")),
    (recursive, (700,)),
    (body, ()),
    (comprehension, (2,)),
    (mapped, ()),
    (several, (1,)),
    (executed, ()),
    (module, ()),
    (long_function, ()),
    (driven, ()),
    (sort, ()),
]

if not PYTHON2:
    exec(ASYNC)
    TARGETS.append((loop, ()))


def hexed(text):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass" if not PYTHON2 else "strict")
    return "".join("%02x" % byte for byte in bytearray(data)) or "-"


def variables(frame):
    names = frame.f_locals
    if names is frame.f_globals:
        return ["-"]
    return ["%s:%d" % (hexed(name), id(value)) for name, value in names.items()]


def code_name(code):
    return hexed(getattr(code, "co_qualname", code.co_name))


def tell_frames():
    rows = []
    for ident, frame in sys._current_frames().items():
        if ident == threading.current_thread().ident:
            continue
        rows.append(["thread", ident])
        while frame is not None:
            code = frame.f_code
            rows.append([
                "frame", id(code), id(frame.f_globals), frame.f_lasti, -1 if frame.f_lineno is None else frame.f_lineno,
                hexed(code.co_filename), code_name(code),
            ] + variables(frame))
            frame = frame.f_back
    return rows


def tell_generators():
    rows = []
    for some in GENERATORS:
        kind = "gi" if isinstance(some, types.GeneratorType) else "cr" if type(some).__name__ == "coroutine" else "ag"
        frame = getattr(some, kind + "_frame")
        inner = getattr(some, {"gi": "gi_yieldfrom", "cr": "cr_await", "ag": "ag_await"}[kind], None)
        if kind == "ag":
            # Nobody tells it in all versions.
            state = STATES[id(some)]
        elif kind == "cr":
            state = inspect.getcoroutinestate(some)[5:].lower()
        elif PYTHON2:
            state = "closed" if frame is None else "created" if frame.f_lasti < 0 else "suspended"
        else:
            state = inspect.getgeneratorstate(some)[4:].lower()
        rows.append([
            "generator", id(some), state, id(getattr(some, kind + "_code")),
            -1 if frame is None or frame.f_lineno is None else frame.f_lineno, 0 if inner is None else id(inner),
        ] + ([] if frame is None else variables(frame)))
    return rows


def awaited(some):
    # These stand for others, and Python tells nothing else of them.
    while type(some).__name__ in ("coroutine_wrapper", "async_generator_asend", "anext_awaitable", "FutureIter"):
        inner = [one for one in gc.get_referents(some) if hasattr(one, "send") or hasattr(one, "__await__") or hasattr(one, "asend")]
        if not inner:
            break
        some = inner[0]
    return some


def link(some):
    kind = {"generator": "gi", "coroutine": "cr", "async_generator": "ag"}.get(type(some).__name__)
    if kind is None:
        return None
    inner = getattr(some, {"gi": "gi_yieldfrom", "cr": "cr_await", "ag": "ag_await"}[kind], None)
    return getattr(some, kind + "_frame"), awaited(inner)


def tell_tasks():
    rows = []
    for task in TASKS:
        coroutine = getattr(task, "_coro", None)
        name = task.get_name() if hasattr(task, "get_name") else ""
        row = ["task", id(task), hexed(name), "cancelled" if task.cancelled() else "finished" if task.done() else "pending"]
        row += [id(coroutine), 0 if task._fut_waiter is None else id(task._fut_waiter)]
        at = coroutine
        while at is not None and link(at) is not None:
            frame, inner = link(at)
            if frame is None:
                break
            row.append("%d:%d" % (id(at), frame.f_lineno))
            at = inner
        rows.append(row)
    return rows


def tell_names():
    return [["thread", some.ident, getattr(some, "native_id", None) or -1, hexed(some.name)]
            for some in threading.enumerate()]


def tell_computing():
    told = []

    def compute():
        told.append([threading.current_thread().ident])
        number = 0
        while True:
            number += 1

    start(compute, ())
    while not told:
        threading.Event().wait(0.01)
    return told


def turn_0(count):
    return count and turn_1(count - 1)


def turn_1(count):
    return count and turn_2(count - 1)


def turn_2(count):
    return count and turn_3(count - 1)


def turn_3(count):
    return count and turn_0(count - 1)


def tell_turns():
    def turn():
        count = 0
        while True:
            count = (count * 7 + 13) % 300
            turn_0(count)
            turn_1(count)
            turn_2(count)
            turn_3(count)

    for _ in range(4):
        start(turn, ())
    return []


def tell_reprs():
    return [[id(some), hexed(repr(some))] for some in REPRS]


def tell_faults():
    with tempfile.TemporaryFile(mode="w+") as file:
        faulthandler.dump_traceback(file=file, all_threads=True)
        file.seek(0)
        return [[line.rstrip("\n")] for line in file]


Point = collections.namedtuple("Point", "x y")
REPRS = [
    None, True, False, Ellipsis, NotImplemented, 0, -1, 2 ** 62, -2 ** 64, 3 ** 100, 1.0, -0.0, 0.1, 1e16, 1e15, 123456.75,
    1e-5, 0.0001, 1.5e300, 5e-324, 1 / 3.0, float("inf"), float("-inf"), float("nan"), 1e22, 1e23, 123456789012345680.0,
    "", "text", "it's", 'a "word"', "both ' and \"", "line\n\t\\ \x00 \x7f", u"caf\u00e9 \u20ac \U0001f40d \u200b \ufeff",
    u"\xa0\xad\x85", b"bytes \xff\n'", bytearray(b"array"), [], [1, "two", None], (), (1,), (1, (2, [3])), {}, {"a": [1.5], 2: ()},
    set(), set([7]), frozenset(), frozenset([7]), int, Sorted, Point, collections, threading, plain, plain.__code__,
    os.getpid.__class__, u"x" * 60,
]
if not PYTHON2:
    REPRS += [GENERATORS[0], GENERATORS[1]]


TELLERS = {"frames": tell_frames, "generators": tell_generators, "faulthandler": tell_faults, "tasks": tell_tasks,
           "names": tell_names, "computing": tell_computing, "turns": tell_turns, "reprs": tell_reprs}


def obey():
    while True:
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        try:
            rows = TELLERS[line.strip()]()
            os.kill(os.getpid(), signal.SIGSTOP)
            for row in rows:
                print(*row)
        except Exception as e:
            print("FAILED:", type(e).__name__, e)
        print("END")
        sys.stdout.flush()


def start(target, arguments):
    thread = threading.Thread(target=target, args=arguments)
    thread.daemon = True
    thread.start()


def places():
    return sorted((ident, frame.f_lasti, id(frame)) for ident, frame in sys._current_frames().items() if ident != OWN[0])


def answer():
    OWN[0] = threading.current_thread().ident
    before = None
    while before != places() or len(STANDING) < len(TARGETS):
        before = places()
        threading.Event().wait(0.05)
    print("READY")
    sys.stdout.flush()
    obey()


OWN = [0]
sent()
for target, arguments in TARGETS:
    start(target, arguments)
start(answer, ())
threading.Event().wait()
