"""Serving: a local server that shows a recording while it is made."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from micrograd.pictures.recording import Recording


class Watched:
    """A recording that is served at `address`; `opened` says whether a page asked for it."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self.address = ""
        self.opened = False
        self._live = True
        self._ended = threading.Event()  # a page knows that the run has ended

    def finish(self, seconds: float) -> None:
        """Ends the run: waits until a page has all of it, not longer than `seconds`."""
        self._live = False
        self._ended.wait(seconds)

    def answer(self, path: str, live: bool) -> tuple[str, bytes] | None:
        """The content type and the content for a path; None if there is no such path."""
        if path == "/":
            self.opened = True
            return "text/html", self.recording.page(live).encode()
        frames = re.fullmatch(r"/frames\?from=(\d{1,9})", path)
        if frames is None:
            return None
        return "application/json", json.dumps(self.recording.run(int(frames[1]), live)).encode()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        watched = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # seconds: a connection without a request is closed

            def do_GET(self) -> None:
                live = watched._live
                found = watched.answer(self.path, live)
                if found is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", f"{found[0]}; charset=utf-8")
                self.send_header("Content-Length", str(len(found[1])))
                self.end_headers()
                self.wfile.write(found[1])
                if not live:
                    watched._ended.set()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser may close the connection before it has read the answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType]


@contextmanager
def served(recording: Recording) -> Iterator[Watched]:
    """Serves the page of a recording on this machine alone, until the block ends.

    The page asks for the frames that it does not have.
    """
    watched = Watched(recording)
    server = _Server(("127.0.0.1", 0), watched.handler())
    watched.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
