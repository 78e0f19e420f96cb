#!/usr/bin/python3
"""The examples of the documentation print what it shows.

    python3 test/docs/docs.py [document …]

Runs the SQL of each document, one example after the other, in one session of
psql and a database of the document's own, on the server of the PG* variables,
where the extension is installed and the caller is a superuser.  That should be
a private one: the database "documented" and the roles of the examples (ROLES)
are dropped before and after.

An example is a block "sql".  A block "text" right behind it is what psql -q
prints; without one, the example must not fail.  What stands behind a comment
"<!-- not run: why -->" is skipped.  comparable() and alike() say what may differ:
times, the installed XGBoost, widths of columns and last digits.

Prints TAP.
"""
import os
import pathlib
import re
import subprocess
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent.parent
DATABASE = "documented"
TABLE = f"\\cd {SOURCES}/models/credit_risk\n\\i applicant.sql\n"
EXTENSION = "CREATE EXTENSION scorebook;\n"
MODEL = ("\\set levels `cat levels.json`\n"
         f"SELECT FROM scorebook.load_model_file('credit_risk', '{SOURCES}/models/credit_risk/model.ubj',"
         " levels => :'levels');\n")
ROLES = "analyst", "analysts", "application", "data_science"
# what a document takes for granted, if not all of that
GIVEN = TABLE + EXTENSION + MODEL + "".join(f"CREATE ROLE {role};\n" for role in ROLES)
BEGINNINGS = {"README.md": TABLE, "docs/reference.md": TABLE + EXTENSION}

EXAMPLE = re.compile(r"(?P<skip><!-- not run: [^\n]* -->\n+)?"
                     r"^```sql\n(?P<sql>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.M | re.S)
MASKED = [(re.compile(pattern), name) for pattern, name in (
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d(:\d\d)?|\s+UTC)?", "a time"),
    (r"\bXGBoost \d+\.\d+\.\d+", "XGBoost"),
    (r"-{3,}", "---"),
)]
NUMBER = re.compile(r"(-?\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)")


def comparable(text):
    """Words and numbers of what psql prints, without what may differ."""
    for pattern, name in MASKED:
        text = pattern.sub(name, text)
    return [part for word in text.split() for part in NUMBER.split(word) if part]


def alike(shown, printed):
    """The same words, and numbers within 1e-5: other versions of XGBoost explain a little differently."""
    def close(a, b):
        return a == b or (NUMBER.fullmatch(a) and NUMBER.fullmatch(b) and "." in a + b
                          and abs(float(a) - float(b)) <= 1e-5 * max(1, abs(float(a))))
    shown, printed = comparable(shown), comparable(printed)
    return len(shown) == len(printed) and all(map(close, shown, printed))


def psql(database, script, *options):
    """What psql prints, errors in their places."""
    return subprocess.run(["psql", "-X", "-q", "-d", database, *options], input=script, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout


def start_over():
    psql("postgres", f"DROP DATABASE IF EXISTS {DATABASE};\nDROP ROLE IF EXISTS {', '.join(ROLES)};")


def with_files(sql):
    """Paths of the documents become those of the sources; the reference says which file is which."""
    for origin, path in re.findall(r"^install .* (\S+) (/srv/models/\S+)$",
                                   (SOURCES / "docs/reference.md").read_text(), re.M):
        sql = sql.replace(path, str(SOURCES / origin))
    return sql.replace("/path/to/", f"{SOURCES}/")


def run(document):
    """The examples of a document, and what each of them prints: (line, sql, shown, printed)."""
    text = (SOURCES / document).read_text()
    examples = [(text.count("\n", 0, m.start("sql")), m["sql"], m["shown"])
                for m in EXAMPLE.finditer(text) if not m["skip"]]
    if not examples:
        return []
    start_over()
    psql("postgres", f"CREATE DATABASE {DATABASE};")
    problem = psql(DATABASE, BEGINNINGS.get(document, GIVEN), "-t", "-v", "ON_ERROR_STOP=1").strip()
    if problem:
        print("# before the examples:", *problem.splitlines(), sep="\n#   ")
    mark = "---- end of an example ----"
    printed = psql(DATABASE, "".join(f"{with_files(sql)}\n\\echo {mark}\n" for _, sql, _ in examples))
    printed = printed.split(mark + "\n")[:-1]
    printed += ["psql has ended"] * (len(examples) - len(printed))
    return [(*example, output) for example, output in zip(examples, printed)]


def main():
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ["PGTZ"] = "UTC"
    tests = failures = 0
    documents = sys.argv[1:] or ["README.md", *sorted(f"docs/{path.name}" for path in SOURCES.glob("docs/*.md"))]
    for document in documents:
        for line, sql, shown, printed in run(document):
            tests += 1
            good = alike(shown, printed) if shown is not None else not re.search(r"^(ERROR|psql):", printed, re.M)
            failures += not good
            print(f"{'ok' if good else 'not ok'} {tests} - {document}, line {line}: {sql.strip().splitlines()[0]}")
            if not good:
                for title, output in (("shown:", shown or ""), ("printed:", printed)):
                    print("# " + title, *output.splitlines()[:30], sep="\n#   ")
    start_over()
    print(f"1..{tests}")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
