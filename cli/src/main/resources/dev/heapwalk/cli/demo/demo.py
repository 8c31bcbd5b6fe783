# SPDX-License-Identifier: Apache-2.0
# The program that 'heapwalk python COMMAND demo' starts and reads. It makes some objects, says so, and ends when its
# standard input does, so also when whoever started it was killed.

import asyncio
import collections
import gc
import os
import queue
import sys
import threading

VAT = 0.19


class Book:
    def __init__(self, title, cents, tags):
        self.title = title
        self.cents = cents
        self.tags = tags

    @property
    def price(self):
        return round(self.cents * (1 + VAT))


class Cart:
    __slots__ = ("customer", "books")

    def __init__(self, customer, books):
        self.customer = customer
        self.books = books


Order = collections.namedtuple("Order", "number cart")

BOOKS = [Book("Volume %d of the demo's encyclop\u00e6dia" % i, 995 + i, ["paper", "shelf %d" % (i % 7)])
         for i in range(300)]
CARTS = [Cart("customer %d" % i, BOOKS[i * 7:i * 7 + 3]) for i in range(20)]
INDEX = {book.title: book for book in BOOKS}


def serve(orders, greeting):
    served = 0
    while True:
        order = orders.get()
        served += sum(book.price for book in order.cart.books)
        orders.task_done()


async def deliver(order, van):
    await van.wait()


async def deliver_all(orders, ready):
    van = asyncio.Event()
    tasks = [asyncio.ensure_future(deliver(order, van)) for order in orders]
    asyncio.get_event_loop().call_soon(ready.set)
    await asyncio.gather(*tasks)


orders = queue.Queue()
for i in range(2):
    threading.Thread(target=serve, args=(orders, "till %d" % i), name="till %d" % i, daemon=True).start()
for number, cart in enumerate(CARTS):
    orders.put(Order(number, cart))
orders.join()
ready = threading.Event()
deliveries = [Order(number, cart) for number, cart in enumerate(CARTS[:5])]
loop = asyncio.new_event_loop()
threading.Thread(
    target=lambda: loop.run_until_complete(deliver_all(deliveries, ready)), name="deliveries", daemon=True).start()
ready.wait()
gc.collect()

sys.stdout.write("READY %d\n" % os.getpid())
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
