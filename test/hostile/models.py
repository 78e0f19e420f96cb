"""Models to start from, and how they are changed.

A fixture is read from its UBJSON, with the types of its arrays, and cut to two
rounds, so that the files stay small.
"""
import copy
import pathlib

from formats import Json, Ubjson, read_ubjson

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
WRITERS = ("1.7.4", "3.0.0", "3.3.0")
ROUNDS = 2

REMOVED = object()


class Model:
    """A model that is never changed: set gives another one."""

    def __init__(self, name, root):
        self.name, self.root = name, root

    def set(self, path, to):
        return Model(self.name, edited(self.root, path, to))

    def get(self, path):
        value = self.root
        for key in path:
            value = value[key]
        return value

    @property
    def booster(self):
        """Where the trees or the linear weights are."""
        booster = self.root["learner"]["gradient_booster"]
        return BOOSTER + (("model",) if "model" in booster else ("gbtree", "model"))

    @property
    def trees(self):
        return self.booster + ("trees",)

    def tree(self, *path, to, of=0):
        return self.set(self.trees + (of,) + path, to)


BOOSTER = ("learner", "gradient_booster")
PARAM = ("learner", "learner_model_param")
OBJECTIVE = ("learner", "objective")
NAMES = ("learner", "feature_names")


def edited(value, path, to):
    """A copy in which what the path leads to is another value, or a function of the old one."""
    if not path:
        return to(value) if callable(to) else to
    result = copy.copy(value)
    old = result.get(path[0]) if isinstance(result, dict) else result[path[0]]
    new = edited(old, path[1:], to)
    if new is REMOVED:
        del result[path[0]]
    else:
        result[path[0]] = new
    return result


def read(writer, name):
    """A fixture, cut to its first rounds."""
    path = FIXTURES / writer / (name + ".ubj")
    model = Model("%s of %s" % (name, writer), read_ubjson(path.read_bytes()))
    if name == "gblinear":
        return model
    box = model.get(model.booster)
    params = {**model.get(PARAM), **box["gbtree_model_param"]}
    outputs = 1 if name == "multiouttree" else max(int(params["num_class"]),
                                                   int(params["num_target"]))
    trees = min(ROUNDS * outputs * int(params["num_parallel_tree"]), len(box["trees"]))
    rounds = trees // outputs // int(params["num_parallel_tree"])
    for key in ("trees", "tree_info"):
        model = model.set(model.booster + (key,), lambda old: shortened(old, trees))
    model = model.set(model.booster + ("gbtree_model_param", "num_trees"), str(trees))
    if "iteration_indptr" in box:
        model = model.set(model.booster + ("iteration_indptr",),
                          lambda old: shortened(old, rounds + 1))
    if "weight_drop" in model.get(BOOSTER):
        model = model.set(BOOSTER + ("weight_drop",), lambda old: shortened(old, trees))
    if "best_iteration" in model.get(("learner", "attributes")):
        model = model.set(("learner", "attributes", "best_iteration"), str(rounds - 1))
    return model


def shortened(array, count):
    result = copy.copy(array)
    del result[count:]
    return result


def lengthened(by):
    """Adds elements to a list, copies of its last one or the one given."""
    def change(array):
        result = copy.copy(array)
        result.extend(by if isinstance(by, list) else [array[-1] if array else 0] * by)
        return result
    return change


KINDS = ("binlog", "cat", "dart", "expectile3", "gblinear", "multiout", "multiouttree", "rf", "skclass",
         "softprob")


def seeds(*names, writers=("1.7.4", "3.3.0")):
    for writer in writers:
        for name in names:
            if (FIXTURES / writer / (name + ".ubj")).exists():
                yield read(writer, name)


def written(model, what, formats=(Json, Ubjson)):
    for form in formats:
        yield "%s: %s" % (model.name, what), form.suffix, bytes(form(model.root).bytes)
