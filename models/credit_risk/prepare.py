#!/usr/bin/python3
"""Makes credit_data.csv from the data set credit_data of the R package modeldata.

    Rscript -e 'write.csv(modeldata::credit_data, "raw.csv", row.names = FALSE, na = "")'
    python3 prepare.py raw.csv > credit_data.csv

Column names become lower case, and each applicant is assigned to training or
test, 30 % of the good and 30 % of the bad ones to test.  Values and the order
of the rows stay as they are.
"""
import csv
import random
import sys

TEST_SHARE = 0.3
SEED = 20240

with open(sys.argv[1], newline="") as raw:
    header, *applicants = csv.reader(raw)

status = [name.lower() for name in header].index("status")
split = ["train"] * len(applicants)
shuffle = random.Random(SEED).shuffle
for outcome in ("good", "bad"):
    members = [i for i, row in enumerate(applicants) if row[status] == outcome]
    shuffle(members)
    for i in members[: round(TEST_SHARE * len(members))]:
        split[i] = "test"

out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow([name.lower() for name in header] + ["split"])
out.writerows(row + [part] for row, part in zip(applicants, split))
