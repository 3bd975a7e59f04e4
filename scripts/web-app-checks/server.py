"""The server under test, and a proxy that disturbs what passes between it and the browser."""
import contextlib
import http.client
import http.server
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urlsplit


class Service:
    def __init__(self, url, nsarm):
        self.url, self.nsarm = url.rstrip("/"), nsarm

    def call(self, path, method="GET", body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    @property
    def draws(self):
        """Whether the usual model draws detail by chance, scale by scale: only such models show previews."""
        service = self.call("/v1/service")
        return next(model for model in service["models"] if model["name"] == service["model"])["temperature"] is not None

    def picture(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()

    def restorations(self):
        """All of them, newest first."""
        found, after = [], ""
        while True:
            page = self.call(f"/v1/restorations?limit=100{after}")
            found += page["restorations"]
            if not page["next"]:
                return found
            after = f"&cursor={quote(page['next'])}"

    def states(self):
        return sorted(restoration["state"] for restoration in self.restorations())

    def upload(self, name, picture, **settings):
        """Sends a picture past the page."""
        line = b"--part\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n"
        parts = [line % (key.encode(), b"", str(value).encode()) for key, value in settings.items()]
        parts.append(line % (b"image", f"; filename=\"{name}\"".encode(), picture))
        return self.call("/v1/restorations", "POST", b"".join(parts) + b"--part--\r\n",
                         Content_Type="multipart/form-data; boundary=part")

    def clear(self):
        self.call("/v1/restorations/cancel", "POST")
        self.call("/v1/restorations", "DELETE")
        for restoration in self.restorations():
            with contextlib.suppress(urllib.error.HTTPError):
                self.call(f"/v1/restorations/{restoration['id']}", "DELETE")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(nsarm, url, scratch):
    if url:
        service = Service(url, None)
        try:
            present = service.restorations()
        except (OSError, ValueError) as error:
            sys.exit(f"test-web-app: {url} does not answer as nsarm serve does: {error}")
        if present:
            sys.exit(f"test-web-app: {url} has pictures in its list, which the test would clear; "
                     "start another server with --data EMPTY_FOLDER")
        yield service
        service.clear()
        return
    if not nsarm.is_file():
        sys.exit(f"test-web-app: {nsarm} is missing: make build")
    port = free_port()
    log = scratch / "server.log"
    with log.open("w") as output:
        # The fast model, which shows previews.
        command = [str(nsarm.resolve()), "serve", "--model", "nano", "--port", str(port),
                   "--data", str(scratch / "data")]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    service = Service(f"http://127.0.0.1:{port}", nsarm.resolve())
    try:
        wait_until_ready(service, process, log)
        yield service
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_ready(service, process, log):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"test-web-app: nsarm serve ended with status {process.returncode}: {log.read_text().strip()}")
        with contextlib.suppress(OSError, urllib.error.URLError):
            with urllib.request.urlopen(service.url + "/readyz", timeout=5):
                return
        time.sleep(0.2)
    sys.exit(f"test-web-app: nsarm serve was not ready after two minutes: {log.read_text().strip()}")


class DisturbingProxy:
    """
    Passes everything on, but for calls that `answer_once` names, loses answers that `lose_answer` names, counts
    calls, and cuts all connections on request.
    """

    def __init__(self, target):
        self.target = urlsplit(target)
        self.planned, self.lost, self.cut, self.connections = [], [], False, set()
        self.calls = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            log_message = lambda *_: None
            setup = lambda self: (super(Handler, self).setup(), proxy.connections.add(self.connection))
            do_GET = do_POST = do_DELETE = lambda self: proxy.pass_on(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer_once(self, method, path, status, body=b"", **headers):
        self.planned.append((method, path, status, body, headers))

    def lose_answer(self, method, path):
        """The server hears the next call of that kind, and the client no answer."""
        self.lost.append((method, path))

    def break_off(self):
        self.cut = True
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.cut = False

    def close(self):
        self.break_off()
        self.server.shutdown()
        self.server.server_close()

    def pass_on(self, client):
        client.close_connection = True
        if self.cut:
            client.connection.close()
            return
        body = client.rfile.read(int(client.headers.get("Content-Length") or 0))
        call = (client.command, client.path.split("?")[0])
        self.calls.append((client.command, client.path))
        for plan in self.planned:
            method, path, status, answer, headers = plan
            if call == (method, path):
                self.planned.remove(plan)
                self.reply(client, status, {**headers, "Content-Length": str(len(answer))})
                client.wfile.write(answer)
                return
        origin = f"{self.target.scheme}://{self.target.netloc}"
        headers = {name: value for name, value in client.headers.items() if name.lower() != "connection"}
        headers["Host"] = self.target.netloc
        for name in ("Origin", "Referer"):
            if name in headers:
                headers[name] = headers[name].replace(self.url, origin)
        upstream = http.client.HTTPConnection(self.target.netloc, timeout=60)
        with contextlib.closing(upstream), contextlib.suppress(OSError):
            upstream.request(client.command, client.path, body or None, headers)
            answer = upstream.getresponse()
            if call in self.lost:
                self.lost.remove(call)
                answer.read()
                client.connection.shutdown(socket.SHUT_RDWR)
                return
            kept = {name: value for name, value in answer.getheaders()
                    if name.lower() not in ("connection", "transfer-encoding")}
            self.reply(client, answer.status, kept)
            while part := answer.read1(65536):
                client.wfile.write(part)
                client.wfile.flush()

    @staticmethod
    def reply(client, status, headers):
        client.send_response_only(status)
        for name, value in {**headers, "Connection": "close"}.items():
            client.send_header(name.replace("_", "-"), value)
        client.end_headers()
