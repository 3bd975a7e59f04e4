"""Who may come in, what they may use up, and what others of the same machine can see."""
import base64
import contextlib
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness import (PHOTO, TINY, Failure, Program, Server, Worker, ask, as_form, as_json, expect, free_port, need, noise,
                     until)

TOKEN = "a-token-of-the-tests"
SITE = "photos.example.org"
DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "Examples/deploy"


class Client:
    """curl, as a browser that believes to be at https://photos.example.org; keeps cookies."""

    def __init__(self, folder, port, name="client", address="127.0.0.1"):
        self.folder, self.jar = folder, folder / f"{name}.cookies"
        self.options = ["curl", "-s", "--connect-to", f"{SITE}:443:127.0.0.1:{port}", "--cacert",
                        folder / "certificate.pem", "--interface", address, "-b", self.jar, "-c", self.jar]

    def command(self, path, *options):
        return [str(part) for part in [*self.options, *options, f"https://{SITE}{path}"]]

    def get(self, path, *options):
        """The status, the headers in lower case, the body."""
        answer = subprocess.run(self.command(path, "-D", self.folder / "headers", "-o", self.folder / "body", "-w",
                                             "%{http_code}", *options), capture_output=True, text=True, timeout=60)
        expect(answer.returncode == 0, f"curl {path}: exit status {answer.returncode} {answer.stderr}")
        body = (self.folder / "body").read_bytes() if (self.folder / "body").exists() else b""
        (self.folder / "body").unlink(missing_ok=True)
        headers = (self.folder / "headers").read_text().lower()
        return int(answer.stdout), headers, body

    def upload(self, picture, *options):
        file = self.folder / "upload.png"
        file.write_bytes(picture)
        return self.get("/v1/restorations", "-F", f"image=@{file}", *options)


def nginx(o, folder, port, service):
    """nginx with the file of Examples/deploy; only ports and the certificate's place are others."""
    text = (DEPLOY / "nginx.conf").read_text()
    for pattern, replacement in (
            (r"listen 80;", f"listen 127.0.0.1:{free_port()};"), (r"listen 443 ", f"listen 127.0.0.1:{port} "),
            (r"127\.0\.0\.1:8080", f"127.0.0.1:{service}"),
            (r"/etc/letsencrypt/\S+/fullchain\.pem", f"{folder}/certificate.pem"),
            (r"/etc/letsencrypt/\S+/privkey\.pem", f"{folder}/key.pem")):
        text, count = re.subn(pattern, replacement, text)
        expect(count == 1, f"Examples/deploy/nginx.conf: '{pattern}' is there {count} times")
    (folder / "nsarm.conf").write_text(text)
    kept = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}\ndaemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{kept}include {folder}/nsarm.conf;\n}}\n")
    return [need("nginx", "nginx-light"), "-p", folder, "-c", folder / "nginx.conf"]


def caddy(o, folder, port, service):
    """Caddy with the file of Examples/deploy, likewise."""
    program = need("caddy", "caddy")
    text = (DEPLOY / "Caddyfile").read_text()
    for pattern, replacement in (
            (rf"^{SITE} {{$", f"{SITE}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/certificate.pem {folder}/key.pem"),
            (r"127\.0\.0\.1:8080", f"127.0.0.1:{service}")):
        text, count = re.subn(pattern, replacement, text, flags=re.M)
        expect(count == 1, f"Examples/deploy/Caddyfile: '{pattern}' is there {count} times")
    (folder / "Caddyfile").write_text(
        f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy\n}}\n{text}")
    return [program, "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


def proxy(o, folder):
    """nginx and Caddy in front, with the files of Examples/deploy: sign-in, uploads, events, addresses, foreign pages"""
    need("curl", "curl")
    subprocess.run([need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem", "-days", "2",
                    "-subj", f"/CN={SITE}", "-addext", f"subjectAltName=DNS:{SITE}"], check=True, capture_output=True)
    told = []
    for make in (nginx, caddy):
        told.append(behind(o, folder, make))
    return "; ".join(told)


def behind(o, folder, make):
    name = make.__name__
    port, service = free_port(), free_port()
    command = make(o, folder, port, service)
    server = Server(o, folder, "--public-url", f"https://{SITE}", "--trusted-proxy", "127.0.0.1", "--rate-limit", "6",
                    environment={"NSARM_TOKEN": TOKEN}, name=f"server-{name}", port=service)
    front = Program(command, folder / f"{name}.log", {"HOME": str(folder), "XDG_DATA_HOME": str(folder)})
    o.programs.append(front)

    def listens():
        expect(front.process.poll() is None, f"{name} has ended: {front.log.read_text()[-500:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
    until(listens, 20, f"{name} listens")
    origin = ["-H", f"Origin: https://{SITE}"]
    client = Client(folder, port, f"client-{name}", "127.0.0.2")

    status, headers, _ = client.get("/")
    expect(status == 200 and "strict-transport-security" in headers, f"the app through {name}: {status}")
    expect(client.get("/v1/restorations")[0] == 401, "a stranger is let in")
    status, headers, body = client.get("/v1/session", *origin, "--json", json.dumps({"token": TOKEN}))
    expect(status == 204, f"sign-in through {name}: {status} {body[:300]}")
    cookie = next(line for line in headers.splitlines() if line.startswith("set-cookie"))
    expect("; secure" in cookie and "; httponly" in cookie and "; samesite=strict" in cookie, f"no Secure cookie: {cookie}")
    expect(client.get("/v1/restorations")[0] == 200, "the cookie is not taken")

    # What happens, as it happens: the last event comes no later than the job has ended.
    stream = subprocess.Popen(client.command("/v1/events", "-N"), stdout=subprocess.PIPE)
    events = queue.Queue()
    threading.Thread(target=lambda: [events.put(line) for line in stream.stdout], daemon=True).start()
    try:
        expect(events.get(timeout=5), "the stream is held back")
        picture = noise(800, 600)  # over the megabyte that nginx takes by itself
        status, _, body = client.upload(picture, *origin, "-F", "scale=1")
        expect(status == 202, f"an upload of {len(picture)} bytes through {name}: {status} {body[:300]}")
        id = json.loads(body)["id"]
        seen, end = [], time.monotonic() + 240
        while not any(f'"{state}"' in line for line in seen for state in ("succeeded", "failed")):
            expect(time.monotonic() < end, f"no events through {name}")
            with contextlib.suppress(queue.Empty):
                line = events.get(timeout=1).decode()
                seen += [line] if id in line else []
    finally:
        stream.kill()
        stream.wait()
    expect(len([line for line in seen if '"running"' in line]) >= 2, f"events come late: {len(seen)} of the whole job")
    status, _, body = client.get(f"/v1/restorations/{id}/result")
    expect(status == 200 and body[:4] == b"\x89PNG", f"the result through {name}: {status}")
    # Nobody waits for a place by the address of the proxy, nor gets one by claiming another.
    spent = [client.upload(TINY, *origin, "-H", f"X-Forwarded-For: 192.0.2.{i}")[0] for i in range(8)]
    expect(spent[0] == 202 and spent[-1] == 429, f"--rate-limit 6 of one client that claims to be many: {spent}")
    other = Client(folder, port, f"other-{name}", "127.0.0.3")
    token = ["-H", f"Authorization: Bearer {TOKEN}"]
    status, _, body = other.upload(TINY, *token)
    expect(status == 202, f"another client pays for the first: {status} {body[:200]}")
    # Who is no trusted proxy claims in vain.
    claims = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Host": SITE}
    direct = [ask(service, "/v1/restorations", "POST", as_json(TINY), {**claims, "X-Forwarded-For": f"192.0.2.{i}"},
                  address="127.0.0.4").status for i in range(8)]
    expect(direct[-1] == 429, f"an address that is no proxy's claims to be others: {direct}")

    # Pages of other sites stay out.
    for foreign in ("https://evil.example", "null", f"https://{SITE}.evil.example"):
        status, _, body = client.upload(TINY, "-H", f"Origin: {foreign}")
        expect(status == 403 and b"foreign_origin" in body, f"a page of {foreign} is answered with {status} {body[:100]}")
    for host in (f"localhost:{service}", f"127.0.0.1:{service}"):  # health checks and scrapes come directly
        status = ask(service, "/readyz", headers={"Host": host}).status
        expect(status == 200, f"Host: {host} is answered with {status}")

    expect(client.get("/v1/session", "-X", "DELETE", *origin)[0] == 204, "signing out")
    expect(client.get("/v1/restorations")[0] == 401, "still signed in")
    front.end(signal.SIGTERM)
    server.stop()
    shutil.rmtree(server.data)
    return f"{name}: signed in with a Secure cookie, uploaded, {len(seen)} events on time, limits by X-Forwarded-For"


def permissions(o, folder):
    """a data folder that is there already (0755), umask 022: what other users of the machine can read"""
    os.umask(0o022)
    folder.chmod(0o755)
    server = Server(o, folder, start=False)
    server.data.mkdir(mode=0o755)
    server.temporary.chmod(0o755)
    server.start()
    server.succeed([server.accepted()])
    ids = [server.accepted(noise(384, 288, seed=i)) for i in range(2)]
    # An upload that is under way, too.
    half = socket.create_connection(("127.0.0.1", server.port))
    body = as_form(PHOTO * 20)
    half.sendall((f"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x0x\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n").encode() + body[:-1000])
    modes, temporary = {}, set()

    def look():
        for place in (server.data, server.temporary):
            for path in place.rglob("*"):
                with contextlib.suppress(FileNotFoundError):
                    wanted = 0o700 if path.is_dir() else 0o600
                    mode = path.stat().st_mode & 0o777
                    temporary.add(path) if "/nsarm-" in str(path) and path.is_file() else None
                    if mode & ~wanted:
                        modes[str(path.relative_to(folder))] = f"{mode:04o}"
        return all(server.job(id)["state"] == "succeeded" for id in ids)
    until(look, 120, "work")
    half.close()
    expect(temporary, "no temporary file was seen")
    for id in ids:
        for path in ("result?as=display", "input?as=display"):
            server.get(f"/v1/restorations/{id}/{path}")
    look()
    expect(not modes, f"others can see {len(modes)}: {dict(list(modes.items())[:6])}")
    seen = ""
    if os.geteuid() == 0:
        found = subprocess.run(["runuser", "-u", "nobody", "--", "find", server.data, server.temporary, "-type", "f",
                                "-readable"], capture_output=True, text=True, cwd="/").stdout.split()
        expect(not found, f"nobody can read {found[:3]}")
        seen = "; the user nobody finds nothing to read"
    server.stop()
    return f"files 0600, folders 0700, {len(temporary)} temporary ones too{seen}"


def signin(o, folder):
    """wrong tokens by the hundred, sessions that end, names that are not the service's, no token at all"""
    server = Server(o, folder, "--rate-limit", "5", environment={"NSARM_TOKEN": TOKEN})
    json_body = {"Content-Type": "application/json"}

    def sign_in(token, address="127.0.0.1"):
        return ask(server.port, "/v1/session", "POST", json.dumps({"token": token}), json_body, address=address)

    def guesses(attempt):
        statuses = []
        for number in range(200):
            statuses.append(attempt(number))
            if statuses[-1].status == 429:
                break
        return statuses

    wrong = guesses(lambda number: sign_in(f"wrong-{number:05}", "127.0.0.5"))
    expect(wrong[-1].status == 429 and len(wrong) <= 30, f"{len(wrong)} wrong sign-ins, the last {wrong[-1].status}")
    expect(int(wrong[-1].headers["Retry-After"]) > 0, "no Retry-After")
    expect(sign_in(TOKEN, "127.0.0.5").status == 429, "who was told to wait may try on")
    log = server.log.read_text()
    expect("127.0.0.5" in log, "wrong sign-ins are not logged with their address")
    expect("wrong-0" not in log, "guessed tokens are in the log")
    expect(sign_in(TOKEN).status == 204, "another address pays for it")
    bearer = guesses(lambda number: ask(server.port, "/v1/restorations", headers={"Authorization": f"Bearer wrong-{number}"},
                                        address="127.0.0.6"))
    expect(bearer[-1].status == 429 and len(bearer) <= 30, f"{len(bearer)} wrong bearer tokens, the last {bearer[-1].status}")
    expect("127.0.0.6" in server.log.read_text(), "wrong bearer tokens are not logged with their address")
    metrics = guesses(lambda number: ask(server.port, "/metrics", headers={"Authorization": f"Bearer wrong-{number}"},
                                         address="127.0.0.7"))
    expect(metrics[-1].status == 429, f"200 wrong tokens for /metrics: {metrics[-1].status}")

    # A few wrong ones take nothing of the uploads' allowance.
    for number in range(3):
        expect(sign_in("wrong-token", "127.0.0.8").status == 401, "a wrong token")
    taken = [server.upload(TINY, address="127.0.0.8").status for _ in range(5)]
    expect(taken == [202] * 5, f"--rate-limit 5 after 3 wrong sign-ins: {taken}")
    expect(server.upload(TINY, address="127.0.0.8").status == 429, "--rate-limit is not kept")

    # A session ends when it is told to, and a cookie of one's own making is none.
    answer = sign_in(TOKEN)
    cookie = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
    expect(ask(server.port, "/v1/restorations", headers=cookie).status == 200, "the cookie is not taken")
    second = {"Cookie": sign_in(TOKEN).headers["Set-Cookie"].split(";")[0]}
    expect(cookie != second, "two sessions have the same cookie")
    expect(ask(server.port, "/v1/session", "DELETE", headers=cookie).status == 204, "signing out")
    expect(ask(server.port, "/v1/restorations", headers=cookie).status == 401, "the cookie is valid after signing out")
    expect(ask(server.port, "/v1/restorations", headers=second).status == 200, "another session has ended with it")
    forged = {"Cookie": second["Cookie"][:-4] + "AAAA"}
    expect(ask(server.port, "/v1/restorations", headers=forged).status == 401, "a forged cookie is taken")
    server.stop()

    # Others than this machine's own programs need a token, or an operator who says that they do not.
    open_server = Server(o, folder, "--host", "0.0.0.0", name="open", start=False)
    refused = subprocess.run(open_server.command(), capture_output=True, text=True, timeout=60,
                             env={**os.environ, **open_server.environment})if not starts(open_server) else None
    expect(refused is not None, "starts for everybody without a token")
    expect(refused.returncode not in (0, -15) and "--no-token" in refused.stderr, f"says only {refused.stderr[-300:]}")
    open_server.options.append("--no-token")
    open_server.start()
    expect(ask(open_server.port, "/v1/service").status == 200, "--no-token wants one")
    for host in ("evil.example", f"evil.example:{open_server.port}"):
        answer = ask(open_server.port, "/v1/service", headers={"Host": host})
        expect(answer.status == 403, f"DNS rebinding: Host: {host} is answered with {answer.status}")
    for host in (f"127.0.0.1:{open_server.port}", f"192.0.2.7:{open_server.port}", "localhost"):
        answer = ask(open_server.port, "/v1/service", headers={"Host": host})
        expect(answer.status == 200, f"Host: {host} is answered with {answer.status}")
    open_server.stop()
    return (f"429 after {len(wrong) - 1} wrong sign-ins and {len(bearer) - 1} wrong bearer tokens, logged; other addresses "
            "and uploads go on; sessions end; without a token only with --no-token, and not by another's name")


def starts(server):
    """Whether a program that should not start does."""
    server.launch()
    try:
        until(lambda: server.process.poll() is not None, 15, "")
    except Failure:
        server.kill()
        return True
    return False


def uploads(o, folder):
    """unfinished and stalled uploads, forms of a million parts, temporary folders of the killed"""
    server = Server(o, folder)
    server.succeed([server.accepted()])
    server.warm()
    before = server.memory()
    peak, connections = before, []
    text = base64.b64encode(bytes(15_000_000))
    start = b'{"name": "photo.png", "image": "' + text
    for _ in range(40):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        connections.append(connection)
        with contextlib.suppress(OSError):  # refused ones are cut off
            connection.sendall(b"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                               b"Content-Length: %d\r\n\r\n" % (len(start) + 100) + start)
        peak = max(peak, server.memory())
    for _ in range(20):
        peak = max(peak, server.memory())
        time.sleep(0.1)
    expect(server.get("/healthz").status == 200, "not alive")
    for connection in connections:
        connection.close()
    until(lambda: not server.left_behind(), 30, "temporary files of unfinished uploads are gone")
    end = time.monotonic() + 20
    while server.memory() > before + 50 and time.monotonic() < end:
        time.sleep(0.5)
    after = server.memory()
    expect(peak < before + 400, f"40 unfinished JSON uploads of 20 MB take {peak - before:.0f} MB")
    expect(after < before + 100, f"{after - before:.0f} MB of 40 unfinished JSON uploads of 20 MB are never given back")

    # A million parts of a form, in 57 MB.
    part = b'--x0x\r\nContent-Disposition: form-data; name="seed"\r\n\r\n1\r\n'
    asked = time.monotonic()
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    with contextlib.suppress(OSError):
        connection.sendall(b"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
                           b"boundary=x0x\r\nContent-Length: %d\r\n\r\n" % (len(part) * 1_000_000 + 9))
        for _ in range(1000):
            connection.sendall(part * 1000)
        connection.sendall(b"--x0x--\r\n")
    answer = b""
    with contextlib.suppress(OSError):
        answer = connection.recv(1 << 16)
    parts = time.monotonic() - asked
    connection.close()
    # A reset that has overtaken the answer is a refusal, too.
    expect(answer == b"" or answer.startswith(b"HTTP/1.1 4"), f"a million parts: {answer[:100]}")
    expect(parts < 2, f"a million parts: refused after {parts:.1f} s")

    # Forms that stop in the middle, with a second of patience for the slow ones.
    stalled = []
    for _ in range(20):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=o.stalled)
        body = as_form(noise(200, 150))
        connection.sendall((f"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
                            f"boundary=x0x\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body[:-1000])
        stalled.append(connection)
    asked = time.monotonic()
    for connection in stalled:
        connection.settimeout(max(0.1, o.stalled - (time.monotonic() - asked)))
        try:
            connection.recv(1 << 16)  # an answer, or the end
        except TimeoutError:
            raise Failure(f"forms that stop in the middle are waited for longer than {o.stalled:g} s") from None
        except OSError:
            pass
        connection.close()
    waited = time.monotonic() - asked
    until(lambda: not server.left_behind(), 30, "temporary files of stalled forms are gone")

    # Folders of the killed are swept by the next start, those of the living are not.
    def half():
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        body = as_form(PHOTO * 20)
        connection.sendall((f"POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
                            f"boundary=x0x\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body[:-1000])
        return connection
    connection = half()
    until(server.left_behind, 10, "an upload has a temporary folder")
    server.kill()
    connection.close()
    expect(server.left_behind(), "kill -9 leaves nothing here: the check is of no use")
    dead = set(server.left_behind())
    server.age()
    server.start()
    until(lambda: not dead & set(server.left_behind()), 20, f"temporary folders of the killed are swept: {dead}")
    connection = half()
    until(server.left_behind, 10, "an upload has a temporary folder")
    server.age()
    living = set(server.left_behind())
    other_folder = folder / "other"
    other_folder.mkdir()
    other = Server(o, other_folder, environment={"TMPDIR": str(server.temporary)})
    worker = Worker(server)
    time.sleep(2)
    expect(living <= set(server.left_behind()), "the start of others has swept temporary files of the living")
    other.stop()
    worker.end()
    connection.close()
    server.stop()
    expect(not server.left_behind(), f"temporary files stay: {server.left_behind()[:3]}")
    return (f"40 unfinished JSON uploads: {before:.0f} MB before, {peak:.0f} MB at most, {after:.0f} MB after; a million parts "
            f"refused in {parts:.1f} s; 20 stalled forms ended within {waited:.0f} s; folders of the killed swept")


CHECKS = [proxy, permissions, signin, uploads]
