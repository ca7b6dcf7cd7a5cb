"""PyTorch as a contender: pytorch.py <file of the workload> <problem> <threads>. See worker.mjs for the lines it speaks.

The file of a workload defines `build(weights)`, the model with our weights in it, and `forward(model, data)`: the loss, or the result
of an inference."""

import copy
import importlib.util
import json
import resource
import sys
import time

import numpy
import torch

path, stem, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)


def answer(message):
    print(json.dumps(message), flush=True)


def load_workload():
    spec = importlib.util.spec_from_file_location("workload", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_problem():
    everything = numpy.fromfile(stem + ".bin", dtype=numpy.uint8)
    contents = json.load(open(stem + ".json"))
    problem = {"weights": {}, "data": {}}
    for entry in contents["entries"]:
        dtype = numpy.dtype(entry["dtype"])
        size = dtype.itemsize * int(numpy.prod(entry["shape"], dtype=numpy.int64))
        values = everything[entry["offset"] : entry["offset"] + size].view(dtype)
        problem[entry["role"]][entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return problem["weights"], problem["data"], contents.get("optimizer"), contents["copies"]


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def optimizer_for(parameters, foreach):
    name, rate = settings["name"], settings["learningRate"]
    if name == "adam":
        return torch.optim.Adam(parameters, lr=rate, foreach=foreach)
    if name == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=settings["weightDecay"], foreach=foreach)
    return torch.optim.SGD(parameters, lr=rate, momentum=settings["momentum"], foreach=foreach)


def faster_foreach(model):
    """Whether this optimizer is faster on all weights at once here, or on one after the other."""

    def seconds(foreach):
        own = copy.deepcopy(model)
        optimizer = optimizer_for(own.parameters(), foreach)
        for p in own.parameters():
            p.grad = torch.full_like(p, 1e-3)
        times = []
        for _ in range(12):
            start = time.perf_counter()
            optimizer.step()
            times.append(time.perf_counter() - start)
        return sorted(times)[len(times) // 2]

    return seconds(True) < seconds(False)


workload = load_workload()
weights, data, settings, copies = read_problem()


def training():
    global weights
    foreach = faster_foreach(workload.build(weights))
    began = time.perf_counter()
    models = [workload.build(weights) for _ in range(copies)]
    del weights
    optimizers = [optimizer_for(model.parameters(), foreach) for model in models]
    turn = 0

    def run(steps):
        nonlocal turn
        for _ in range(steps):
            model, optimizer = models[turn], optimizers[turn]
            turn = (turn + 1) % copies
            optimizer.zero_grad(set_to_none=True)
            loss = workload.forward(model, data)
            loss.backward()
            optimizer.step()
        return loss.item()

    return run, began


def inference():
    began = time.perf_counter()
    model = workload.build(weights).eval()

    def run(calls):
        with torch.no_grad():
            for _ in range(calls):
                result = workload.forward(model, data)
        return result.double().square().mean().item()

    return run, began


run, began = inference() if settings is None else training()
loss = run(1)
answer({"version": torch.__version__, "firstStep": time.perf_counter() - began, "loss": loss})

for line in sys.stdin:
    steps = json.loads(line)["run"]
    start = time.perf_counter()
    loss = run(steps)
    seconds = (time.perf_counter() - start) / steps
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer({"seconds": seconds, "loss": loss, "memory": memory(), "peak": peak})
