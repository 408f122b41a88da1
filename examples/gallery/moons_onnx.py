"""Makes moons.onnx, the network of the gallery as a model: python moons_onnx.py (with the packages onnx and numpy)."""

import numpy
import onnx
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference

LAYERS = [("hidden_1", 2, 12, "Tanh"), ("hidden_2", 12, 12, "Tanh"), ("output", 12, 1, "Sigmoid")]

nodes, weights, value = [], [], "points"
for layer, inputs, outputs, squash in LAYERS:
    for name, shape in (("weights", (inputs, outputs)), ("bias", (outputs,))):
        weights.append(numpy_helper.from_array(numpy.zeros(shape, numpy.float32), f"{layer}/{name}"))
    nodes.append(helper.make_node("Gemm", [value, f"{layer}/weights", f"{layer}/bias"], [f"{layer}/sum"], f"{layer}/Gemm"))
    value = f"{layer}/{squash}" if layer != "output" else "probability"
    nodes.append(helper.make_node(squash, [f"{layer}/sum"], [value], f"{layer}/{squash}"))

points = helper.make_tensor_value_info("points", TensorProto.FLOAT, ["batch", 2])
probability = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", 1])
graph = helper.make_graph(nodes, "moons", [points], [probability], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model)
onnx.save(shape_inference.infer_shapes(model, strict_mode=True), "moons.onnx")
