"""Run a model with OpenCV: /usr/bin/python3 opencv_check.py MODEL.onnx PICTURES.raw

PICTURES.raw holds uint8 pictures, one after the other, of the size that the model takes. Prints one JSON array of
probabilities a picture, all in one array. OpenCV is Debian's python3-opencv. It does not tell what size a model takes,
so that is read in the model's own words.
"""
import json
import re
import sys

import cv2
import numpy

path, pictures = sys.argv[1:]
with open(path, "rb") as f:
    height, width, channels = map(int, re.search(rb"uint8 \[N,(\d+),(\d+),(\d+)\]", f.read()).groups())
pixels = numpy.fromfile(pictures, numpy.uint8).reshape(-1, height, width, channels)
answers = []
for n in (1, len(pixels)):  # one at a time, and all at once
    net = cv2.dnn.readNetFromONNX(path)
    rows = []
    for start in range(0, len(pixels), n):
        net.setInput(pixels[start:start + n])
        rows += net.forward().tolist()
    answers.append(rows)
if not numpy.allclose(answers[0], answers[1], rtol=0, atol=1e-6):
    sys.exit(f"one picture at a time gives {answers[0]}, all at once {answers[1]}")
print(json.dumps(answers[1]))
