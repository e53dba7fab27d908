"""Prints the least CPU seconds, over batches, that OpenCV takes for a random
affine warp of a 128x128 picture, for each line that is read: with the matrix
made by NumPy, and alone."""
import json
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
rng = np.random.default_rng(0)
picture = (rng.random((128, 128, 3)) * 255).astype(np.uint8)


def matrix():
    theta, shear = np.deg2rad(rng.uniform(-40, 40)), np.deg2rad(rng.uniform(-0.2, 0.2))
    tx, ty = rng.uniform(-0.2, 0.2, 2) * 128
    zx, zy = rng.uniform(0.8, 1.2, 2)
    m = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    m = m @ np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    m = m @ np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]]) @ np.diag([zx, zy, 1])
    centre = np.array([[1, 0, 63.5], [0, 1, 63.5], [0, 0, 1]])
    return centre @ m @ np.linalg.inv(centre)


def warp(m):
    cv2.warpAffine(picture, m[:2], (128, 128), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                   borderMode=cv2.BORDER_REPLICATE)


def least(step):
    best = 1e9
    for _ in range(20):
        start = time.process_time()
        for _ in range(20):
            step()
        best = min(best, (time.process_time() - start) / 20)
    return best


fixed = matrix()
for _ in sys.stdin:
    print(json.dumps([least(lambda: warp(matrix())), least(lambda: warp(fixed))]), flush=True)
