#!/usr/bin/python3
"""Trains the demonstration model credit_risk and measures it on the test rows.

    python3 train.py [directory]

Reads credit_data.csv beside this file and writes model.ubj, levels.json,
golden.csv and metrics.json to the directory, by default this one.  Needs
Debian's python3-xgboost, python3-pandas and python3-sklearn.  The test rows
take no part in any choice: the number of trees comes from cross-validation
within the training rows.
"""
import json
import pathlib
import sys

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score, roc_curve

HERE = pathlib.Path(__file__).resolve().parent
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE

SEED = 20240
CATEGORICAL = ["home", "marital", "records", "job"]
BANDS = [0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1]
PARAMETERS = {
    "objective": "binary:logistic",
    "eval_metric": ["auc", "logloss"],
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.05,
    "min_child_weight": 20,
    "subsample": 0.7,
    "colsample_bytree": 0.7,
    "max_cat_to_onehot": 4,
    "seed": SEED,
    "nthread": 1,
}


def matrix(frame, levels):
    """The frame as XGBoost sees it: a level is its place in the list of levels."""
    codes = frame.assign(
        **{f: frame[f].map({name: code for code, name in enumerate(levels[f])})
           for f in CATEGORICAL})
    types = ["c" if f in CATEGORICAL else "float" for f in frame.columns]
    return xgb.DMatrix(codes.to_numpy(np.float32), feature_names=list(frame.columns),
                       feature_types=types, enable_categorical=True)


def train(rows, bad, levels):
    """The model, and its mean AUC and log loss over the folds of cross-validation."""
    data = matrix(rows, levels)
    data.set_label(bad)
    history = xgb.cv(PARAMETERS, data, num_boost_round=2000, nfold=5, stratified=True,
                     early_stopping_rounds=50, seed=SEED)
    model = xgb.train(PARAMETERS, data, num_boost_round=len(history))
    last = history.iloc[-1]
    return model, {"folds": 5, "auc": round(last["test-auc-mean"], 4),
                   "log_loss": round(last["test-logloss-mean"], 4)}


def auc_interval(bad, score, draws=2000):
    """The middle 95 % of the AUC over bootstrap samples of the test rows."""
    random = np.random.RandomState(SEED)
    samples = random.randint(len(bad), size=(draws, len(bad)))
    return np.percentile([roc_auc_score(bad[i], score[i]) for i in samples], [2.5, 97.5])


def band_table(bad, score):
    table = []
    for low, high in zip(BANDS, BANDS[1:]):
        inside = (score >= low) & ((score < high) | (high == 1))
        table.append({"from": low, "to": high, "rows": int(inside.sum()),
                      "bad": int(bad[inside].sum()),
                      "predicted": round(float(score[inside].mean()), 4),
                      "observed": round(float(bad[inside].mean()), 4)})
    return table


def measure(bad, score):
    auc = roc_auc_score(bad, score)
    false_positive, true_positive, _ = roc_curve(bad, score)
    numbers = {"auc": auc, "gini": 2 * auc - 1,
               "ks": np.max(true_positive - false_positive),
               "log_loss": log_loss(bad, score.astype(float)),
               "brier": brier_score_loss(bad, score)}
    return {name: round(float(number), 4) for name, number in numbers.items()}


def golden_rows(test, levels):
    """Applicants with and without missing values, and variations of one of them."""
    gaps = test.isna().any(axis=1)
    one = test[~gaps].iloc[0].to_dict()
    changes = [{feature: None} for feature in one]
    changes += [{feature: level} for feature in CATEGORICAL for level in levels[feature]]
    changes.append(dict.fromkeys(one))
    return pd.concat([test[gaps][:14], test[~gaps][:15],
                      pd.DataFrame([{**one, **change} for change in changes])])


applicants = pd.read_csv(HERE / "credit_data.csv", keep_default_na=False, na_values=[""])
features = applicants.drop(columns=["status", "split"])
numeric = features.columns.difference(CATEGORICAL)
features = features.astype(dict.fromkeys(numeric, float))
bad = (applicants["status"] == "bad").to_numpy(int)
held_out = (applicants["split"] == "test").to_numpy()
levels = {f: sorted(features[f].dropna().unique()) for f in CATEGORICAL}

model, validation = train(features[~held_out], bad[~held_out], levels)
score = model.predict(matrix(features, levels))

metrics = {
    "xgboost": xgb.__version__,
    "trees": model.num_boosted_rounds(),
    "cross_validation": validation,
    "train": {"rows": int((~held_out).sum()), "bad": int(bad[~held_out].sum()),
              **measure(bad[~held_out], score[~held_out])},
    "test": {"rows": int(held_out.sum()), "bad": int(bad[held_out].sum()),
             **measure(bad[held_out], score[held_out]),
             "auc_95": [round(float(edge), 4)
                        for edge in auc_interval(bad[held_out], score[held_out])],
             "bands": band_table(bad[held_out], score[held_out])},
}
model.set_attr(target="status = bad", data="credit_data of the R package modeldata",
               licence="MIT", seed=str(SEED),
               training_rows=str(metrics["train"]["rows"]),
               test_rows=str(metrics["test"]["rows"]),
               test_auc=str(metrics["test"]["auc"]))
golden = golden_rows(features[held_out], levels)
golden = golden.assign(value=["%.9g" % v for v in model.predict(matrix(golden, levels))])

model.save_model(OUT / "model.ubj")
golden.to_csv(OUT / "golden.csv", index=False, float_format="%.9g")
(OUT / "levels.json").write_text(json.dumps(levels, indent=2) + "\n")
(OUT / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
