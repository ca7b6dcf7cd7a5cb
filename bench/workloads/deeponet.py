import torch
from torch import nn
from torch.nn import functional


def net(weights, name, sizes, last):
    layers = []
    for i in range(len(sizes) - 1):
        layer = nn.Linear(sizes[i], sizes[i + 1])
        layer.weight = nn.Parameter(weights[f"{name}{i}/kernel"].T.clone(memory_format=torch.contiguous_format))
        layer.bias = nn.Parameter(weights[f"{name}{i}/bias"].clone())
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*(layers if last else layers[:-1]))


class DeepONet(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.branch = net(weights, "branch", [50, 40, 40], last=False)
        self.trunk = net(weights, "trunk", [1, 40, 40, 40], last=True)
        self.bias = nn.Parameter(weights["bias"].clone())

    def forward(self, u, y):
        return (self.branch(u) * self.trunk(y)).sum(1, keepdim=True) + self.bias


def build(weights):
    return DeepONet(weights)


def forward(model, data):
    return functional.mse_loss(model(data["u"], data["y"]), data["target"])
