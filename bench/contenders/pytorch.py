"""PyTorch as a contender: pytorch.py <torch source of the workload> <problem> <threads>. See worker.mjs for the lines it speaks."""

import json
import resource
import sys
import time
from array import array

import torch

source, stem, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)


def answer(message):
    print(json.dumps(message), flush=True)


def read_problem():
    numbers = array("f")
    with open(stem + ".bin", "rb") as file:
        numbers.frombytes(file.read())
    everything = torch.frombuffer(numbers, dtype=torch.float32)
    problem = {"weights": {}, "data": {}}
    for entry in json.load(open(stem + ".json")):
        size = 1
        for d in entry["shape"]:
            size *= d
        values = everything[entry["offset"] : entry["offset"] + size]
        problem[entry["role"]][entry["name"]] = values.reshape(entry["shape"]).clone()
    return problem["weights"], problem["data"]


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


names = {"torch": torch}
exec(source, names)
loss_of = names["loss"]
params, data = read_problem()

began = time.perf_counter()
for p in params.values():
    p.requires_grad_(True)
optimizer = torch.optim.Adam(params.values(), lr=1e-3)


def run(steps):
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(params, data)
        loss.backward()
        optimizer.step()
    return loss.item()


loss = run(1)
answer({"version": torch.__version__, "firstStep": time.perf_counter() - began, "loss": loss})

for line in sys.stdin:
    steps = json.loads(line)["run"]
    start = time.perf_counter()
    loss = run(steps)
    seconds = (time.perf_counter() - start) / steps
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer({"seconds": seconds, "loss": loss, "memory": memory(), "peak": peak})
