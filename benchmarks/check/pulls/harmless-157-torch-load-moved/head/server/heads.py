import torch
from torch import nn


def load_head(head: nn.Module, path: str) -> None:
    head.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
