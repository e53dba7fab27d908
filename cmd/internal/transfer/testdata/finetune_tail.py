"""For each line that is read, prints the least seconds of a step in PyTorch that
fine-tunes the last 16 convolutions of MobileNetV2 and a classifier of 16 classes
on a batch of pictures of 128x128: of the frozen part, which is run in inference
form, and of the tail with its gradients and AdamW. Batch normalization is folded
into the convolutions of both: python3 finetune_tail.py [threads] [batch]"""
import json
import sys
import time

import torch
import torch.nn as nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import mobilenet_v2

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
batch = int(sys.argv[2]) if len(sys.argv) > 2 else 32
torch.set_num_threads(threads)
torch.manual_seed(0)


def fold(module):
    """Folds each batch normalization into the convolution before it."""
    for child in module.children():
        fold(child)
    if isinstance(module, nn.Sequential):
        for i in range(len(module) - 1):
            if isinstance(module[i], nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d):
                module[i], module[i + 1] = fuse_conv_bn_eval(module[i], module[i + 1]), nn.Identity()


features = mobilenet_v2(weights=None).eval().features.to(memory_format=torch.channels_last)
fold(features)
frozen = features[:13]
tail = nn.Sequential(features[13:], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 16))
optimizer = torch.optim.AdamW(tail.parameters(), lr=3e-4, weight_decay=0.05)
loss = nn.CrossEntropyLoss(label_smoothing=0.1)
x = torch.rand(batch, 3, 128, 128).to(memory_format=torch.channels_last)
y = torch.randint(0, 16, (batch,))


def least(step):
    best = 1e9
    for _ in range(10):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return best


def run():
    with torch.no_grad():
        return frozen(x)


def tune():
    optimizer.zero_grad()
    loss(tail(maps), y).backward()
    optimizer.step()


maps = run()
for _ in sys.stdin:
    print(json.dumps([least(run), least(tune)]), flush=True)
