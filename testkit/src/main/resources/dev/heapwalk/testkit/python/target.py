# SPDX-License-Identifier: Apache-2.0
# A target for Python 2.7 and 3.6 on. It makes objects of many kinds, collects its garbage, prints READY, and obeys
# commands, a line each; every answer ends with a line END. Commands:
#
#   version       sys.version in one line, sys.hexversion, id(type)
#   types         all types: id, __module__, __qualname__, __flags__, __basicsize__, __itemsize__, id of __base__,
#                 __dictoffset__, __weakrefoffset__
#   values        texts, bytes and integers: id, kind, and the value: hex of UTF-8 or of the bytes, or a number
#   dicts         dictionaries: id, and for each entry id of key and of value, in order
#   objects       objects: id, id of the type, how many references they have
#   threads       get_ident() and, where there is one, get_native_id() of each thread
#   interpreters  numbers of all interpreters, in the order in which they were made
#   interpreter   makes another interpreter: with its own allocator if the word 'own' follows
#   fill N        makes N more small objects, and keeps them
#   free          lets go of every other one
#   large N       makes N more objects of more than 512 bytes, and keeps them
#   churn         starts threads that go on making and dropping objects
#   stats         what sys._debugmallocstats() writes; the process stops itself just behind that, and tells
#                 what sys.getallocatedblocks() was just before it when it goes on
#   tracked       objects of the garbage collector: generation, or - before 3.8, and id of each; the lists that this
#                 takes have the word 'own' in place of it. The process stops itself when it knows them
#   sizes         all objects that others refer to: id, id of the type, sys.getsizeof, whether the type has no
#                 __sizeof__ of its own; 'own' and id for the lists that this takes. The process stops
#                 itself when it knows them
#   crash FOLDER  the same, and ends with a core in that folder, in which all are that were told
#   kinds         makes objects of many more types, and keeps them
#   owners        makes objects that own buffers of all kinds, and keeps them
#   arrays        makes arrays of NumPy, and keeps them: where the data is, how many bytes it has, the name of the type
#                 of its elements, and the shape; 'none' without NumPy
#   databases     opens databases of SQLite with rows and statements, and keeps them: how many bytes the library has
#                 allocated, and in how many blocks; 'none' without it
#   views         objects of built-in types: kind, id, and what the kind has, mostly ids; the process stops itself
#                 when it knows them
#   modules       name in sys.modules and id of each module
#   library       makes objects of many types of the standard library, and keeps them
#   referents     objects of the garbage collector: id, id of the type, and ids of what gc.get_referents tells of it; a
#                 line 'own' and an id for what this takes. The process stops itself when it knows them
#   stacks        starts threads that have objects on their stacks alone while they wait: name of the function, id
#   frozen        gc.freeze(), then gc.get_freeze_count()
#   evaluate X    the value of an expression

from __future__ import print_function

import collections
import gc
import os
import signal
import sys
import threading
import time

try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        interpreters = None

PYTHON2 = sys.version_info[0] == 2


class Plain(object):
    def __init__(self, number):
        self.number = number
        self.name = "plain %d" % number


class Slotted(object):
    __slots__ = ("left", "right")

    class Inner(object):
        pass


class Text(str):
    pass


class Number(int):
    pass


class Meta(type):
    pass


Made = Meta("Made", (Plain,), {})

TEXTS = ["", "a", "plain ASCII", "x" * 1000, Text("derived")]
TEXTS += [u"caf\u00e9", u"\u20ac uro", u"\U0001f40d snake", u"\ud7ff"]
BYTES = [b"", b"\0\1\2", b"bytes" * 100]
NUMBERS = [0, 1, -1, 255, 257, -300, 2 ** 30 - 1, 2 ** 30, -2 ** 31, 2 ** 62, -2 ** 63, 2 ** 64]
NUMBERS += [3 ** 100, -3 ** 101, Number(77), True]

DICTS = [
    {},
    {"a": 1, "b": "two", "c": None},
    {1: "one", (2, 3): [4], "mixed": {}},
    dict((i, str(i)) for i in range(1000)),
    dict(("key %d" % i, i) for i in range(300)),
    dict.fromkeys("abcdefgh"),
    collections.OrderedDict([("first", 1), ("second", 2)]),
]
del DICTS[5]["c"], DICTS[5]["h"]
for i in range(0, 300, 3):
    del DICTS[4]["key %d" % i]

PLAINS = [Plain(i) for i in range(20)]
PLAINS[3].more = "an attribute that the others lack"
del PLAINS[4].number
# Asking for it makes it, with values of its own or in the object.
DICTS.extend(plain.__dict__ for plain in PLAINS[:6])

OBJECTS = [object(), PLAINS[7], Slotted(), [1, 2], (1, "two"), 1.5, {1, 2}, range, len, None, type]
OBJECTS += [Slotted.Inner(), Made(1)]
KEPT = []
LARGE = []
MORE = []
INTERPRETERS = []
BLOCKS = [0]


def idle():
    lock = threading.Lock()
    lock.acquire()

    def wait():
        lock.acquire()

    for _ in range(3):
        thread = threading.Thread(target=wait)
        thread.daemon = True
        thread.start()


def all_types():
    seen = set()
    todo = [object]
    while todo:
        some = todo.pop()
        if id(some) not in seen:
            seen.add(id(some))
            yield some
            todo.extend(type.__subclasses__(some))


def types():
    for some in all_types():
        module = type.__dict__["__module__"].__get__(some) if some is not type else type.__module__
        base = some.__base__
        print(
            id(some),
            module if isinstance(module, str) else "-",
            (some.__name__ if PYTHON2 else some.__qualname__).replace(" ", "_"),
            some.__flags__,
            some.__basicsize__,
            some.__itemsize__,
            0 if base is None else id(base),
            some.__dictoffset__,
            some.__weakrefoffset__,
        )


def values():
    def hexed(data):
        return "".join("%02x" % byte for byte in bytearray(data))

    for text in TEXTS:
        kind = "bytes" if isinstance(text, bytes) else "text"
        print(id(text), kind, hexed(text if kind == "bytes" else text.encode("utf-8")))
    for data in BYTES:
        print(id(data), "bytes", hexed(data))
    for number in NUMBERS:
        print(id(number), "number", int(number))


def threads():
    for thread in threading.enumerate():
        print(thread.ident, getattr(thread, "native_id", None) or -1)


def list_interpreters():
    if interpreters is None:
        print(0)
        return
    for one in sorted(int(one[0] if isinstance(one, tuple) else one) for one in interpreters.list_all()):
        print(one)


def make_interpreter(own):
    if sys.version_info >= (3, 13):
        made = interpreters.create("isolated" if own else "legacy")
    elif sys.version_info >= (3, 12):
        made = interpreters.create(isolated=own)
    else:
        made = interpreters.create()
    INTERPRETERS.append(made)
    run = getattr(interpreters, "run_string", None) or getattr(interpreters, "exec")
    run(made, "import sys; kept = [object() for _ in range(10000)]")


def fill(count):
    KEPT.extend(Plain(i) for i in range(count))


def let_go():
    del KEPT[::2]


def churn():
    def work(seed):
        kept = {}
        while True:
            seed = (seed * 1103515245 + 12345) % (1 << 31)
            kept[seed % 5000] = Plain(seed) if seed & 8 else [str(seed)] * (seed % 60)
            if not seed % 3001:
                kept.clear()

    for i in range(2):
        thread = threading.Thread(target=work, args=(i,))
        thread.daemon = True
        thread.start()


def stats():
    kill = os.kill
    pid = os.getpid()
    stop = signal.SIGSTOP
    number = 0
    write = sys._debugmallocstats
    blocks = BLOCKS
    count = sys.getallocatedblocks
    gc.collect()
    kill(pid, number)
    # Its result is an object; behind the statistics nothing is to be made.
    blocks[0] = count()
    write()
    kill(pid, stop)
    print("getallocatedblocks", blocks[0])


def tracked():
    kill = os.kill
    pid = os.getpid()
    stop = signal.SIGSTOP
    ordered = sys.version_info >= (3, 8)
    get = gc.get_objects
    gc.collect()
    gc.disable()
    KEPT.extend([i] for i in range(200))
    if ordered:
        gc.collect(0)
        KEPT.extend([i] for i in range(300))
        lists = [0, 1, 2]
        ids = [0, 1, 2]
        lists[0] = get(0)
        lists[1] = get(1)
        lists[2] = get(2)
        ids[0] = list(map(id, lists[0]))
        ids[1] = list(map(id, lists[1]))
        ids[2] = list(map(id, lists[2]))
    else:
        lists = [0]
        ids = [0]
        lists[0] = get()
        ids[0] = list(map(id, lists[0]))
    kill(pid, stop)
    gc.enable()
    own = [id(some) for some in lists] + [id(some) for some in ids]
    del lists
    for generation, some in enumerate(ids):
        for one in some:
            print(generation if ordered else "-", one)
    for one in own:
        print("own", one)


def measure():
    gc.collect()
    gc.disable()
    todo = gc.get_objects()
    seen = {}
    rows = []
    while todo:
        some = todo.pop()
        if id(some) in seen:
            continue
        seen[id(some)] = some
        todo.extend(gc.get_referents(some))
        try:
            size = sys.getsizeof(some)
        except Exception:
            size = -1
        kind = type(some)
        plain = getattr(kind, "__sizeof__", None) is object.__sizeof__ if kind is not type else False
        rows.append((id(some), id(kind), size, int(plain)))
    return rows, seen, todo


def tell_sizes(rows, seen, todo):
    for row in rows:
        print(*row)
    print("own", id(seen))
    print("own", id(rows))
    print("own", id(todo))


def sizes():
    rows, seen, todo = measure()
    os.kill(os.getpid(), signal.SIGSTOP)
    gc.enable()
    tell_sizes(rows, seen, todo)


def crash(folder):
    import resource

    os.chdir(folder)
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    rows, seen, todo = measure()
    tell_sizes(rows, seen, todo)
    print("END")
    sys.stdout.flush()
    os.abort()


def kinds():
    import array
    import decimal
    import functools
    import io
    import itertools
    import re
    import struct
    import weakref

    def generator(count):
        for i in range(count):
            yield i

    started = generator(3)
    next(started)
    point = collections.namedtuple("Point", "x y")
    MORE.extend([
        started, generator(4), point(1, 2), re.compile("a(b)c"), re.match("(x)", "x"), weakref.ref(PLAINS[0]),
        iter([1]), iter((1,)), iter({}), iter(set()), zip([1]), map(str, [1]), itertools.count(3), slice(1, 2, 3),
        range(10 ** 20) if not PYTHON2 else xrange(7), 1.25, 1 + 2j, 10 ** 50, -10 ** 50, b"x" * 77, u"\u20ac" * 77,
        "y" * 3000,
        bytearray(b"abc"), memoryview(b"abc"), array.array("i", [1, 2]), decimal.Decimal("1.5"), struct.Struct("ii"),
        functools.partial(len, "a"), io.BytesIO(b"q"), io.StringIO(u"q"), frozenset(range(100)), set(range(1000)),
        collections.deque(range(200)), collections.defaultdict(list), (lambda one: lambda: one)(1), PLAINS[0].__init__,
        staticmethod(len), classmethod(len), property(len), ValueError("wrong", 1), threading.Lock(), sys.exc_info,
        tuple(range(1000)), [[]] * 1000, Slotted(), Meta("More", (), {"__slots__": ("a", "b")})(),
        type("Late", (int,), {})(5),
        type("Texts", (str,), {})("text"), type("Tuples", (tuple,), {})((1, 2)), type("Dicts", (dict,), {})(a=1),
        type("Errors", (Exception,), {})("text", 2), type("Bytes", (bytes,), {})(b"abc"),
    ])
    MORE[-5].extra = [1]
    MORE.extend(Slotted() for _ in range(10))
    print(len(MORE))


def owners():
    import array
    import io

    class Lists(list):
        pass

    class Sets(set):
        pass

    class Attributed(collections.OrderedDict):
        """A type with a text."""

    ordered = collections.OrderedDict((i, str(i)) for i in range(500))
    for i in range(0, 500, 7):
        del ordered[i]
    attributed = Attributed([("a", 1)])
    attributed.more = 1
    grown = collections.deque(range(3000))
    for _ in range(2500):
        grown.popleft()
    text = io.StringIO()
    for i in range(100):
        text.write(u"line %d\n" % i)
    text.seek(3)
    text.write(u"over")
    data = io.BytesIO(b"abc" * 300)
    data.write(b"more")
    with_lists = [Plain(i) for i in range(40)]
    for i, one in enumerate(with_lists):
        if i % 2:
            one.other = i
        if i % 3:
            one.__dict__
        if i % 10 == 0:
            for j in range(50):
                setattr(one, "a%d" % j, j)
    bare = Sets()
    bare.named = Lists(range(30))
    names = [u"na\u00efve", u"\u20acuro", u"plain"]
    makers = [type(name if not PYTHON2 else name.encode("utf-8"), (), {}) for name in names]
    joined = Lists()
    for i in range(1000):
        joined.append(i)
    odd = bytearray(b"x" * 700)
    del odd[:100]

    def called(number):
        return len(PLAINS) + number

    def traced(number):
        first = called(number)
        return first

    for i in range(3000):
        called(i)
    sys.settrace(lambda frame, event, argument: None)
    traced(1)
    sys.settrace(None)
    if sys.version_info >= (3, 12):
        for tool in 3, 4:
            sys.monitoring.use_tool_id(tool, "target")
            kinds = sys.monitoring.events
            sys.monitoring.set_local_events(
                tool, called.__code__, kinds.LINE | kinds.INSTRUCTION | kinds.CALL | kinds.PY_START
            )
        called(1)
    MORE.extend([called, traced, called.__code__.co_code, called.__code__.co_varnames])
    sparse = set(range(5000))
    for i in range(4900):
        sparse.discard(i)
    MORE.extend([
        ordered, attributed, grown, collections.deque(), collections.deque(range(64)), collections.deque([1], 5), text,
        data, with_lists, bare, makers, joined, odd, sparse, names, Text("derived text"), type("T", (type(u""),), {})(u"\u00e9"),
        [array.array(kind, range(50)) for kind in "bBhHiIlLfd"], array.array("d"), {1: 2, "a": 3},
        dict(("key%d" % i, i) for i in range(100)), dict((i, i) for i in range(70000)), frozenset(range(50)),
        set(range(20)), [[i] * i for i in range(70)], dict.fromkeys(range(5)),
    ])
    print(len(MORE))


def arrays():
    try:
        import numpy
    except ImportError:
        print("none")
        return
    made = [
        numpy.zeros((1000, 1000)), numpy.ones((100, 10), dtype="int32"), numpy.zeros(7, dtype="S10"), numpy.array(5),
        numpy.zeros((3, 4, 5), dtype="complex64"), numpy.zeros(1000, dtype=bool), numpy.zeros((2, 2), dtype="uint8"),
        numpy.array(["a", "bc"]), numpy.array([None, [1]], dtype=object), numpy.zeros(9, dtype="float16"),
        numpy.zeros(3, dtype="M8[s]"), numpy.zeros(3, dtype="m8[us]"), numpy.zeros(4, dtype=[("a", "i4"), ("b", "f8")]),
        numpy.zeros((70, 3), order="F"), numpy.zeros((64, 64), dtype="longdouble"),
    ]
    made += [numpy.zeros(300) for _ in range(50)]
    made.append(made[0][5:10])
    MORE.extend(made)
    for some in made:
        owner = some.base is None
        shape = str(tuple(int(part) for part in some.shape)).replace(" ", "_")
        name = some.dtype.name.split("[")[0]
        print(some.__array_interface__["data"][0], some.nbytes if owner else -1, name, shape)


def databases():
    try:
        import ctypes
        import sqlite3
        library = ctypes.CDLL("libsqlite3.so.0")
    except (ImportError, OSError):
        print("none")
        return
    library.sqlite3_memory_used.restype = ctypes.c_int64
    for name in ":memory:", "":
        base = sqlite3.connect(name)
        base.execute("create table rows (number integer, name text)")
        base.execute("create index names on rows (name)")
        base.executemany("insert into rows values (?, ?)", ((i, "row number %d" % i) for i in range(20000)))
        cursor = base.execute("select * from rows where number > ? order by name", (7,))
        cursor.fetchone()
        MORE.extend([base, cursor])
    now = ctypes.c_int(0)
    most = ctypes.c_int(0)
    library.sqlite3_status(9, ctypes.byref(now), ctypes.byref(most), 0)
    print(library.sqlite3_memory_used(), now.value)


def views():
    import struct
    import types
    import weakref

    def hexed(data):
        return "".join("%02x" % byte for byte in bytearray(data))

    def text(data):
        return hexed(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")) or "-"

    def address(some):
        return 0 if some is None else id(some)

    def content(cell):
        try:
            return id(cell.cell_contents)
        except ValueError:
            return 0

    def of_code(code):
        return (
            "code", id(code), id(code.co_consts), id(code.co_names), code.co_firstlineno, text(code.co_name),
            text(code.co_filename), text(getattr(code, "co_qualname", "")),
        )

    class Floats(float):
        pass

    class Sets(set):
        pass

    class Arrays(bytearray):
        pass

    class Lists(list):
        pass

    cut = bytearray(b"0123456789" * 20)
    del cut[:7]
    holey = set(range(2000)) | {"a", (1, 2)}
    for i in range(0, 2000, 3):
        holey.remove(i)
    weak = Plain(1)
    empty = (lambda: [lambda: unknown, 0] if PLAINS else unknown)
    if False:
        unknown = 1
    lent = [Plain(2), lambda one: None]
    made = [
        1.5, -0.0, 1e308, float("inf"), Floats(2.25), holey, Sets("xy"), frozenset(), frozenset("abc"), set(), cut,
        bytearray(), bytearray(b"a" * 5000), Arrays(b"more"), Lists([1, 2]), [], (), tuple(range(300)), weak.__init__,
        weakref.ref(weak), weakref.ref(lent[0], lent[1]), weakref.proxy(weak), weakref.ref(Sets), empty,
        lambda a=1, *b: a,
    ]
    dead = Plain(3)
    made.append(weakref.ref(dead))
    del dead
    gc.collect()
    found = gc.get_objects()
    found.extend(made)
    seen = set()
    rows = []
    # Twice: a type that is used for the first time becomes one more in a list of its base.
    for _ in range(2):
        seen.clear()
        del rows[:]
        for some in found:
            if id(some) in seen or some is seen or some is rows or some is found:
                continue
            seen.add(id(some))
            kind = type(some)
            if issubclass(kind, float):
                rows.append(("float", id(some), hexed(struct.pack(">d", some))))
            elif issubclass(kind, tuple):
                rows.append(("tuple", id(some)) + tuple(map(id, tuple.__iter__(some))))
            elif issubclass(kind, list):
                rows.append(("list", id(some)) + tuple(map(id, list.__iter__(some))))
            elif issubclass(kind, set):
                rows.append(("set", id(some)) + tuple(map(id, set.__iter__(some))))
            elif issubclass(kind, frozenset):
                rows.append(("set", id(some)) + tuple(map(id, frozenset.__iter__(some))))
            elif issubclass(kind, bytearray):
                rows.append(("bytearray", id(some), text(bytes(some))))
            elif kind is types.FunctionType:
                code = some.__code__
                rows.append((
                    "function", id(some), id(code), id(some.__globals__), address(some.__defaults__),
                    address(some.__closure__), text(some.__name__), "-" if PYTHON2 else text(some.__qualname__),
                ))
                if id(code) not in seen:
                    seen.add(id(code))
                    rows.append(of_code(code))
            elif kind is types.CodeType:
                rows.append(of_code(some))
            elif issubclass(kind, types.ModuleType):
                rows.append(("module", id(some), id(types.ModuleType.__dict__["__dict__"].__get__(some))))
            elif kind is types.MethodType:
                rows.append(("method", id(some), id(some.__func__), address(some.__self__)))
            elif kind.__name__ == "cell":
                rows.append(("cell", id(some), content(some)))
            elif kind is weakref.ReferenceType:
                called = "?" if PYTHON2 else address(some.__callback__)
                rows.append(("weakref", id(some), id(some()), called))
    os.kill(os.getpid(), signal.SIGSTOP)
    for row in rows:
        print(*row)


def library():
    makers = {"__name__": "library"}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "library.py")) as code:
        exec(compile(code.read(), "library.py", "exec"), makers)
    MORE.append(makers)
    print(len(makers["MADE"]))


def referents():
    gc.collect()
    gc.disable()
    of = gc.get_referents
    found = gc.get_objects()
    rows = []
    # Twice: a type that is used for the first time becomes one more in a list of its base.
    for _ in range(2):
        del rows[:]
        for some in found:
            if some is not rows and some is not found:
                rows.append((id(some), id(type(some))) + tuple(map(id, of(some))))
    os.kill(os.getpid(), signal.SIGSTOP)
    gc.enable()
    for row in rows:
        print(*row)
    print("own", id(found))
    for frame in sys._current_frames().values():
        while frame is not None:
            print("own", id(frame))
            frame = frame.f_back


class OnStack(object):
    def __init__(self):
        KEPT.append(id(self))

    def __iter__(self):
        return self

    def next(self):
        return 1

    __next__ = next


def stacks():
    lock = threading.Lock()
    lock.acquire()

    def in_a_loop():
        for _ in OnStack():
            lock.acquire()

    def in_a_tuple():
        return OnStack(), [OnStack()], lock.acquire()

    def calls():
        return OnStack() is inner()

    def inner():
        return {1: OnStack(), 2: lock.acquire()}

    for work, count in (in_a_loop, 1), (in_a_tuple, 2), (calls, 2):
        del KEPT[:]
        thread = threading.Thread(target=work)
        thread.daemon = True
        thread.start()
        while len(KEPT) < count:
            time.sleep(0.01)
        for one in KEPT:
            print(work.__name__, one)
    del KEPT[:]


def frozen():
    gc.freeze()
    print(gc.get_freeze_count())


def dicts():
    for some in DICTS:
        print(id(some), *["%d:%d" % (id(key), id(value)) for key, value in some.items()])


def objects():
    for some in OBJECTS:
        print(id(some), id(type(some)), sys.getrefcount(some))


def obey(line):
    word, _, rest = line.partition(" ")
    if word == "version":
        print(sys.version.replace("\n", " "))
        print(sys.hexversion)
        print(id(type))
    elif word == "types":
        types()
    elif word == "values":
        values()
    elif word == "dicts":
        dicts()
    elif word == "objects":
        objects()
    elif word == "threads":
        threads()
    elif word == "interpreters":
        list_interpreters()
    elif word == "interpreter":
        make_interpreter(rest == "own")
    elif word == "fill":
        fill(int(rest))
    elif word == "free":
        let_go()
    elif word == "large":
        LARGE.extend(bytearray(2000 + i) for i in range(int(rest)))
    elif word == "churn":
        churn()
    elif word == "stats":
        stats()
    elif word == "tracked":
        tracked()
    elif word == "sizes":
        sizes()
    elif word == "crash":
        crash(rest)
    elif word == "kinds":
        kinds()
    elif word == "owners":
        owners()
    elif word == "arrays":
        arrays()
    elif word == "databases":
        databases()
    elif word == "views":
        views()
    elif word == "modules":
        for name, module in list(sys.modules.items()):
            print(name, id(module))
    elif word == "library":
        library()
    elif word == "referents":
        referents()
    elif word == "stacks":
        stacks()
    elif word == "frozen":
        frozen()
    elif word == "evaluate":
        print(eval(rest))
    else:
        print("FAILED: no command", word)


idle()
gc.collect()
print("READY")
sys.stdout.flush()
while True:
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    try:
        obey(line.strip())
    except Exception as e:
        print("FAILED:", type(e).__name__, e)
    print("END")
    sys.stdout.flush()
