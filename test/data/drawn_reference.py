"""python3 test/data/drawn_reference.py > test/data/drawn.json: rows that clients draw by hash, as another language computes them: one block of Philox4x32-10 for a
client, with the counter (0, stream, 6, seed) and the key (client, 0), then the finaliser of MurmurHash3, and the upper bits of a product."""
import json

MASK = 0xFFFFFFFF


def philox(c, k):
    c, k = list(c), list(k)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def mix(h):
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


def rows(count, pool, seed, stream, client):
    first, step, mask, _ = philox([0, stream, 6, seed], [client, 0])
    return [(mix(mix((first + i * (step | 1)) & MASK) ^ mask) * pool) >> 32 for i in range(count)]


cases = []
for seed in (1, 4294967295):
    for client in (0, 1, 14999999, 999999999):
        cases.append({"seed": seed, "client": client, "train": rows(20, 160, seed, 0, client), "test": rows(5, 40, seed, 1, client)})
print("[\n" + ",\n".join(" " + json.dumps(case) for case in cases) + "\n]")
