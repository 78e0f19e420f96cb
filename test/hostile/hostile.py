#!/usr/bin/python3
"""No model file harms the server, and no genuine one is refused for its structure.

Runs against the database of the PG* variables, where scorebook is installed,
with Debian's python3-psycopg2.  Leaves nothing behind.

Every file of generate.py goes through inspect_model and load_model, each in a
transaction that is rolled back.  What load_model takes is scored, margins and
leaves, and explained, on rows of zeros, of ones, of NULLs and of numbers beyond
any threshold.  Each call must give its result, or an error with one of the
SQLSTATEs below, in less than ten seconds.  All of it happens in one session: at the end its backend
must be the one it began with, and the server must not have restarted.

    hostile.py [group …]

runs these groups only.  Prints TAP, one test a group.
"""
import itertools
import json
import sys

import psycopg2

import generate

CLEAN = {
    "0A000",  # of a kind that is not served, or that the installed XGBoost cannot load
    "22023",  # the rest of what load_model was told does not fit the file
    "22P02",  # not valid as JSON
    "22P03",  # not valid as UBJSON, or neither of them
    "54000",  # larger than what is accepted
}
UNEXPLAINED = CLEAN | {
    "22003",  # a contribution that is not a number
    "38000",  # the library itself will not
}
NAME = "hostile"

SERVER = "SELECT pg_backend_pid(), pg_postmaster_start_time()"
INSPECT = "SELECT scorebook.inspect_model(%(artifact)s)"
LOAD = """SELECT scorebook.load_model(%(name)s, %(artifact)s, features => %(features)s,
                                      levels => %(levels)s)"""
INPUTS = """
    FROM (SELECT array_agg(CASE WHEN abs(value) <= 1 OR type = 'float' THEN value END
                           ORDER BY position) AS input
          FROM scorebook.model_feature,
               unnest('{0,1,NULL,1e30,-1e30}'::real[]) AS value GROUP BY value) AS rows"""
SCORE = ("SELECT scorebook.predict_margin(%(name)s, input), scorebook.predict_leaf(%(name)s, input)"
         + INPUTS)
EXPLAIN = ("SELECT scorebook.reasons(%(name)s, input, class => CASE WHEN num_output > 1 THEN '0' END)"
           + INPUTS + ", scorebook.model_version")


class Session:
    """Tries statements, and keeps nothing of what they do."""

    def __init__(self):
        self.connection = psycopg2.connect("", options="-c statement_timeout=10s")

    def attempt(self, *statements, **parameters):
        """What the last statement gives, or the error of the first that fails."""
        try:
            with self.connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement, {"name": NAME, **parameters})
                return cursor.fetchall()
        except psycopg2.Error as error:
            return error
        finally:
            if self.connection.closed:
                self.__init__()
            self.connection.rollback()

    def server(self):
        """The backend, and since when the server runs."""
        return self.attempt(SERVER)


def unsaid(facts):
    """Arguments of load_model for what the file does not say."""
    names = facts["feature_names"] or ["f%d" % i for i in range(facts["features"])]
    levels = {name: list("abcde") for name, kind in zip(names, facts["feature_types"])
              if kind == "c"}
    return {"features": None if facts["feature_names"] else names,
            "levels": json.dumps(levels) if levels and not facts["levels"] else None}


def complaints(session, name, data):
    """What is wrong with how a file was answered."""
    artifact = psycopg2.Binary(data)
    arguments = {"features": None, "levels": None}
    answers = {"inspect_model": session.attempt(INSPECT, artifact=artifact)}
    if isinstance(answers["inspect_model"], list):
        arguments = unsaid(answers["inspect_model"][0][0])
        answers["load_model and explaining"] = session.attempt(LOAD, EXPLAIN, artifact=artifact,
                                                               **arguments)
    answers["load_model and scoring"] = session.attempt(LOAD, SCORE, artifact=artifact,
                                                        **arguments)

    for what, answer in answers.items():
        clean = UNEXPLAINED if what.endswith("explaining") else CLEAN
        if isinstance(answer, psycopg2.Error) and answer.pgcode not in clean:
            yield "%s: %s %s" % (what, answer.pgcode, answer)
    if name.startswith("genuine") and not isinstance(answers["inspect_model"], list):
        yield "refused for its structure: %s" % answers["inspect_model"]


def main(*names):
    session = Session()
    start = session.server()
    tests = itertools.count(1)
    failures = 0

    def report(passed, what):
        nonlocal failures
        failures += not passed
        print("%sok %d - %s" % ("" if passed else "not ", next(tests), what), flush=True)

    for name, files in itertools.groupby(generate.corpus(*names), lambda file: file[0]):
        wrong = []
        for count, (_, what, suffix, data) in enumerate(files, 1):
            for complaint in complaints(session, name, data):
                wrong.append("%s (%s): %s" % (what, suffix, " ".join(complaint.split())))
        report(not wrong, "%s: %d files" % (name, count))
        for line in wrong[:20]:
            print("# %.300s" % line)

    end = session.server()
    report(end[0][0] == start[0][0], "the backend is the one it was")
    report(end[0][1] == start[0][1], "the server has not restarted")
    print("1..%d" % (next(tests) - 1))
    return failures > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
