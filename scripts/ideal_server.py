#!/usr/bin/env python3
"""How late a server without any losses would answer: the p99 that `bertq bench --scenario server:load=X` can reach at best.

Requests arrive as a Poisson process says; each is a line of standard input (`bertq tokenize --format ids`), drawn at random,
and takes its number of tokens times --microseconds of one server; servers take them one by one in their order, at once,
for ever. Nothing is faster together than alone, which holds where a batch's tokens are no cheaper than a lone request's
(`bertq bench --shapes 1x16,1x54,16x54` tells). Prints a table. Standard library only, Python 3.11.

    cut -f4,5 MRPC/dev.tsv | tail -n +2 | bertq tokenize -m minilm-mrpc --format ids |
      scripts/ideal_server.py --microseconds 31 --servers 1,2,3,4,8
"""

import argparse
import heapq
import random
import sys


def latencies(tokens: list[int], microseconds: float, servers: int, load: float, count: int, seed: int) -> list[float]:
    """Milliseconds from arrival to answer of `count` requests, first come, first served."""
    source = random.Random(seed)
    service = [microseconds * length / 1000 for length in tokens]
    rate = load * servers / (sum(service) / len(service))
    free_at = [0.0] * servers
    now, found = 0.0, []
    for _ in range(count):
        now += source.expovariate(rate)
        end = max(now, heapq.heappop(free_at)) + source.choice(service)
        heapq.heappush(free_at, end)
        found.append(end - now)
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--microseconds", type=float, required=True, help="of one server for one token")
    parser.add_argument("--servers", default="1,2,4,8", help="how many, a list")
    parser.add_argument("--load", type=float, default=0.8, help="share of all servers' capacity")
    parser.add_argument("--count", type=int, default=500_000, help="requests of each row")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    tokens = [len(line.split()) for line in sys.stdin]
    if not tokens:
        sys.exit("ideal_server.py: expected lines of token ids, got none")
    alone = percentile([length * arguments.microseconds / 1000 for length in tokens], 0.99)
    print(f"alone: p99 {alone:.2f} ms")
    print("| servers | p50 ms | p90 ms | p99 ms | p99, times a lone one's |\n|--:|--:|--:|--:|--:|")
    for servers in map(int, arguments.servers.split(",")):
        found = latencies(tokens, arguments.microseconds, servers, arguments.load, arguments.count, arguments.seed)
        p50, p90, p99 = (percentile(found, share) for share in (0.5, 0.9, 0.99))
        print(f"| {servers} | {p50:.2f} | {p90:.2f} | {p99:.2f} | {p99 / alone:.1f} |")


if __name__ == "__main__":
    main()
