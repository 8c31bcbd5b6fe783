# SPDX-License-Identifier: Apache-2.0
# A target for Python 3.6 on that runs one of several applications, whose name is its argument: flask, django, science
# (NumPy, lxml and sqlite3), asyncio, or library (much of the standard library). It prints READY, and obeys commands, a
# line each; every answer ends with a line END. Commands:
#
#   load N         lets the application do N pieces of work, and waits for that
#   busy           lets it work without pause on the main thread, until the next command comes
#   moments PATH   at each SIGUSR1 from now on, whatever runs then, writes the ids of all objects that can be reached to
#                  PATH with a number behind it, which counts from 1
#   describe PATH  writes all objects that can be reached to PATH: id, id of the type, sys.getsizeof, whether the
#                  collector tracks it, and ids of all that gc.get_referents tells. The process stops itself when it
#                  knows them. In lines with the word 'own' are ids of what this takes, in those with 'type' an id, the
#                  name of the type, and whether the type has a __sizeof__ of its own
#   evaluate X     the value of an expression

import gc
import os
import select
import signal
import socketserver
import sys
import threading
import time
import types

APPLICATION = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
MOMENTS = ["", 0]
# So many seconds a server waits before it looks whether it is to end: a thread that wakes up makes objects.
SELDOM = 1000
# How many threads there are when nothing is asked.
THREADS = [1]


def serve(server):
    # That of its own takes no time in all versions of Werkzeug.
    forever = socketserver.BaseServer.serve_forever
    threading.Thread(target=forever, args=(server, SELDOM), daemon=True).start()


def flask():
    import http.client
    import logging

    import flask
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    app = flask.Flask("world")
    app.secret_key = "secret"
    people = {}

    @app.route("/people/<name>", methods=["GET", "POST"])
    def person(name):
        if flask.request.method == "POST":
            people[name] = flask.request.get_json()
        flask.session["last"] = name
        return flask.jsonify(people.get(name, {}))

    @app.route("/list")
    def everybody():
        return flask.render_template_string(
            "{% for name in people|sort %}<p>{{ name }}: {{ people[name].age or 'unknown' }}</p>{% endfor %}",
            people=people,
        )

    @app.errorhandler(404)
    def lost(error):
        return "no such page", 404

    server = make_server("127.0.0.1", 0, app, threaded=True)
    serve(server)

    def work(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        for method, path, body in (
            ("POST", "/people/p%d" % (number % 100), '{"age": %d, "tags": ["a", "b"]}' % number),
            ("GET", "/list", None),
            ("GET", "/nowhere", None),
        ):
            connection.request(method, path, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    return work, (app, server, people)


def django():
    import urllib.request
    import socketserver
    from wsgiref import simple_server

    import django
    from django.conf import settings

    settings.configure(
        DEBUG=False,
        SECRET_KEY="secret",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(HERE, "world.sqlite")}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    )
    django.setup()
    from django import template
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse, JsonResponse
    from django.urls import path

    call_command("migrate", verbosity=0)
    page = template.Engine.get_default().from_string(
        "{% for user in users %}<p>{{ user.username|upper }} {{ user.email|default:'-' }}</p>{% endfor %}"
    )

    def add(request, name):
        user, made = User.objects.get_or_create(username=name, defaults={"email": name + "@example.org"})
        return JsonResponse({"id": user.pk, "made": made})

    def everybody(request):
        return HttpResponse(page.render(template.Context({"users": User.objects.order_by("username")[:50]})))

    global urlpatterns
    urlpatterns = [path("add/<str:name>", add), path("list", everybody)]

    class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
        daemon_threads = True

    class Quiet(simple_server.WSGIRequestHandler):
        def log_message(self, *words):
            pass

    server = simple_server.make_server("127.0.0.1", 0, get_wsgi_application(), Server, Quiet)
    serve(server)

    def work(number):
        for path in ("add/u%d" % (number % 60), "list"):
            urllib.request.urlopen("http://127.0.0.1:%d/%s" % (server.server_port, path)).read()

    return work, (server, page)


def science():
    import sqlite3

    import numpy
    from lxml import etree

    kept = {
        "floats": numpy.arange(1000000, dtype="float64").reshape(1000, 1000),
        "ints": numpy.zeros((300, 7), dtype="int32"),
        "words": numpy.array(["a", "bc", "def"] * 100),
        "objects": numpy.array([[1, "two"], [None, 3.5]], dtype=object),
        "record": numpy.zeros(50, dtype=[("x", "f4"), ("name", "U8")]),
        "masked": numpy.ma.masked_array([1, 2, 3], mask=[0, 1, 0]),
        "random": numpy.random.RandomState(1),
    }
    kept["view"] = kept["floats"][::2, 1:5]
    kept["turned"] = kept["floats"].T
    kept["buffer"] = memoryview(kept["ints"])
    kept["scalar"] = kept["floats"][3, 4]
    root = etree.XML("<r>" + "".join("<e n='%d'>text %d<i/></e>" % (i, i) for i in range(500)) + "</r>")
    kept["tree"] = etree.ElementTree(root)
    kept["nodes"] = root.xpath("e[@n > 450]")
    kept["query"] = etree.XPath("count(//e)")
    kept["sheet"] = etree.XSLT(
        etree.XML(
            "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>"
            "<xsl:template match='/'><out><xsl:value-of select='count(//e)'/></out></xsl:template></xsl:stylesheet>"
        )
    )
    base = sqlite3.connect(":memory:", check_same_thread=False)
    base.row_factory = sqlite3.Row
    base.execute("create table t (id integer primary key, name text, data blob)")
    base.create_function("twice", 1, lambda value: 2 * value)
    kept["base"] = base
    kept["open"] = base.execute("select 1 as one union select 2")
    kept["row"] = next(kept["open"])

    def work(number):
        base.execute("insert into t (name, data) values (?, ?)", ("name %d" % number, b"x" * 100))
        rows = base.execute("select twice(id), name from t order by id desc limit 20").fetchall()
        kept["rows"] = rows
        some = kept["floats"][number % 1000] * 2.5
        kept["sums"] = (some.sum(), numpy.sort(some)[:10], some[some > 10])
        node = etree.SubElement(root, "e", n=str(number))
        node.text = "more %d" % number
        kept["out"] = kept["sheet"](root)
        root.remove(root[0])

    return work, kept


def library():
    import argparse
    import array
    import ast
    import base64
    import bz2
    import calendar
    import cmd
    import collections
    import concurrent.futures
    import configparser
    import contextlib
    import contextvars
    import csv
    import ctypes
    import dataclasses
    import datetime
    import decimal
    import difflib
    import email.message
    import email.mime.multipart
    import enum
    import fractions
    import functools
    import hashlib
    import hmac
    import html.parser
    import http.cookiejar
    import inspect
    import io
    import ipaddress
    import itertools
    import json
    import logging.handlers
    import lzma
    import mmap
    import operator
    import pathlib
    import pickle
    import pprint
    import queue
    import random
    import re
    import sched
    import selectors
    import shelve
    import socket
    import sqlite3
    import ssl
    import statistics
    import string
    import struct
    import tarfile
    import tempfile
    import textwrap
    import tokenize
    import typing
    import unittest.mock
    import uuid
    import weakref
    import xml.dom.minidom
    import xml.etree.ElementTree
    import xml.sax
    import zipfile
    import zlib

    class Color(enum.Enum):
        RED = 1
        BLUE = 2

    class Flags(enum.Flag):
        A = 1
        B = 2

    @dataclasses.dataclass
    class Point:
        x: int
        y: float = 0.0
        more: list = dataclasses.field(default_factory=list)

    class Slots:
        __slots__ = ("a", "b", "__dict__", "__weakref__")

    class Child(Slots):
        __slots__ = ("c",)

    class Words(dict):
        def __missing__(self, key):
            return key

    class Numbers(int):
        pass

    class Texts(str):
        __slots__ = ()

    @functools.lru_cache(maxsize=50)
    def cached(number):
        return [number] * 3

    @functools.singledispatch
    def dispatched(one):
        return one

    dispatched.register(int, lambda one: -one)

    def generated(count):
        for i in range(count):
            held = [i]
            yield held

    def delegating():
        yield from generated(5)

    async def awaited():
        return 1

    async def streamed():
        yield 1

    parser = argparse.ArgumentParser()
    parser.add_argument("--level", type=int, default=3)
    parser.add_subparsers().add_parser("sub")
    config = configparser.ConfigParser()
    config.read_string("[one]\na = 1\nb = %(a)s\n")
    logger = logging.getLogger("world")
    logger.addHandler(logging.handlers.MemoryHandler(10, target=logging.NullHandler()))
    pool = concurrent.futures.ThreadPoolExecutor(2)
    ordered = collections.OrderedDict((str(i), i) for i in range(40))
    started = generated(4)
    next(started)
    inner = delegating()
    next(inner)
    child = Child()
    child.a, child.c, child.extra = [1], (2,), {3}
    mail = email.mime.multipart.MIMEMultipart()
    mail["Subject"] = "caf\u00e9"
    variable = contextvars.ContextVar("variable")
    variable.set([1, 2])
    weak = weakref.WeakValueDictionary()
    point = Point(1, 2.5, [3])
    weak["point"] = point
    weak_keys = weakref.WeakKeyDictionary({point.__class__: 1})
    coroutine = awaited()
    stream = streamed()
    heap = [
        parser, config, logger, ordered, started, inner, child, mail, variable, weak, weak_keys, point, coroutine, stream,
        Color.RED, Flags.A | Flags.B, Words(a=1), Numbers(7), Texts("text"), cached, dispatched, generated, Slots(),
        array.array("d", [1, 2]), ast.parse(inspect.getsource(textwrap)), base64.b64encode(b"abc"), calendar.TextCalendar(),
        cmd.Cmd(), collections.deque(range(300), 500), collections.Counter("hello"), collections.ChainMap({1: 2}, {}),
        collections.defaultdict(list, a=[1]), collections.UserList([1]), contextlib.ExitStack(), contextvars.copy_context(),
        csv.DictReader(io.StringIO("a,b\n1,2\n")), csv.writer(io.StringIO()), ctypes.c_int(3), (ctypes.c_double * 4)(),
        datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(1), decimal.Decimal("1.25"), decimal.getcontext(),
        difflib.SequenceMatcher(None, "abc", "abd"), fractions.Fraction(1, 3), functools.partial(int, base=2),
        hashlib.sha256(b"x"), hmac.new(b"k", b"m", "sha256"), html.parser.HTMLParser(), http.cookiejar.CookieJar(),
        io.BytesIO(b"bytes"), io.StringIO("text"), io.TextIOWrapper(io.BytesIO()), ipaddress.ip_network("10.0.0.0/8"),
        itertools.chain([1], [2]), itertools.groupby([1, 1, 2]), itertools.tee([1, 2]), itertools.product([1], [2]),
        itertools.islice([1, 2], 1), itertools.cycle([1]), itertools.permutations([1, 2, 3]), itertools.accumulate([1]),
        json.JSONDecoder(), lzma.LZMACompressor(), bz2.BZ2Compressor(), zlib.compressobj(), mmap.mmap(-1, 4096),
        operator.itemgetter(1, 2), operator.attrgetter("a.b"), operator.methodcaller("x", 1, y=2), pathlib.Path("/a/b"),
        pickle.Pickler(io.BytesIO()), pprint.PrettyPrinter(), queue.Queue(), queue.PriorityQueue(), random.Random(1),
        re.compile("(?P<a>x+)|y"), re.match("(a)(b)?", "a"), sched.scheduler(), selectors.DefaultSelector(),
        socket.socketpair(), ssl.create_default_context(), statistics.mean, string.Template("$a"), struct.Struct("<iq"),
        tempfile.SpooledTemporaryFile(), textwrap.TextWrapper(), typing.Dict[str, typing.List[int]], typing.TypeVar("T"),
        unittest.TestCase(), unittest.mock.Mock(), uuid.uuid4(), xml.dom.minidom.parseString("<a b='c'><d/></a>"),
        xml.etree.ElementTree.fromstring("<a><b c='d'>e</b>f</a>"), zipfile.ZipInfo("a"), tarfile.TarInfo("a"),
        types.SimpleNamespace(a=1), types.MappingProxyType({"a": 1}), memoryview(b"abc")[1:], property(len), slice(1, [2]),
        staticmethod(len), classmethod(len), super(Child, child), iter([1]), iter({1: 2}), {1: 2}.items(), reversed([1]),
        enumerate([1]), zip([1], [2]), map(str, [1]), filter(None, [1]), ValueError("wrong", [1]), "x".join, [].append,
        frozenset([1, (2,)]), {i for i in range(100)}, bytearray(b"abc"), 10 ** 40, 1.5, 2j, b"bytes" * 9, "\u20ac" * 9,
        object(), type("Made", (), {"a": 1}), sqlite3.connect(":memory:"), sys._getframe(), tokenize.TokenInfo, shelve,
        xml.sax, concurrent, NotImplemented, Ellipsis, range(7), threading.RLock(), threading.local(), threading.Event(),
    ]
    try:
        raise KeyError("caught")
    except KeyError as error:
        heap.append(error)

    def work(number):
        cached(number)
        ordered[str(number)] = [number]
        ordered.pop(next(iter(ordered)))
        heap.append(pickle.loads(pickle.dumps({"n": number, "p": fractions.Fraction(1, number + 1), "l": [1, (2, {3})]})))
        list(pool.map(str, range(5)))
        logger.error("a record %d", number)
        json.loads(json.dumps({"a": [number] * 10}))
        re.sub("[0-9]+", lambda found: "<%s>" % found.group(), "a1b%dc3" % number)
        if len(heap) > 600:
            del heap[-200:]

    return work, (heap, pool)


# What code holds and gc.get_referents does not tell, since the collector does not know of code.
PARTS = [name for name in (
    "co_consts", "co_names", "co_filename", "co_name", "co_qualname", "co_linetable", "co_lnotab", "co_exceptiontable",
    "co_code", "co_varnames", "co_cellvars", "co_freevars",
) if hasattr(types.CodeType, name)]
# Since then they are made when somebody asks for them.
if sys.version_info >= (3, 11):
    PARTS = [name for name in PARTS if name not in ("co_lnotab", "co_code", "co_varnames", "co_cellvars", "co_freevars")]
elif sys.version_info >= (3, 10):
    PARTS.remove("co_lnotab")


def parts(code):
    return [getattr(code, name) for name in PARTS]


def closure():
    # All that can be reached from what the collector tracks, from running functions, and from code.
    todo = gc.get_objects()
    todo.extend(sys._current_frames().values())
    seen = {id(todo): todo}
    seen[id(seen)] = seen
    referents = gc.get_referents
    add = todo.extend
    code = types.CodeType
    while todo:
        some = todo.pop()
        key = id(some)
        if key not in seen:
            seen[key] = some
            add(referents(some))
            if type(some) is code:
                add(parts(some))
    return seen


def moment(number, frame):
    was = gc.isenabled()
    gc.disable()
    MOMENTS[1] += 1
    path = MOMENTS[0] + str(MOMENTS[1])
    reached = closure()
    with open(path + ".part", "w") as out:
        out.write("\n".join(map(str, reached)))
    # It refers to itself, so that only the collector would free it, with all that it keeps.
    reached.clear()
    os.rename(path + ".part", path)
    if was:
        gc.enable()


def describe(path):
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    # Threads that answer a request still end, and the others come to where they wait, however busy the machine is.
    for _ in range(50):
        time.sleep(0.2)
        if threading.active_count() <= THREADS[0]:
            break
    time.sleep(0.2)
    gc.collect()
    gc.disable()
    import array

    todo = gc.get_objects()
    # Numbers in an array are no objects.
    rows = array.array("Q")
    seen = {}
    own = [todo, rows, seen]
    for some in own:
        seen[id(some)] = some
    seen[id(own)] = own
    get = gc.get_referents
    write = rows.append
    while todo:
        some = todo.pop()
        key = id(some)
        if key in seen:
            continue
        seen[key] = some
        write(key)
        write(id(type(some)))
        try:
            write(sys.getsizeof(some))
        except Exception:
            write(0)
        write(gc.is_tracked(some))
        found = get(some)
        write(len(found))
        for one in found:
            write(id(one))
        todo.extend(found)
        if type(some) is types.CodeType:
            todo.extend(parts(some))
    found = some = one = key = None
    os.kill(os.getpid(), signal.SIGSTOP)
    gc.enable()
    sys.setswitchinterval(interval)
    with open(path, "w") as out:
        for some in seen:
            out.write("own %d\n" % id(some))
        for some in own + [write]:
            out.write("own %d\n" % id(some))
        out.write("own %d\n" % id(own))
        i = 0
        while i < len(rows):
            end = i + 5 + rows[i + 4]
            out.write("%d %d %d %d %s\n" % (
                rows[i], rows[i + 1], rows[i + 2], rows[i + 3], " ".join(map(str, rows[i + 5:end]))))
            i = end
        for some in [one for one in seen.values() if issubclass(type(one), type)]:
            plain = some is not type and getattr(some, "__sizeof__", None) is object.__sizeof__
            name = type.__dict__["__qualname__"].__get__(some)
            module = some.__dict__.get("__module__", "-") if some.__flags__ & 512 else "-"
            out.write("type %d %s.%s %d\n" % (id(some), module, name.replace(" ", "_"), not plain))


def obey(line, work, count):
    word, _, rest = line.partition(" ")
    if word == "load":
        for _ in range(int(rest)):
            work(count[0])
            count[0] += 1
    elif word == "busy":
        while not select.select([0], [], [], 0)[0]:
            work(count[0])
            count[0] += 1
    elif word == "moments":
        MOMENTS[0] = rest
        signal.signal(signal.SIGUSR1, moment)
    elif word == "describe":
        describe(rest)
    elif word == "evaluate":
        print(eval(rest))
    else:
        print("FAILED: no command", word)


def read():
    # A byte at a time, so that nothing is left in a buffer that select does not know of.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(0)
        line += byte
    return line.decode().strip()


def answer(line, work, count):
    try:
        obey(line, work, count)
    except Exception as e:
        print("FAILED:", type(e).__name__, e)
    print("END")
    sys.stdout.flush()


def run(work, kept):
    count = [0]
    THREADS[0] = threading.active_count()
    gc.collect()
    print("READY")
    sys.stdout.flush()
    while True:
        answer(read(), work, count)


def asynchronous():
    import asyncio

    class Counter:
        def __init__(self):
            self.lock = asyncio.Lock()
            self.seen = {}

    async def numbers(count):
        for i in range(count):
            await asyncio.sleep(0)
            yield i

    async def main():
        counter = Counter()
        queue = asyncio.Queue(100)
        kept = []

        async def serve(reader, writer):
            while True:
                line = await reader.readline()
                if not line:
                    break
                async with counter.lock:
                    counter.seen[line] = counter.seen.get(line, 0) + 1
                writer.write(line.upper())
                await writer.drain()
            writer.close()

        async def consume():
            while True:
                item = await queue.get()
                kept.append([item, str(item)])
                del kept[:-200]
                queue.task_done()

        async def wait_for(event):
            await outer(event)

        async def outer(event):
            await event.wait()

        async def sleep(seconds):
            try:
                await asyncio.shield(asyncio.sleep(seconds))
            except asyncio.CancelledError:
                pass

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        event = asyncio.Event()
        tasks = [asyncio.ensure_future(consume()) for _ in range(3)]
        tasks += [asyncio.ensure_future(wait_for(event)) for _ in range(10)]
        tasks += [asyncio.ensure_future(sleep(10000)) for _ in range(5)]
        tasks.append(asyncio.ensure_future(asyncio.gather(*[wait_for(event) for _ in range(4)])))
        count = [0]

        async def work(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for i in range(5):
                writer.write(b"line %d\n" % ((number + i) % 50))
                await reader.readline()
            async for i in numbers(3):
                await queue.put((number, i))
            writer.close()

        async def step(line):
            word, _, rest = line.partition(" ")
            if word in ("load", "busy"):
                while not select.select([0], [], [], 0)[0] if word == "busy" else int(rest) > 0:
                    await asyncio.gather(*[work(count[0] + i) for i in range(4)])
                    count[0] += 4
                    if word == "load":
                        rest = int(rest) - 1
                await queue.join()
                await asyncio.sleep(0.01)
                print("END")
                sys.stdout.flush()
            else:
                answer(line, None, count)

        gc.collect()
        print("READY")
        sys.stdout.flush()
        loop = asyncio.get_event_loop()
        ready = asyncio.Event()
        loop.add_reader(0, ready.set)
        while True:
            await ready.wait()
            ready.clear()
            loop.remove_reader(0)
            await step(read())
            loop.add_reader(0, ready.set)

    if sys.version_info < (3, 7):
        asyncio.get_event_loop().run_until_complete(main())
    else:
        asyncio.run(main())


if APPLICATION == "asyncio":
    asynchronous()
else:
    run(*{"flask": flask, "django": django, "science": science, "library": library}[APPLICATION]())
