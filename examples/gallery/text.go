package main

import (
	"fmt"

	"github.com/runhook/runhook/summary"
)

func text(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(25) {
		report := fmt.Sprintf(`### Step %d

The network tells **%.1f %%** of the test set right, with a loss of %.3f.

| set | loss | accuracy |
|---|---:|---:|
| train | %.3f | %.3f |
| test | %.3f | %.3f |

> Markdown is shown by all readers: lists, tables, [links](https://www.tensorflow.org/tensorboard), `+"`code`"+`.
`, m.step, 100*m.test.accuracy, m.test.loss, m.train.loss, m.train.accuracy, m.test.loss, m.test.accuracy)
		if err := w.Text("report", report, m.step); err != nil {
			return err
		}
	}
	// A table without Markdown's bars; cells may have their own.
	rows := [][]string{{"layer", "units", "of"}}
	for i, l := range t.last().net.layers {
		rows = append(rows, []string{fmt.Sprintf("**%d**", i+1), fmt.Sprint(len(l.bias)), fmt.Sprintf("`%d` inputs", len(l.weights[0]))})
	}
	return w.TextTable("layers", rows, steps)
}
