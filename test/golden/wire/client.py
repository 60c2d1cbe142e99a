"""A client of Tidemark's wire, written from docs/format/wire.md alone: it speaks with a program by its standard
input and output, and tells in JSON what it was told.

    python3 client.py ID LIKE COMMAND...

ID and LIKE are chunks in hexadecimal: LIKE is fetched whole, then ID as the difference to it, then both again.
"""

import hashlib
import json
import struct
import subprocess
import sys
import zlib

OPEN, DATA, CREDIT, RESET, PING, PONG, GOODBYE, END = range(1, 9)
FLAG_END, FLAG_MORE = 1, 2
WINDOW = 65536


def varint(number):
    out = bytearray()
    while number >= 128:
        out.append(number % 128 | 128)
        number //= 128
    out.append(number)
    return bytes(out)


def text(string):
    raw = string.encode()
    return varint(len(raw)) + raw


class Reader:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, length):
        assert self.at + length <= len(self.raw), 'ends early'
        self.at += length
        return self.raw[self.at - length : self.at]

    def u8(self):
        return self.take(1)[0]

    def varint(self):
        value, scale = 0, 1
        while True:
            byte = self.u8()
            value += (byte & 127) * scale
            if byte < 128:
                return value
            scale *= 128

    def prefixed(self):
        return self.take(self.varint())

    def text(self):
        return self.prefixed().decode()

    @property
    def left(self):
        return len(self.raw) - self.at


class Connection:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.write(struct.pack('<8sHHII', b'\x89TIDE\r\n\x1a', 1, 0, WINDOW, 4))
        magic, version, zero, self.window, self.channels = struct.unpack('<8sHHII', self.read(20))
        assert (magic, version, zero) == (b'\x89TIDE\r\n\x1a', 1, 0)
        self.next = 1

    def write(self, raw):
        self.process.stdin.write(raw)
        self.process.stdin.flush()

    def read(self, length):
        raw = self.process.stdout.read(length)
        assert len(raw) == length, 'the stream ended'
        return raw

    def frame(self, kind, channel, payload=b'', flags=0):
        self.write(struct.pack('<IIBBH', len(payload), channel, kind, flags, 0) + payload)

    def call(self, method, parameters=b'', messages=()):
        """Makes a call, sends its messages, and gives those of the answer, or the code of its error."""
        channel, self.next = self.next, self.next + 2
        self.frame(OPEN, channel, text(method) + parameters)
        for message in messages:
            self.frame(DATA, channel, message)
        self.frame(END, channel)
        answers, parts = [], []
        while True:
            length, where, kind, flags, zero = struct.unpack('<IIBBH', self.read(12))
            payload = self.read(length)
            if kind == PING:
                self.frame(PONG, 0, payload)
            elif kind == GOODBYE:
                return Reader(payload).text()
            elif where != channel:
                continue
            elif kind == RESET:
                return Reader(payload).text()
            elif kind == END:
                return answers
            elif kind == DATA:
                parts.append(payload)
                if flags & FLAG_MORE == 0:
                    answers.append(b''.join(parts))
                    parts = []
                if flags & FLAG_END:
                    return answers
                self.frame(CREDIT, channel, struct.pack('<I', length + 64))


def hello(device, folder):
    features = ['deflate-delta', 'of-a-later-version']
    return (
        varint(1)
        + varint(len(features))
        + b''.join(text(feature) for feature in features)
        + text('client.py/1')
        + bytes.fromhex(device)
        + text('python')
        + bytes([2])
        + bytes.fromhex(folder)
    )


def welcome(raw):
    reader = Reader(raw)
    assert reader.varint() == 1
    features = [reader.text() for _ in range(reader.varint())]
    program, device, host = reader.text(), reader.take(16).hex(), reader.text()
    folder, access = reader.take(16).hex(), reader.u8()
    assert reader.left == 0
    return {'features': features, 'program': program, 'device': device, 'host': host, 'folder': folder, 'access': access}


def chunks(messages, olds):
    """The chunks of batches that are not compressed, given the older chunk of each wish."""
    found = []
    for message in messages:
        reader = Reader(message)
        assert reader.u8() == 0, 'compressed, though nobody asked for it'
        while reader.left > 0:
            kind = reader.u8()
            if kind == 0:
                found.append((kind, None))
            elif kind == 1:
                found.append((kind, reader.prefixed()))
            else:
                assert kind == 2
                size, packed = reader.varint(), reader.prefixed()
                inflate = zlib.decompressobj(-15, zdict=olds[len(found)][-32768:])
                plain = inflate.decompress(packed) + inflate.flush()
                assert len(plain) == size
                found.append((kind, plain))
    return found


def main():
    wanted, like, *command = sys.argv[1:]
    connection = Connection(command)
    told = {'welcome': welcome(connection.call('hello', hello('ab' * 16, 'f0' * 16))[0])}

    reader = Reader(connection.call('head', bytes([0]) + varint(0))[0])
    head, snapshot = reader.take(32), reader.prefixed()
    assert hashlib.sha256(snapshot).digest() == head
    told['head'] = head.hex()
    told['poll'] = [len(message) for message in connection.call('head', bytes([3]) + head + varint(1))]

    plain = lambda name: bytes([0]) + bytes.fromhex(name)
    [(_, old)] = chunks(connection.call('fetch', b'', [plain(like)]), [])
    wishes = [bytes([1]) + bytes.fromhex(wanted) + bytes.fromhex(like), plain('00' * 32), plain(like)]
    fetched = chunks(connection.call('fetch', b'', wishes), [old, None, None])
    told['fetched'] = [[kind, raw and hashlib.sha256(raw).hexdigest()] for kind, raw in fetched]

    reader = Reader(connection.call('report')[0])
    told['counts'] = [reader.varint() for _ in range(7)]
    told['problemCount'] = reader.varint()
    told['problems'] = [[reader.text() for _ in range(3)] for _ in range(reader.varint())]
    assert reader.left == 0

    told['unknown'] = connection.call('no such method')
    told['again'] = connection.call('hello', hello('ab' * 16, 'f0' * 16))
    connection.frame(GOODBYE, 0)
    connection.process.stdin.close()
    told['exit'] = connection.process.wait()
    json.dump(told, sys.stdout)


main()
