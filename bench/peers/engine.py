"""The Python side of bench/engine.ts.

engine.py FOLDER THREADS serve          one JSON request a line on stdin, one JSON answer a line on stdout:
  {"work": name, "rows": n}             one fit of train{n}, binning included, reading of files excluded -> {"cpu_ms", "wall_ms", "auc", "log_loss"}
  {"work": "single_row", "rows": n}     -> {"wall_ms"} of one row's prediction
  {"work": name, "predict": true, "columns": d, "classes": k, "seed": s}  fits cut, writes the probabilities of held to held.p
  {"work": "export", "name": n}         writes a data set that scikit-learn brings -> {"columns", "classes"}
engine.py FOLDER THREADS memory ROWS    one LightGBM fit; prints the greatest resident memory in MiB
"""
import json
import os
import resource
import sys
import time
import warnings

folder, threads, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)

import numpy as np  # noqa: E402
import lightgbm  # noqa: E402

warnings.filterwarnings("ignore")


def load(name, columns=26):
    x = np.fromfile(f"{folder}/{name}.x", np.float32).reshape(-1, columns)
    return x, np.fromfile(f"{folder}/{name}.y", np.uint8).astype(int)


def lightgbm_fit(x, y, classes=2, max_bin=255, seed=0):
    p = dict(num_leaves=31, learning_rate=0.1, max_bin=max_bin, num_threads=threads, verbosity=-1, seed=seed)
    p.update(dict(objective="binary") if classes == 2 else dict(objective="multiclass", num_class=classes))
    return lightgbm.train(p, lightgbm.Dataset(x, label=y, params=p), 100).predict


if mode == "memory":
    lightgbm_fit(*load(f"train{sys.argv[4]}"))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    sys.exit(0)

import sklearn  # noqa: E402
import xgboost  # noqa: E402
from sklearn import datasets  # noqa: E402
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier  # noqa: E402
from sklearn.metrics import log_loss, roc_auc_score  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402


def xgboost_fit(x, y, classes=2, max_bin=256, seed=0):
    # no penalty, as the others: its defaults are lambda 1 and min_child_weight 1; it has no least number of rows in a leaf
    p = dict(tree_method="hist", reg_lambda=0, eta=0.1, grow_policy="lossguide", max_leaves=31, max_depth=0, max_bin=max_bin, nthread=threads, seed=seed)
    p.update(dict(objective="binary:logistic") if classes == 2 else dict(objective="multi:softprob", num_class=classes))
    model = xgboost.train(p, xgboost.DMatrix(x, label=y, nthread=threads), 100)
    return lambda t: model.predict(xgboost.DMatrix(t))


def sklearn_fit(model, x, y):
    model.fit(x, y)
    return model.predict_proba


def perceptron_fit(x, y, seed):
    scaler = StandardScaler().fit(x)
    model = MLPClassifier((100, 50), max_iter=100, tol=0, n_iter_no_change=1000, random_state=seed).fit(scaler.transform(x), y)
    return lambda t: model.predict_proba(scaler.transform(t))


def fit(work, x, y, classes=2, seed=0):
    """Returns what predicts probabilities (None after a grid): of the second class, or of all."""
    if work == "lightgbm":
        return lightgbm_fit(x, y, classes, seed=seed)
    if work == "lightgbm_64":
        return lightgbm_fit(x, y, classes, max_bin=64, seed=seed)
    if work == "xgboost":
        return xgboost_fit(x, y, classes, seed=seed)
    if work == "xgboost_64":
        return xgboost_fit(x, y, classes, max_bin=64, seed=seed)
    if work in ("hist_gradient_boosting", "hist_gradient_boosting_64"):
        bins = 64 if work.endswith("_64") else 255
        return sklearn_fit(HistGradientBoostingClassifier(max_iter=100, max_bins=bins, early_stopping=False, random_state=seed), x, y)
    if work == "random_forest":
        return sklearn_fit(RandomForestClassifier(100, max_depth=10, random_state=seed, n_jobs=threads), x, y)
    if work == "random_forest_20":
        return sklearn_fit(RandomForestClassifier(20, max_depth=10, random_state=seed, n_jobs=threads), x, y)
    if work == "perceptron":
        return perceptron_fit(x, y, seed)
    if work == "grid":
        grid = {"n_estimators": [50, 100, 200], "max_depth": [5, 10, 20], "min_samples_split": [2, 5, 10]}
        GridSearchCV(RandomForestClassifier(random_state=0), grid, cv=3, n_jobs=threads, refit=False).fit(x, y)
        return None
    raise SystemExit(f"no work {work}")


def all_classes(p):
    return np.column_stack([1 - p, p]) if p.ndim == 1 else p


cache = {}


def loaded(name):
    if name not in cache:
        cache.clear() if name != "test" else None
        cache[name] = load(name)
    return cache[name]


def answer(request):
    work = request["work"]
    if work == "export":
        x, y = getattr(datasets, f"load_{request['name']}")(return_X_y=True)
        x.astype(np.float32).tofile(f"{folder}/{request['name']}.x")
        y.astype(np.uint8).tofile(f"{folder}/{request['name']}.y")
        return {"columns": x.shape[1], "classes": int(y.max()) + 1}
    if request.get("predict"):
        x, y = load("cut", request["columns"])
        xt, _ = load("held", request["columns"])
        p = all_classes(fit(work, x, y, request["classes"], request["seed"])(xt)).astype(np.float64)
        (p / p.sum(1, keepdims=True)).tofile(f"{folder}/held.p")
        return {}
    x, y = loaded(f"train{request['rows']}")
    if work == "single_row":
        predict = fit("lightgbm", x, y)
        row, times = x[:1], []
        for _ in range(2000):
            begin = time.perf_counter()
            predict(row)
            times.append(time.perf_counter() - begin)
        return {"wall_ms": float(np.median(times)) * 1e3}
    wall, cpu = time.perf_counter(), time.process_time()
    predict = fit(work, x, y)
    out = {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}
    if predict is not None:
        xt, yt = load("test")
        p = all_classes(predict(xt))[:, 1]
        out["auc"] = roc_auc_score(yt, p)
        out["log_loss"] = log_loss(yt, np.clip(p, 1e-6, 1 - 1e-6))
    return out


versions = {"scikit-learn": sklearn.__version__, "lightgbm": lightgbm.__version__, "xgboost": xgboost.__version__}
print(json.dumps(versions), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
