"""Where alerts arrive: a web server and a mail server of a test's own, which may be away for a while."""

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from deploy.stack.ports import HOST

PUBLISHED = """<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
<PublishResult><MessageId>1</MessageId></PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</PublishResponse>"""


@dataclass(frozen=True)
class Request:
    """What came by HTTP."""

    path: str
    authorization: str
    body: str


@dataclass(frozen=True)
class Mail:
    """What came by SMTP, from somebody who logged in with a password."""

    to: str
    password: str
    text: str


@contextmanager
def web_server(port: int) -> Iterator[list[Request]]:
    """Takes whatever is posted, and answers as a publish to SNS is answered."""
    taken = list[Request]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            taken.append(Request(self.path, self.headers.get("Authorization", ""), body))
            self.send_response(200)
            self.send_header("Content-Length", str(len(PUBLISHED)))
            self.end_headers()
            self.wfile.write(PUBLISHED.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _served(ThreadingHTTPServer((HOST, port), Handler)):
        yield taken


@contextmanager
def mail_server(port: int) -> Iterator[list[Mail]]:
    """Takes mail from whoever logs in."""
    taken = list[Mail]()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            to = password = ""
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                match verb.upper():
                    case "EHLO":
                        self._say("250-here", "250 AUTH PLAIN")
                    case "AUTH":
                        password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")[-1]
                        self._say("235 welcome")
                    case "RCPT":
                        to = rest.removeprefix("TO:").strip("<>")
                        self._say("250 known")
                    case "DATA":
                        self._say("354 go on")
                        taken.append(Mail(to, password, "".join(iter(lambda: self.rfile.readline().decode(), ".\r\n"))))
                        self._say("250 taken")
                    case "QUIT":
                        self._say("221 bye")
                        return
                    case _:
                        self._say("250 fine")

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    with _served(socketserver.ThreadingTCPServer((HOST, port), Handler)):
        yield taken


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
