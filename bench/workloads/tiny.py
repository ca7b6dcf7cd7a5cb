import torch
from torch import nn
from torch.nn import functional


def build(weights):
    first, second = nn.Linear(32, 32), nn.Linear(32, 1)
    for i, layer in enumerate([first, second]):
        layer.weight = nn.Parameter(weights[f"layer{i}/kernel"].T.clone(memory_format=torch.contiguous_format))
        layer.bias = nn.Parameter(weights[f"layer{i}/bias"].clone())
    return nn.Sequential(first, nn.ReLU(), second)


def forward(model, data):
    return functional.mse_loss(model(data["x"]), data["y"])
