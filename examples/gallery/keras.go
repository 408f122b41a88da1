package main

import (
	"encoding/json"
	"fmt"

	"github.com/runhook/runhook/summary"
)

// keras describes the network as Keras would: TensorBoard draws its layers as
// "conceptual graph".
func keras(w *summary.FileWriter, t *training) error {
	type object map[string]any
	var layers []object
	for i, l := range t.last().net.layers {
		layers = append(layers, object{"class_name": "Dense", "config": object{"name": fmt.Sprintf("layer_%d", i+1), "units": len(l.bias), "dtype": "float64"}})
	}
	model, err := json.Marshal(object{"class_name": "Sequential", "config": object{"name": "moons", "layers": layers}})
	if err != nil {
		return err
	}
	return w.KerasModel("layers of the network", string(model), 0)
}
