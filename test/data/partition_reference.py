"""python3 test/data/partition_reference.py > test/data/partition.json: partitions of a small set as another language computes them, from the documented
rules: Philox4x32-10 streams, Fisher-Yates, Marsaglia-Tsang, and a logarithm and exponential of + - * / alone. Equal rows in both mean that no engine's
Math decides who gets which row."""
import json, math, struct

MASK = 0xFFFFFFFF


def philox(c, k):
    c, k = list(c), list(k)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


class Stream:
    """Purpose 6 (partition), no device; `number` 0: training rows, 1: test rows, 2: shares and shards."""

    def __init__(self, seed, number):
        self.seed, self.number, self.index, self.block = seed, number, 0, []

    def next(self):
        if not self.block:
            self.block = philox([self.index, self.number, 6, self.seed], [0, 0])
            self.index += 1
        return self.block.pop(0)

    def below(self, bound):
        return (self.next() * bound) >> 32

    def open01(self):
        high, low = self.next() >> 5, self.next() >> 6
        return (high * 67108864 + low + 0.5) / 9007199254740992


LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10


def log(x):
    m, k = math.frexp(x)
    m, k = m * 2, k - 1
    if m > 1.4142135623730951:
        m, k = m / 2, k + 1
    t = (m - 1) / (m + 1)
    total = 0.0
    for n in range(23, 0, -2):
        total = total * (t * t) + 1 / n
    return k * LN2_HIGH + (2 * t * total + k * LN2_LOW)


def exp(x):
    if x < -700:
        return 0.0
    k = math.floor(x / LN2_HIGH + 0.5)
    r = x - k * LN2_HIGH - k * LN2_LOW
    total = 1.0
    for n in range(15, 0, -1):
        total = 1 + r * total / n
    return math.ldexp(total, k)


def normal(s):
    while True:
        u, v = 2 * s.open01() - 1, 2 * s.open01() - 1
        q = u * u + v * v
        if 0 < q < 1:
            return u * math.sqrt(-2 * log(q) / q)


def log_gamma(shape, s):
    if shape < 1:
        return log_gamma(shape + 1, s) + log(s.open01()) / shape
    d = shape - 1 / 3
    c = 1 / math.sqrt(9 * d)
    while True:
        x = normal(s)
        root = 1 + c * x
        if root <= 0:
            continue
        v = root * root * root
        if log(s.open01()) < 0.5 * x * x + d - d * v + d * log(v):
            return log(d) + log(v)


def dirichlet(alpha, count, s):
    logs = [log_gamma(alpha, s) for _ in range(count)]
    shares = [exp(g - max(logs)) for g in logs]
    total = 0.0
    for share in shares:
        total += share
    return [share / total for share in shares]


def shuffled(rows, s):
    rows = list(rows)
    for i in range(len(rows) - 1, 0, -1):
        j = s.below(i + 1)
        rows[i], rows[j] = rows[j], rows[i]
    return rows


def slices(rows, count):
    return [rows[i * len(rows) // count : (i + 1) * len(rows) // count] for i in range(count)]


def by_class(rows, y):
    return [[r for r in rows if y[r] == c] for c in sorted(set(y))]


def iid(rows, y, clients, _, seed):
    return slices(shuffled(rows, Stream(seed, 0)), clients)


def shards(rows, y, clients, each, seed):
    classes = by_class(shuffled(rows, Stream(seed, 0)), y)
    counts = [1] * len(classes)
    while sum(counts) < clients * each:
        sizes = [len(rows) / count for rows, count in zip(classes, counts)]
        counts[sizes.index(max(sizes))] += 1
    pieces = [piece for rows, count in zip(classes, counts) for piece in slices(rows, count)]
    order = shuffled(range(len(pieces)), Stream(seed, 2))
    return [[r for shard in order[c * each : (c + 1) * each] for r in pieces[shard]] for c in range(clients)]


def by_dirichlet(rows, y, clients, alpha, seed):
    classes = by_class(shuffled(rows, Stream(seed, 0)), y)
    dealt = [[] for _ in range(clients)]
    s = Stream(seed, 2)
    for own in classes:
        total, start = 0.0, 0
        for c, share in enumerate(dirichlet(alpha, clients, s)):
            total += share
            end = len(own) if c == clients - 1 else min(len(own), math.floor(total * len(own) + 0.5))
            dealt[c] += own[start:end]
            start = end
    return dealt


def quantity(rows, y, clients, alpha, seed):
    rows = shuffled(rows, Stream(seed, 0))
    dealt, total, start = [], 0.0, 0
    for c, share in enumerate(dirichlet(alpha, clients, Stream(seed, 2))):
        total += share
        end = len(rows) if c == clients - 1 else min(len(rows), math.floor(total * len(rows) + 0.5))
        dealt.append(rows[start:end])
        start = end
    return dealt


# The set: 200 rows of classes 0, 1, 2 (row i has class 0 below 100, then 1 below 160, then 2), every fifth of each class for testing.
y = [0] * 100 + [1] * 60 + [2] * 40
seen, train, test = [0, 0, 0], [], []
for row, label in enumerate(y):
    seen[label] += 1
    (test if seen[label] % 5 == 0 else train).append(row)
cases = []
for text, rule, value, clients in (("iid", iid, 0, 7), ("shards:2", shards, 2, 6), ("dirichlet:0.3", by_dirichlet, 0.3, 5), ("dirichlet:2", by_dirichlet, 2, 9), ("quantity:1.5", quantity, 1.5, 4)):
    for seed in (1, 4294967295):
        cases.append({
            "partition": text, "clients": clients, "seed": seed,
            "train": [sorted(own) for own in rule(train, y, clients, value, seed)],
            "test": [sorted(own) for own in slices(shuffled(test, Stream(seed, 1)), clients)],
        })
print("[\n" + ",\n".join(" " + json.dumps(case) for case in cases) + "\n]")
