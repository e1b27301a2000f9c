"""App servers share the sessions of a store, and a pool of workers does what is not theirs to do.

    python -m examples.app_server [URL of a store [PORT]]

With a port it serves there, as in `docker-compose.yml`. Without, it starts two app servers and a
pool, and prints what one browser sees at both in turn.
"""

import sys
import threading
from contextlib import ExitStack
from http.cookies import SimpleCookie
from socketserver import ThreadingMixIn
from subprocess import DEVNULL, Popen
from urllib.parse import parse_qsl
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from sessionstore import ConfigError, SessionEnded, SessionNotFound, SessionStore
from sessionstore.embedded import EmbeddedServer
from sessionstore.jobs import Jobs


class App:
    def __init__(self, store: SessionStore) -> None:
        self.store = store
        self.jobs = Jobs(store)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        sid = cookies["sid"].value if "sid" in cookies else ""
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        if environ["PATH_INFO"] == "/login":  # for your own: check a password
            sid = self.store.create(owner=query["user"], data={"pages": 0}, open=False).id
            headers.append(("Set-Cookie", f"sid={sid}; Path=/; HttpOnly; SameSite=Lax"))
        try:
            text = self.page(sid, environ["PATH_INFO"])
        except (SessionNotFound, SessionEnded, ConfigError):  # the last: a cookie that is no id
            text = "nobody is logged in"
        start_response("200 OK", headers)
        return [text.encode()]

    def page(self, sid: str, path: str) -> str:
        with self.store.open(sid, wait=5) as session:
            session["pages"] += 1
            if path == "/logout":
                session.delete()  # and with it goes whatever is still done for it
                return "goodbye"
        if path == "/sessions":  # the session is closed meanwhile: other requests go on
            found = self.jobs.execute(sid, "krn.SessionEnum", timeout=30)
            return f"{session.owner} has {found['Count']} session, says a worker"
        return f"{session.owner}: page {session['pages']}"


class Server(ThreadingMixIn, WSGIServer): ...


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *_: object) -> None: ...  # noqa: A002 - its name there


def started(url: str, stack: ExitStack) -> str:
    store = stack.enter_context(SessionStore.connect(url))
    server = stack.enter_context(make_server("127.0.0.1", 0, App(store), Server, Quiet))
    threading.Thread(target=server.serve_forever).start()
    stack.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


def main(url: str) -> None:
    with ExitStack() as stack:
        pool = Popen((sys.executable, "-m", "workers", "--url", url), stdout=DEVNULL)
        stack.callback(pool.wait)
        stack.callback(pool.terminate)
        servers = [started(url, stack) for _ in range(2)]
        browser = build_opener(ProxyHandler({}), HTTPCookieProcessor())
        for at, path in enumerate(("/login?user=alice", "/", "/sessions", "/", "/logout", "/")):
            with browser.open(servers[at % 2] + path) as page:
                print(f"server {at % 2 + 1}  {path:17} {page.read().decode()}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        app = App(SessionStore.connect(sys.argv[1]))
        make_server("", int(sys.argv[2]), app, Server).serve_forever()
    elif len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with EmbeddedServer() as embedded:
            main(embedded.url)
