# SPDX-License-Identifier: Apache-2.0
# Imports much of the standard library and makes objects of as many of its types as there are, into the list MADE. Run
# by target.py. Each line of a text below is made if the version has what it takes: nobody misses the others.

import gc
import importlib
import io
import sys
import types

MODULES = """
abc argparse array ast asyncio atexit bisect builtins bz2 calendar cProfile codecs collections concurrent.futures
configparser contextlib contextvars copy csv ctypes dataclasses datetime decimal difflib dis email email.message enum
fractions functools glob hashlib heapq hmac html http.client importlib.metadata inspect io ipaddress itertools json
logging lzma mailbox math mimetypes mmap multiprocessing numbers operator os pathlib pickle platform pprint profile
pyexpat queue random re reprlib sched secrets select selectors shelve shlex shutil signal socket socketserver sqlite3
ssl statistics string string.templatelib struct subprocess symtable tarfile tempfile textwrap threading time tokenize
tomllib traceback types typing unicodedata unittest urllib.request uuid warnings weakref xml.dom.minidom
xml.etree.ElementTree xml.sax zipfile zlib zoneinfo _abc _asyncio _collections _csv _ctypes _elementtree _functools
_json _lsprof _multibytecodec _pickle _queue _random _socket _sqlite3 _ssl _struct _thread
__builtin__ cPickle cStringIO Queue StringIO UserDict urllib2
"""

for name in MODULES.split():
    try:
        globals()[name.split(".")[0]] = importlib.import_module(name.split(".")[0])
        importlib.import_module(name)
    except ImportError:
        pass


class Plain(object):
    def __init__(self, number=1):
        self.number = [number]

    def method(self):
        return self

    @property
    def some(self):
        return 1

    @classmethod
    def of_class(cls):
        return cls

    @staticmethod
    def of_nobody():
        return None


class Slotted(object):
    __slots__ = ("left", "right", "__weakref__")


class Both(Slotted):
    __slots__ = ("more", "__dict__")


class Third(Both):
    pass


class Items(object):
    def __getitem__(self, index):
        return [index]


class List(list):
    pass


class SlottedList(list):
    __slots__ = ("more",)


class Tuple(tuple):
    pass


class Dict(dict):
    pass


class Int(int):
    pass


class Str(str):
    pass


class Deque(__import__("collections").deque):
    pass


class Error(Exception):
    pass


class Reference(__import__("weakref").ref):
    pass


class Stream(io.StringIO):
    pass


class Odd(object):
    """Has so many attributes in so many orders that its objects are not alike."""

    def __init__(self, number):
        for i in range(number % 7 * 10):
            setattr(self, "attribute_%d" % (i * 7 % 60), [i])
        if number % 3 == 0:
            del self.__dict__
        if number % 4 == 1:
            self.__dict__[number] = "no text"


def filled(some, **attributes):
    for name, value in attributes.items():
        setattr(some, name, value)
    return some


def generator(value):
    kept = [value]
    try:
        got = yield kept
        yield [got, kept]
    finally:
        kept.append(1)


def outer(value):
    cell = [value]

    def inner():
        return cell

    for some in generator(inner):
        yield some, (yield inner)


def started(some, steps=1):
    for _ in range(steps):
        next(some)
    return some


def ended(some):
    for _ in some:
        pass
    return some


def caught(call, *arguments):
    try:
        call(*arguments)
    except BaseException as e:
        return e


def fails():
    local = ["kept by a traceback"]
    try:
        raise ValueError(local, 2)
    except ValueError:
        raise KeyError(local)


def cached(size):
    @functools.lru_cache(maxsize=size)
    def some(one):
        return [one]

    for i in range(6):
        some(i), some((i, 2))
    return some


def annotated(one=1, *more, **key):
    return [one, more, key]


annotated.__annotations__ = {"one": int, "return": list}


def variables():
    made = [contextvars.ContextVar("variable %d" % i, default=[i]) for i in range(60)]
    return made, [some.set([some]) for some in made], contextvars.copy_context(), contextvars.copy_context().run(list)


def database():
    one = sqlite3.connect(":memory:")
    one.row_factory = sqlite3.Row
    one.create_function("f", 1, lambda value: value)
    one.create_collation("c", lambda left, right: 0)
    one.set_progress_handler(lambda: 0, 1000)
    cursor = one.execute("create table t (a)")
    cursor.executemany("insert into t values (?)", [(i,) for i in range(9)])
    query = one.execute("select a as b, f(a) from t")
    return one, cursor, query, query.fetchone()


def parser():
    one = pyexpat.ParserCreate()
    one.StartElementHandler = lambda *arguments: None
    one.CharacterDataHandler = Plain().method
    return one


def queue_of(one):
    for i in range(20):
        one.put([i])
    for i in range(7):
        one.get()
    return one


LIST = [["a"], ["b"], ["c"]]
MADE = [Plain(i) for i in range(5)] + [Odd(i) for i in range(100)]

EXPRESSIONS = """
filled(Slotted(), left=[1])
filled(Both(), left=[1], more=[2], other=[3])
filled(Third(), left=[1], more=[2], other=[3])
filled(List([1, [2]]), name=[3])
filled(SlottedList([[1]]), more=[3])
filled(Tuple([1, [2]]), name=[3])
filled(Tuple(), name=[3])
filled(Dict(a=[1]), name=[3])
filled(Int(5), name=[3])
filled(Int(5 ** 99), name=[3])
filled(Str("text"), name=[3])
filled(Deque(LIST), name=[3])
filled(Error([1]), name=[3])
filled(Stream(u"text"), name=[3])
filled(Reference(MADE[0]), name=[3])
{1: [1], "two": [2], (3,): [3]}
{i: [i] for i in range(1000)}
{"key %d" % i: [i] for i in range(1000)}
set(map(str, range(100))) | {(1, (2,)), 7}
frozenset([(1, 2), "three"])
Plain().method
Plain.of_class
Plain.of_nobody
Plain.__dict__["some"]
Plain.__dict__["of_class"]
Plain.__dict__["of_nobody"]
filled(staticmethod(len), name=[1])
[].append
[].__add__
{}.get
len
list.append
list.__add__
dict.__dict__["fromkeys"]
Slotted.left
types.FunctionType.__dict__["__code__"]
types.FunctionType.__dict__["__closure__"]
type.__dict__["__dict__"]
Plain.__dict__
property(len, len, len, "text")
super(Plain, Plain())
super(Plain, Plain)
slice([1], [2], [3])
range(10 ** 20)
lambda one=[1]: (lambda: one)
(lambda cell: lambda: cell)([1])
annotated
generator(1)
started(generator(1))
started(outer(1), 2)
ended(generator(1))
started(i for i in LIST)
caught(fails)
caught(fails).__traceback__
caught(open, "/nowhere")
caught(getattr, 1, "nothing")
caught(eval, "nothing")
caught(importlib.import_module, "nothing")
caught(compile, "a b", "file", "exec")
caught(b"\\xff".decode, "ascii")
caught(u"\\xff".encode, "ascii")
caught(next, iter([]))
caught(int, "x")
filled(ValueError([1]), name=[2])
StopIteration([1])
SystemExit([1])
OSError(2, "text", "file", None, "other")
ImportError("text", name="name", path="path")
UnicodeTranslateError(u"text", 0, 1, "reason")
ExceptionGroup("text", [ValueError([1]), KeyError([2])])
BaseExceptionGroup("text", [KeyboardInterrupt([1])])
iter(LIST)
reversed(LIST)
iter(tuple(LIST))
reversed(tuple(LIST))
iter({"a": [1]})
iter({"a": [1]}.values())
iter({"a": [1]}.items())
reversed({"a": [1]}.items())
{"a": [1]}.keys()
{"a": [1]}.values()
{"a": [1]}.items()
iter({(1, 2)})
iter("text")
iter(b"bytes")
iter(u"\\u20ac")
iter(bytearray(b"bytes"))
iter(memoryview(b"bytes"))
iter(range(3))
iter(range(10 ** 20))
iter(Items())
iter(lambda: [1], 5)
started(zip(LIST, LIST))
started(map(max, LIST, LIST))
started(filter(None, LIST))
started(enumerate(LIST))
started(enumerate(LIST, 10 ** 20))
itertools.count([1].__len__(), 2.5)
itertools.count(10 ** 20)
started(itertools.cycle(LIST), 4)
itertools.repeat([1])
started(itertools.chain(LIST, LIST))
started(itertools.chain.from_iterable([LIST, LIST]))
started(itertools.islice(LIST, 0, 2))
started(itertools.starmap(max, [(1, 2), (3, 4)]))
started(itertools.takewhile(bool, LIST))
started(itertools.dropwhile(lambda some: not some, LIST))
started(itertools.product(LIST, LIST))
started(itertools.permutations(LIST, 2))
started(itertools.combinations(LIST, 2))
started(itertools.combinations_with_replacement(LIST, 2))
started(itertools.compress(LIST, [1, 1, 1]))
started(itertools.accumulate(LIST))
itertools.accumulate([1, 2], max, initial=[])
started(itertools.groupby(LIST))
started(itertools.groupby(LIST, len))
list(started(itertools.groupby(LIST)))
started(itertools.zip_longest(LIST, [1], fillvalue=["f"]), 2)
started(itertools.izip_longest(LIST, [1], fillvalue=["f"]), 2)
started(itertools.filterfalse(bool, [0, [], ()]))
started(itertools.pairwise(LIST))
started(itertools.batched(LIST, 2))
started(itertools.tee(LIST)[0], 2)
itertools.tee(LIST * 50, 3)
started(itertools.imap(max, LIST))
started(itertools.izip(LIST))
iter({}.__class__.fromkeys(LIST.__len__.__self__[0]))
collections.deque(LIST)
collections.deque(([i] for i in range(300)), maxlen=200)
started(iter(collections.deque(LIST)))
reversed(collections.deque(LIST))
filled(collections.OrderedDict([("a", [1]), ("b", [2])]), name=[3])
collections.OrderedDict(a=[1]).items()
iter(collections.OrderedDict(a=[1]))
iter(collections.OrderedDict(a=[1]).items())
reversed(collections.OrderedDict(a=[1]).values())
collections.defaultdict(list, a=[1])
collections.Counter("text")
collections.ChainMap({}, {"a": [1]})
collections.namedtuple("Point", "x y")([1], [2])
functools.partial(len, ["a"])
filled(functools.partial(dict, [], a=["b"]), name=[1])
cached(4)
cached(None)
cached(0)
filled(cached(4), name=[1])
functools.cmp_to_key(max)
functools.cmp_to_key(max)([1])
functools.singledispatch(annotated)
operator.itemgetter(["a"], 1)
operator.attrgetter("a.b", "c")
operator.methodcaller("name", ["a"], b=["c"])
weakref.ref(MADE[0])
weakref.ref(MADE[0], lambda one: None)
weakref.proxy(MADE[0])
weakref.proxy(MADE[0], lambda one: None)
weakref.proxy(len)
weakref.WeakValueDictionary(a=MADE[0])
weakref.WeakKeyDictionary({MADE[0]: [1]})
weakref.WeakSet(MADE)
weakref.finalize(MADE[0], list)
types.MappingProxyType({"a": [1]})
types.SimpleNamespace(a=[1])
types.ModuleType("name", "text")
types.GenericAlias(list, (int,))
list[int]
list[typing.TypeVar("T")]
iter(list[int])
int | str
int | typing.TypeVar("T")
typing.TypeVar("T")
typing.TypeVar("T", bound=Plain)
typing.TypeVar("T", int, str)
typing.ParamSpec("P")
typing.ParamSpec("P").args
typing.ParamSpec("P").kwargs
typing.TypeVarTuple("T")
typing.Union[int, str, typing.TypeVar("T")]
typing.List[int]
typing.Dict[str, typing.List[int]]
typing.Callable[[int], str]
typing.NewType("New", int)
typing.ForwardRef("Name")
variables()
memoryview(b"bytes")
memoryview(bytearray(b"bytes"))[1:]
memoryview(array.array("i", [1]))
array.array("i", [1, 2])
iter(array.array("i", [1, 2]))
io.BytesIO(b"bytes")
io.BytesIO(b"bytes").getbuffer()
io.StringIO(u"text", newline=None)
io.BufferedReader(io.BytesIO(b"bytes"))
io.BufferedWriter(io.BytesIO())
io.BufferedRandom(io.BytesIO())
io.BufferedRWPair(io.BytesIO(), io.BytesIO())
started(io.TextIOWrapper(io.BytesIO(b"text\\n"), encoding="utf-8"))
io.IncrementalNewlineDecoder(None, True)
io.open("/proc/self/maps")
io.open("/proc/self/maps", "rb", 0)
filled(io.FileIO("/proc/self/maps"), more=[1])
json.JSONDecoder()
json.JSONEncoder()
json.scanner.c_make_scanner(json.JSONDecoder())
_json.make_encoder({}, len, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
re.compile("a(?P<n>b)")
re.match("(a)", "a")
re.compile("x").scanner("xx")
re.finditer("a", "aab")
re.Scanner([("a", len)])
struct.Struct("ii")
started(struct.iter_unpack("i", b"1234" * 4))
threading.Lock()
threading.RLock()
threading.Condition()
threading.Event()
threading.Barrier(2)
threading.Timer(1, len)
filled(threading.local(), name=[1])
database()
decimal.Decimal("1.5")
decimal.getcontext().copy()
decimal.localcontext()
fractions.Fraction(1, 3)
datetime.datetime.now()
datetime.datetime.now(datetime.timezone.utc)
datetime.timezone(datetime.timedelta(hours=1), "name")
zoneinfo.ZoneInfo("UTC")
random.Random(1)
zlib.compressobj()
zlib.decompressobj()
bz2.BZ2Compressor()
lzma.LZMADecompressor()
hashlib.sha256(b"a")
hashlib.md5(b"a")
hashlib.blake2b(b"a")
hashlib.sha3_256(b"a")
hmac.new(b"a", b"b", "sha256")
ast.parse("a + b(1)\\nclass C: pass")
symtable.symtable("a = 1", "file", "exec")
mmap.mmap(-1, 4096)
os.scandir("/")
next(os.scandir("/"))
os.stat("/")
os.environ
sys.flags
sys.version_info
time.localtime()
cProfile.Profile()
uuid.uuid4()
pathlib.Path("/tmp/x").parent
ipaddress.ip_network(u"10.0.0.0/8")
socket.socket()
select.epoll()
select.poll()
selectors.DefaultSelector()
ssl.create_default_context()
csv.reader(["a,b"])
started(csv.reader(["a,b"]))
csv.writer(io.StringIO())
csv.DictReader(["a,b"])
csv.get_dialect("excel")
_csv.Dialect(delimiter=";")
queue.Queue()
queue_of(queue.SimpleQueue())
queue.SimpleQueue()
queue_of(queue.PriorityQueue())
_pickle.Pickler(io.BytesIO())
_pickle.Unpickler(io.BytesIO(b"a"))
cPickle.Pickler(cStringIO.StringIO())
cPickle.Unpickler(cStringIO.StringIO("a"))
cStringIO.StringIO()
cStringIO.StringIO("text")
parser()
xml.etree.ElementTree.fromstring("<a x='1'><b>t</b>tail<c/></a>")
started(xml.etree.ElementTree.fromstring("<a><b>t</b>tail<c/></a>").iter(), 2)
xml.etree.ElementTree.fromstring("<a><b>t</b>tail<c/></a>").itertext()
xml.etree.ElementTree.XMLParser()
xml.etree.ElementTree.TreeBuilder()
xml.dom.minidom.parseString("<a x='1'>t</a>")
ctypes.c_int(3)
ctypes.c_char_p(b"text")
ctypes.pointer(ctypes.c_int(3))
ctypes.byref(ctypes.c_int(3))
(ctypes.c_int * 3)(1, 2, 3)
ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda one: 1)
ctypes.CDLL(None)
ctypes.CDLL(None).strlen
type("Structure", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int), ("p", ctypes.c_char_p)]})(1, b"x")
type("Union", (ctypes.Union,), {"_fields_": [("a", ctypes.c_int), ("p", ctypes.c_char_p)]})(1)
type("Structure", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int)]}).a
unittest.TestCase()
argparse.ArgumentParser("name")
logging.getLogger("name")
concurrent.futures.Future()
email.message.EmailMessage()
enum.Enum("Colour", "RED GREEN")
enum.Enum("Colour", "RED GREEN").RED
dataclasses.make_dataclass("Data", ["x", "y"])([1], [2])
abc.ABCMeta("Abstract", (object,), {})
inspect.signature(annotated)
contextlib.ExitStack()
contextlib.nullcontext([1])
tempfile.SpooledTemporaryFile()
importlib.metadata.PathDistribution(pathlib.Path("/"))
codecs.getincrementaldecoder("shift_jis")()
codecs.lookup("utf-8")
unicodedata.ucd_3_2_0
multiprocessing.get_context().Lock()
string.Template("$a")
sys._getframe()
sys.stdout
sys.settrace
buffer("text")
xrange(5)
iter(xrange(5))
file("/proc/self/maps")
frozendict(a=[1])
sentinel("name")
"""

# What has another syntax in earlier versions.
STATEMENTS = [
    """
class Old:
    def method(self):
        pass

if sys.version_info[0] == 2:
    some = Old()
    some.x = [1]
    MADE.extend([Old, some, some.method, Old.method])
""",
    """
type Alias[T] = list[T]

def generic[T, *U, **P](one: T): pass

class Generic[T: int, U]: pass

MADE.extend([Alias, Alias[int], generic, Generic, Generic[int, str]])
""",
    """
MADE.append(t"a{1 + 1}b{LIST!r:>9}")
MADE.append(MADE[-1].interpolations)
MADE.append(iter(t"a{1 + 1}b"))
""",
    """
class Future(asyncio.Future):
    pass

async def innermost(future):
    local = [1]
    await future

async def task_of(future):
    await innermost(future)

async def values():
    yield [1]
    yield [2]

async def main():
    loop = asyncio.get_event_loop()
    future = loop.create_future()
    done = loop.create_future()
    done.set_result(["result"])
    failed = loop.create_future()
    failed.set_exception(ValueError(["wrong"]))
    failed.exception()
    cancelled = loop.create_future()
    cancelled.cancel()
    future.add_done_callback(repr)
    future.add_done_callback(id)
    done.add_done_callback(repr)
    tasks = [loop.create_task(task_of(future)) for _ in range(4)]
    sleeping = loop.create_task(asyncio.sleep(1000))
    tasks.append(asyncio.gather(sleeping, future))
    tasks.append(asyncio.shield(sleeping))
    tasks.append(loop.create_task(asyncio.wait_for(sleeping, 900)))
    ended = loop.create_task(asyncio.sleep(0))
    waits = values()
    await waits.__anext__()
    await asyncio.sleep(0.01)
    MADE.extend([future, done, failed, cancelled, tasks, sleeping, ended, waits, waits.__anext__(), values(), loop])
    MADE.extend([values().asend(None), values().athrow(ValueError), future.__await__(), task_of(future)])
    MADE.extend([task_of(future).__await__(), Future(), asyncio.Lock(), asyncio.Queue(), asyncio.Event()])
    try:
        MADE.append(anext(values(), [5]))
        MADE.append(asyncio.timeout(5))
        MADE.append(asyncio.TaskGroup())
    except (NameError, AttributeError):
        pass

@types.coroutine
def old_coroutine():
    yield

MADE.append(old_coroutine())
LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
LOOP.run_until_complete(main())
""",
]

for line in EXPRESSIONS.strip().splitlines():
    try:
        MADE.append(eval(line))
    except Exception:
        pass
for text in STATEMENTS:
    try:
        exec(text)
    except (SyntaxError, NameError):
        pass
gc.collect()
