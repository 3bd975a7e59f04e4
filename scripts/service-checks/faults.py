"""Programs that are killed, stopped, interrupted; disks, clocks and databases that fail."""
import collections
import contextlib
import glob
import os
import pathlib
import random
import shlex
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

from harness import PHOTO, Events, Failure, Missing, Server, Worker, as_form, expect, need, noise, until


def kill(o, folder):
    """the service is killed (SIGKILL) while it works, and started again"""
    server = Server(o, folder)
    picture = noise(160, 120)
    first = server.accepted(picture)
    server.succeed([first])
    expected, ids, kills = server.digest(first), [], 0
    for _ in range(5):
        ids += [server.accepted(picture) for _ in range(6)]
        time.sleep(random.uniform(0.3, 1.5))
        server.kill()
        kills += 1
        server.age()
        server.start()
    server.succeed(ids)
    expect({server.digest(id) for id in ids} == {expected}, "results differ")
    until(lambda: not server.left_behind(), 20, f"folders of the killed are swept: {server.left_behind()[:3]}")
    server.stop()
    return f"{kills} kills, {len(ids)} accepted restorations, all ended with the same bytes as undisturbed"


class SlowUpload(threading.Thread):
    """A form that is sent little by little; `id` is that of the restoration, if it has been accepted."""

    def __init__(self, port, picture, seconds):
        super().__init__(daemon=True)
        self.port, self.picture, self.seconds, self.id = port, picture, seconds, None
        self.start()

    def run(self):
        body = as_form(self.picture)
        head = (f"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
                f"multipart/form-data; boundary=x0x\r\nContent-Length: {len(body)}\r\n\r\n").encode()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(head)
            step = len(body) // 8 + 1
            for start in range(0, len(body), step):
                connection.sendall(body[start:start + step])
                time.sleep(self.seconds / 8)
            answer = b""
            while part := connection.recv(1 << 16):
                answer += part
            if answer.startswith(b"HTTP/1.1 202"):
                self.id = answer.split(b'"id":"', 1)[1][:36].decode()


def interrupt(o, folder):
    """Ctrl-C --rounds times at random moments of work, uploads and open streams; twice; SIGTERM"""
    server = Server(o, folder)
    picture = noise(256, 192)
    accepted, ends, counted = [], [], 0

    def interrupted(process, *streams):
        status, seconds = process.end(signal.SIGINT, 60)
        for stream in streams:
            stream.close()
        ends.append((status, seconds))

    def ended_well():
        statuses = collections.Counter(status for status, _ in ends)
        greatest = max(seconds for _, seconds in ends)
        expect(set(statuses) == {130}, f"exit statuses {dict(statuses)} (130 is wanted; a negative one is a signal), "
               f"at most {greatest:.2f} s")
        # A loaded machine is slow; 2 s are wanted elsewhere.
        expect(greatest < 3, f"{greatest:.2f} s from SIGINT to the end")
        expect(counted <= 1, f"interrupted work counts as an attempt: {counted} of one job")
        return greatest

    for round in range(o.rounds):
        if sum(server.job(id)["state"] in ("queued", "running") for id in accepted) < 2:
            accepted += [server.accepted(picture, seed=round) for _ in range(2)]
        streams = [Events(server.port), Events(server.port, f"/v1/restorations/{accepted[-1]}/events")]
        uploads = [SlowUpload(server.port, picture, random.uniform(0, 2)) for _ in range(2)]
        time.sleep(random.uniform(0, 2))
        interrupted(server, *streams)
        for upload in uploads:
            upload.join(30)
            accepted += [upload.id] if upload.id else []
        counted = max(counted, *server.attempts().values())
        server.start()
    server.succeed(accepted, 900)
    ended_well()
    lost = [job["error"] for job in server.every() if job["state"] != "succeeded"]
    expect(not lost, f"{len(lost)} restorations of {len(accepted)} failed: {lost[0] if lost else ''}")

    # While it starts, when the system's own way of ending is as good.
    server.stop()
    for _ in range(max(3, o.rounds // 5)):
        server.launch()
        time.sleep(random.uniform(0, 0.6))
        status, seconds = server.end(signal.SIGINT)
        expect(status in (130, -signal.SIGINT) and seconds < 3, f"SIGINT during the start: {status} after {seconds:.1f} s")

    # Workers by themselves end likewise.
    server = Server(o, folder, "--no-work")
    for round in range(max(2, o.rounds // 10)):
        worker = Worker(server)
        accepted.append(server.accepted(picture, seed=round))
        time.sleep(random.uniform(0, 1.5))
        interrupted(worker)
        counted = max(counted, *server.attempts().values())
    worker = Worker(server)
    server.succeed(accepted)
    expect(worker.end(signal.SIGTERM)[0] == 0, f"a worker's exit status after SIGTERM: {worker.process.returncode}")
    server.stop()
    ended_well()

    # Who presses Ctrl-C twice does not wait at all.
    server = Server(o, folder)
    accepted.append(server.accepted(noise(512, 384)))
    until(lambda: server.job(accepted[-1])["progress"], 60, "work has begun")
    stream = Events(server.port)
    server.process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    status, twice = server.end(signal.SIGINT)
    stream.close()
    expect((status, twice < 0.5) == (130, True), f"a second SIGINT: status {status} after {twice:.2f} s")

    server.start()
    stream = Events(server.port)
    status, term = server.end(signal.SIGTERM)
    stream.close()
    expect((status, term < 3) == (0, True), f"SIGTERM: status {status} after {term:.1f} s")

    return (f"{len(ends)} times at random moments: exit status 130 within {ended_well():.2f} s, the second Ctrl-C at once; "
            f"{len(accepted)} accepted restorations all succeeded")


def workers(o, folder):
    """PostgreSQL with three `nsarm work`, one of them killed"""
    with Postgres(o) as postgres:
        server = Server(o, folder, "--no-work", "--jobs", postgres.url, "--lease", "5")
        processes = [Worker(server, "--lease", "5", name=f"worker{i}") for i in range(3)]
        ids = [server.accepted(seed=i % 5) for i in range(40)]
        until(lambda: sum(server.job(id)["state"] == "running" for id in ids) >= 3, 60, "three are at work")
        processes[0].kill()
        start = time.monotonic()
        server.succeed(ids)
        by_seed = collections.defaultdict(set)
        for i, id in enumerate(ids):
            by_seed[i % 5].add(server.digest(id))
        expect(all(len(digests) == 1 for digests in by_seed.values()), "results of one seed differ")
        for worker in processes[1:]:
            expect(worker.end()[0] == 0, f"exit status of a worker: {worker.process.returncode}")
        server.stop()
    return f"40 restorations by 3 workers, one killed at work: all ended, {time.monotonic() - start:.0f} s after"


def namespace(o, folder):
    """a worker in another container (PID namespace) with the same folder leaves jobs of the living alone"""
    own = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-current-user"]), "--pid", "--fork", "--kill-child"]
    if subprocess.run([*own, "true"], capture_output=True).returncode != 0:
        raise Missing("PID namespaces cannot be made here")
    server = Server(o, folder)
    ids = [server.accepted(noise(512, 384, seed=i)) for i in range(2)]
    until(lambda: server.job(ids[0])["progress"], 60, "work has begun")
    log = folder / "worker.log"
    with log.open("w") as output:
        other = subprocess.Popen(
            [*own, o.nsarm, "work", "--model", "nano", "--data", server.data],
            stdout=output, stderr=output, env={**os.environ, **server.environment})
    try:
        until(lambda: "waiting for pictures" in log.read_text(), 60, "the worker starts")
        server.succeed(ids)
        expect(max(server.attempts().values()) == 1, f"attempts {server.attempts()}: a job of the living was taken")
    finally:
        other.kill()
        other.wait()
    server.stop()
    return "2 restorations, 1 attempt each"


def disk(o, folder):
    """a disk that fills (a small tmpfs)"""
    if os.geteuid() != 0:
        raise Missing("root is needed to mount a small disk")
    place = folder / "data"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", place], check=True)
    try:
        server = Server(o, folder)
        statuses, ids = collections.Counter(), []
        for size in (8_000_000, 1_000_000, 100_000):  # until there is no room for any
            full = statuses[507] + 3
            while statuses[507] < full:
                answer = server.upload(PHOTO + bytes(size))
                statuses[answer.status] += 1
                if answer.status == 202:
                    ids.append(answer.json["id"])
                    continue
                expect(answer.status in (503, 507), f"status {answer.status}: {answer.body[:200]}")
                time.sleep(0.5)
        done = server.wait(ids)
        states = collections.Counter(job["state"] for job in done.values())
        expect(all(job["state"] == "succeeded" or "disk" in job["error"] for job in done.values()), "other errors")
        expect(server.get("/healthz").status == 200, "not alive")
        expect(server.get("/readyz").status == 503, f"ready on a full disk: {server.get('/readyz').body[:100]}")
        for id in ids:
            expect(server.get(f"/v1/restorations/{id}", "DELETE").status == 204, "nothing can be removed")
        until(lambda: server.get("/readyz").status == 200, 30, "ready again after deletions")
        server.succeed([server.accepted()])
        server.stop()
    finally:
        subprocess.run(["umount", "-l", place])
    return f"full after {len(ids)} uploads, 507 told, not ready; {dict(states)}; works again after deletions"


def clock(o, folder):
    """a clock that steps (libfaketime): eight days for 8 s, hours during a job, backwards"""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not libraries:
        raise Missing("libfaketime is not installed: apt-get install faketime")
    shift = folder / "time"
    shift.write_text("+0")
    server = Server(o, folder, environment={
        "LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(shift), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
        # Names of memory that is not there: making some, it would move the environment, behind which Swift looks for the
        # program's arguments.
        "FAKETIME_SHARED": "/nsarm-none /nsarm-none"})

    def step(text):
        # Renamed, since the program may read it at any moment.
        (folder / "new").write_text(text)
        (folder / "new").rename(shift)

    first = [server.accepted(seed=i) for i in range(3)]
    server.succeed(first)
    stream = Events(server.port)
    stream.all(until="list")
    step("+8d")
    day = time.strftime("%d %b %Y", time.gmtime(time.time() + 8 * 86400))
    until(lambda: day in server.get("/v1/service").headers["Date"], 10, f"the program believes that it is {day}")
    time.sleep(8)
    step("+0")
    left = [id for id in first if server.get(f"/v1/restorations/{id}/result").status == 200]
    expect(len(left) == len(first), f"{len(first) - len(left)} of {len(first)} results are removed after 8 s "
           "of a clock eight days ahead")
    removed = [event for event in stream.all() if event[0] == "removed"]
    expect(not removed, f"false events {removed[:2]}")
    stream.close()

    moved = []
    for shifted in ("+2h", "-2h"):
        id = server.accepted(noise(384, 288))
        until(lambda: server.job(id)["progress"], 60, "work has begun")
        expect(server.job(id)["state"] == "running", "the picture is too small for this machine")
        step(shifted)
        job = server.wait([id], 120)[id]
        step("+0")
        expect(job["state"] == "succeeded", f"a step of {shifted} during a job: {job['state']}, {job['error']}")
        expect(server.attempts()[id] == 1, f"a step of {shifted} during a job: begun {server.attempts()[id]} times")
        moved.append(shifted)
    expect(server.get("/readyz").status == 200, "not ready afterwards")
    server.stop()
    return f"+8 days for 8 s: nothing removed; {' and '.join(moved)} during jobs: succeeded at the first attempt"


def sleep(o, folder):
    """a machine that sleeps (SIGSTOP) for longer than the lease, with two workers on one folder"""
    server = Server(o, folder, "--lease", "3")
    worker = Worker(server, "--lease", "3")
    picture = noise(256, 192)
    reference = server.accepted(picture)
    server.succeed([reference])
    expected = server.digest(reference)
    ids = [server.accepted(picture) for _ in range(10)]
    programs = [server.process, worker.process]

    def stopped(processes, seconds):
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        for process in processes:
            process.send_signal(signal.SIGCONT)

    # Both four times, as often as a job may be begun and once more; then each of them alone.
    for _ in range(4):
        time.sleep(random.uniform(0.2, 0.6))
        stopped(programs, 3.5)
    stopped(programs[1:], 4)
    stopped(programs[:1], 4)
    server.succeed(ids)
    expect({server.digest(id) for id in ids} == {expected}, "results differ")
    attempts = max(server.attempts().values())
    expect(worker.end()[0] == 0, "exit status of the worker")
    server.stop()
    return f"6 sleeps of 3.5 to 4 s with a lease of 3 s: 10 restorations, the same bytes, at most {attempts} attempts"


class Postgres:
    """The PostgreSQL server of scripts/with-postgres, and what happens to it."""

    def __init__(self, o):
        self.url = o.postgres or os.environ.get("NSARM_TEST_POSTGRES")
        if not self.url:
            raise Missing("no PostgreSQL: scripts/with-postgres starts one")
        host = urllib.parse.parse_qs(urllib.parse.urlsplit(self.url).query).get("host", [""])[0]
        self.folder = pathlib.Path(host)
        self.psql = need("psql", "postgresql")

    def __enter__(self):
        # As empty as it was at the beginning.
        self.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.go_on()

    def query(self, text):
        answer = subprocess.run([self.psql, "-qAt", "-d", self.url, "-c", text], capture_output=True, text=True,
                                timeout=30)
        expect(answer.returncode == 0, f"psql: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def processes(self):
        """All that the server consists of, the first one first."""
        if not (self.folder / "data/postmaster.pid").exists():
            raise Missing("the PostgreSQL server is not one of scripts/with-postgres, which could be stopped")
        first = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        children = pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]

    def hang(self):
        self.stopped = self.processes()
        for process in self.stopped:
            os.kill(process, signal.SIGSTOP)

    def go_on(self):
        for process in getattr(self, "stopped", []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        self.stopped = []

    def stop(self):
        first = self.processes()[0]
        os.kill(first, signal.SIGINT)  # cuts clients off, as a restart does
        until(lambda: not (self.folder / "data/postmaster.pid").exists(), 30, "PostgreSQL stops")

    def start(self):
        command = shlex.split((self.folder / "data/postmaster.opts").read_text())
        owner = (self.folder / "data").owner()
        with (self.folder / "data/log").open("a") as log:
            subprocess.Popen(command, cwd=self.folder, user=owner if os.geteuid() == 0 else None, stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log, start_new_session=True, env={**os.environ, "LC_ALL": "C"})
        with contextlib.suppress(Failure):
            until(lambda: subprocess.run([self.psql, "-qAt", "-d", self.url, "-c", "SELECT 1"],
                                         capture_output=True).returncode == 0, 30, "")


def database(o, folder):
    """PostgreSQL hangs (SIGSTOP) and is stopped for --away seconds while a job ends"""
    told = []
    with Postgres(o) as postgres:
        postgres.processes()
        server = Server(o, folder, "--no-work", "--jobs", postgres.url, "--lease", "10")
        worker = Worker(server, "--lease", "10")
        picture = noise(256, 192)
        reference = server.accepted(picture)
        server.succeed([reference])
        expected = server.digest(reference)
        for name, away, back in (("hanging", postgres.hang, postgres.go_on), ("stopped", postgres.stop, postgres.start)):
            id = server.accepted(picture)
            until(lambda: server.job(id)["progress"], 60, "work has begun")
            away()
            start = time.monotonic()
            try:
                until(lambda: server.get("/readyz", timeout=30).status == 503, 10, "not ready")
                slowest = 0
                while time.monotonic() - start < o.away:
                    asked = time.monotonic()
                    status = server.get("/readyz", timeout=60).status
                    slowest = max(slowest, time.monotonic() - asked)
                    expect(status == 503, f"/readyz answers {status} while PostgreSQL is {name}")
                    expect(server.get("/healthz").status == 200, f"/healthz while PostgreSQL is {name}")
                    time.sleep(1)
            finally:
                back()
            expect(slowest < 4.5, f"/readyz takes {slowest:.1f} s while PostgreSQL is {name}")
            until(lambda: server.get("/readyz").status == 200, 60, "ready again")
            server.succeed([id], 120)
            expect(server.digest(id) == expected, "the result differs")
            attempts = postgres.query(f"SELECT attempts FROM nsarm_jobs WHERE id = '{id}'")
            expect(attempts == "1", f"{name} for {o.away:g} s: the finished picture was thrown away and made again "
                   f"({attempts} attempts)")
            told.append(f"{name} for {o.away:g} s: /readyz 503 within {slowest:.1f} s, the result delivered afterwards")
        expect(worker.end()[0] == 0, "exit status of the worker")
        server.stop()
    return "; ".join(told)


CHECKS = [interrupt, kill, workers, namespace, disk, clock, sleep, database]
