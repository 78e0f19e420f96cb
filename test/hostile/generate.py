#!/usr/bin/python3
"""Makes hostile model files out of the models in test/fixtures.

    generate.py directory [group …]

writes the files of these groups, or of all, and manifest.tsv: file, group, what
was done to it.  The same files come out on every run and every machine; only
Python itself is needed.

Each group changes one kind of thing about some fixtures, cut to their first
rounds, and writes the result in both formats.
"""
import itertools
import math
import pathlib
import random
import struct
import sys

from formats import Json, Pairs, Raw, Ubjson
from models import (BOOSTER, FIXTURES, KINDS, NAMES, OBJECTIVE, PARAM, REMOVED, WRITERS, lengthened,
                    seeds, shortened, written)

NAN, INF = math.nan, math.inf

groups = []


def group(function):
    groups.append(function)
    return function


@group
def genuine_files():
    for path in sorted(FIXTURES.glob("*/*")):
        if path.suffix in (".json", ".ubj"):
            yield "%s of %s" % (path.stem, path.parent.name), path.suffix[1:], path.read_bytes()


@group
def genuine_models_cut():
    for model in seeds(*KINDS, writers=WRITERS):
        yield from written(model, "cut to its first rounds")


def cuts(form):
    """Before, within and after the first, the middle and the last token of each kind."""
    for model in seeds("cat", "gblinear", "skclass"):
        output = form(model.root)
        kinds = {}
        for token in output.tokens:
            kinds.setdefault(token[0], []).append(token)
        places = {}
        for kind, tokens in kinds.items():
            for which in (0, len(tokens) // 2, -1):
                _, begin, end = tokens[which]
                for place in (begin, (begin + end) // 2, end - 1, end):
                    places.setdefault(place, kind)
        places.pop(len(output.bytes), None)
        for place, kind in sorted(places.items()):
            yield ("%s: cut at byte %d, a %s" % (model.name, place, kind), form.suffix,
                   bytes(output.bytes[:place]))


@group
def truncated_json():
    yield from cuts(Json)


@group
def truncated_ubjson():
    yield from cuts(Ubjson)


@group
def bytes_around_the_model():
    for model in seeds("binlog"):
        for form in Json, Ubjson:
            data = bytes(form(model.root).bytes)
            for what, hostile in (("twice", data * 2), ("then a brace", data + b"}"),
                                  ("then a NUL", data + b"\0"), ("without its start", data[1:]),
                                  ("after a space", b" " + data),
                                  ("in an array", b"[" + data + b"]"),
                                  ("after a mark of UTF-8", b"\xef\xbb\xbf" + data),
                                  ("in UTF-16", data.decode("latin1").encode("utf-16"))):
                yield "%s: %s" % (model.name, what), form.suffix, hostile
    for what, hostile in (("nothing", b""), ("a brace", b"{"), ("an empty object", b"{}"),
                          ("zeros", b"\0" * 4096), ("a pickle", b"\x80\x04\x95" + b"\0" * 400),
                          ("a mark of the old format", b"binf" + b"\0" * 400)):
        yield what, "json", hostile


LENGTHS = (0, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**61, 2**62, 2**63 - 1, -1, -2**31,
           -2**63)


@group
def forged_lengths():
    for model in seeds("cat", "gblinear"):
        output = Ubjson(model.root)
        for kind in "length", "count":
            tokens = [token for token in output.tokens if token[0] == kind]
            for which in (0, len(tokens) // 2, -1):
                begin, end = tokens[which][1:]
                (right,) = struct.unpack(">q", output.bytes[begin:end])
                for length in LENGTHS + (right - 1, right + 1):
                    forged = bytearray(output.bytes)
                    forged[begin:end] = struct.pack(">q", length)
                    yield ("%s: the %s at byte %d is %d" % (model.name, kind, begin, length),
                           "ubj", bytes(forged))
    for element in "iUIlLdDZTFSCHN[{\0\xff":
        for length in (2**31, 2**32 + 1, 2**61, 2**62, 2**63 - 1, -2**63):
            array = b"[$" + element.encode("latin1") + b"#L" + struct.pack(">q", length)
            yield ("an array of %d %r" % (length, element), "ubj",
                   b"{L" + struct.pack(">q", 7) + b"version" + array + b"\0" * 64 + b"}")


@group
def forged_markers():
    for model in seeds("cat", writers=("3.3.0",)):
        output = Ubjson(model.root)
        for kind in "L", "type", "marker", "S", "[", "{", "}", "#", "$":
            tokens = [token for token in output.tokens if token[0] == kind]
            if not tokens:
                continue
            for which in (0, -1):
                for marker in b"iUIlLdDSCHZ[{#\0\xff":
                    forged = bytearray(output.bytes)
                    if forged[tokens[which][1]] != marker:
                        forged[tokens[which][1]] = marker
                        yield ("%s: the %s at byte %d is %r" % (
                            model.name, kind, tokens[which][1], chr(marker)), "ubj", bytes(forged))


@group
def grammar_of_json():
    values = (b"1e400", b"-1e400", b"1e-400", b"01", b"+1", b".5", b"5.", b"1e", b"1e+", b"0x10",
              b"-", b"--1", b"-NaN", b"nan", b"Inf", b"-Infinit", b"1_000", b"1,", b"", b"'1'",
              b"9" * 400, b"1." + b"0" * 10_000, b"1e999999999999999999999", b"tru", b"nulll",
              b"18446744073709551616", b"-9223372036854775809", b'"\\u0031"', b'"\\x31"', b'"\\',
              b'"\\ud800"', b'"\\u12"', b'"\n"', b"// 1", b"/**/1", b"1 1", b"\xc2\xa01", b"\x0c1")
    for model in seeds("binlog", writers=("1.7.4",)):
        places = [model.trees + (0, "split_conditions", 0), model.trees + (0, "left_children", 0),
                  model.trees + (0, "id"), PARAM + ("num_feature",)]
        for place in places:
            for value in values:
                yield from written(model.set(place, Raw(value, b"")),
                                   "%s is %.20r" % (place[-1], value), (Json,))


@group
def deep_nesting():
    for depth in (15, 16, 17, 1000, 100_000):
        yield "%d arrays" % depth, "json", b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        yield "%d open arrays" % depth, "json", b'{"a":' + b"[" * depth
        yield "%d objects" % depth, "json", b'{"a":' * depth + b"1" + b"}" * depth
        key = b"{L" + struct.pack(">q", 1) + b"a"
        yield "%d arrays" % depth, "ubj", key + b"[" * depth + b"]" * depth + b"}"
        yield "%d counted arrays" % depth, "ubj", key + (b"[#L" + struct.pack(">q", 1)) * depth
        yield "%d open objects" % depth, "ubj", key * depth
    for model in seeds("skclass"):
        for depth in (15, 100, 100_000):
            text = '{"classes_":' + "[" * depth + "]" * depth + "}"
            yield from written(model.set(("learner", "attributes", "scikit_learn"), text),
                               "%d arrays in scikit_learn" % depth)


@group
def invalid_names():
    bad = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\0",
           b"a\0b", b"", b"\x1b[2J", b"\r\n", b"f1",
           "\u202e\ufeff".encode())
    for model in seeds("binlog"):
        for name in bad:
            for place in (NAMES + (0,), OBJECTIVE + ("name",), BOOSTER + ("name",)):
                yield from written(model.set(place, name), "%s is %.20r" % (place[-2:], name))
            yield from written(model.set(("learner", "attributes"), {name: "1"}),
                               "an attribute is %.20r" % name)
        for size in 2**20, 2**20 + 1:
            yield from written(model.set(NAMES + (0,), "x" * size), "a name of %d bytes" % size)


@group
def duplicate_keys():
    def twice(value):
        return lambda old: Pairs([pair for key in old
                                  for pair in ((key, old[key]), (key, value(old[key])))])

    def shadow(old):
        return Pairs(list(old.items()) + [(Raw(b'"\\u006cearner"', b""), {})])

    for model in seeds("binlog", "dart"):
        for path in ((), ("learner",), PARAM, OBJECTIVE, BOOSTER, model.booster,
                     model.trees + (0,), model.trees + (1, "tree_param")):
            for what, value in (("the same", lambda old: old), ("null", lambda old: None),
                                ("an empty list", lambda old: []), ("0", lambda old: "0")):
                yield from written(model.set(path, twice(value)),
                                   "each key of %s twice, then %s" % (path[-1:], what))
        attributes = Pairs([("best_iteration", "1"), ("best_iteration", "0"),
                            ("best_iteration", "9")])
        yield from written(model.set(("learner", "attributes"), attributes),
                           "three best iterations")


@group
def two_models_in_one():
    """The booster's model can stand in two places: only one of them is the library's."""
    for model in seeds("binlog", "dart", writers=WRITERS):
        inner = model.get(model.booster)
        for trees in (0, 1, 2, 40):
            other = {**inner, "trees": [{**inner["trees"][0], "id": i} for i in range(trees)],
                     "tree_info": [0] * trees,
                     "gbtree_model_param": {**inner["gbtree_model_param"], "num_trees": str(trees)}}
            for key, value in (("model", other), ("gbtree", {"model": other, "name": "gbtree"})):
                for first in True, False:
                    booster = [pair for pair in model.get(BOOSTER).items() if pair[0] != key]
                    booster.insert(0 if first else len(booster), (key, value))
                    yield from written(model.set(BOOSTER, Pairs(booster)),
                                       "another one of %d trees in %s, %s"
                                       % (trees, key, "first" if first else "last"))
        lists = {"tree_info": [0] * 20_000, "iteration_indptr": [0] * 20_000}
        for key, value in (("model", lists), ("gbtree", {"model": lists})):
            booster = [pair for pair in model.get(BOOSTER).items() if pair[0] != key]
            yield from written(model.set(BOOSTER, Pairs([(key, value), *booster])),
                               "another one of long lists in %s" % key)
        shifted = {**inner,
                   "trees": [{**tree, "id": i + 2} for i, tree in enumerate(inner["trees"])],
                   "gbtree_model_param": {**inner["gbtree_model_param"], "num_trees": "4"}}
        for key, value in (("model", shifted), ("gbtree", {"model": shifted, "name": "gbtree"})):
            yield from written(model.set(BOOSTER,
                                         Pairs([*model.get(BOOSTER).items(), (key, value)])),
                               "its trees go on in %s" % key)


def paths_of(value, path=()):
    """All objects' keys, and the first element of each list."""
    if isinstance(value, dict):
        for key in value:
            yield path + (key,)
            yield from paths_of(value[key], path + (key,))
    elif isinstance(value, list) and value:
        yield path + (0,)
        yield from paths_of(value[0], path + (0,))


@group
def missing_things():
    for model in seeds("cat", "gblinear", "softprob"):
        for path in paths_of(model.root):
            yield from written(model.set(path, REMOVED),
                               "without %s" % "/".join(map(str, path[-3:])),
                               (Json,) if path[-1] == 0 else (Ubjson,))


@group
def wrong_types():
    for model in seeds("cat", "gblinear", writers=("3.3.0",)):
        for path in paths_of(model.root):
            for value in (None, True, -1, 0.5, "1", [], {}, [[]]):
                form = Json if value in (-1, "1", []) else Ubjson
                yield from written(model.set(path, value), "%s is %.10r" % (
                    "/".join(map(str, path[-3:])), value), (form,))


NUMBER_TEXTS = ("-1", "0", "1", "2", "3", "7", "9", "100000", "100001", "10000", "100000000",
                "2147483647", "2147483648", "4294967297", "9223372036854775808",
                "99999999999999999999999", "", " ", " 8", "8 ", "+8", "0x8", "08", "8.0", "8e0",
                "1e9", "NaN", "eight", "8\u00b2", "-0")


@group
def numbers_in_text():
    for model in seeds("softprob", writers=("1.7.4",)):
        box = model.booster + ("gbtree_model_param",)
        places = [PARAM + (key,) for key in ("num_class", "num_feature", "num_target")]
        places += [box + ("num_trees",), box + ("num_parallel_tree",)]
        places += [OBJECTIVE + ("softmax_multiclass_param", "num_class")]
        places += [model.trees + (0, "tree_param", key) for key in
                   ("num_nodes", "num_deleted", "num_feature", "size_leaf_vector")]
        for place in places:
            for text in NUMBER_TEXTS:
                yield from written(model.set(place, text), "%s is %r" % (place[-1], text), (Json,))
    for model in seeds("binlog"):
        formats = itertools.cycle(((Json,), (Ubjson,)))
        for text in ("abc", "", "[", "]", "[]", "[0.5", "0.5]", "[0.5,]", "[,0.5]", "[0.5,0.5]",
                     "[[0.5]]", "NaN", "inf", "-inf", "1e39", "1e400", "[NaN]", "0x1p-1", " 0.5",
                     "0.5 ", "0,5", "0", "1", "-1", "1.5", "[-1]", "5E-1" * 1000,
                     "[" + ",".join(["0"] * 10_001) + "]"):
            yield from written(model.set(PARAM + ("base_score",), text),
                               "base_score is %.20r" % text,
                               next(formats))
        for text in ("-1", "1", "2", "1000000", "1000001", "99999999999", "1.5", "", "x"):
            yield from written(model.set(("learner", "attributes"), {"best_iteration": text}),
                               "best_iteration is %r" % text,
                               next(formats))


OFF = (-2**63, -2**31, -2, -1, 0, 1, 1000, 2**24, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**64 - 1)


def each_of(key, places, values=OFF, names=("binlog",)):
    formats = itertools.cycle(((Json,), (Ubjson,)))
    for model in seeds(*names):
        for place in places:
            for value in values:
                if value != model.get(model.trees + (0, key, place)):
                    yield from written(model.tree(key, place, to=value),
                                       "%s[%d] is %d" % (key, place, value), next(formats))


@group
def children_out_of_place():
    yield from each_of("left_children", (0, 1, 2, -1), OFF + (2, 3, 29, 30, 31))
    yield from each_of("right_children", (0, 1, 2, -1), OFF + (2, 3, 29, 30, 31))


@group
def cycles_and_two_parents():
    for model in seeds("binlog", "cat"):
        for node, left, right, what in (
                (0, 0, 0, "the root is its own child"), (0, 0, 1, "the root is its own left child"),
                (3, 3, 4, "a node is its own left child"), (3, 0, 1, "a node leads to the root"),
                (3, 1, 2, "a node leads to its parent"),
                (2, 3, 4, "two nodes have the same children"),
                (1, 4, 3, "children are swapped"), (1, 3, 3, "both children are the same"),
                (1, 4, 5, "a child is shared"), (1, -1, 4, "a node has one child"),
                (1, 3, -1, "a node has one child"), (0, -1, -1, "the root is a leaf")):
            changed = model.tree("left_children", node, to=left)
            changed = changed.tree("right_children", node, to=right)
            yield from written(changed, what)
            if left >= 0:
                for child in {left, right} - {-1}:
                    changed = changed.tree("parents", child, to=node)
                yield from written(changed, what + ", and the child agrees")


@group
def parents_out_of_range():
    yield from each_of("parents", (0, 1, 2, -1), OFF + (30, 31, 32))


@group
def features_out_of_range():
    yield from each_of("split_indices", (0, 1, -1), OFF + (7, 8, 9, 100))
    for model in seeds("binlog"):
        for text in ("1", "2", "7", "9", "100000"):
            yield from written(model.set(PARAM + ("num_feature",), text).set(NAMES, []),
                               "nameless, of %s features" % text)


@group
def deleted_nodes():
    def with_deleted(model, count, **fields):
        """Nodes that nothing leads to, as pruning leaves them."""
        blank = {"left_children": -1, "right_children": -1, "parents": 0,
                 "split_indices": 2**31 - 1,
                 "default_left": 1, "split_type": 0, "split_conditions": 0.0, "base_weights": 0.0,
                 "loss_changes": 0.0, "sum_hessian": 0.0, **fields}
        nodes = len(model.get(model.trees + (0, "left_children")))
        for key, value in blank.items():
            model = model.tree(key, to=lengthened([value] * count))
        model = model.tree("tree_param", "num_nodes", to=str(nodes + count))
        return model.tree("tree_param", "num_deleted", to=str(count))

    for model in seeds("binlog", writers=WRITERS):
        for count in (1, 2, 100):
            yield from written(with_deleted(model, count), "%d deleted nodes" % count)
        for key in ("parents", "left_children", "right_children"):
            for value in (-2**31, -2, -1, 31, 32, 1000, 10**6, 10**9, 2**31 - 1, 2**32, 2**63 - 1):
                yield from written(with_deleted(model, 1, **{key: value}),
                                   "%s of a deleted node is %d" % (key, value))
        yield from written(with_deleted(model, 1, default_left=0), "a deleted node goes right")
        yield from written(with_deleted(model, 1, split_type=1), "a deleted node has a type")
        yield from written(with_deleted(model, 1, split_conditions=NAN), "a deleted node is NaN")
        yield from written(with_deleted(model, 1).tree("tree_param", "num_deleted", to="0"),
                           "a deleted node is not counted")
        yield from written(with_deleted(model, 1).tree("left_children", 3, to=30)
                           .tree("right_children", 3, to=31), "a node leads to a deleted one")


@group
def lists_of_unequal_length():
    lists = ("base_weights", "default_left", "left_children", "loss_changes", "parents",
             "right_children", "split_conditions", "split_indices", "split_type", "sum_hessian",
             "categories", "categories_nodes", "categories_segments", "categories_sizes")
    formats = itertools.cycle(((Json,), (Ubjson,)))
    for model in seeds("cat"):
        for key in lists:
            for change in (lambda old: shortened(old, 0), lambda old: shortened(old, len(old) - 1),
                           lengthened(1), lengthened(100)):
                yield from written(model.tree(key, to=change), "%s of another length" % key,
                                   next(formats))
        for of in 0, 1:
            for key in lists:
                model = model.tree(key, to=lambda old: shortened(old, 0), of=of)
            for count in "0", "1", "31", REMOVED:
                yield from written(model.tree("tree_param", "num_nodes", to=count, of=of),
                                   "tree %d has empty lists, and %s nodes"
                                   % (of, count if count is not REMOVED else "unsaid"))


@group
def trees_out_of_place():
    for model in seeds("softprob", "rf"):
        formats = itertools.cycle(((Json,), (Ubjson,)))
        for value in OFF + (2, 3, 4):
            for place in 0, 1, -1:
                yield from written(model.set(model.booster + ("tree_info", place), value),
                                   "tree_info[%d] is %d" % (place, value), next(formats))
            yield from written(model.tree("id", to=value, of=1),
                               "the id of the second tree is %d" % value, next(formats))
        for change in (lambda old: shortened(old, 0), lambda old: shortened(old, 1), lengthened(1),
                       lengthened(1000)):
            yield from written(model.set(model.booster + ("tree_info",), change),
                               "tree_info of another length")
            yield from written(model.set(model.booster + ("trees",), change), "trees more or fewer")
        for tree in ({}, {"id": 0}, {"id": 0, "tree_param": {}}, None, [], 0):
            yield from written(model.tree(to=tree), "a tree is %s" % tree)


@group
def numbers_not_finite():
    formats = itertools.cycle(((Json,), (Ubjson,)))
    for model in seeds("cat", "multiouttree", "dart"):
        tree = model.get(model.trees + (0,))
        leaf = tree["left_children"].index(-1)
        for key in ("split_conditions", "base_weights", "loss_changes", "sum_hessian",
                    "leaf_weights"):
            for node in (0, leaf):
                for value in (NAN, INF, -INF, 1e39, 3.4028235e38):
                    if node < len(tree.get(key, ())):
                        yield from written(model.tree(key, node, to=value),
                                           "%s[%d] is %r" % (key, node, value), next(formats))
        for value in (NAN, INF, 3.4e38):
            yield from written(model.tree("split_type", leaf, to=1)
                               .tree("split_conditions", leaf, to=value),
                               "a leaf of categories is %r" % value)


@group
def covers():
    for model in seeds("binlog", "multiouttree", "dart"):
        covers = model.get(model.trees + (0,)).get("sum_hessian", ())
        for value in (0.0, -1.0, 1e-45, 3e38):
            for nodes in ((0,), (1,), range(len(covers))):
                yield from written(model.tree("sum_hessian", to=lambda old: [
                    value if node in nodes else cover for node, cover in enumerate(old)]),
                    "covers of %s are %r" % (list(nodes)[:2], value), (Json,))
        if len(covers) > 0:
            for change in (lambda old: [], lambda old: REMOVED):
                yield from written(model.tree("sum_hessian", to=change).tree("loss_changes", to=change),
                                   "no covers")


@group
def categories():
    for key in ("categories", "categories_segments", "categories_sizes", "categories_nodes"):
        yield from each_of(key, (0, 1, -1), OFF + (3, 4, 5, 26, 31, 2**24 - 1), ("cat",))
    yield from each_of("split_type", (0, 1, 30), (-1, 1, 2, 127, 255, 256, 2**31),
                       ("cat", "binlog"))
    for model in seeds("cat"):
        for key in ("categories", "categories_nodes", "categories_segments", "categories_sizes"):
            yield from written(model.tree(key, to=lambda old: list(reversed(old))),
                               "%s reversed" % key)
            yield from written(model.tree(key, to=lengthened([2**24 - 1])), "%s and one more" % key)
        for kind in ("c", "float", "int", "q", "i", "x", ""):
            yield from written(model.set(("learner", "feature_types", 0), kind),
                               "the first type is %r" % kind)


@group
def category_levels():
    for model in seeds("cat", "binlog", writers=("3.3.0",)):
        cats = model.booster + ("cats",)
        wide = next((i for i, enc in enumerate(model.get(cats)["enc"]) if enc["offsets"]), None)
        for key in ("feature_segments", "sorted_idx"):
            for change in (lambda old: [], lengthened(1), lengthened([2**31 - 1]),
                           lengthened([-2**31]),
                           lambda old: [9 - x for x in old], lambda old: [10**9] * len(old),
                           lambda old: [-1] * len(old), lambda old: "x",
                           lambda old: [2**40] * len(old)):
                yield from written(model.set(cats + (key,), change), "%s changed" % key)
        for enc in ([], [{}], [{}] * 9, [None] * 9, [{"offsets": [0, 1], "values": [300]}] * 9,
                    [{"offsets": [], "values": [7, 8]}] * 9, [{"values": [7, 8], "type": 5}] * 9,
                    [{"offsets": [0, 1], "values": [97], "type": 99}] * 9):
            yield from written(model.set(cats + ("enc",), enc), "enc is %.40s" % enc)
        if wide is None:
            continue
        for offsets in ([], [0], [1], [0, 0], [0, 2**31 - 1], [0, 2**63 - 1], [-1, 2], [3, 1],
                        [0, 1, 2, 3],
                        [5, 6], [0] * 1000):
            yield from written(model.set(cats + ("enc", wide, "offsets"), offsets),
                               "offsets are %.30s" % offsets)
        for values in ([], [255], [-128] * 20, [300] * 20, [2**63 - 1] * 20, [0] * 20, "text"):
            yield from written(model.set(cats + ("enc", wide, "values"), values),
                               "values are %.30s" % values)


@group
def dart_and_linear_weights():
    changes = (lambda old: shortened(old, 0), lambda old: shortened(old, 1), lengthened(1),
               lengthened(1000), lambda old: [NAN] * len(old), lambda old: [INF] * len(old),
               lambda old: [1e39] * len(old), lambda old: ["1"] * len(old),
               lambda old: [3e38] * len(old),
               lambda old: REMOVED)
    for model in seeds("dart", writers=WRITERS):
        for change in changes:
            yield from written(model.set(BOOSTER + ("weight_drop",), change), "weight_drop changed")
        for name in ("gbtree", "dart", "gblinear"):
            yield from written(model.set(BOOSTER + ("name",), name), "it is called %s" % name)
    for model in seeds("gblinear", writers=WRITERS):
        for change in changes:
            yield from written(model.set(model.booster + ("weights",), change), "weights changed")
        for text in ("1", "7", "9", "100000"):
            yield from written(model.set(PARAM + ("num_feature",), text).set(NAMES, []),
                               "nameless, of %s features" % text)
        for name in ("gbtree", "dart"):
            yield from written(model.set(BOOSTER + ("name",), name), "it is called %s" % name)
        for rounds in (-1, 0, 10**6, 10**6 + 1, 2**31, 2**63 - 1):
            yield from written(model.set(model.booster + ("boosted_rounds",), rounds),
                               "%d rounds" % rounds)
        for key, text in (("num_class", "3"), ("num_target", "2"), ("num_target", "10000")):
            yield from written(model.set(PARAM + (key,), text), "%s is %s" % (key, text))


@group
def rounds():
    for model in seeds("softprob", "rf", "multiout", writers=("3.0.0", "3.3.0")):
        right = model.get(model.booster + ("iteration_indptr",))
        for indptr in ([], [0], right[:-1], right + [right[-1]], right[::-1], [0] * len(right),
                       [-1] + right[1:], right[:-1] + [2**31 - 1], right[:-1] + [2**63 - 1],
                       right[:-1] + [-2**31], [1] + right[1:], [0, 1, right[-1]],
                       list(range(right[-1] + 1)), [2**32 * x for x in right]):
            yield from written(model.set(model.booster + ("iteration_indptr",), indptr),
                               "iteration_indptr is %.60s" % indptr)
        for text in ("0", "2", "3", "4", "5", "6", "12", "1000000"):
            place = model.booster + ("gbtree_model_param", "num_parallel_tree")
            yield from written(model.set(place, text), "num_parallel_tree is %s" % text)


@group
def outputs():
    for model in seeds("binlog", "softprob", "multiout", "multiouttree", "quantile",
                       writers=WRITERS):
        for classes in ("0", "1", "2", "3", "6", "10000"):
            for targets in ("0", "1", "2", "3", "10000"):
                changed = model.set(PARAM + ("num_class",), classes)
                changed = changed.set(PARAM + ("num_target",), targets)
                yield from written(changed, "%s classes, %s targets" % (classes, targets), (Json,))
        for size in ("0", "1", "2", "3", "10000", "1000000000"):
            changed = model
            for of in range(len(model.get(model.trees))):
                changed = changed.tree("tree_param", "size_leaf_vector", to=size, of=of)
            yield from written(changed, "leaves of %s outputs" % size)
            if size != "2":
                changed = changed.tree("leaf_weights", to=[0.5] * 16)
                changed = changed.tree("right_children",
                                       to=lambda old: [max(child, 0) for child in old])
                yield from written(changed, "leaves of %s outputs with weights of their own" % size)
    for model in seeds("multiouttree", writers=("3.3.0",)):
        leaf = model.get(model.trees + (0, "left_children")).index(-1)
        for value in OFF + (15, 16, 31, 32):
            yield from written(model.tree("right_children", leaf, to=value),
                               "a leaf's weights are at %d" % value)
        for change in (lambda old: shortened(old, 0), lambda old: shortened(old, 31), lengthened(1),
                       lengthened(2), lambda old: REMOVED):
            yield from written(model.tree("leaf_weights", to=change),
                               "leaf_weights of another length")
            yield from written(model.tree("base_weights", to=change),
                               "base_weights of another length")


@group
def quantiles_and_expectiles():
    texts = ("", " ", "[", "]", "[]", "(0.1,0.5,0.9)", "{}", "null", '["0.1","0.5","0.9"]',
             "[[0.1,0.5,0.9]]", "[0.1,0.5,0.9", "0.1,0.5,0.9]", "[0.1,,0.9]", "[0.1,0.5,0.9],",
             "[0.1,0.5,0.9]]", "[0.1,0.5,0.9]x", "0.1,0.5,0.9", "0.1", "[0.1,0.5]",
             "[0.1,0.5,0.9,0.95]", "[NaN,0.5,0.9]", "[0.1,inf,0.9]", "[0.1,0.5,1e400]",
             "[-0.1,0.5,0.9]", "[0.1,0.5,1.1]", "[0.9,0.5,0.1]", "[0,0,0]", "[1,1,1]",
             "[0x1p-3, 0.5,\t0.9]", "[0.1,0.5,0.9" + "0" * 10_000 + "]",
             "[" + "0.1," * 10_000 + "0.9]", "[" * 1000 + "0.5" + "]" * 1000, "[" * 100_000)
    for model in seeds("quantile", "expectile", "expectile3", writers=("3.0.0", "3.3.0")):
        kind, other = "quantile", "expectile"
        if kind + "_loss_param" not in model.get(OBJECTIVE):
            kind, other = other, kind
        key = kind + "_alpha"
        place = OBJECTIVE + (kind + "_loss_param",)
        formats = itertools.cycle(((Json,), (Ubjson,)))
        right = model.get(place + (key,))
        for text in texts:
            yield from written(model.set(place + (key,), text), "%s is %.30r" % (key, text),
                               next(formats))
        for value in (REMOVED, None, 0.5, [0.1, 0.5, 0.9], {}):
            yield from written(model.set(place + (key,), value), "%s is %s" % (key, value))
            yield from written(model.set(place, value), "%s is %s" % (place[-1], value))
        both = model.set(OBJECTIVE + (other + "_loss_param",), {other + "_alpha": right})
        yield from written(both, "it has both")
        yield from written(both.set(place, REMOVED), "it has those of the other objective")
        for name in ("reg:%serror" % other, "reg:squarederror", "reg:quantile", "x"):
            yield from written(model.set(OBJECTIVE + ("name",), name), "its objective is " + name)
        for scores in ("0", "[1,1,1]", "[3,2,1]", "[-3e38,3e38,-3e38]", "[0,1e-7,1e-45]", "[1,2]"):
            yield from written(model.set(PARAM + ("base_score",), scores),
                               "its base scores are " + scores)


@group
def unknown_names():
    for model in seeds("binlog", "softprob"):
        for name in ("", "binary:logit", "reg:linear", "gpu:binary:logistic", "multi:softmax",
                     "multi:x",
                     "rank:map", "reg:quantileerror", "reg:quantileerrors", "reg:expectileerror",
                     "survival:aft",
                     "x" * 101):
            yield from written(model.set(OBJECTIVE + ("name",), name),
                               "its objective is %.30r" % name)
        for name in ("", "gbtree2", "GBTree", "dart", "gblinear", "random_forest", "x" * 1000):
            yield from written(model.set(BOOSTER + ("name",), name), "its booster is %.30r" % name)
        for version in ([0, 0, 0], [0, 90, 0], [1, 0, 0], [1, 5, 2], [3, 4, 0], [4, 0, 0],
                        [99, 0, 0], [10000, 0, 0],
                        [2**31, 0, 0], [2**63, 0, 0], [-1, 0, 0], [3], [3, 0],
                        [3, 0, 0, 0], [], ["3", "0", "0"],
                        [3.0, 0.0, 0.0], [[3, 0, 0]]):
            yield from written(model.set(("version",), version), "its version is %s" % version)
        for value in ({}, None, [], {"softmax_multiclass_param": {}}, {"scale_pos_weight": "x"},
                      {"num_class": "2"}, {"num_class": "-1"}):
            for key in ("reg_loss_param", "softmax_multiclass_param"):
                yield from written(model.set(OBJECTIVE + (key,), value), "%s is %s" % (key, value))


def chain(depth, feature=0, **fields):
    """A tree with one leaf beside each split."""
    nodes = 2 * depth + 1
    inner = range(0, nodes - 1, 2)
    tree = {key: [value] * nodes for key, value in (
        ("left_children", -1), ("right_children", -1), ("parents", 2**31 - 1), ("split_indices", 0),
        ("default_left", 0), ("split_type", 0), ("split_conditions", 0.5), ("base_weights", 0.5),
        ("loss_changes", 1.0), ("sum_hessian", 1.0))}
    for node in inner:
        tree["split_indices"][node] = feature
        for key, child in (("left_children", node + 1), ("right_children", node + 2)):
            tree[key][node] = child
            tree["parents"][child] = node
    tree.update(categories=[], categories_nodes=[], categories_segments=[], categories_sizes=[],
                id=0,
                tree_param={"num_deleted": "0", "num_feature": "9", "num_nodes": str(nodes),
                            "size_leaf_vector": "0"})
    return {**tree, **fields}


@group
def huge_models():
    for model in seeds("cat", writers=("1.7.4",)):
        features = model.get(PARAM + ("num_feature",))
        for depth in (1, 100, 512, 513, 5000):
            yield from written(model.tree(to=chain(depth)), "a chain of %d splits" % depth, (Json,))
        for splits in (1, 20, 40):
            nodes = list(range(0, 2 * splits, 2))
            tree = chain(splits, 8, categories=[2**24 - 1] * splits, categories_nodes=nodes,
                         categories_segments=list(range(splits)), categories_sizes=[1] * splits)
            tree["split_type"] = [int(node in nodes) for node in range(2 * splits + 1)]
            yield from written(model.tree(to=tree), "%d splits on the largest category" % splits,
                               (Json,))
        for count in (100_000, 100_001):
            named = model.set(PARAM + ("num_feature",), str(count))
            named = named.set(("learner", "feature_types"), [])
            yield from written(named.set(NAMES, ["f%d" % i for i in range(count)]),
                               "%d features" % count, (Ubjson,))
            yield from written(named.set(NAMES, ["f"] * count), "%d features of one name" % count,
                               (Ubjson,))
            yield from written(model.set(("learner", "attributes"),
                                         {"a%d" % i: "" for i in range(count)}),
                               "%d attributes" % count, (Ubjson,))
        yield from written(model.set(NAMES, ["f"] * int(features)), "all features have one name")
    for model in seeds("skclass", writers=("1.7.4",)):
        for classes in ("[]", "[0]", "[0,0,0]", "[0,1,2,3]", "[" + "0," * 200_000 + "0]",
                        '[{"a":1}]', "[null]",
                        "[NaN,1e400,-0]", '["","",""]', '["\\u0041\\ud83d\\ude00","b","c"]',
                        "[true,false,0.5]",
                        "{}", "3"):
            text = '{"classes_":%s,"missing":1e400,"_le":{"classes_":%s}}' % (classes, classes)
            yield from written(model.set(("learner", "attributes", "scikit_learn"), text),
                               "classes are %.30s" % classes)
        for text in ("", "x", "[]", "{", '{"missing":"x"}', '{"missing":-1e400}', '{"a":' * 20,
                     '{"a":1}{', "\\"):
            yield from written(model.set(("learner", "attributes", "scikit_learn"), text),
                               "scikit_learn is %.20r" % text)


@group
def random_changes():
    chance = random.Random(7)
    pool = [(model, list(paths_of(model.root)), Ubjson(model.root).bytes)
            for model in seeds(*KINDS, writers=WRITERS)]
    numbers = OFF + (2, 3, 5, 30, 31, 255, 256, 0.5, NAN, INF, -0.0, "0", "1", "2", "31", "[1]",
                     None, True)
    for i in range(400):
        model, paths, data = chance.choice(pool)
        changed = model
        for _ in range(chance.randint(1, 3)):
            path = chance.choice(paths)
            old = model.get(path)
            if isinstance(old, list) and old and not isinstance(old[0], dict):
                path += (chance.randrange(len(old)),)
            try:
                changed = changed.set(path, chance.choice(numbers))
            except (AttributeError, IndexError, KeyError, TypeError):
                pass  # an earlier change has taken away what the path leads to
        yield from written(changed, "random change %d" % i, (chance.choice((Json, Ubjson)),))
        flipped = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        yield "%s: random bits %d" % (model.name, i), "ubj", bytes(flipped)


def corpus(*names):
    """Group, what was done, the file's suffix and its bytes."""
    for function in groups:
        name = function.__name__.replace("_", " ")
        if not names or name in names:
            for what, suffix, data in function():
                yield name, what, suffix, data


def main(directory, *names):
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "manifest.tsv", "w") as manifest:
        for i, (name, what, suffix, data) in enumerate(corpus(*names), 1):
            file = "%05d.%s" % (i, suffix)
            (directory / file).write_bytes(data)
            print(file, name, what.encode("unicode_escape").decode(), sep="\t", file=manifest)
    print("%d files" % i)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
