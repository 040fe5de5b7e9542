#!/usr/bin/env python3
"""A registry on loopback that misbehaves as it is told to.

usage: fake_registry.py [--tls CERTIFICATE KEY]

Prints its port as a line and serves until standard input ends. What it does is chosen by the first part of the
repository's path, so that one server is enough: /v2/MODE/NAME/…; several modes with "--" between them. The blob is
DATA, 300 000 bytes that follow from nothing else; the manifest is a small one. GET /log answers with the requests so
far: a line of METHOD PATH, then whichever of Authorization and Range there were.
"""
import base64
import email.utils
import hashlib
import http.server
import json
import socket
import ssl
import sys
import threading
import time
import urllib.parse

DATA = b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(9375))
MANIFEST = json.dumps({"schemaVersion": 2, "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                                                      "digest": "sha256:" + "a" * 64, "size": 2},
                       "layers": []}).encode()
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
BASIC = "Basic " + base64.b64encode(b"user:password").decode()


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.log = []
        self.counts = {}
        self.tokens = 0
        self.other_port = 0
        self.scheme = "http"

    def count(self, key):
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key]


STATE = State()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        # Whoever begins with TLS where there is none is sent away at once.
        if STATE.scheme == "http" and self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            return
        super().handle()

    @property
    def own(self):
        return f"{STATE.scheme}://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message, headers=()):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, [("Content-Type", "application/json"), *headers])

    def serve(self):
        path, _, query = self.path.partition("?")
        heard = [f"{name}: {self.headers[name]}" for name in ("Authorization", "Range") if self.headers[name]]
        with STATE.lock:
            STATE.log.append(" | ".join([f"{self.command} {self.path}", *heard]))
        if path == "/log":
            return self.answer(200, "".join(line + "\n" for line in STATE.log).encode())
        if path == "/token":
            return self.serve_token(urllib.parse.parse_qs(query))
        parts = path.split("/")
        if len(parts) < 5 or parts[1] != "v2":
            return self.answer(200, b"{}")
        self.modes = parts[2].split("--")
        kind = next((k for k in ("manifests", "blobs", "tags", "referrers") if k in parts), "")
        if not self.admits(path):
            return None
        return getattr(self, f"serve_{kind}", self.serve_nothing)(parts, path)

    do_GET = do_HEAD = do_POST = do_PUT = serve

    def serve_nothing(self, *_):
        self.refuse(404, "NAME_UNKNOWN", "repository name not known to registry")

    # Who may come in, and how often it goes wrong before it goes well.
    def admits(self, path):
        given = self.headers["Authorization"]
        name = "/".join(path.split("/")[2:4])
        if "basic" in self.modes and given != BASIC:
            self.refuse(401, "UNAUTHORIZED", "authentication required",
                        [("WWW-Authenticate", 'Basic realm="fake"')])
            return False
        kinds = [mode for mode in self.modes if mode.startswith("token")]
        if kinds:
            good = given and given.startswith("Bearer t")
            if good and "tokenexpires" in kinds:
                good = given == f"Bearer t{STATE.tokens}" and STATE.count(given + name) <= 2
            if "tokendenied" in kinds:
                good = False
            if not good:
                realm = f"{self.own}/token?mode={kinds[0]}"
                if "tokenplain" in kinds:
                    realm = realm.replace("https:", "http:")
                self.refuse(401, "UNAUTHORIZED", "authentication required",
                            [("WWW-Authenticate", f'Bearer realm="{realm}",service="fake",'
                                                  f'scope="repository:{name}:pull"')])
                return False
        if "twice500" in self.modes and STATE.count(path) <= 2:
            self.refuse(500, "UNKNOWN", "it is broken")
            return False
        if "always500" in self.modes:
            self.refuse(500, "UNKNOWN", "it is \x1b[31mbroken\n" + "very " * 100)
            return False
        if "busy" in self.modes and STATE.count(path) == 1:
            self.refuse(429, "TOOMANYREQUESTS", "slowly", [("Retry-After", "1")])
            return False
        if "busylong" in self.modes and STATE.count(path) == 1:
            self.refuse(429, "TOOMANYREQUESTS", "slowly", [("Retry-After", "30")])
            return False
        if "busydate" in self.modes and STATE.count(path) == 1:
            then = email.utils.formatdate(time.time() + 2, usegmt=True)
            self.refuse(429, "TOOMANYREQUESTS", "slowly", [("Retry-After", then)])
            return False
        if "stall" in self.modes:
            time.sleep(30)
            self.close_connection = True
            return False
        if "garbage" in self.modes:
            self.answer(403, b"\x00{{ <html>")
            return False
        if "endless" in self.modes:
            self.answer(307, headers=[("Location", self.path)])
            return False
        if "elsewhere" in self.modes:
            self.answer(307, headers=[("Location", f"http://127.0.0.1:{STATE.other_port}" +
                                       self.path.replace("elsewhere", "there").replace("basic--", ""))])
            return False
        if "nowhere" in self.modes:
            self.answer(302, headers=[("Location", "file:///etc/passwd")])
            return False
        return True

    def serve_token(self, query):
        mode = query.get("mode", ["token"])[0]
        if self.command == "POST":
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if form.get("grant_type") != ["refresh_token"] or form.get("refresh_token") != ["refresh"]:
                return self.answer(401, b'{"details": "no such token"}')
        elif mode == "tokenuser" and self.headers["Authorization"] != BASIC:
            return self.answer(401, b'{"details": "incorrect username or password"}')
        if mode == "tokenhuge":
            return self.answer(200, json.dumps({"token": "t" * 100000}).encode())
        if mode == "tokenlarge":
            return self.answer(200, b" " * (2 << 20))
        if mode == "tokenevil":
            return self.answer(200, json.dumps({"token": "t\r\nX-Evil: 1"}).encode())
        if mode == "tokengarbage":
            return self.answer(200, b"<html>")
        with STATE.lock:
            STATE.tokens += 1
            token = f"t{STATE.tokens}"
        return self.answer(200, json.dumps({"access_token": token} if self.command == "POST" else {"token": token}).encode())

    def serve_manifests(self, parts, _):
        if parts[-1].startswith("sha256-"):
            if "nofallback" in self.modes:
                return self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
            return self.answer(200, self.referrers())
        if parts[-1] == "missing":
            return self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        body, kind = MANIFEST, MANIFEST_TYPE
        digest = digest_of(body)
        if "hugemanifest" in self.modes:
            body = b" " * (5 << 20)
        if "wrongdigest" in self.modes:
            digest = "sha256:" + "0" * 64
        if "othertext" in self.modes:
            body += b" "
        headers = [("Content-Type", "application/json" if "bare" in self.modes else kind)]
        if "bare" not in self.modes:
            headers.append(("Docker-Content-Digest", digest))
        return self.answer(200, body, headers)

    def serve_blobs(self, _, path):
        data, first = DATA, 0
        wanted = self.headers["Range"]
        if "wrongdata" in self.modes:
            data = b"x" + DATA[1:]
        if "empty" in self.modes:
            data = b""
        ranges = wanted and "norange" not in self.modes
        if ranges:
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if "lies" in self.modes:
                first += 1
        body = data[first:]
        if "more" in self.modes:
            body += b"more"
        headers = [("Content-Type", "application/octet-stream")]
        if ranges:
            headers.append(("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}"))
        if "unknownlength" in self.modes:
            self.send_response(206 if ranges else 200)
            for header in headers:
                self.send_header(*header)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if "cut" in self.modes and STATE.count(path) <= 2:
                body = body[:100000]
            self.wfile.write(body)
            return None
        length = len(body)
        if "cut" in self.modes and STATE.count(path) <= 2:
            body = body[:100000]
            self.close_connection = True
        if "alwayscut" in self.modes:
            body = body[:1000]
            self.close_connection = True
        if "stallbody" in self.modes and STATE.count(path) == 1:
            self.answer(206 if ranges else 200, body[:50000], headers, length)
            self.wfile.flush()
            time.sleep(30)
            self.close_connection = True
            return None
        return self.answer(206 if ranges else 200, body, headers, length)

    def serve_tags(self, _, path):
        query = urllib.parse.parse_qs(self.path.partition("?")[2])
        if "last" in query:
            return self.answer(200, b'{"name": "x", "tags": ["c"]}')
        return self.answer(200, b'{"name": "x", "tags": ["a", "b"]}', [("Link", f"<{path}?last=b>; rel=\"next\"")])

    def serve_referrers(self, *_):
        if "noreferrers" in self.modes:
            return self.refuse(404, "NOT_FOUND", "404 page not found")
        return self.answer(200, self.referrers(), [("Content-Type", "application/vnd.oci.image.index.v1+json")])

    def referrers(self):
        return json.dumps({"schemaVersion": 2, "manifests": [
            {"mediaType": MANIFEST_TYPE, "digest": digest_of(str(i).encode()), "size": 1,
             "artifactType": f"application/kind{i}"} for i in range(2)]}).encode()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that goes away is what is tested


def serve(tls=None):
    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        return
    tls = sys.argv[2:4] if sys.argv[1:2] == ["--tls"] else None
    STATE.other_port = serve()
    if tls:
        STATE.scheme = "https"
    print(serve(tls), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
