"""A hub of one's own on the loopback: as much of the Hugging Face Hub's HTTP interface as a push and a pull need."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

__all__ = ["serving"]


class Hub(ThreadingHTTPServer):
    """Repositories by name, each a dict from file name to bytes; `asked` are the requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories, self.asked, self.private = {}, [], {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, name: str) -> str:
        return hashlib.sha1(repr(sorted(self.repositories[name])).encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def log_message(self, *_):
        pass

    def answer(self, body=b"", status=200, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = b""
            while size := int(self.rfile.readline(), 16):
                parts += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return parts
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_POST(self):
        hub, path, body = self.server, self.path.partition("?")[0], self.body()
        hub.asked.append(("POST", path))
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            name = name if "/" in name else f"me/{name}"
            hub.repositories.setdefault(name, {})
            hub.private[name] = asked.get("private") or asked.get("visibility") == "private"
            self.answer({"url": f"{hub.address}/{name}"})
        elif "/preupload/" in path:
            files = json.loads(body)["files"]
            said = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None} for f in files]
            self.answer({"files": said})
        elif "/commit/" in path:
            name = path.removeprefix("/api/models/").partition("/commit/")[0]
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    hub.repositories[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            url = f"{hub.address}/{name}/commit/{hub.commit(name)}"
            self.answer({"commitUrl": url, "commitOid": hub.commit(name), "pullRequestUrl": None})
        else:
            self.answer({"type": "regular"} if path == "/api/validate-yaml" else {}, 200)

    def do_GET(self):
        hub, path = self.server, self.path.partition("?")[0]
        hub.asked.append((self.command, path))
        if path.startswith("/api/models/"):
            name = path.removeprefix("/api/models/").partition("/revision/")[0].partition("/tree/")[0]
            return self.about(name, tree="/tree/" in path)
        name, _, rest = path.lstrip("/").partition("/resolve/")
        file = rest.partition("/")[2]
        data = hub.repositories.get(name, {}).get(file)
        if data is None:
            return self.answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
        etag = hashlib.sha1(data).hexdigest()
        return self.answer(data, X_Repo_Commit=hub.commit(name), ETag=f'"{etag}"')

    do_HEAD = do_GET  # noqa: N815

    def about(self, name, tree):
        hub = self.server
        if name not in hub.repositories:
            return self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
        files = hub.repositories[name]
        if tree:
            return self.answer([{"type": "file", "path": f, "size": len(d), "oid": "0"} for f, d in files.items()])
        siblings = [{"rfilename": file} for file in files]
        return self.answer({"id": name, "sha": hub.commit(name), "siblings": siblings, "private": False, "tags": []})


@contextmanager
def serving() -> Iterator[Hub]:
    """The hub, listening on a port of its own."""
    with Hub() as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        yield hub
        hub.shutdown()
