"""Many clients, broken ones, and a long time."""
import asyncio
import collections
import contextlib
import random
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness import PHOTO, Events, Server, expect, form_request, send, until


def burst(o, folder):
    """200 uploads at once against a queue of 8: what is refused is told so and tried again"""
    server = Server(o, folder, "--max-queue", "8")
    accepted, refused = [], collections.Counter()

    def client(number):
        while True:
            answer = server.upload(seed=number)
            if answer.status == 202:
                accepted.append(answer.json["id"])
                return
            # 503: the queue is full; 429: too many uploads at once from one address.
            expect(answer.status in (429, 503) and int(answer.headers["Retry-After"]) > 0,
                   f"status {answer.status}: {answer.body[:200]}")
            refused[answer.status] += 1
            time.sleep(random.uniform(0.2, 1))

    start = time.monotonic()
    with ThreadPoolExecutor(200) as pool:
        list(pool.map(client, range(200)))
    expect(len(set(accepted)) == 200, "an id was given twice")
    server.succeed(accepted)
    server.stop()
    return (f"200 accepted and restored in {time.monotonic() - start:.0f} s, "
            f"{refused[503]} times refused with 503 and {refused[429]} times with 429")


def vanish(o, folder):
    """clients that go away in the middle of uploads and of event streams"""
    server = Server(o, folder)
    server.succeed([server.accepted()])
    whole = form_request(PHOTO)
    _, files = server.warm()

    async def clients():
        await asyncio.gather(*(
            send(server.port, whole[:random.randrange(20, len(whole) - 1)], read=False)
            for _ in range(300)))
        listener = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await asyncio.gather(*(send(server.port, listener) for _ in range(200)))

    asyncio.run(clients())
    with contextlib.suppress(Exception):
        until(lambda: server.usage()[1] <= files + 2, 60, "files are closed")
    after = server.usage()[1]
    expect(after <= files + 2, f"{files} open files before, {after} after")
    until(lambda: not server.left_behind(), 20, f"{len(server.left_behind())} folders for temporary files stay")
    count = len(server.every())
    expect(count == 1, f"{count} restorations, one was sent whole")
    server.succeed([server.accepted()])
    complaints = server.complaints()
    server.stop()
    expect(not complaints, f"{len(complaints)} errors are logged that are the clients': {complaints[:1]}")
    return f"300 uploads and 200 event streams cut off; open files {files} before, {after} after"


def mistakes(o, folder):
    """wrong requests, one of each kind: each is told in the 400s, none is an error of the service's"""
    server = Server(o, folder)
    server.succeed([server.accepted()])
    host, close = "Host: localhost\r\n", "Connection: close\r\n"
    kind = "Content-Type: multipart/form-data; boundary=x\r\n"
    post = f"POST /v1/restorations HTTP/1.1\r\n{host}{close}"
    requests = {
        "bad chunk": post + kind + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "unknown transfer coding": post + kind + "Transfer-Encoding: brotli\r\n\r\nhello",
        "two lengths": post + kind + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "length and chunks": post + kind + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "negative length": post + kind + "Content-Length: -1\r\n\r\n",
        "no such version": f"GET / HTTP/9.9\r\n{host}{close}\r\n",
        "no host": f"GET /v1/restorations HTTP/1.1\r\n{close}\r\n",
        "endless header": f"GET / HTTP/1.1\r\n{host}{close}X: {'x' * 100_000}\r\n\r\n",
        "no JSON": post + "Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
        "form without boundary": post + "Content-Type: multipart/form-data\r\nContent-Length: 5\r\n\r\nhello",
        "form cut short": post + kind + "Content-Length: 5\r\n\r\n--x\r\n",
        "text": post + "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
    }
    answers = {name: asyncio.run(send(server.port, raw.encode(), timeout=5)) for name, raw in requests.items()}
    for name, status in answers.items():
        expect(status is None or 400 <= status < 500 or status in (501, 505), f"{name}: answered with {status}")
    expect(sum(status is not None for status in answers.values()) >= len(answers) - 2, f"silent: {answers}")

    # Who asks first hears at once whether the body is wanted.
    for kind, wanted in (("multipart/form-data; boundary=x0x", b"100"), ("text/plain", b"415")):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(f"{post}Content-Type: {kind}\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n".encode())
            answer = connection.recv(4096).split(b" ")[1]
            expect(answer == wanted, f"Expect: 100-continue with {kind} is answered with {answer}")

    # The one that asks for it is the only one active, whatever came before.
    def is_idle():
        return sum(value for name, value in server.metrics().items() if "active_requests" in name) == 1
    for path in ("/", "/v1/service", "/v1/restorations", "/openapi.json", "/missing"):
        for _ in range(5):
            server.get(path, "HEAD")
    until(is_idle, 10, "HEAD is active no longer")
    for _ in range(20):  # in the middle of a body
        asyncio.run(send(server.port, form_request(PHOTO)[:-100], read=False))
    until(is_idle, 10, "who has gone is active no longer")
    complaints = server.complaints()
    server.stop()
    expect(not complaints, f"{len(complaints)} errors are logged that are the clients': {complaints[:1]}")
    told = ", ".join(f"{name} {status or 'closed'}" for name, status in answers.items())
    return f"{told}; no error is logged"


def malformed(o, folder):
    """10,000 broken requests"""
    server = Server(o, folder)
    server.succeed([server.accepted()])
    memory, files = server.warm()
    source = random.Random(5)
    whole = form_request(PHOTO[:400])
    ok = b"GET /v1/restorations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    missing = "00000000-0000-0000-0000-000000000000"
    paths = ["/v1/restorations/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v1/restorations/x",
             "/v1/restorations/" + "9" * 5000, "/\x00", "/v1/restorations?limit=-1", "//", "/v1/",
             "/v1/restorations?cursor=x", "/v1/restorations?state=lost", f"/v1/archive?ids={missing},x",
             f"/v1/restorations/{missing}/result?as=exe", f"/v1/restorations/{missing}/again"]
    headers = ["", "", "", "Range: bytes=9-1,-\r\n", "If-None-Match: \"\r\n", "Last-Event-ID: -9\r\n",
               "Idempotency-Key: " + "k" * 5000 + "\r\n", "X-Forwarded-For: ,,,\r\n", "Origin: null\r\n"]

    def one():
        kind = source.randrange(6)
        if kind == 0:
            method = source.choice(["GET", "POST", "PUT", "DELETE", "BREW", "\x01", "G" * 300])
            return (f"{method} {source.choice(paths)} HTTP/1.1\r\nHost: localhost\r\n{source.choice(headers)}"
                    f"Connection: close\r\n\r\n").encode("latin-1")
        if kind == 1:
            return source.randbytes(source.randrange(1, 400)) + b"\r\n\r\n"
        if kind == 2:
            return (b"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % 60
                    + source.choice([b"{", b"[1]", b'{"image":3}', b'{"image":"!!"}', b"\xff"]).ljust(60))
        base = bytearray(whole if kind < 5 else ok)
        for _ in range(source.randrange(1, 8)):
            base[source.randrange(len(base) if source.random() < .5 else min(len(base), 150))] = source.randrange(256)
        return bytes(base) if kind == 3 else bytes(base[:source.randrange(1, len(base))]) + b"\r\n\r\n"

    statuses = collections.Counter()

    async def clients():
        limit = asyncio.Semaphore(32)

        async def client(raw):
            async with limit:
                # What seems to announce more than comes is given up by the client.
                statuses[await send(server.port, raw, timeout=2)] += 1
        await asyncio.gather(*(client(one()) for _ in range(o.requests)))

    asyncio.run(clients())
    expect(server.process.poll() is None, "the service has crashed")
    bad = {s: n for s, n in statuses.items() if s and s >= 500 and s not in (501, 503, 505)}
    expect(not bad, f"answers {bad}")
    for job in server.every():
        server.get(f"/v1/restorations/{job['id']}", "DELETE")
    server.succeed([server.accepted()])
    time.sleep(5)
    after = server.usage()
    expect(after[1] <= files + 5, f"open files {files} before, {after[1]} after")
    expect(not server.left_behind(), f"temporary files stay: {server.left_behind()[:3]}")
    complaints = server.complaints()
    server.stop()
    expect(not complaints, f"{len(complaints)} errors are logged that are the clients': {complaints[:1]}")
    told = ", ".join(f"{n} x {s or 'closed'}" for s, n in sorted(statuses.items(), key=lambda x: -x[1]))
    return f"{told}; memory {memory:.0f} to {after[0]:.0f} MB, open files {files} to {after[1]}"


def soak(o, folder):
    """uploads, events and deletions for --minutes"""
    server = Server(o, folder, "--max-queue", "8")
    end, samples, count, last = time.monotonic() + 60 * o.minutes, [], 0, 0
    listener = subprocess.Popen(
        ["curl", "-sN", f"http://127.0.0.1:{server.port}/v1/events"], stdout=subprocess.DEVNULL)
    try:
        while time.monotonic() < end:
            answer = server.upload(seed=count, format=random.choice(["png", "jpeg", "webp"]))
            if answer.status == 503:
                time.sleep(0.5)
                continue
            expect(answer.status == 202, f"status {answer.status}: {answer.body[:200]}")
            id = answer.json["id"]
            if count % 7 == 3:
                server.get(f"/v1/restorations/{id}/cancel", "POST")
            job = server.wait([id])[id]
            expect(job["state"] in ("succeeded", "cancelled"), f"{job['state']}: {job['error']}")
            if job["state"] == "succeeded":
                for path in ("result", "input?as=display", "result?as=display", "preview"):
                    answer = server.get(f"/v1/restorations/{id}/{path}")
                    expect(answer.status == 200, f"{path}: status {answer.status}")
            if count % 50 == 49:  # somebody opens the page, and leaves it
                Events(server.port).close()
            server.get(f"/v1/restorations/{id}", "DELETE")
            count += 1
            if time.monotonic() - last > 10:
                last = time.monotonic()
                samples.append(server.usage())
    finally:
        listener.kill()
        listener.wait()
    complaints = server.complaints()
    server.stop()
    expect(not complaints, f"errors are logged: {complaints[:1]}")
    third = max(1, len(samples) // 3)
    mean = lambda part, i: sum(s[i] for s in part) / len(part)
    first, final = samples[third:2 * third] or samples, samples[-third:]
    growth, files = mean(final, 0) - mean(first, 0), mean(final, 1) - mean(first, 1)
    expect(growth < 30 and files < 3, f"memory grew by {growth:.0f} MB, open files by {files:.0f}")
    return (f"{count} restorations in {o.minutes:g} min; memory {mean(first, 0):.0f} MB in the second third, "
            f"{mean(final, 0):.0f} MB in the last; open files {mean(first, 1):.0f} and {mean(final, 1):.0f}")


CHECKS = [burst, vanish, mistakes, malformed, soak]
