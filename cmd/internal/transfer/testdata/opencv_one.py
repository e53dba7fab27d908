"""Run a model with OpenCV, one picture at a time: /usr/bin/python3 opencv_one.py MODEL.onnx PICTURES.raw SIDE

PICTURES.raw holds uint8 pictures of SIDE x SIDE x 3, one after the other. Prints one JSON array of probabilities a
picture, all in one array. OpenCV is Debian's python3-opencv.
"""
import json
import sys

import cv2
import numpy

path, pictures, side = sys.argv[1:]
pixels = numpy.fromfile(pictures, numpy.uint8).reshape(-1, int(side), int(side), 3)
net = cv2.dnn.readNetFromONNX(path)
rows = []
for i in range(len(pixels)):
    net.setInput(pixels[i:i + 1])
    rows.append(net.forward().reshape(-1).tolist())
print(json.dumps(rows))
