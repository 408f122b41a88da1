package onnx

// GraphWithin is Graph with another limit of what is made of a model.
var GraphWithin = graphWithin
