package main

import (
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// tensor writes what a plugin of one's own would draw. TensorBoard's readers keep
// it for that; eventlog reads it back.
func tensor(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(10) {
		c := confusionOf(m.net, t.testSet)
		matrix := session.Tensor{Shape: []int{2, 2}, Data: append(c[0][:], c[1][:]...)}
		plugin := summary.Plugin{Name: "confusion_matrix", Content: []byte(`{"labels": ["lower", "upper"]}`)}
		if err := w.Tensor("confusion/counts", plugin, matrix, m.step); err != nil {
			return err
		}
	}
	return nil
}
