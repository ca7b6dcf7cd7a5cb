"""Encode, process, decode, as MeshGraphNets."""

import torch
from torch import nn
from torch.nn import functional

WIDTH, ROUNDS = 128, 6


def perceptron(weights, path):
    layers = []
    for i in range(3):
        kernel = weights[f"{path}/{i}/kernel"]
        layer = nn.Linear(*kernel.shape)
        layer.weight = nn.Parameter(kernel.T.clone(memory_format=torch.contiguous_format))
        layer.bias = nn.Parameter(weights[f"{path}/{i}/bias"].clone())
        layers += [layer, nn.ReLU(inplace=True)]
    return layers[:-1]


def encoder(weights, path):
    norm = nn.LayerNorm(WIDTH)
    norm.weight = nn.Parameter(weights[f"{path}/layers/1/scale"].clone())
    norm.bias = nn.Parameter(weights[f"{path}/layers/1/bias"].clone())
    return nn.Sequential(*perceptron(weights, f"{path}/layers/0/layers"), norm)


class GraphNet(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.nodes, self.edges = encoder(weights, "nodes"), encoder(weights, "edges")
        self.edge_updates = nn.ModuleList(encoder(weights, f"steps/{i}/edges") for i in range(ROUNDS))
        self.node_updates = nn.ModuleList(encoder(weights, f"steps/{i}/nodes") for i in range(ROUNDS))
        self.decoder = nn.Sequential(*perceptron(weights, "decoder/layers"))

    def forward(self, nodes, edges, senders, receivers):
        nodes, edges = self.nodes(nodes), self.edges(edges)
        for update_edges, update_nodes in zip(self.edge_updates, self.node_updates):
            ends = [nodes.index_select(0, senders), nodes.index_select(0, receivers)]
            messages = update_edges(torch.cat([*ends, edges], 1))
            received = torch.zeros_like(nodes).index_add(0, receivers, messages)
            nodes = nodes + update_nodes(torch.cat([nodes, received], 1))
            edges = edges + messages
        return self.decoder(nodes)


def build(weights):
    return GraphNet(weights)


def forward(model, data):
    output = model(data["nodes"], data["edges"], data["senders"], data["receivers"])
    return functional.mse_loss(output, data["target"])
