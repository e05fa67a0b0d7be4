"""A shop that is vulnerable on purpose; it runs only inside the lab's namespaces.

GET  /products?id=…      looks a product up with the id pasted into the SQL text
POST /upload             stores any file under the web root, by the name the client gives
GET  /uploads/*.sh|cgi   runs the stored file as a CGI program
"""
import os
import re
import sqlite3
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ROOT = "/var/www/shop"
DATABASE_LOCK = threading.Lock()


def make_database():
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.executescript(
        "create table products(id integer, name text, price integer);"
        "create table users(username text, password text);"
        "insert into products values (1,'kettle',39),(2,'toaster',45),(3,'lamp',22),(4,'chair',120);"
        "insert into users values ('admin','5f4dcc3b5aa765d61d8327deb882cf99');")
    return database


DATABASE = make_database()


class shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "shop"

    def log_message(self, *_):
        pass

    def answer(self, status, text, kind="text/html"):
        body = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/products":
            return self.find_product(parse_qs(url.query).get("id", ["1"])[0])
        if url.path.startswith("/uploads/"):
            return self.run_upload(url)
        self.answer(404, "no such page")

    def find_product(self, wanted):
        try:
            with DATABASE_LOCK:
                rows = DATABASE.execute("select name, price from products where id = " + wanted).fetchall()
        except sqlite3.Error as error:
            return self.answer(500, "database error: " + str(error))
        self.answer(200, "".join("<li>%s %s</li>" % row for row in rows) or "nothing found")

    def run_upload(self, url):
        path = os.path.join(ROOT, url.path.lstrip("/"))
        if not os.path.isfile(path):
            return self.answer(404, "no such file")
        environment = {"PATH": "/usr/bin:/bin", "QUERY_STRING": url.query, "REQUEST_METHOD": "GET",
                       "REMOTE_ADDR": self.headers.get("X-Real-IP", "")}
        try:
            done = subprocess.run(["/bin/bash", path], env=environment, cwd=os.path.dirname(path), timeout=15,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            return self.answer(504, "timeout")
        self.answer(200, done.stdout.split(b"\r\n\r\n", 1)[-1], "text/plain")

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, 2 << 20))
        part = re.search(rb'filename="([^"\r\n/]+)".*?\r\n\r\n(.*)\r\n--', body, re.S)
        if not part:
            return self.answer(400, "no file in the request")
        name = part.group(1).decode("utf-8", "replace")
        with open(os.path.join(ROOT, "uploads", name), "wb") as stored:
            stored.write(part.group(2))
        self.answer(201, "stored as /uploads/" + name)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8000), shop).serve_forever()
