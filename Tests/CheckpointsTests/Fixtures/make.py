#!/usr/bin/env python3
"""Writes the checkpoints that PickleCheckpointTests reads; needs PyTorch 2.1 or later."""
import argparse
import collections
import os

import torch


class Hostile:
    def __reduce__(self):
        return os.system, ("touch hostile-was-here",)


os.chdir(os.path.dirname(os.path.abspath(__file__)))
wide = torch.arange(24, dtype=torch.float32).reshape(4, 6)
state = collections.OrderedDict()
state["fc.weight"] = torch.nn.Parameter(wide)
state["fc.transposed"] = wide.t()
state["fc.part"] = wide[1:3, 2:5]
state["fc.row"] = wide[2]
state["fc.broadcast"] = torch.tensor([7.0]).expand(3, 2)
state["scalar"] = torch.tensor(2.5)
state["empty"] = torch.zeros(0, 3)
for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
              torch.uint8, torch.bool):
    state[str(dtype)[6:]] = torch.tensor([0, 1, 100]).to(dtype)
state._metadata = {"": {"version": 1}}
whole = {"model": {"ema": state}, "epoch": 3, "lr": 1e-3, "seed": 1 << 80, "args": argparse.Namespace(a=1),
         "shadow": [torch.ones(2), torch.zeros(1)], "tags": {"x", "y"}, "optimizer": {0: torch.ones(1)}}
torch.save(whole, "zip.pth")
torch.save(whole, "legacy.pth", _use_new_zipfile_serialization=False)
torch.save({"w": wide}, "protocol4.pth", pickle_protocol=4)
torch.save({"w": torch.tensor([0.0, 1.0, -2.0]).to(torch.float8_e4m3fn)}, "float8.pth")
torch.save({"w": torch.ones(1), "x": Hostile()}, "hostile.pth")
