"""What operators and clients see: metrics, a long history, large results."""
import contextlib
import math
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness import TINY, Events, Server, Worker, ask, expect, free_port, need, noise, until


def lint(text, what):
    """What promtool has against metrics."""
    checked = subprocess.run([need("promtool", "prometheus"), "check", "metrics"], input=text, capture_output=True)
    said = (checked.stdout + checked.stderr).decode().strip()
    expect(checked.returncode == 0 and not said, f"promtool about the metrics of {what}: {said[:500]}")
    return sum(line.startswith(b"# TYPE") for line in text.splitlines())


def metrics(o, folder):
    """promtool on the metrics of `nsarm serve` and of `nsarm work --metrics-port`; gauges that go back to 0"""
    need("promtool", "prometheus")
    server = Server(o, folder, "--no-work")
    zero = server.metrics()
    states = [f'nsarm_jobs{{state="{state}"}}' for state in ("queued", "running", "succeeded", "failed", "cancelled")]
    absent = [name for name in states[:2] if zero.get(name) != 0]
    expect(not absent, f"not 0 where there are none: {absent}")
    ids = [server.accepted(noise(128, 96, seed=i)) for i in range(5)]
    expect(server.metrics()[states[0]] == 5, f"5 are waiting, not {server.metrics().get(states[0])}")

    port = free_port()
    worker = Worker(server, "--metrics-port", port)
    def listens():
        with contextlib.suppress(OSError):
            return ask(port, "/healthz")
    until(listens, 10, "the worker tells how it is")
    health = {path: ask(port, path).status for path in ("/healthz", "/readyz")}
    expect(set(health.values()) == {200}, f"a worker's health: {health}")
    server.succeed(ids)
    values = server.metrics()
    still = {name: values.get(name) for name in states[:2] if values.get(name) != 0}
    expect(not still, f"the queue is empty, and yet {still}")
    server.get("/v1/restorations", "POST", b"{", {"Content-Type": "application/json"})
    server.get("/missing")
    kinds = lint(server.get("/metrics").body, "nsarm serve")
    text = ask(port, "/metrics").body
    expect(b"nsarm_restorations_total" in text, "a worker's metrics lack its restorations")
    of_worker = lint(text, "nsarm work")
    expect(worker.end()[0] == 0, "exit status of the worker")
    with contextlib.suppress(OSError):
        expect(ask(port, "/healthz").status is None, "the worker's port is still open")
    expect(server.metrics()[states[0]] == 0, "not 0")
    server.stop()
    return f"promtool finds nothing in {kinds} metrics of serve and {of_worker} of work; queued 5, then 0"


def history(o, folder):
    """500 restorations: no false `removed` events, cursors walk all of them, Last-Event-ID goes on"""
    server = Server(o, folder, "--no-work", "--max-queue", "1000")
    running = server.accepted(TINY)  # the oldest one stays unfinished
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda i: server.accepted(TINY, seed=i), range(500)))
        answers = list(pool.map(lambda id: server.get(f"/v1/restorations/{id}/cancel", "POST").status, ids))
    expect(set(answers) == {200}, f"cancelling: {set(answers)}")

    stream = Events(server.port)
    first = stream.all(until="list")
    shown = [value["id"] for name, value in first if name == "restoration"]
    listed = first[-1][1]
    expect(not any(name == "removed" for name, _ in first), "removed events at the start")
    expect(running in shown, "the oldest one, which has not ended, is not shown")
    expect(len(shown) == len(set(shown)) and 100 <= len(shown) < 500, f"{len(shown)} restorations at the start")
    expect(set(listed["ids"]) == set(shown), "the list names others than were shown")
    expect(listed["next"], "no cursor to older ones")
    # What comes and goes now is told, and nothing else.
    for _ in range(3):
        new = server.accepted(TINY)
        expect(server.get(f"/v1/restorations/{new}/cancel", "POST").status == 200, "cancelling")
    expect(server.get(f"/v1/restorations/{new}", "DELETE").status == 204, "removing")
    removed = [value["id"] for name, value in stream.all() if name == "removed"]
    expect(removed == [new], f"{len(removed)} removed events, one was removed")

    # While nobody listens.
    stream.close()
    late = server.accepted(TINY)
    server.get(f"/v1/restorations/{shown[-1]}", "DELETE")
    again = Events(server.port, headers={"Last-Event-ID": stream.last_id or ""})
    events = again.all()
    again.close()
    changed = {value["id"] for name, value in events if name == "restoration"}
    gone = {value["id"] for name, value in events if name == "removed"}
    expect(changed == {late} and gone == {shown[-1]}, f"after Last-Event-ID: {len(changed)} changed (1 was), "
           f"{len(gone)} removed (1 was)")
    expect(not any(name == "list" for name, _ in events), "a list after Last-Event-ID")
    for strange in ("1", "none-of-ours", "99999999999999999999"):
        stream = Events(server.port, headers={"Last-Event-ID": strange})
        expect(stream.all(until="list")[-1:], f"no list after Last-Event-ID: {strange}")
        stream.close()

    # All of them, page after page, newest first; by the header, too; and from the cursor of the stream.
    for limit in (7, 100, 1000):
        found, path = [], f"/v1/restorations?limit={limit}"
        while path:
            answer = server.get(path)
            expect(answer.status == 200, f"{path}: {answer.status}")
            found += [job["id"] for job in answer.json["restorations"]]
            link = answer.headers["Link"]
            path = link[link.index("<") + 1:link.index(">")] if answer.json["next"] else None
            expect(bool(link) == bool(path), f"Link: {link}")
            path = path and path[path.index("/v1/"):]
        expect(len(found) == len(set(found)) == 503 and found[0] == late and found[-1] == running,
               f"pages of {limit}: {len(set(found))} of 503")
    older = server.json(f"/v1/restorations?limit=1000&cursor={listed['next']}")["restorations"]
    missing = set(found) - set(shown) - {job["id"] for job in older} - {late} - {new}
    expect(len(missing) <= 2, f"{len(missing)} are neither shown nor behind the list's cursor")
    queued = server.json("/v1/restorations?state=queued&limit=1000")["restorations"]
    expect({job["id"] for job in queued} == {running, late}, f"{len(queued)} are waiting, 2 were left")
    server.stop()
    return f"{len(shown)} of 501 shown at first, the oldest unfinished one among them; pages of 7, 100 and 1000 hold all"


def memory(o, folder):
    """--pictures results of 100 megapixels, made with scale 8 and shown one after the other, under --max-memory 4G"""
    # Restored by another process: the encoder of JPEG XL takes more by itself.
    server = Server(o, folder, "--no-work", "--max-memory", "4G", "--lease", "600")
    worker = Worker(server, "--lease", "600")
    formats = ["tiff", "jxl", "png", "webp", "jpeg"]
    small = 0
    before, times = 0, []
    for number in range(o.pictures):
        kind = formats[number % len(formats)]
        id = server.accepted(waves(1250, 1250, number), scale=8, format=kind)
        job = server.succeed([id])[id]
        expect(job["output"]["width"] * job["output"]["height"] == 100_000_000, f"the result is {job['output']}")
        before = max(before, server.memory("VmHWM"))
        for path in ("result?as=display", "input?as=display", "result?as=display"):
            asked = time.monotonic()
            answer = server.get(f"/v1/restorations/{id}/{path}", timeout=300)
            expect(answer.status == 200, f"{path} of a {kind}: status {answer.status} {answer.body[:200]}")
            times.append(time.monotonic() - asked)
        expect(answer.headers["Content-Type"] == "image/webp" and len(answer.body) > 10_000, f"{path} of a {kind}")
        small = max(small, times[-1])
        peak = server.memory("VmHWM")
        expect(peak < 4096 * 1.048576, f"{peak:.0f} MB after {number + 1} results (a {kind}), {before:.0f} MB before it was shown")
        server.get(f"/v1/restorations/{id}", "DELETE")
    expect(worker.end()[0] == 0, "exit status of the worker")
    server.stop()
    return (f"{o.pictures} results: {peak:.0f} MB at most; shown for the first time within {max(times):.1f} s, "
            f"again within {small:.2f} s")


def waves(width, height, seed):
    """A smooth picture with a little noise, as PPM."""
    source = random.Random(seed)
    line = bytes(128 + int(100 * math.sin((x // 3) / (20 + seed)) * math.cos(x % 3)) for x in range(6 * width))
    rows = b"".join(line[3 * (y % width):3 * (y % width) + 3 * width - 6] + source.randbytes(6) for y in range(height))
    return b"P6\n%d %d\n255\n" % (width, height) + rows


CHECKS = [metrics, history, memory]
