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
		if err := w.Tensor("confusion", "confusion_matrix", []byte(`{"labels": ["lower", "upper"]}`), matrix, m.step); err != nil {
			return err
		}
	}
	return nil
}
