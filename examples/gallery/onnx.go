package main

import (
	_ "embed"
	"errors"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/onnx"
)

// moonsModel is the network as a model in the format of ONNX, which moons_onnx.py makes.
//
//go:embed moons.onnx
var moonsModel []byte

// modelGraph draws the graph of that model. A run shows one graph: this has its own.
func modelGraph(dir string) (err error) {
	graph, err := onnx.Graph(moonsModel)
	if err != nil {
		return err
	}
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return w.AddGraph(graph, 0)
}
