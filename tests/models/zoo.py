"""Small models of the kinds that people train, as functions that build them, and inputs."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def mlp():
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 3))


def lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 8, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(8 * 2 * 2, 12), nn.Tanh(), nn.Linear(12, 10)),
    )


def vgg(norm=False):
    def block(before, after):
        parts = [nn.Conv2d(before, after, 3, padding=1), *([nn.BatchNorm2d(after)] if norm else []), nn.ReLU()]
        return [*parts, nn.MaxPool2d(2)]

    return nn.Sequential(
        *block(3, 8), *block(8, 12), nn.Flatten(), nn.Linear(12 * 2 * 2, 16), nn.ReLU(), nn.Linear(16, 5)
    )


def vgg_bn():
    return vgg(norm=True)


class Basic(nn.Module):
    """A block of ResNet-18."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return functional.relu(y, inplace=True)


class ResNet18(nn.Module):
    def __init__(self, width=64, classes=10):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        blocks = [
            nn.Sequential(Basic(before, after, stride), Basic(after, after, 1))
            for before, after, stride in zip(widths, widths[1:], (1, 2, 2, 2), strict=False)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = blocks
        self.fc = nn.Linear(8 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


def resnet18():
    return ResNet18(4)


def encoder_block():
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)


class GptBlock(nn.Module):
    def __init__(self, width=8, heads=2):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.hidden, self.output = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for module in (self.projection, self.output):
            nn.init.normal_(module.weight, std=0.02 / math.sqrt(2.0))

    def forward(self, x):
        rows, length, width = x.shape
        parts = self.attention(self.norm1(x)).split(width, dim=2)
        q, k, v = (part.view(rows, length, self.heads, -1).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(mixed.transpose(1, 2).reshape(rows, length, width))
        return x + self.output(functional.gelu(self.hidden(self.norm2(x))))


class LanguageModel(nn.Module):
    """A language model whose head is the table of its tokens."""

    def __init__(self, vocabulary=20, context=6, width=8):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.block, self.norm = GptBlock(width), nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        return self.head(self.norm(self.block(x)))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cells, self.readout = kind(5, 7, batch_first=True), nn.Linear(7, 2)

    def forward(self, x):
        return self.readout(self.cells(x)[0][:, -1])


def lstm():
    return Recurrent(nn.LSTM)


def gru():
    return Recurrent(nn.GRU)


def autoencoder():
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.ConvTranspose2d(6, 4, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(4, 1, 2, stride=2)),
    )


class Mixer(nn.Module):
    """A block of an MLP-Mixer after its patches."""

    def __init__(self, places=4, width=6):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 4, stride=4)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(places, 8), nn.GELU(), nn.Linear(8, places))
        self.channels = nn.Sequential(nn.Linear(width, 8), nn.GELU(), nn.Linear(8, width))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class UNet(nn.Module):
    def __init__(self, width=6):
        super().__init__()

        def pair(before, after):
            return nn.Sequential(
                *(nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)),
                *(nn.Conv2d(after, after, 3, padding=1), nn.ReLU(inplace=True)),
            )

        self.down, self.middle, self.up = pair(1, width), pair(width, 2 * width), pair(2 * width, width)
        self.pool, self.grow = nn.MaxPool2d(2), nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.last = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        high = self.down(x)
        low = self.grow(self.middle(self.pool(high)))
        return self.last(self.up(torch.cat([low, high], dim=1)))


def images(rows, channels, size):
    return torch.randn(rows, channels, size, size, generator=torch.Generator().manual_seed(1))


def vectors(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2))


def words(rows, length, vocabulary):
    return torch.randint(vocabulary, (rows, length), generator=torch.Generator().manual_seed(3))


ZOO = {
    "mlp": (mlp, vectors(7, 6)),
    "lenet": (lenet, images(3, 1, 12)),
    "vgg": (vgg, images(3, 3, 8)),
    "vgg with norms": (vgg_bn, images(3, 3, 8)),
    "resnet18": (resnet18, images(3, 3, 16)),
    "encoder block": (encoder_block, vectors(3, 5, 8)),
    "gpt block": (GptBlock, vectors(3, 5, 8)),
    "lstm": (lstm, vectors(3, 4, 5)),
    "gru": (gru, vectors(3, 4, 5)),
    "autoencoder": (autoencoder, images(3, 1, 8)),
    "mixer": (Mixer, images(3, 1, 8)),
    "unet": (UNet, images(3, 1, 8)),
    "tied language model": (LanguageModel, words(3, 5, 20)),
}


def real(*shape):
    """Return an array of normal numbers in single precision, the same for the same shape."""
    return np.random.default_rng(sum(shape) + 7).normal(size=shape).astype(np.float32)
