#!/usr/bin/python3
"""POST /score/<job>/<key>, with features as a JSON object or without: scores with a record, as a role that has score on the job.
Started by PGDATABASE=... PGUSER=... python3 examples/score_http.py 8080; ended by SIGTERM."""
import json, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote
import psycopg2
STATUS = {"42704": 404, "P0002": 404, "42501": 403, "40001": 409, "55000": 409}  # 400: other mistakes in what was sent
def score(path, features):
    _, root, job, key = (unquote(part) for part in path.split("/"))
    given = ("%s::jsonb, ", [job, features, key]) if features else ("", [job, key])
    with psycopg2.connect("") as connection, connection.cursor() as cursor:  # commits; use a pool
        cursor.execute(f"SELECT to_jsonb(s) FROM scorebook.score(%s, {given[0]}%s::text) AS s", given[1])
        return cursor.fetchone()[0]

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        features = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        try:
            status, answer = (200, score(self.path, features)) if self.path.startswith("/score/") \
                and self.path.count("/") == 3 else (404, {"error": "there is /score/<job>/<key> only"})
        except psycopg2.Error as error:
            status = STATUS.get(error.pgcode, 400 if (error.pgcode or "")[:2] in ("22", "42") else 500)
            answer = {"error": error.diag.message_primary or str(error), "hint": error.diag.message_hint}
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
