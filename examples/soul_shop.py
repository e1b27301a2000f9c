"""A web shop in the words of SOUL: each request logs in, takes up the session, and logs out.

    python -m examples.soul_shop [URL of a store]

An order is answered with a redirect before it has closed the session. The browser follows it at
once, so the next request finds the session in use and waits for it: SESDEFOW is ten seconds.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from sessionstore import SessionStore
from sessionstore.dialects.soul import LongstringVariable, Online, Thread
from sessionstore.embedded import EmbeddedServer

redirect_sent = Event()
redirect_followed = Event()


def say(thread: Thread, request: str, text: object) -> None:
    print(f"thread {thread.number}  {request:<18} {text}")


def add(online: Online, item: str) -> None:
    with online.login("ALICE") as thread:
        if thread.session_open("CART") == 1:  # not found: the first request of this visit
            thread.session_create("CART", timeout=600)
        count = thread.list_add(thread.list_session("ITEMS"), item)
        say(thread, f"GET /add?item={item}", f"{count} in the cart")


def order(online: Online) -> None:
    with online.login("ALICE", thread=1) as thread:
        thread.session_open("CART")
        say(thread, "POST /order", "see /receipt")
        redirect_sent.set()  # the browser has its answer; there is still something to do
        redirect_followed.wait(10)
        items = thread.list_session("ITEMS", "OLD")
        numbers = range(1, thread.list_cnt(items) + 1)
        receipt = LongstringVariable()
        thread.lstr_session("RECEIPT", receipt)  # what is assigned now is kept in the session
        receipt.value = ", ".join(thread.list_inf(items, number) for number in numbers)
        thread.list_session("ITEMS", "PREP")
        say(thread, "POST /order", "ordered, the cart is empty again")  # and logs out, so closes


def receipt(online: Online) -> None:
    with online.login("ALICE", thread=2) as thread:
        rc = thread.session_open("CART", None, 0)
        say(thread, "GET /receipt", f"{rc}: in use by thread {user_of_cart(thread)}, so wait")
        redirect_followed.set()
        rc = thread.session_open("CART")
        say(thread, "GET /receipt", f"{rc}: {thread.lstr_session_get('RECEIPT')}")


def user_of_cart(thread: Thread) -> str:
    found = thread.list_new()
    thread.session_list(found, "CART")
    return thread.list_inf(found, 1)[44:50].strip()  # columns 45 to 50


def leave(online: Online) -> None:
    with online.login("ALICE") as thread:
        thread.session_open("CART")
        rc = thread.session_delete("CART")
        say(thread, "GET /bye", f"{rc}: it is open here, and ends with the close")
        thread.session_close()
        say(thread, "GET /bye", f"{thread.session_open('CART')}: not found any more")


def main(url: str) -> None:
    with (
        SessionStore.connect(url, prefix="soul") as store,  # parameters are those of a whole store
        Online(store, SESNPRV=1000, SESUMAX=5, SESOPT=1, SESDEFOW=10) as online,
        ThreadPoolExecutor() as web_server,
    ):
        add(online, "tea")
        add(online, "milk")
        ordering = web_server.submit(order, online)
        redirect_sent.wait(10)
        web_server.submit(receipt, online).result()
        ordering.result()
        leave(online)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with EmbeddedServer() as embedded:
            main(embedded.url)
