"""A decoder of the LLaMA family."""

import math

import torch
from torch import nn
from torch.nn import functional

WIDTH, DEPTH, HEADS, HIDDEN, VOCABULARY, TIME = 128, 4, 4, 352, 65, 128


class RMSNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.scale


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        # One product for the three.
        self.qkv, self.output = linear(WIDTH, 3 * WIDTH), linear(WIDTH, WIDTH)

    def forward(self, x, cos, sin, mask):
        batch, time, _ = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        scores = q @ k.transpose(-2, -1) / math.sqrt(WIDTH // HEADS) + mask
        found = scores.softmax(-1) @ v
        return self.output(found.transpose(1, 2).reshape(batch, time, WIDTH))


def rotated(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Feed(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.up, self.down = linear(WIDTH, HIDDEN), linear(WIDTH, HIDDEN), linear(HIDDEN, WIDTH)

    def forward(self, x):
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm, self.attention = RMSNorm(), Attention()
        self.feed_norm, self.feed = RMSNorm(), Feed()

    def forward(self, x, *constants):
        x = x + self.attention(self.attention_norm(x), *constants)
        return x + self.feed(self.feed_norm(x))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm, self.head = RMSNorm(), linear(WIDTH, VOCABULARY)
        half = WIDTH // HEADS // 2
        frequencies = 10_000 ** (-torch.arange(half, dtype=torch.float64) / half)
        angle = torch.arange(TIME, dtype=torch.float64)[:, None] * frequencies
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)
        mask = torch.full((TIME, TIME), -math.inf).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin, self.mask)
        return self.head(self.norm(x))


def build(weights):
    model = Decoder()
    state = {
        "embedding.weight": weights["embedding/table"],
        "norm.scale": weights["norm/scale"],
        "head.weight": weights["head/kernel"].T,
    }
    for i in range(DEPTH):
        ours, theirs = f"blocks/{i}", f"blocks.{i}"
        parts = [weights[f"{ours}/attention/{name}/kernel"].T for name in ("query", "key", "value")]
        state[f"{theirs}.attention.qkv.weight"] = torch.cat(parts)
        state[f"{theirs}.attention.output.weight"] = weights[f"{ours}/attention/output/kernel"].T
        state[f"{theirs}.attention_norm.scale"] = weights[f"{ours}/attentionNorm/scale"]
        state[f"{theirs}.feed_norm.scale"] = weights[f"{ours}/feedNorm/scale"]
        for name in ("gate", "up", "down"):
            state[f"{theirs}.feed.{name}.weight"] = weights[f"{ours}/feed/{name}/kernel"].T
    model.load_state_dict(state)
    return model


def forward(model, data):
    logits = model(data["tokens"])
    if "next" not in data:
        return logits
    return functional.cross_entropy(logits.flatten(0, 1), data["next"].flatten())
