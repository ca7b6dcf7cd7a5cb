"""A Fourier neural operator by fast Fourier transforms."""

import torch
from torch import nn
from torch.nn import functional

MODES, DEPTH = 12, 4


class SpectralConv(nn.Module):
    def __init__(self, kernel):
        super().__init__()
        # [places, last, in, part, out] to complex [in, out, places, last], the frequencies from 0 and those below 0 apart.
        parts = kernel.permute(2, 4, 0, 1, 3).contiguous()
        self.low = nn.Parameter(torch.view_as_complex(parts[:, :, :MODES].contiguous()))
        self.high = nn.Parameter(torch.view_as_complex(parts[:, :, MODES:].contiguous()))

    def forward(self, x):
        batch, _, height, width = x.shape
        found = torch.fft.rfft2(x)
        mixed = torch.zeros(batch, self.low.shape[1], height, width // 2 + 1, dtype=torch.cfloat)
        mixed[:, :, :MODES, :MODES] = torch.einsum("bixy,ioxy->boxy", found[:, :, :MODES, :MODES], self.low)
        mixed[:, :, -MODES:, :MODES] = torch.einsum("bixy,ioxy->boxy", found[:, :, -MODES:, :MODES], self.high)
        return torch.fft.irfft2(mixed, s=(height, width))


def pointwise(weights, path):
    kernel = weights[f"{path}/kernel"]
    layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 1)
    layer.weight, layer.bias = nn.Parameter(kernel.clone()), nn.Parameter(weights[f"{path}/bias"].clone())
    return layer


class FNO(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.lift = pointwise(weights, "lift")
        self.spectral = nn.ModuleList(
            SpectralConv(weights[f"layers/{i}/spectral/kernel"]) for i in range(DEPTH)
        )
        self.local = nn.ModuleList(pointwise(weights, f"layers/{i}/local") for i in range(DEPTH))
        self.hidden, self.output = pointwise(weights, "hidden"), pointwise(weights, "output")

    def forward(self, x):
        batch, _, height, width = x.shape
        rows = torch.linspace(0, 1, height).view(1, 1, height, 1).expand(batch, 1, height, width)
        columns = torch.linspace(0, 1, width).view(1, 1, 1, width).expand(batch, 1, height, width)
        h = self.lift(torch.cat([x, rows, columns], 1))
        for i in range(DEPTH):
            h = self.spectral[i](h) + self.local[i](h)
            if i < DEPTH - 1:
                h = functional.gelu(h)
        return self.output(functional.gelu(self.hidden(h)))


def build(weights):
    return FNO(weights)


def forward(model, data):
    return functional.mse_loss(model(data["x"]), data["target"])
