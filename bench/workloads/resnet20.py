"""ResNet-20 for CIFAR: shortcuts of option A, without weights."""

from torch import nn
from torch.nn import functional


def conv(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.norm1 = conv(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = conv(outputs, outputs), nn.BatchNorm2d(outputs)
        self.stride, self.more = stride, outputs - inputs

    def forward(self, x):
        h = functional.relu(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(h))
        if self.more:
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return functional.relu(h + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = conv(3, 16), nn.BatchNorm2d(16)
        widths = [16, 32, 64]
        self.stages = nn.ModuleList(
            nn.Sequential(
                *[
                    Block(widths[max(s - 1, 0)] if i == 0 else w, w, 2 if s > 0 and i == 0 else 1)
                    for i in range(3)
                ]
            )
            for s, w in enumerate(widths)
        )
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        h = functional.relu(self.norm(self.conv(x)))
        for stage in self.stages:
            h = stage(h)
        return self.head(h.mean((2, 3)))


def build(weights):
    model = ResNet20()
    state = {"head.weight": weights["head/kernel"].T, "head.bias": weights["head/bias"]}

    def copy(to_conv, to_norm, path):
        state[f"{to_conv}.weight"] = weights[f"{path}/conv/kernel"]
        state[f"{to_norm}.weight"] = weights[f"{path}/norm/scale"]
        state[f"{to_norm}.bias"] = weights[f"{path}/norm/bias"]

    copy("conv", "norm", "stem")
    for s in range(3):
        for i in range(3):
            copy(f"stages.{s}.{i}.conv1", f"stages.{s}.{i}.norm1", f"stages/{s}/{i}/first")
            copy(f"stages.{s}.{i}.conv2", f"stages.{s}.{i}.norm2", f"stages/{s}/{i}/second")
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert all("running" in name or "batches" in name for name in missing), missing
    return model


def forward(model, data):
    return functional.cross_entropy(model(data["x"]), data["labels"])
