package onnx_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/onnx"
)

// The model is y = Relu(x + w), as the package onnx of Python saves it.
func ExampleGraph() {
	logdir, err := os.MkdirTemp("", "runhook")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(logdir)
	model, err := os.ReadFile(filepath.Join("testdata", "relu.onnx"))
	if err != nil {
		log.Fatal(err)
	}
	graph, err := onnx.Graph(model)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range graph.DescribeGraph() {
		fmt.Println(n.Name, n.Op, n.Inputs, n.Outputs)
	}
	w, err := summary.NewFileWriter(logdir, summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(w.AddGraph(graph, 0), w.Close()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// w Const [] [float32[1, 2]]
	// x Input [] [float32[1, 2]]
	// Add_s Add [x w] []
	// Relu_y Relu [Add_s] [float32[1, 2]]
	// y Output [Relu_y] [float32[1, 2]]
}
