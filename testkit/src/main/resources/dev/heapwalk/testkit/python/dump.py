# SPDX-License-Identifier: Apache-2.0
# A target for Python 2.7 and 3.6 on, which dumps itself. It makes objects, collects its garbage, prints READY, and obeys
# commands, a line each; every answer ends with a line END. Commands:
#
#   dump     what the dump of a process should tell, a JSON object a line, of what this program made: id, type, module,
#            what else the keys are; the process stops itself when it knows them
#   tracked  id and name of the type of all objects that the collector knows; it stops itself likewise
#   names    makes objects with names that differ in their last letter, and tells what the dump should tell of them: id,
#            attributes, and for dict the keys; it stops itself likewise
#   secrets  makes objects that hold the word in many places, and tells what no line may have

from __future__ import print_function

import base64
import collections
import gc
import json
import os
import signal
import sys
import weakref

PYTHON2 = sys.version_info[0] == 2
LONGEST_IN_PLACE = 64
TEXT = (bytes, type(u"")) if PYTHON2 else (str,)


class Item(object):
    def __init__(self, number):
        self.number = number
        self.label = "item %d" % number
        self.rest = [number]


class Slotted(object):
    __slots__ = ("left", "right")


class Words(list):
    pass


def generate(first):
    yield first
    yield None


def outer(value):
    def inner():
        return value
    return inner


def address(some):
    return "0x%x" % id(some)


def value(some):
    """The form that a value has among others."""
    kind = type(some)
    if some is None or kind is bool:
        return some
    if kind is float:
        if some != some:
            return "#NaN"
        if some in (float("inf"), float("-inf")):
            return "#Infinity" if some > 0 else "#-Infinity"
        return some
    if kind is int and -(1 << 63) <= some < 1 << 63:
        return some
    if kind is str and len(some) <= LONGEST_IN_PLACE and all(ord(c) < 128 for c in some):
        return "\\" + some if some[:1] in ("#", "\\") or some.startswith("0x") else some
    return address(some)


def key(some):
    kind = type(some)
    if some is None or kind is bool:
        return "#" + str(some)
    if kind is int:
        return "#%d" % some
    if kind is float:
        return "#" + repr(some)
    return value(some)


def contents(some):
    """What an object holds, by the keys of its line."""
    kind = type(some)
    if some is None or kind in (bool, float):
        found = value(some)
        return {"val": found[1:] if isinstance(found, str) else found}
    if kind is complex:
        return {"val": [some.real, some.imag]}
    if PYTHON2 and kind.__name__ == "long" or kind is int:
        return {"val": int(some) if -(1 << 63) <= some < 1 << 63 else str(some)}
    if kind in (bytes, bytearray):
        try:
            return {"val": bytes(some).decode("utf-8")}
        except UnicodeDecodeError:
            return {"val": bytes(some).decode("latin-1"), "binary": True,
                    "base64": base64.b64encode(bytes(some)).decode("ascii")}
    if kind is type(u""):
        if any(0xd800 <= ord(each) < 0xe000 for each in some):
            return {"binary": True}
        return {"val": some}
    if isinstance(some, (tuple, list)):
        return {"val": [value(each) for each in some]}
    if isinstance(some, (set, frozenset)):
        return {"set": sorted(json.dumps(value(each)) for each in some)}
    if isinstance(some, collections.deque):
        return {"val": [value(each) for each in some]}
    if isinstance(some, dict):
        return {"val": dict((key(k), value(v)) for k, v in some.items())}
    return {}


def row(some, **more):
    kind = type(some)
    told = {"id": address(some), "type": getattr(kind, "__qualname__", kind.__name__), "module": kind.__module__}
    told.update(contents(some))
    told.update(more)
    return told


ITEMS = [Item(i) for i in range(50)]
SLOTTED = Slotted()
SLOTTED.left = 1
SLOTTED.right = "right"
WORDS = Words(["a", "b"])
WORDS.more = 17
GENERATOR = generate("first")
next(GENERATOR)
INNER = outer(12345678901)
DATA = [
    None, True, False, 0, 1, -1, 123456789, -(1 << 40), (1 << 63) - 1, -(1 << 63), 1 << 63, 3 ** 200, -(7 ** 500), 1.5,
    float("nan"), float("inf"), float("-inf"), -0.0, 1e300, complex(1, -2), "text", "0x10", "#hash", "\\back", "",
    "quote \" and \n line", "x" * 64, "x" * 65, u"\xe9t\xe9", u"\u20ac", u"\U0001f600 smile", b"bytes", b"\xff\x00\xfe",
    b"", bytearray(b"array"), bytearray(b"\x80"), u"lone \ud800", u"\ud800 wide \U0001f600",
    ("a", 1, None, (2, 3)), (), [1.5, float("nan"), float("-inf"), "x" * 65, [True]], [],
    {"a": 1, 2: "b", (3, 4): [5], None: None, True: 1.5, 2.5: False, "#x": "0x", u"\xe9": b"\xff"}, {},
    {1, "a", (2,)}, frozenset([1, 2.5, None]), collections.deque([1, "two", [3]]), collections.deque(),
    collections.OrderedDict([("z", 1), ("a", [2])]), collections.defaultdict(list, {"k": [1]}),
]


def dump():
    gc.collect()
    gc.disable()
    rows = [row(each) for each in DATA]
    for item in ITEMS:
        rows.append(row(item, attributes=dict((k, value(v)) for k, v in vars(item).items())))
    rows.append(row(SLOTTED, attributes={"left": 1, "right": "right"}))
    rows.append(row(WORDS))
    code = dump.__code__
    rows.append(row(code, name="dump", file=code.co_filename, line=code.co_firstlineno))
    rows.append(row(dump, name="dump", file=code.co_filename, line=code.co_firstlineno, code=address(code),
                    globals=address(globals())))
    rows.append(row(INNER, name="inner", closure=address(INNER.__closure__)))
    rows.append(row(INNER.__closure__[0], val=12345678901))
    bound = DATA.append
    KEPT.append(bound)
    rows.append(row(bound, name="append", self=address(DATA)))
    rows.append(row(json, name="json", file=json.__file__))
    rows.append(row(Item, name="__main__.Item", basicsize=Item.__basicsize__))
    rows.append(row(REFERENCE, object=address(ITEMS[0])))
    rows.append(row(GENERATOR, state="suspended", function="generate", locals={"first": "first"},
                    line=generate.__code__.co_firstlineno + 1))
    lines = [json.dumps(each) for each in rows]
    os.kill(os.getpid(), signal.SIGSTOP)
    for line in lines:
        print(line)
    gc.enable()


def tracked():
    gc.collect()
    gc.disable()
    todo = gc.get_objects()
    mine = id(todo)
    lines = []
    for some in todo:
        # Frames that run lie elsewhere, in their thread's memory.
        if type(some).__name__ != "frame" and id(some) != mine:
            lines.append((id(some), type(some).__name__))
    count = len(todo)
    del some
    os.kill(os.getpid(), signal.SIGSTOP)
    for line in lines:
        print(*line)
    gc.enable()


def names():
    """Attributes, slots, keys and variables with long names."""
    lines = []
    for length in (30, 39, 40, 41, 63, 64, 65, 511, 512, 513, 5000):
        pair = [("n" * (length - 1)) + last for last in "ab"]
        made = type("Open", (object,), {})()
        slotted = type("Slotted", (object,), {"__slots__": pair})()
        table = {}
        for number, name in enumerate(pair):
            setattr(made, name, number)
            setattr(slotted, name, number)
            table[name] = number
        attributes = dict((name, number) for number, name in enumerate(pair))
        space = {}
        exec("def f(%s, %s):\n yield\n" % tuple(pair), space)
        suspended = space["f"](0, 1)
        next(suspended)
        KEPT.append((made, slotted, table, suspended, space))
        lines.append({"id": address(slotted), "attributes": attributes})
        lines.append({"id": address(suspended), "locals": attributes})
        lines.append({"id": address(table), "keys": attributes})
        lines.append({"id": address(made), "dict": address(vars(made)), "keys": attributes}
                     if sys.version_info < (3, 11) else {"id": address(made), "attributes": attributes})
    class Base(object):
        __slots__ = ("twice",)
    class Derived(Base):
        __slots__ = ("twice",)
    both = Derived()
    both.twice = 1
    Base.twice.__set__(both, 2)
    like = type("Open", (object,), {})()
    setattr(like, "0x10", 3)
    KEPT.extend([both, like])
    lines.append({"id": address(both), "attributes": {"twice": 1}})
    lines.append({"id": address(like), "dict": address(vars(like)), "keys": {"\\0x10": 3}}
                 if sys.version_info < (3, 11) else {"id": address(like), "attributes": {"\\0x10": 3}})
    lines = [json.dumps(each) for each in lines]
    os.kill(os.getpid(), signal.SIGSTOP)
    for line in lines:
        print(line)


KEPT = []
REFERENCE = weakref.ref(ITEMS[0])


def secrets():
    word = "".join(["gehe", "im"])
    made = Item(1)
    made.label = word + " attribute"
    local = outer(word + " cell")
    suspended = generate(word + " local")
    next(suspended)
    KEPT.extend([
        word, made, local, suspended, word + " text", (word + " long ") * 10000, [word + " a", word + " b"],
        {word + " key": word + " value", word: 1}, {word + "key", 1}, (word.encode("ascii"), bytearray((word * 3).encode("ascii"))),
        int(base64.b16encode((word * 5).encode("ascii")), 16), (word + u" \u20ac"), (word + u" \xe9"),
        collections.deque([word + " deque"]), ValueError(word + " error"), word + " told" * 0,
    ])
    print(word)
    print("told_attribute")
    made.told_attribute = 1


print("READY")
sys.stdout.flush()
while True:
    command = sys.stdin.readline()
    if not command:
        os._exit(0)
    try:
        globals()[command.strip()]()
    except Exception as e:
        print("FAILED:", type(e).__name__, e)
    print("END")
    sys.stdout.flush()
