"""Makes the models of this directory, and graphs.json: what the package onnx finds in them.

    python make.py      # in this directory, with onnx 1.23.2, scikit-learn 1.9.1 and skl2onnx 1.20.0
"""

import collections
import json

import numpy
import onnx
import skl2onnx
from onnx import TensorProto, checker, helper, inliner, numpy_helper, parser, shape_inference
from sklearn.linear_model import LogisticRegression

RELU = """
<ir_version: 8, opset_import: ["": 17]>
relu (float[1, 2] x) => (float[1, 2] y) <float[1, 2] w = {1, 2}> {
    s = Add(x, w)
    y = Relu(s)
}"""

# As old exporters make them: each initializer is an input, too; names begin with a slash.
MLP = """
<ir_version: 3, opset_import: ["": 11]>
mlp (float[N, 4] input, float[3, 4] "fc1.weight", float[3] "fc1.bias", float[2, 3] "fc2.weight", float[2] "fc2.bias")
    => (float[N, 2] output)
    <float[3, 4] "fc1.weight" = {1,2,3,4,5,6,7,8,9,10,11,12}, float[3] "fc1.bias" = {1,2,3},
     float[2, 3] "fc2.weight" = {1,2,3,4,5,6}, float[2] "fc2.bias" = {1,2}> {
    ["/fc1/Gemm"] "/fc1/Gemm_output_0" = Gemm <alpha: float = 1.0, transB: int = 1> (input, "fc1.weight", "fc1.bias")
    ["/Relu"] "/Relu_output_0" = Relu ("/fc1/Gemm_output_0")
    ["/fc2/Gemm"] "/fc2/Gemm_output_0" = Gemm <alpha: float = 1.0, transB: int = 1> ("/Relu_output_0", "fc2.weight", "fc2.bias")
    ["/Softmax"] output = Softmax <axis: int = 1> ("/fc2/Gemm_output_0")
}"""

CONTROL = """
<ir_version: 8, opset_import: ["": 17]>
control (bool flip, float[2] x, int64 times, float[5, 2] rows) => (float[2] chosen, float[2] last, float[times, 2] all, float[5, 2] sums) {
    [double] twice = Add(x, x)
    [choose] chosen = If (flip) <
        then_branch = then () => (float[2] t) {
            [negate] n = Neg(twice)
            [inner] t = If (flip) <
                then_branch = deep () => (float[2] d) { [deep_add] d = Add(n, x) },
                else_branch = flat () => (float[2] e) { [deep_sub] e = Sub(n, twice) }>
        },
        else_branch = else () => (float[2] f) <float[2] one = {1, 1}> { [plus] f = Add(x, one) }>
    [go] go = Constant <value = bool {1}> ()
    [loop] last, all = Loop (times, go, twice) <
        body = step (int64 i, bool go_in, float[2] carried) => (bool go_out, float[2] next, float[2] seen) {
            [keep] go_out = Identity(go_in)
            [scale] next = Mul(carried, x)
            [see] seen = Identity(next)
        }>
    [scan] total, sums = Scan <num_scan_inputs: int = 1,
        body = row (float[2] sum_in, float[2] line) => (float[2] sum_out, float[2] partial) {
            [sum] sum_out = Add(sum_in, line)
            [part] partial = Identity(sum_out)
        }> (x, rows)
}"""

FUNCTIONS = """
<ir_version: 9, opset_import: ["": 17, "layers": 1, "ai.onnx.ml": 3]>
functions (float[N, 4] x, float[4, 4] w) => (float[N, 4] y, float[N, 4] z) {
    [first] a, b = layers.dense_pair <slope = 0.1> (x, w)
    [second] c, d = layers.dense_pair (a, w)
    [sum] y = Add(c, d)
    [scale] z = ai.onnx.ml.Scaler <offset = [0.0], scale = [2.0]> (b)
}
<domain: "layers", opset_import: ["": 17]>
leaky <slope: float = 0.01> (v) => (r) {
    [relu] r = LeakyRelu <alpha: float = @slope> (v)
}
<domain: "layers", opset_import: ["": 17, "layers": 1]>
dense_pair <slope: float = 0.02> (v, w) => (p, q) {
    [matmul] m = MatMul(v, w)
    [act] p = layers.leaky <slope: float = @slope> (m)
    [out] q = Identity(m)
}"""

AWKWARD = """
<ir_version: 8, opset_import: ["": 17]>
awkward (float[6] "x:0", float "größe") => (float[2] "x:0/part:1", float[6] clipped, float[6] "x:0_", float[3] dense) {
    ["/a//b/"] "x:0/part:0", "x:0/part:1", "x:0/part:2" = Split("x:0")
    ["^c"] two = Identity("x:0/part:2")
    ["a/b"] one = Neg("x:0/part:0")
    clipped = Clip("x:0", , "größe")
    "/scope/deep:0" = Constant <value_ints: ints = [1, 2, 3]> ()
    ["a"] "x:0_" = Abs("x:0")
    "sum" = Add(one, two)
    ["use"] dense = Add(sparse, sparse)
}"""


def awkward():
    model = parser.parse_model(AWKWARD)
    values = numpy_helper.from_array(numpy.array([5], numpy.float32), "sparse")
    indices = numpy_helper.from_array(numpy.array([1], numpy.int64), "sparse_indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3]))
    return model


def logistic():
    """A model of a real exporter: operators of another domain, outputs that are no tensors."""
    x, y = numpy.array([[0.0, 1.0], [1.0, 0.0]], numpy.float32), numpy.array(["no", "yes"])
    return skl2onnx.to_onnx(LogisticRegression().fit(x, y), x, target_opset=17)


def kinds():
    """Every kind of attribute and of type, in an operator that only this model knows."""
    tensor = helper.make_tensor("", TensorProto.BFLOAT16, [2, 1], [1, 2])
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("", TensorProto.FLOAT, [1], [5]), helper.make_tensor("", TensorProto.INT64, [1], [1]), [3])
    node = helper.make_node(
        "Kinds", ["seq", "map", "optional", "sparse", "any"], ["out", "ranked"], "kinds", domain="own", overload="two",
        float=0.5, int=-3, string="größe", bytes=b"\xff" + b"x" * 300, tensor=tensor, sparse=sparse, floats=[0.5, 1e30], ints=range(20),
        strings=["a", 'b"'], tensors=[tensor, tensor], type=helper.make_tensor_type_proto(TensorProto.INT4, ["N", 2]))
    inner = helper.make_node("Abs", ["x"], ["y"], "abs")
    function = helper.make_function(
        "own", "Kinds", ["x", "a", "b", "c", "d"], ["y", "x"], [inner], [helper.make_opsetid("", 17)], overload="two",
        value_info=[helper.make_tensor_value_info("y", TensorProto.INT32, None)])
    floats = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    inputs = [helper.make_value_info(name, t) for name, t in [
        ("seq", helper.make_sequence_type_proto(floats)), ("map", helper.make_map_type_proto(TensorProto.STRING, floats)),
        ("optional", helper.make_optional_type_proto(floats)), ("sparse", helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [3])),
        ("any", helper.make_tensor_type_proto(TensorProto.DOUBLE, []))]]
    graph = helper.make_graph([node], "kinds", inputs, [helper.make_tensor_value_info("out", TensorProto.UINT8, [1])])
    opsets = [helper.make_opsetid("own", 1), helper.make_opsetid("", 17)]
    return helper.make_model(graph, functions=[function], opset_imports=opsets, ir_version=10)


def outputs_of(types, names):
    """The types of values as text."""
    texts = []
    for name in names:
        t = types.get(name)
        if t is None:
            texts.append("?")
            continue
        kind = t.WhichOneof("value")
        if kind != "tensor_type":
            texts.append(kind.removesuffix("_type"))
            continue
        dtype = helper.tensor_dtype_to_np_dtype(t.tensor_type.elem_type).name.replace("object", "string")
        dims = ", ".join(str(d.dim_value) if d.HasField("dim_value") else "?" for d in t.tensor_type.shape.dim)
        texts.append(f"{dtype}[{dims}]" if t.tensor_type.HasField("shape") else dtype)
    return [] if set(texts) == {"?"} else texts


def nodes_of(body, made, types, functions, scope):
    """The nodes of a graph or function: scope and name, operator, inputs, types of outputs. An input is which node makes it, and
    as the how manieth output, or which input or initializer it is. The results of its graphs, or of the function that it calls,
    are inputs of a node, too; for a call these are all."""
    for n in body:
        for i, output in enumerate(n.output):
            made[output] = scope + n.name + (f":{i}" if i else "")
    nodes = []
    for n in body:
        inputs = [made[i] for i in n.input if i]
        for f in functions:
            if (f.domain, f.name) == (n.domain, n.op_type):
                actual = dict(zip(f.input, inputs))
                nodes += nodes_of(f.node, actual, {v.name: v.type for v in f.value_info}, functions, f"{scope}{n.name}/")
                inputs = [actual[o] for o in f.output]
        for a, g in graphs_of(n):
            inner, results = graph_of(g, functions, f"{scope}{n.name}/{a.name}/", made)
            nodes += inner
            inputs += results
        nodes.append({"name": scope + n.name, "op": operator(n), "inputs": inputs, "outputs": outputs_of(types, n.output)})
    return nodes


def graph_of(graph, functions, scope="", outer=None):
    made = dict(outer or {})
    sources = [v.name for v in graph.input] + [t.name for t in graph.initializer] + [t.values.name for t in graph.sparse_initializer]
    made |= {name: scope + name for name in sources}
    types = {v.name: v.type for v in [*graph.input, *graph.output, *graph.value_info]}
    nodes = nodes_of(graph.node, made, types, functions, scope)
    return nodes, [made[v.name] for v in graph.output]


def operator(node):
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def graphs_of(node):
    for a in node.attribute:
        for g in [a.g] if a.type == onnx.AttributeProto.GRAPH else a.graphs:
            yield a, g


def operators(graph):
    """How many nodes there are of each operator, those of graphs within included."""
    count = collections.Counter()
    for n in graph.node:
        count[operator(n)] += 1
        for _, g in graphs_of(n):
            count += operators(g)
    return count


def main():
    found = {}
    for name, model in {
        "relu": parser.parse_model(RELU), "mlp": parser.parse_model(MLP), "control": parser.parse_model(CONTROL),
        "functions": parser.parse_model(FUNCTIONS), "awkward": awkward(), "kinds": kinds(), "logistic": logistic(),
    }.items():
        if name not in ("relu", "kinds"):
            model = shape_inference.infer_shapes(model)
        checker.check_model(model)
        onnx.save(model, f"{name}.onnx")
        nodes, results = graph_of(model.graph, model.functions)
        found[name] = {"nodes": nodes, "results": results, "operators": operators(inliner.inline_local_functions(model).graph)}
    with open("graphs.json", "w") as f:
        json.dump(found, f, ensure_ascii=False)


main()
