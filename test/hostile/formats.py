"""The two formats of XGBoost's models, and ways of writing them that no XGBoost has.

The writers remember where each token of theirs lies, so that files can be cut,
and lengths forged, at every kind of token.
"""
import math
import struct

INTEGERS = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q"}  # marker: struct's code
NUMBERS = {**INTEGERS, "d": "f", "D": "d"}


class Typed(list):
    """An array that UBJSON writes with one type for all its elements."""
    element = "l"


class Pairs(list):
    """The keys and values of an object, where a key may come twice."""


class Raw:
    """A value that no writer would write: its bytes in each format."""

    def __init__(self, json, ubjson):
        self.json, self.ubjson = json, ubjson


class Writer:
    def __init__(self, value):
        self.bytes = bytearray()
        self.tokens = []  # kind, first byte, the byte after it
        self.value(value)

    def put(self, kind, some):
        begin = len(self.bytes)
        self.bytes += some
        self.tokens.append((kind, begin, len(self.bytes)))

    def pairs(self, value):
        return value.items() if isinstance(value, dict) else value


class Json(Writer):
    suffix = "json"

    def value(self, value):
        if isinstance(value, (dict, Pairs)):
            self.put("{", b"{")
            for i, (key, inner) in enumerate(self.pairs(value)):
                if i > 0:
                    self.put(",", b",")
                self.put("key", quote(key))
                self.put(":", b":")
                self.value(inner)
            self.put("}", b"}")
        elif isinstance(value, list):
            self.put("[", b"[")
            for i, inner in enumerate(value):
                if i > 0:
                    self.put(",", b",")
                self.value(inner)
            self.put("]", b"]")
        elif isinstance(value, Raw):
            self.put("raw", value.json)
        elif isinstance(value, (str, bytes)):
            self.put("string", quote(value))
        elif value is None or isinstance(value, bool):
            self.put("word", {None: b"null", True: b"true", False: b"false"}[value])
        elif isinstance(value, int):
            self.put("integer", b"%d" % value)
        elif math.isfinite(value):
            self.put("real", b"%.8E" % value)
        else:
            self.put("word", b"NaN" if math.isnan(value) else
                     b"Infinity" if value > 0 else b"-Infinity")


def quote(text):
    text = text if isinstance(text, bytes) else text.encode()
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class Ubjson(Writer):
    suffix = "ubj"

    def value(self, value):
        if isinstance(value, (dict, Pairs)):
            self.put("{", b"{")
            for key, inner in self.pairs(value):
                self.text("key", key)
                self.value(inner)
            self.put("}", b"}")
        elif isinstance(value, Typed) and self.fits(value):
            self.put("[", b"[")
            self.put("$", b"$")
            self.put("type", value.element.encode())
            self.put("#", b"#")
            self.length("count", len(value))
            self.put("elements", struct.pack(
                ">%d%s" % (len(value), NUMBERS[value.element]), *value))
        elif isinstance(value, list):
            self.put("[", b"[")
            self.put("#", b"#")
            self.length("count", len(value))
            for inner in value:
                self.value(inner)
        elif isinstance(value, Raw):
            self.put("raw", value.ubjson)
        elif isinstance(value, (str, bytes)):
            self.put("S", b"S")
            self.text("string", value)
        elif value is None or isinstance(value, bool):
            self.put("word", {None: b"Z", True: b"T", False: b"F"}[value])
        elif isinstance(value, int):
            marker = "i" if -128 <= value < 128 else "l" if -2**31 <= value < 2**31 else "L"
            self.put("marker", marker.encode())
            wrapped = (value + 2**63) % 2**64 - 2**63
            self.put("number", struct.pack(">" + NUMBERS[marker], wrapped))
        else:
            self.put("marker", b"d")
            self.put("number", pack_float(value))

    def text(self, kind, text):
        text = text if isinstance(text, bytes) else text.encode()
        self.length("length", len(text))
        self.put(kind, text)

    def length(self, kind, number):
        self.put("L", b"L")
        self.put(kind, struct.pack(">q", number))

    def fits(self, array):
        try:
            struct.pack(">%d%s" % (len(array), NUMBERS[array.element]), *array)
        except (struct.error, OverflowError):
            return False
        return True


def pack_float(value):
    try:
        return struct.pack(">f", value)
    except OverflowError:
        return struct.pack(">f", math.inf)


def read_ubjson(data):
    """The value in the bytes of a file that XGBoost wrote."""
    def take(code):
        nonlocal position
        (number,) = struct.unpack_from(">" + code, data, position)
        position += struct.calcsize(code)
        return number

    def text():
        nonlocal position
        assert take("c") == b"L"
        end = position + 8 + take("q")
        begin, position = position, end
        return data[begin:end].decode()

    def value(marker):
        nonlocal position
        marker = marker.decode()
        if marker == "{":
            result = {}
            while data[position:position + 1] != b"}":
                key = text()
                result[key] = value(take("c"))
            position += 1
        elif marker == "[":
            element = None
            if data[position:position + 1] == b"$":
                take("c")
                element = take("c").decode()
            assert take("c") + take("c") == b"#L"
            count = take("q")
            if element is None:
                return [value(take("c")) for _ in range(count)]
            result = Typed(take(NUMBERS[element]) for _ in range(count))
            result.element = element
        elif marker == "S":
            result = text()
        else:
            result = take(NUMBERS[marker])
        return result

    position = 0
    return value(take("c"))
