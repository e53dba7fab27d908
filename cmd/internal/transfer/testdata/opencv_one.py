"""Run a model with OpenCV, one picture at a time: /usr/bin/python3 opencv_one.py MODEL.onnx PICTURES.raw SIDE CONTEXT

PICTURES.raw holds uint8 pictures of SIDE x SIDE x 3, one after the other, each with its second view of CONTEXT x CONTEXT
x 3 after it unless CONTEXT is 0. Prints one JSON array of probabilities a picture, all in one array. OpenCV is Debian's
python3-opencv.
"""
import json
import sys

import cv2
import numpy

path, pictures = sys.argv[1:3]
views = [("image", int(sys.argv[3])), ("context", int(sys.argv[4]))]
size = sum(side * side * 3 for _, side in views)
net = cv2.dnn.readNetFromONNX(path)
rows = []
for picture in numpy.fromfile(pictures, numpy.uint8).reshape(-1, size):
    for name, side in views:
        if side > 0:
            net.setInput(picture[:side * side * 3].reshape(1, side, side, 3), name)
            picture = picture[side * side * 3:]
    rows.append(net.forward().reshape(-1).tolist())
print(json.dumps(rows))
