"""What the checks of the service share: servers and workers to start, requests, pictures, and what a check says."""
import asyncio
import base64
import collections
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import queue
import random
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTO = (ROOT / "Tests/Fixtures/service/photo.png").read_bytes()
FINAL = ("succeeded", "failed", "cancelled")


class Failure(Exception):
    """What does not hold."""


class Missing(Exception):
    """What this machine lacks for a check."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


def need(program, package):
    """The path of a program."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if not path:
        raise Missing(f"{program} is not installed: apt-get install {package}")
    return path


def free_port():
    """None of those that the system gives to connections, which there are many of."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return probe.getsockname()[1]


def until(condition, seconds, text):
    """Waits for what a condition gives, if it is true."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        expect(time.monotonic() < end, f"not within {seconds:g} s: {text}")
        time.sleep(0.05)


# Pictures

def noise(width, height, seed=1):
    """A picture that no compression makes small, as PNG."""
    source = random.Random(seed)
    rows = b"".join(b"\0" + source.randbytes(3 * width) for _ in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


TINY = b"P6\n8 6\n255\n" + bytes(range(144))


# Requests

class Answer(collections.namedtuple("Answer", "status headers body")):
    @property
    def json(self):
        return json.loads(self.body)


def ask(port, path, method="GET", body=None, headers=None, address="127.0.0.1", timeout=60):
    """One request on a connection of its own, from an address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(address, 0))
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    except TimeoutError:
        raise Failure(f"{method} {path}: no answer within {timeout} s") from None
    finally:
        connection.close()


def as_json(picture, name="photo.png", **settings):
    return json.dumps({"image": base64.b64encode(picture).decode(), "name": name, "settings": settings}).encode()


def as_form(picture, boundary="x0x", name="photo.png", **settings):
    fields = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
                     for key, value in settings.items())
    return (f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
            .encode() + picture + f"\r\n--{boundary}--\r\n".encode())


def form_request(picture, boundary="x0x"):
    """The bytes of a whole request."""
    body = as_form(picture, boundary)
    return (f"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: multipart/form-data; boundary={boundary}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


async def send(port, raw, read=True, timeout=30):
    """Sends bytes as they are; the status of the answer, None where there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        await writer.drain()
        if not read:
            return None
        line = await asyncio.wait_for(reader.readline(), timeout)
        parts = line.split()
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None
    except (ConnectionError, asyncio.TimeoutError):
        return None
    finally:
        writer.close()


class Events:
    """An open stream of server-sent events, which a thread reads."""

    def __init__(self, port, path="/v1/events", headers=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{lines}\r\n".encode())
        self.response = http.client.HTTPResponse(self.socket)
        self.response.begin()
        self.socket.settimeout(None)
        self.found, self.last_id = queue.Queue(), None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        fields = {}
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := self.response.readline():
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    self.found.put((fields.get("event", "message"), json.loads(fields["data"]), fields.get("id")))
                    fields = {}
        self.found.put(None)

    def next(self, seconds):
        """The next event as (name, value); None where none comes or the stream has ended."""
        try:
            event = self.found.get(timeout=max(0, seconds))
        except queue.Empty:
            return None
        if event is None:
            return None
        self.last_id = event[2] or self.last_id
        return event[:2]

    def all(self, quiet=1.5, until=None):
        """What comes until nothing does for a while, or until an event of a name has come."""
        events = []
        while event := self.next(30 if until else quiet):
            events.append(event)
            if event[0] == until:
                break
        return events

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


# Programs

class Program:
    """A program whose output goes into a file, and whose end can be watched."""

    def __init__(self, command, log, environment=None, own_group=False):
        self.log = pathlib.Path(log)
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})}, start_new_session=own_group)

    def end(self, number=signal.SIGTERM, seconds=60):
        """Sends a signal; the exit status and the seconds that it took."""
        start = time.monotonic()
        self.process.send_signal(number)
        try:
            # Popen.wait(timeout) looks only every now and then.
            while self.process.poll() is None:
                expect(time.monotonic() - start < seconds, f"has not ended {seconds} s after signal {number}")
                time.sleep(0.005)
        except Failure:
            self.kill()
            raise
        return self.process.returncode, time.monotonic() - start

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def memory(self, field="VmRSS"):
        """In MB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M)[1]) * 1024 / 1e6

    def complaints(self):
        """Lines of the log that tell of errors."""
        return [line for line in self.log.read_text(errors="replace").splitlines()
                if re.search(r'^\S+ (error|critical)\b|"level": ?"(error|critical)"', line)]


class Server(Program):
    """`nsarm serve` with a folder of its own for everything."""

    def __init__(self, o, folder, *options, environment=None, name="server", port=None, start=True):
        self.o, self.folder, self.options = o, pathlib.Path(folder), [str(option) for option in options]
        self.port = port or free_port()
        self.log = self.folder / f"{name}.log"
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.data = self.folder / "data"
        self.environment = {"NSARM_CONFIG": "", "TMPDIR": str(self.temporary), **(environment or {})}
        self.own_group = False
        self.token = self.environment.get("NSARM_TOKEN")
        if start:
            self.start()

    def command(self):
        place = [] if {"--jobs", "--data"} & set(self.options) else ["--data", str(self.data)]
        return [self.o.nsarm, "serve", "--model", "nano", "--port", str(self.port), *place, *self.options]

    def launch(self):
        super().__init__(self.command(), self.log, self.environment, self.own_group)
        self.o.programs.append(self)

    def start(self):
        self.launch()
        self.await_ready()

    def await_ready(self, seconds=60):
        # Where nobody works, it listens and is not ready.
        path = "/healthz" if "--no-work" in self.options else "/readyz"
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException, Failure):
                if self.get(path, timeout=5).status == 200:
                    return
            time.sleep(0.05)
        raise Failure("the service does not start: " + self.log.read_text(errors="replace")[-500:])

    def get(self, path, method="GET", body=None, headers=None, **options):
        headers = dict(headers or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        return ask(self.port, path, method, body, headers, **options)

    def json(self, path):
        return self.get(path).json

    def upload(self, picture=PHOTO, address="127.0.0.1", headers=None, **settings):
        return self.get("/v1/restorations", "POST", as_json(picture, **settings),
                        {"Content-Type": "application/json", **(headers or {})}, address=address)

    def accepted(self, picture=PHOTO, **settings):
        """The id of a restoration that has been asked for."""
        answer = self.upload(picture, **settings)
        expect(answer.status == 202, f"an upload is answered with {answer.status}: {answer.body[:200]}")
        return answer.json["id"]

    def job(self, id):
        answer = self.get(f"/v1/restorations/{id}")
        expect(answer.status == 200, f"restoration {id} is lost: status {answer.status}")
        return answer.json

    def every(self):
        """All restorations, newest first."""
        found, cursor = [], ""
        while cursor is not None:
            page = self.json(f"/v1/restorations?limit=1000{cursor}")
            found += page["restorations"]
            cursor = page.get("next") and f"&cursor={page['next']}"
        return found

    def wait(self, ids, seconds=600):
        """The jobs, when all have ended."""
        end, done = time.monotonic() + seconds, {}
        while len(done) < len(ids):
            expect(time.monotonic() < end, f"{len(ids) - len(done)} of {len(ids)} have not ended")
            for id in ids:
                if id not in done and (job := self.job(id))["state"] in FINAL:
                    done[id] = job
            time.sleep(0.1)
        return done

    def succeed(self, ids, seconds=600):
        """Waits for jobs, which have to succeed."""
        done = self.wait(ids, seconds)
        states = collections.Counter(job["state"] for job in done.values())
        errors = {job["error"] for job in done.values() if job["error"]}
        expect(states == {"succeeded": len(ids)}, f"ended as {dict(states)} {errors or ''}")
        return done

    def digest(self, id):
        answer = self.get(f"/v1/restorations/{id}/result")
        expect(answer.status == 200, f"result of {id}: status {answer.status}")
        return hashlib.sha256(answer.body).hexdigest()

    def metrics(self):
        """The values by their names with labels."""
        lines = self.get("/metrics").body.decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line[:1] not in ("#", "")}

    def usage(self):
        """Resident memory in MB and open files."""
        metrics = self.metrics()
        return metrics["process_resident_memory_bytes"] / 1e6, int(metrics["process_open_fds"])

    def warm(self):
        """The usage, when the pool of the database's readers has grown."""
        async def readers():
            request = b"GET /v1/restorations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            for _ in range(5):
                await asyncio.gather(*(send(self.port, request) for _ in range(200)))
        asyncio.run(readers())
        return self.usage()

    def attempts(self):
        """How often each job was begun, by the file of jobs."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/jobs.sqlite?mode=ro", uri=True)) as database:
            return dict(database.execute("SELECT id, attempts FROM nsarm_jobs"))

    def stop(self):
        """Ends it in good order."""
        if self.process.poll() is None:
            status, _ = self.end(signal.SIGTERM)
            expect(status == 0, f"exit status {status} after SIGTERM")

    def left_behind(self):
        """Folders for temporary files, which lie beside the pictures or where the system has them."""
        places = [self.temporary, *(self.data.iterdir() if self.data.exists() else [])]
        return sorted(path for place in places if place.is_dir() for path in place.glob("nsarm-*"))

    def age(self):
        """Lets those look an hour old: young ones are not taken for a dead process's."""
        for path in self.left_behind():
            os.utime(path, (time.time() - 3600,) * 2)


class Worker(Program):
    """`nsarm work` on the same queue as a server."""

    def __init__(self, server, *options, name="worker", own_group=False):
        place = ["--data", server.data]
        if "--jobs" in server.options:
            place = ["--jobs", server.options[server.options.index("--jobs") + 1]]
        log = server.folder / f"{name}.log"
        # Earlier workers of this name have written there, too.
        before = len(log.read_text()) if log.exists() else 0
        super().__init__(
            [server.o.nsarm, "work", "--model", "nano", *place, *options], log, server.environment, own_group)
        server.o.programs.append(self)
        until(lambda: "waiting for pictures" in self.log.read_text()[before:] or self.process.poll() is not None, 60,
              "the worker starts")
        expect(self.process.poll() is None, "the worker does not start: " + self.log.read_text()[-500:])
