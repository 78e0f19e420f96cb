#!/usr/bin/python3
"""Loads the demo model and scores one applicant, through psycopg.

    PGHOST=… PGDATABASE=… python3 examples/load_and_score.py

Needs the extension scorebook in the database, and psycopg 3 or psycopg2.
Everything happens in one transaction that is rolled back at the end.
"""
import json
from pathlib import Path

try:
    import psycopg
except ImportError:
    import psycopg2 as psycopg

demo = Path(__file__).resolve().parent.parent / "models" / "credit_risk"
applicant = {"seniority": 9, "home": "rent", "time": 60, "age": 30, "marital": "married", "records": "no",
             "job": "freelance", "expenses": 73, "income": 129, "assets": 0, "debt": 0, "amount": 800,
             "price": 846}

connection = psycopg.connect("")
cursor = connection.cursor()

# the bytes are those of a file, or of model.get_booster().save_raw(raw_format="ubj")
artifact = (demo / "model.ubj").read_bytes()
levels = json.loads((demo / "levels.json").read_text())
cursor.execute("SELECT scorebook.load_model('psycopg_example', %s, levels => %s)",
               [artifact, json.dumps(levels)])
print("version", cursor.fetchone()[0])

# a parameter has no type of its own: the cast says which form of features it is
cursor.execute("SELECT scorebook.predict('psycopg_example', %s::jsonb)", [json.dumps(applicant)])
print("by name    ", cursor.fetchone()[0])

# by position, categorical features are the codes of their levels
codes = [levels[name].index(value) if name in levels else value for name, value in applicant.items()]
cursor.execute("SELECT scorebook.predict('psycopg_example', %s::real[])", [codes])
print("by position", cursor.fetchone()[0])

connection.rollback()
connection.close()
