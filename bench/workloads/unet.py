"""A small U-Net that knows the time, on blocks of 2x2 pixels."""

import torch
from torch import nn
from torch.nn import functional

CHANNELS, EMBED, IMAGES = 32, 64, 3


def conv3(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def norm(size):
    return nn.GroupNorm(8, size)


class ResBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.conv1 = norm(inputs), conv3(inputs, outputs)
        self.time = nn.Linear(EMBED, outputs)
        self.norm2, self.conv2 = norm(outputs), conv3(outputs, outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, e):
        h = self.conv1(functional.silu(self.norm1(x))) + self.time(e)[:, :, None, None]
        return self.conv2(functional.silu(self.norm2(h))) + self.shortcut(x)


class AttentionBlock(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm = norm(size)
        self.qkv = nn.Linear(size, 3 * size, bias=False)
        self.output = nn.Linear(size, size)

    def forward(self, x):
        n, c, h, w = x.shape
        tokens = self.norm(x).view(n, c, h * w).transpose(1, 2)
        q, k, v = self.qkv(tokens).view(n, h * w, 3, 4, c // 4).permute(2, 0, 3, 1, 4)
        found = (q * (c // 4) ** -0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
        mixed = self.output(found.transpose(1, 2).reshape(n, h * w, c))
        return mixed.transpose(1, 2).view(n, c, h, w) + x


class Stage(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.block, self.attention = ResBlock(inputs, outputs), AttentionBlock(outputs)

    def forward(self, x, e):
        return self.attention(self.block(x, e))


class Middle(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.block1, self.attention, self.block2 = ResBlock(size, size), AttentionBlock(size), ResBlock(size, size)

    def forward(self, x, e):
        return self.block2(self.attention(self.block1(x, e)), e)


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        c = CHANNELS
        self.time1, self.time2 = nn.Linear(EMBED, EMBED), nn.Linear(EMBED, EMBED)
        self.in0, self.d0, self.d1 = conv3(4 * IMAGES, c), ResBlock(c, c), Stage(c, 2 * c)
        self.mid = Middle(2 * c)
        self.u1, self.up, self.u0 = Stage(4 * c, 2 * c), conv3(2 * c, c), Stage(2 * c, c)
        self.norm, self.out = norm(c), conv3(c, 4 * IMAGES)
        half = EMBED // 2
        frequencies = 10_000 ** (-torch.arange(half, dtype=torch.float64) / half)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, x, t):
        angle = t[:, None].double() * self.frequencies
        waves = torch.cat([angle.cos(), angle.sin()], 1).float()
        e = functional.silu(self.time2(functional.silu(self.time1(waves))))
        d0 = self.d0(self.in0(functional.pixel_unshuffle(x, 2)), e)
        d1 = self.d1(functional.avg_pool2d(d0, 2), e)
        u1 = self.u1(torch.cat([self.mid(d1, e), d1], 1), e)
        up = self.up(functional.interpolate(u1, scale_factor=2, mode="nearest"))
        u0 = self.u0(torch.cat([up, d0], 1), e)
        return functional.pixel_shuffle(self.out(functional.silu(self.norm(u0))), 2)


def build(weights):
    model = Unet()
    state = {}
    for path, value in weights.items():
        *names, last = path.split("/")
        if last == "scale":
            state[".".join([*names, "weight"])] = value
        elif last == "bias":
            state[".".join([*names, "bias"])] = value
        elif names[-1] == "query":
            parts = [weights["/".join([*names[:-1], name, "kernel"])].T for name in ("query", "key", "value")]
            state[".".join([*names[:-2], "qkv.weight"])] = torch.cat(parts)
        elif names[-1] not in ("key", "value"):
            # Convolutions have their kernels as here, dense layers the transpose.
            state[".".join([*names, "weight"])] = value.T if value.dim() == 2 else value
    renamed = {name.replace("attention.attention.", "attention."): value for name, value in state.items()}
    model.load_state_dict(renamed)
    return model


def forward(model, data):
    return functional.mse_loss(model(data["x"], data["t"]), data["noise"])
