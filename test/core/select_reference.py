"""python3 test/core/select_reference.py > test/core/select.json: cohorts as another language draws them from the documented rules: Philox4x32-10 keyed by
the first 8 bytes of SHA-256(id), the smallest numbers, exponential times by this language's own logarithm in 50 digits, and a probability."""
import hashlib, json
from decimal import Decimal, getcontext

getcontext().prec = 50
MASK = 0xFFFFFFFF


def philox(c, k):
    c, k = list(c), list(k)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def number(device, seed, round, attempt):
    digest = hashlib.sha256(device.encode()).digest()
    words = philox([attempt, round, 5, seed], [int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")])
    return (words[0] << 21) | (words[1] >> 11)


def draw(devices, sampling, seed, round, attempt, count, rate, cap):
    numbers = {d: number(d, seed, round, attempt) for d in devices}
    if sampling == "poisson":
        return sorted(d for d in devices if Decimal(numbers[d]) < Decimal(rate) * 2**53)
    if sampling == "weighted":
        # The middle of one of 2^52 equal parts.
        middle = {d: Decimal(2 * (n // 2) + 1) / 2**53 for d, n in numbers.items()}
        rank = {d: -(1 - middle[d]).ln() / min(devices[d], cap) for d in devices}
    else:
        rank = numbers
    return sorted(sorted(devices, key=lambda d: rank[d])[:count])


devices = {f"gw-{i}": 1 + (i * i * 37) % 400 for i in range(60)}
cases = []
for sampling in ("uniform", "weighted", "poisson"):
    for seed, round, attempt in ((1, 0, 0), (1, 1, 0), (4294967295, 7, 0), (5, 7, 3)):
        arguments = dict(sampling=sampling, seed=seed, round=round, attempt=attempt, count=9, rate=0.25, cap=300)
        cases.append({**arguments, "cohort": draw(devices, **arguments)})
print(json.dumps({"devices": devices, "cases": cases}, indent=1))
