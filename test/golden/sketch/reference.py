"""A second implementation of docs/format/sketch.md, written from that text alone, that checks vectors.json.

Run: python3 reference.py [docs/format/sketch.md]. It reads the tables of the profiles from the document.
"""

import hashlib
import json
import os
import re
import struct
import sys

here = os.path.dirname(os.path.abspath(__file__))
document = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../../../docs/format/sketch.md")
text = open(document, encoding="utf-8").read()
M = 0xFFFFFFFF


def numbers(line):
    return [int(n) for n in re.findall(r"\d+", line)]


def tables():
    """The tables of the document: multipliers, and the classes of each profile."""
    multipliers = [int(n, 16) for n in re.findall(r"0x[0-9a-f]+", text.split("<!-- multipliers -->")[1])]
    profiles = {}
    for name, body in re.findall(r"<!-- profile (\w+) -->(.*?)<!-- end -->", text, re.S):
        rows = re.findall(r"below: (.*)\nhead: (.*)\nslots: (.*)", body)
        profiles[name] = [(numbers(b)[0], numbers(h), numbers(s)) for b, h, s in rows]
    return multipliers, profiles


multipliers, profiles = tables()


def mix(x):
    x ^= x >> 16
    x = x * 0x21F0AAAD & M
    x ^= x >> 15
    x = x * 0x735A2D97 & M
    return x ^ x >> 15


def key_of(salt):
    stream = b"".join(hashlib.sha256(b"tidemark sketch key" + salt + bytes([i])).digest() for i in range(5))
    return struct.unpack("<38I", stream[:152])


def id_of(key, digest):
    words = struct.unpack("<8H", digest[:16])
    lanes = []
    for j in range(4):
        k = key[9 * j : 9 * j + 9]
        lanes.append((k[0] + sum(a * b for a, b in zip(k[1:], words)) & M) >> 16)
    return lanes[0] | lanes[1] << 16, lanes[2] | lanes[3] << 16


def check_of(key, lo, hi):
    return mix(hi ^ key[37] ^ mix(lo ^ key[36]))


def cells_of(profile, lo, hi, size):
    def w(t):
        return mix(lo ^ t * 0x9E3779B9 & M)

    kind = next(c for c in profiles[profile] if (w(31) & 0xFFFF) < c[0])
    found = []
    for cell in range(min(16, size)):
        v = mix(hi ^ w(cell >> 2))
        if (v >> 8 * (cell & 3) & 0xFF) < kind[1][cell]:
            found.append(cell)
    k = 4
    while 1 << k < size:
        v = mix(hi ^ w(k))
        for slot, threshold in enumerate(kind[2]):
            if (w(k) & 0xFFFF) >= threshold:
                break
            cell = (1 << k) + ((v * multipliers[slot] & M) >> 32 - k)
            if cell < size:
                found.append(cell)
        k += 1
    return found


def sketch_file(key, salt, profile, digests, size):
    cells = [[0, 0, 0] for _ in range(size)]
    lanes = [0] * 8
    for digest in digests:
        lo, hi = id_of(key, digest)
        for cell in cells_of(profile, lo, hi, size):
            for at, word in enumerate((lo, hi, check_of(key, lo, hi))):
                cells[cell][at] ^= word
        lanes = [a + b & M for a, b in zip(lanes, struct.unpack("<8I", digest))]
    probe = bytearray()
    k = 7
    while 2 << k <= size:
        for at in range(16):
            probe.append(sum((cells[(1 << k) + 8 * at + bit][0] & 1) << bit for bit in range(8)))
        k += 1
    code = {"general": 1, "large": 2}[profile]
    header = b"TMSK" + bytes([1, code, 0, 0]) + salt + struct.pack("<8I", *lanes)
    header += struct.pack("<QII", len(digests), size, 0)
    return header + bytes(probe) + b"".join(struct.pack("<3I", *cell) for cell in cells)


vectors = json.load(open(os.path.join(here, "vectors.json"), encoding="utf-8"))
salt = bytes.fromhex(vectors["salt"])
key = key_of(salt)
assert [struct.pack("<I", word).hex() for word in key] == vectors["key"], "key"
for item in vectors["items"]:
    digest = hashlib.sha256(item["text"].encode()).digest()
    assert digest.hex() == item["digest"]
    lo, hi = id_of(key, digest)
    assert struct.pack("<II", lo, hi).hex() == item["id"], item["text"]
    assert struct.pack("<I", check_of(key, lo, hi)).hex() == item["check"], item["text"]
    for profile, cells in item["cells"].items():
        assert cells_of(profile, lo, hi, 4096) == cells, (item["text"], profile)
for sketch in vectors["sketches"]:
    digests = [hashlib.sha256(b"key%d:value%d" % (i, i)).digest() for i in range(sketch["items"])]
    file = sketch_file(key, salt, sketch["profile"], digests, sketch["cells"])
    assert file.hex() == sketch["file"], sketch["cells"]
for name, profile in (("keys-1000", "general"), ("keys-1000-large", "large")):
    digests = [hashlib.sha256(b"key%d:value%d" % (i, i)).digest() for i in range(1000)]
    with open(os.path.join(here, name + ".sketch"), "rb") as golden:
        assert golden.read() == sketch_file(key, salt, profile, digests, 256), name
print("all vectors agree")
