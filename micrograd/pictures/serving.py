"""Watching: serves a recording on loopback while it is made."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from micrograd.pictures.recording import Recording


@contextmanager
def served(recording: Recording) -> Iterator[str]:
    """Serves the page of a recording on this machine alone; yields its address.

    The page asks for the frames that it does not have, until the block ends.
    """
    state = _State(recording)
    server = ThreadingHTTPServer(("127.0.0.1", 0), state.handler())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _State:
    def __init__(self, recording: Recording):
        self.recording = recording

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """The kind and the content of an answer."""
        if path == "/":
            return "text/html", self.recording.page(live=True).encode()
        frames = re.fullmatch(r"/frames\?from=(\d{1,9})", path)
        if frames is None:
            return None
        run = self.recording.run(int(frames[1]), live=True)
        return "application/json", json.dumps(run).encode()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        state = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = state.answer(self.path)
                if found is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", f"{found[0]}; charset=utf-8")
                self.send_header("Content-Length", str(len(found[1])))
                self.end_headers()
                self.wfile.write(found[1])

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
