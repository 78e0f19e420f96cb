#!/usr/bin/python3
"""Trains the models that script/bench measures, into the directory given.

Synthetic data with a fixed seed; 30 features of which the trees use all.  Each
model is called <trees>x<depth>x<features> and has full trees of that depth as
far as the data carries them.
"""
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

SHAPES = [(100, 6, 30), (500, 8, 30), (1000, 6, 30)]
ROWS = 20000

directory = Path(sys.argv[1])
random = np.random.RandomState(20240)
for trees, depth, features in SHAPES:
    inputs = random.normal(size=(ROWS, features)).astype(np.float32)
    signal = inputs @ random.normal(size=features) + inputs[:, 0] * inputs[:, 1]
    labels = (signal + random.normal(scale=4.0, size=ROWS) > 0).astype(int)
    booster = xgb.train(
        {"objective": "binary:logistic", "max_depth": depth, "eta": 0.05, "min_child_weight": 0,
         "tree_method": "hist", "nthread": 2, "seed": 1},
        xgb.DMatrix(inputs, labels, feature_names=[f"x{i}" for i in range(features)]), trees)
    booster.save_model(directory / f"m{trees}x{depth}x{features}.ubj")
