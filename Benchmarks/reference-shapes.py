#!/usr/bin/env python3
"""Times the matrix shapes of the reference implementation in PyTorch, for comparisons on one machine.

usage: Benchmarks/reference-shapes.py [2b|8b] [--layers N] [--dtype float32|bfloat16] [--threads N]

A restoration from 256x256 to 1024x1024 pixels with random weights: for each of the 13 scales the matrices of the
transformer's blocks (linear layers without the elementwise work between them), attention over all scales so far with
scaled_dot_product_attention, then the transformation network's layers and the tokenizer's encoder and decoder. Of the
transformer N layers are run (default 2) and the time is multiplied; the rest is run as it is. Prints seconds by part.
Needs PyTorch, and nothing else. Cross-attention, norms, rotation, sampling and the head are left out, in favour of PyTorch.
"""

import argparse
import time

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {"2b": (32, 2048, 16), "8b": (40, 3584, 28)}  # layers, width, heads
SCALES = [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64]
MAP = list(zip([64, 128, 256, 384, 512, 768, 1024], [4, 6, 8, 10, 12, 14, 16], [4, 4, 8, 8, 8, 12, 16],
               [2, 4, 8, 12, 16, 24, 32]))


def transformer(width, heads, dtype):
    """Seconds of one layer over all scales."""
    def matrix(outputs, inputs):
        return torch.randn(outputs, inputs, dtype=dtype) / inputs**0.5

    qkv, projection = matrix(3 * width, width), matrix(width, width)
    up, down = matrix(4 * width, width), matrix(width, 4 * width)
    cross_query, cross_projection = matrix(width, width), matrix(width, width)
    keys = torch.randn(1, heads, sum(s * s for s in SCALES), width // heads, dtype=dtype)
    values = torch.randn_like(keys)
    seen, start = 0, time.perf_counter()
    for side in SCALES:
        count = side * side
        seen += count
        x = torch.randn(1, count, width, dtype=dtype)
        q = F.linear(x, qkv)[..., :width].view(1, count, heads, -1).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(q, keys[:, :, :seen], values[:, :, :seen])
        x = F.linear(mixed.transpose(1, 2).reshape(1, count, width), projection)
        x = F.linear(F.linear(x, cross_query), cross_projection)
        F.linear(F.gelu(F.linear(x, up), approximate="tanh"), down)
    return time.perf_counter() - start


def transformation_network(dtype):
    seconds = 0.0
    for width, layers, heads, side in MAP:
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, batch_first=True).to(dtype).eval()
        x = torch.randn(1, side * side, width, dtype=dtype)
        start = time.perf_counter()
        for _ in range(layers):
            x = layer(x)
        seconds += time.perf_counter() - start
    return seconds


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, inputs, 1e-6), nn.GroupNorm(32, outputs, 1e-6)
        self.conv1, self.conv2 = nn.Conv2d(inputs, outputs, 3, 1, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return self.shortcut(x) + h


def autoencoder():
    widths = [128, 256, 512, 512]
    encoder = [nn.Conv2d(3, 128, 3, 1, 1)]
    width = 128
    for level, size in enumerate(widths):
        encoder += [Block(width, size), Block(size, size)]
        width = size
        if level < 3:
            encoder.append(nn.Conv2d(width, width, 3, 2, 1))
    encoder += [Block(512, 512), Block(512, 512), nn.GroupNorm(32, 512), nn.SiLU(), nn.Conv2d(512, 14, 3, 1, 1)]
    decoder = [nn.Conv2d(14, 512, 3, 1, 1), Block(512, 512), Block(512, 512)]
    for level in reversed(range(4)):
        for _ in range(3):
            decoder.append(Block(width, widths[level]))
            width = widths[level]
        if level > 0:
            decoder += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, 1, 1)]
    decoder += [nn.GroupNorm(32, 128), nn.SiLU(), nn.Conv2d(128, 3, 3, 1, 1)]
    return nn.Sequential(*encoder).eval(), nn.Sequential(*decoder).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", nargs="?", choices=SIZES, default="2b")
    parser.add_argument("--layers", type=int, default=2, help="layers of the transformer to run (default 2)")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    dtype = getattr(torch, arguments.dtype)
    depth, width, heads = SIZES[arguments.size]

    with torch.inference_mode():
        times = {}
        runs = [transformer(width, heads, dtype) for _ in range(arguments.layers)]
        times[f"transformer, {arguments.layers} of {depth} layers run"] = sum(runs) / len(runs) * depth
        times["transformation network"] = transformation_network(dtype)
        encoder, decoder = autoencoder()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            start = time.perf_counter()
            encoder(torch.randn(1, 3, 256, 256))
            times["encoder, 256x256"] = time.perf_counter() - start
            start = time.perf_counter()
            decoder(torch.randn(1, 14, 128, 128))
            times["decoder, 1024x1024"] = time.perf_counter() - start
    print(f"PyTorch {torch.__version__}, {arguments.dtype}, {torch.get_num_threads()} threads, {arguments.size}")
    for name, seconds in times.items():
        print(f"  {name:42} {seconds:8.1f} s")
    print(f"  {'total':42} {sum(times.values()):8.1f} s")


main()
