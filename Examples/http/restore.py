#!/usr/bin/env python3
"""Restores a picture by a running `nsarm serve`: restore.py PHOTO RESULT [http://HOST:PORT]"""
import base64, json, os, sys, urllib.request

photo, result, server = sys.argv[1], sys.argv[2], (sys.argv[3:] or ["http://127.0.0.1:8080"])[0]


def call(path, body=None):
    request = urllib.request.Request(server + path, body and json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if "NSARM_TOKEN" in os.environ:
        request.add_header("Authorization", "Bearer " + os.environ["NSARM_TOKEN"])
    return urllib.request.urlopen(request)


image = base64.b64encode(open(photo, "rb").read()).decode()
settings = {"format": os.path.splitext(result)[1][1:].replace("jpg", "jpeg")}
job = json.load(call("/v1/restorations", {"image": image, "name": photo, "settings": settings}))
for line in call(f"/v1/restorations/{job['id']}/events"):
    if line.startswith(b"data: "):
        job = json.loads(line[6:])
        print(f"{job['state']} {job['progress']:.0%}", file=sys.stderr)
if job["state"] != "succeeded":
    sys.exit(f"{photo}: {job['error'] or job['state']}")
open(result, "wb").write(call(f"/v1/restorations/{job['id']}/result").read())
