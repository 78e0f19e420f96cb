"""Scores a table as it is done outside: copies it out, scores it with all
cores, copies the scores back into a table with the same primary key.

	outside.py <model file> <table> <result table>

Connects as libpq's environment says; prints the seconds it took.
"""

import io
import os
import sys
import time

import numpy
import psycopg2
import xgboost

model_file, table, result = sys.argv[1:]
booster = xgboost.Booster(model_file=model_file)
booster.set_param({"nthread": os.cpu_count()})
connection = psycopg2.connect("")
cursor = connection.cursor()

start = time.monotonic()
out = io.BytesIO()
cursor.copy_expert(f"COPY {table} TO STDOUT", out)
out.seek(0)
rows = numpy.loadtxt(out, dtype=numpy.float64, delimiter="\t")
scores = booster.inplace_predict(rows[:, 1:].astype(numpy.float32), validate_features=False)
back = io.StringIO()
for key, score in zip(rows[:, 0].astype(numpy.int64), scores):
    back.write(f"{key}\t{score:.9g}\n")
back.seek(0)
cursor.copy_expert(f"COPY {result} FROM STDIN", back)
connection.commit()
print(f"{time.monotonic() - start:.3f}")
