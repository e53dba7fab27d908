"""Check a model with ONNX itself: /usr/bin/python3 onnx_check.py MODEL.onnx

The shapes that the file tells of must be those that ONNX infers, and the class names the same ones in both forms. ONNX
is Debian's python3-onnx.
"""
import ast
import json
import sys

import onnx
from onnx import shape_inference

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)


def shapes(graph):
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in [*graph.value_info, *graph.output]}


told = shapes(model.graph)
outputs = {name for node in model.graph.node for name in node.output if node.op_type != "Constant"}
if set(told) != outputs:
    sys.exit(f"shapes of {sorted(told)}, the nodes make {sorted(outputs)}")
del model.graph.value_info[:]
inferred = shapes(shape_inference.infer_shapes(model, strict_mode=True).graph)
for name, shape in told.items():
    if inferred.get(name) != shape:
        sys.exit(f"{name}: {shape} where ONNX infers {inferred.get(name)}")

meta = {entry.key: entry.value for entry in model.metadata_props}
names = ast.literal_eval(meta["names"])
if names != dict(enumerate(json.loads(meta["classes"]))):
    sys.exit(f"names {meta['names']}, classes {meta['classes']}")
if not (model.producer_name == "oi-train" and model.producer_version and model.doc_string):
    sys.exit("it does not say what it is")
