package main

import (
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// tensor writes what a plugin of one's own would draw. TensorBoard's readers keep
// it for that; eventlog reads it back.
func tensor(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(10) {
		var confusion [2][2]int64
		for _, p := range t.testSet {
			confusion[index(p.upper)][index(m.net.predict(p.x, p.y) >= 0.5)]++
		}
		matrix := session.Tensor{Shape: []int{2, 2}, Data: append(confusion[0][:], confusion[1][:]...)}
		if err := w.Tensor("confusion", "confusion_matrix", []byte(`{"labels": ["lower", "upper"]}`), matrix, m.step); err != nil {
			return err
		}
	}
	return nil
}
