#!/usr/bin/python3
"""Every model of test/fixtures scores in SQL what its own XGBoost computed.

Runs against the database of the PG* variables, where scorebook is installed,
with Debian's python3-psycopg2 and python3-xgboost.  Leaves nothing behind.

The installed library itself decides what has to happen.  It scores each model
in a child process: where its values and margins are those that the library
which wrote the model computed, load_model must take the model, and SQL must
give the library's values bit for bit, from rows, from jsonb and from arrays.
SQL does so twice, with scorebook's native engine and with the library.
Where it scores the model wrong, cannot load it or crashes, load_model may take
it, since it gives the library what that can read: then SQL must give what the
library which wrote the model computed, with both engines.  Otherwise it must
refuse the model with SQLSTATE 0A000 and name both versions, and take it with
golden rows: then the native engine must give what that library computed.

The first rows are explained, too, for each output: SQL must give the bits of
the library, and where the fixture has contributions, within 1e-5 those of the
library that wrote it.  What the library cannot explain, SQL must refuse, and
name both versions.

Prints TAP; the table before the plan says what became of each model.
"""
import csv
import json
import os
import pathlib
import pickle
import signal
import sys

os.environ["OMP_NUM_THREADS"] = "1"  # read when XGBoost is loaded

import numpy as np
import psycopg2
import xgboost as xgb

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
CREDIT_RISK = HERE.parent.parent / "models" / "credit_risk"

ENGINES = ("native", "xgboost")
GOLDEN = 20
TOLERANCE = 1e-6  # relative, where the model comes from another XGBoost
EXPLAINED_ROWS = 20
CONTRIBUTION_TOLERANCE = 1e-5  # absolute; XGBoost 3.3 computes them in another way
MISSING = -999.0

BITS, CLOSE, FAILED = "bit for bit", "within 1e-6", "FAILED"


def read_csv(path):
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def number(cell):
    return np.float32(cell) if cell else np.float32(np.nan)


class Fixture:
    """A model file, its inputs, what is known of it, and its expected scores."""

    def __init__(self, file):
        self.file = file
        self.model = file.stem
        self.writer = file.parent.name
        self.objective = read_objective(file.with_suffix(".json"))
        self.inputs = file.with_suffix(".inputs.csv")
        if not self.inputs.exists():
            self.inputs = file.with_name(
                "inputs_cat.csv" if self.model.startswith("cat") else "inputs.csv")
        header, rows = read_csv(self.inputs)
        self.levels = {name: sorted({row[header.index(name)] for row in rows} - {""})
                       for name in header if name == "city"}
        self.read_inputs(header, rows)
        self.missing = MISSING if self.model in ("missing999", "skmissing") else None
        self.named = self.model != "noname"
        self.read_expected(*read_csv(file.with_suffix(".expected.csv")))
        self.contributions = None
        if file.with_suffix(".contribs.csv").exists():
            _, rows = read_csv(file.with_suffix(".contribs.csv"))
            self.contributions = np.array(rows, np.float32).reshape(
                len(rows), -1, self.rows.shape[1] + 1)

    def read_inputs(self, header, rows):
        features = [name for name in header if name not in ("city_code", "offset", "value")]
        self.rows = np.array([[self.input(name, row[header.index(name)]) for name in features]
                              for row in rows], np.float32)
        self.offset = (np.array([row[header.index("offset")] for row in rows], np.float32)
                       if "offset" in header else None)
        self.columns = {name: "text" if name in self.levels else "real" for name in header}

    def input(self, name, cell):
        if name in self.levels and cell:
            return self.levels[name].index(cell)
        return number(cell)

    def read_expected(self, header, rows):
        """The columns value… and margin…; with early stopping those of the best iteration."""
        self.rounds = 0
        if "best_iteration" in header:
            self.rounds = int(rows[0][header.index("best_iteration")]) + 1
        chosen = [[i for i, name in enumerate(header)
                   if name.startswith(kind) and name != "value_all"]
                  for kind in ("value", "margin")]
        self.expected = [np.array([[number(row[i]) for i in columns] for row in rows])
                         for columns in chosen if columns]

    def load_arguments(self):
        """What the file does not say."""
        arguments = {}
        if self.levels and self.writer < "3.1":
            arguments["levels"] = json.dumps(self.levels)
        if self.missing is not None and not (self.model == "skmissing" and self.writer < "3"):
            arguments["missing"] = self.missing
        if self.offset is not None:
            arguments["base_margin"] = "offset"
        return arguments

    def array_literals(self):
        """Each row as an array in SQL, the offset last."""
        rows = self.rows
        if self.offset is not None:
            rows = np.column_stack([rows, self.offset])
        return ["{%s}" % ",".join("NULL" if np.isnan(x) else "%.9g" % x for x in row)
                for row in rows]


class CreditRisk(Fixture):
    """The demonstration model, on its golden rows."""

    def __init__(self, file):
        self.file = file
        self.model = file.parent.name
        self.writer = json.loads(file.with_name("metrics.json").read_text())["xgboost"]
        self.objective = "binary:logistic"
        self.inputs = file.with_name("golden.csv")
        self.levels = json.loads(file.with_name("levels.json").read_text())
        self.read_inputs(*read_csv(self.inputs))
        self.missing = None
        self.named = True
        self.contributions = None
        self.read_expected(*read_csv(self.inputs))


def read_objective(file):
    return json.loads(file.read_text())["learner"]["objective"]["name"]


def predict(fixture):
    """Values and margins of the installed library, and contributions if it gives them."""
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(fixture.file)
    missing = np.nan if fixture.missing is None else fixture.missing
    data = xgb.DMatrix(fixture.rows, missing=missing, base_margin=fixture.offset,
                       feature_names=booster.feature_names,
                       feature_types=booster.feature_types, enable_categorical=True)
    scores = [booster.predict(data, output_margin=margin, iteration_range=(0, fixture.rounds))
              .reshape(len(fixture.rows), -1) for margin in (False, True)]
    # before 3.3 it reads what is not there of trees with several outputs
    if fixture.model == "multiouttree" and xgb.__version__ < "3.3":
        return scores, None
    return scores, booster.predict(data, pred_contribs=True, strict_shape=True,
                                   iteration_range=(0, fixture.rounds))


def library_scores(fixture):
    """What predict gives, or a word on why it gives nothing, from a child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(60)
        try:
            answer = predict(fixture)
        except Exception:
            answer = "does not load"
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    return "crashes" if status else pickle.loads(answer)


def same_bits(some, others):
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(some, others))


def close(some, others):
    return all(a.shape == b.shape and np.all(np.abs(a - b) <= TOLERANCE * np.abs(b))
               for a, b in zip(some, others))


def copy_inputs(cursor, fixture, tables={}):
    """The temporary table that holds the inputs, made on first use."""
    if fixture.inputs not in tables:
        table = "parity_inputs_%d" % len(tables)
        names = ", ".join('"%s"' % name for name in fixture.columns)
        cursor.execute("CREATE TEMP TABLE %s (row serial, %s)" % (
            table, ", ".join('"%s" %s' % column for column in fixture.columns.items())))
        with open(fixture.inputs) as file:
            cursor.copy_expert("COPY %s (%s) FROM STDIN (FORMAT csv, HEADER)" % (table, names),
                               file)
        tables[fixture.inputs] = table
    return tables[fixture.inputs]


def sql_scores(cursor, fixture, name, width):
    """Values and margins from SQL, for each form that the inputs can have."""
    table = copy_inputs(cursor, fixture)
    sources = {"array": "(SELECT x::real[] AS input, row"
                        " FROM unnest(%(arrays)s) WITH ORDINALITY AS a(x, row)) AS s"}
    if fixture.named:
        sources["row"] = "(SELECT t AS input, row FROM " + table + " t) AS s"
        sources["jsonb"] = "(SELECT to_jsonb(t) AS input, row FROM " + table + " t) AS s"
    value = ("ARRAY[scorebook.predict(%(name)s, input)]" if width == 1
             else "scorebook.predict_vector(%(name)s, input)")
    for form, source in sources.items():
        cursor.execute("SELECT scorebook.predict_vector(%(name)s, input), " + value + ","
                       " scorebook.predict_margin(%(name)s, input)"
                       " FROM " + source + " ORDER BY row",
                       {"name": name, "arrays": fixture.array_literals()})
        yield form, [np.array(column, np.float32) for column in zip(*cursor.fetchall())]


def golden_rows(fixture):
    """Inputs by position, with the values that the library which wrote the model gave."""
    inputs = fixture.rows
    if fixture.offset is not None:
        inputs = np.column_stack([inputs, fixture.offset])
    return json.dumps([
        {"inputs": [None if np.isnan(x) else float(x) for x in row],
         "expected": [float(x) for x in expected]}
        for row, expected in zip(inputs[:GOLDEN], fixture.expected[0])])


def sql_contributions(cursor, fixture, name, outputs):
    """Contributions and base value of each output from SQL, by the places of the features."""
    cursor.execute("SELECT f.name, v.classes FROM scorebook.model AS m"
                   " JOIN scorebook.model_version AS v USING (model_id)"
                   " JOIN scorebook.model_feature AS f USING (model_id, version)"
                   " WHERE m.name = %s ORDER BY f.position", (name,))
    features, classes = zip(*cursor.fetchall())
    result = np.zeros((EXPLAINED_ROWS, outputs, len(features) + 1), np.float32)
    for output in range(outputs):
        cursor.execute("SELECT row, feature, contribution, base_value"
                       " FROM unnest(%(arrays)s) WITH ORDINALITY AS a (x, row),"
                       " scorebook.explain(%(name)s, x::real[], class => %(class)s)",
                       {"name": name, "arrays": fixture.array_literals()[:EXPLAINED_ROWS],
                        "class": None if outputs == 1 else
                                 classes[0][output] if classes[0] else str(output)})
        for row, feature, contribution, base_value in cursor.fetchall():
            result[row - 1, output, features.index(feature)] = contribution
            result[row - 1, output, -1] = base_value
    return result


def check_contributions(cursor, fixture, name, library, outputs):
    """What is wrong with the explanations, or None."""
    if library is None:
        cursor.execute("SAVEPOINT explaining")
        try:
            sql_contributions(cursor, fixture, name, outputs)
        except psycopg2.Error as error:
            cursor.execute("ROLLBACK TO explaining")
            message = error.diag.message_primary
            if error.pgcode == "0A000" and fixture.writer in message and xgb.__version__ in message:
                return None
            return "not explained, with %s: %s" % (error.pgcode, message)
        return "explained, though XGBoost does not"
    given = sql_contributions(cursor, fixture, name, outputs)
    if not same_bits([given], [library[:EXPLAINED_ROWS]]):
        return "explained otherwise than by XGBoost"
    return check_expected_contributions(fixture, given)


def check_expected_contributions(fixture, given):
    if fixture.contributions is not None and not np.allclose(
            given, fixture.contributions, rtol=0, atol=CONTRIBUTION_TOLERANCE):
        return "explained otherwise than by the XGBoost that wrote it"
    return None


def load(cursor, fixture, name, **more):
    """Loads the model, and returns the error if that fails."""
    arguments = {"name": name, "artifact": fixture.file.read_bytes(),
                 **fixture.load_arguments(), **more}
    call = ", ".join("%s => %%(%s)s" % (key, key) for key in arguments)
    cursor.execute("SAVEPOINT parity")
    try:
        cursor.execute("SELECT scorebook.load_model(" + call + ")", arguments)
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO parity")
        return error
    return None


def check_expected(cursor, fixture, name, engines, what):
    """Scores against those of the library that wrote the model."""
    verdict = BITS
    own = [fixture.expected[0], *fixture.expected]
    for engine in engines:
        cursor.execute("SET LOCAL scorebook.engine = %s", (engine,))
        for form, scores in sql_scores(cursor, fixture, name, own[0].shape[1]):
            if not close(scores[:len(own)], own):
                return FAILED, "by %s, SQL (%s) differs from XGBoost %s" % (
                    form, engine, fixture.writer)
            if not same_bits(scores[:len(own)], own):
                verdict = CLOSE
    return "%s %s" % (what, verdict), None


def check_golden(cursor, fixture, name):
    """Where the library cannot judge, golden rows do, and the native engine serves."""
    error = load(cursor, fixture, name, golden=golden_rows(fixture))
    if error is not None:
        return FAILED, "refused with golden rows: " + str(error).strip()
    complaint = check_contributions(cursor, fixture, name, None, fixture.expected[-1].shape[1])
    if complaint:
        return FAILED, complaint
    return check_expected(cursor, fixture, name, ("auto",), "native")


def check(cursor, fixture, name):
    """What became of a model, and what is wrong with that."""
    library = library_scores(fixture)
    if isinstance(library, str):
        reason = library
    else:
        library, contributions = library
        reason = None if close(library, fixture.expected) else "scores wrong"

    error = load(cursor, fixture, name)
    if reason:
        if error is None:
            # the library is not given the file, but what it can read
            complaint = None
            if fixture.contributions is not None:
                complaint = check_expected_contributions(fixture, sql_contributions(
                    cursor, fixture, name, fixture.contributions.shape[1]))
            if complaint:
                return FAILED, complaint
            return check_expected(cursor, fixture, name, ENGINES, "translated")
        message = error.diag.message_primary
        if error.pgcode != "0A000" or not (fixture.writer in message
                                           and xgb.__version__ in message):
            return FAILED, "refused with %s: %s" % (error.pgcode, message)
        return check_golden(cursor, fixture, name)
    if error is not None:
        return FAILED, "refused, though XGBoost scores it right: " + str(error).strip()

    for engine in ENGINES:
        cursor.execute("SET LOCAL scorebook.engine = %s", (engine,))
        for form, scores in sql_scores(cursor, fixture, name, library[0].shape[1]):
            for sql, own in zip(scores, [library[0], *library], strict=True):
                for i, (given, wanted) in enumerate(zip(sql, own, strict=True), 1):
                    if not same_bits([given], [wanted]):
                        return FAILED, "input %d by %s: SQL (%s) gives %s, XGBoost %s" % (
                            i, form, engine, given, wanted)
    complaint = check_contributions(cursor, fixture, name, contributions, library[1].shape[1])
    if complaint:
        return FAILED, complaint
    verdict = BITS if same_bits(library, fixture.expected) else CLOSE
    if fixture.writer == xgb.__version__ and verdict != BITS:
        return FAILED, "not bit for bit what the same XGBoost computed elsewhere"
    return verdict, None


def print_table(verdicts):
    """Models down, the XGBoost that wrote them across."""
    writers = sorted({writer for writer, *_ in verdicts})
    cells = {}
    for (writer, model, objective, suffix), verdict in verdicts.items():
        cells.setdefault((objective, model), {}).setdefault(writer, {})[suffix] = verdict
    lines = [["objective", "model"] + ["written by " + writer for writer in writers]]
    for (objective, model), row in sorted(cells.items()):
        lines.append([objective, model])
        for writer in writers:
            formats = row.get(writer, {})
            agreed = set(formats.values())
            lines[-1].append(agreed.pop() if len(agreed) == 1 else
                             ", ".join("%s %s" % pair for pair in sorted(formats.items())) or "-")
    widths = [max(map(len, column)) for column in zip(*lines)]
    print("#\n# scored or refused with XGBoost %s:\n#" % xgb.__version__)
    for line in lines:
        print(("# " + " | ".join(map(str.ljust, line, widths))).rstrip())
    print("#")


def main():
    files = sorted(file for file in FIXTURES.glob("*/*") if file.suffix in (".json", ".ubj"))
    fixtures = [Fixture(file) for file in files] + [CreditRisk(CREDIT_RISK / "model.ubj")]
    connection = psycopg2.connect("")
    cursor = connection.cursor()
    verdicts = {}
    for i, fixture in enumerate(fixtures, 1):
        suffix = fixture.file.suffix[1:]
        verdict, complaint = check(cursor, fixture, "parity_%d" % i)
        verdicts[fixture.writer, fixture.model, fixture.objective, suffix] = verdict
        print("%s %d - %s %s.%s %s: %s" % ("not ok" if complaint else "ok", i, fixture.writer,
                                           fixture.model, suffix, fixture.objective, verdict))
        if complaint:
            print("# " + complaint)
    connection.rollback()
    print_table(verdicts)
    print("1..%d" % len(fixtures))
    return FAILED in verdicts.values()


if __name__ == "__main__":
    sys.exit(main())
