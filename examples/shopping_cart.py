"""A shop without a framework: the cart lives in a session, and signing in gives it another id.

    python -m examples.shopping_cart [URL of a store]

It serves on loopback, sends two browsers of one customer through it and prints what they see. For
your own shop: check a password, and over https make the cookie `__Host-sid` with `Secure`.
"""

import sys
import threading
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from sessionstore import ConfigError, Session, SessionEnded, SessionNotFound, SessionStore
from sessionstore.embedded import EmbeddedServer

NO_SESSION = (SessionNotFound, SessionEnded, ConfigError)  # the last: a cookie that is no id


class Shop:
    def __init__(self, store: SessionStore) -> None:
        self.store = store

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        known = cookies["sid"].value if "sid" in cookies else ""
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        with self.session(known) as session:  # the customer's other requests wait their turn
            text = self.page(session, environ["PATH_INFO"], query)
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        if session.id != known:
            headers.append(("Set-Cookie", f"sid={session.id}; Path=/; HttpOnly; SameSite=Lax"))
        start_response("200 OK", headers)
        return [text.encode()]

    def session(self, known: str) -> Session:
        try:
            return self.store.open(known, wait=5)
        except NO_SESSION:
            return self.store.create(data={"cart": []})  # never under an id that a browser made up

    def page(self, session: Session, path: str, query: dict[str, str]) -> str:
        if path == "/add":
            session["cart"].append(query["item"])
        elif path == "/login":
            session.close(owner=query["user"])  # saved, moved to its owner, under a new id
        elif path == "/logout" and session.owner:
            ended = self.store.end_all(session.owner, reason="signed out")  # this one: when closed
            return f"goodbye, {session.owner}: {ended} sessions ended"
        return f"{session.owner or 'a visitor'}: {', '.join(session['cart']) or 'an empty cart'}"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name there
        pass


def visit(address: str) -> None:
    laptop, phone = (build_opener(ProxyHandler({}), HTTPCookieProcessor()) for _ in range(2))
    for who, browser, path in (
        ("laptop", laptop, "/add?item=tea"),
        ("laptop", laptop, "/login?user=alice"),
        ("phone", phone, "/login?user=alice"),
        ("phone", phone, "/add?item=bread"),
        ("laptop", laptop, "/logout"),
        ("phone", phone, "/"),
    ):
        with browser.open(address + path) as page:
            print(f"{who:6} {path:17} {page.read().decode()}")


def main(url: str) -> None:
    with (
        SessionStore.connect(url) as store,
        make_server("127.0.0.1", 0, Shop(store), handler_class=Quiet) as server,
    ):
        threading.Thread(target=server.serve_forever).start()
        visit(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with EmbeddedServer() as embedded:
            main(embedded.url)
