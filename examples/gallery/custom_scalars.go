package main

import (
	"slices"

	"github.com/runhook/runhook/summary"
)

func customScalars(w *summary.FileWriter, t *training) error {
	err := w.CustomScalars(summary.Layout{Categories: []summary.LayoutCategory{{
		Title: "test set",
		Charts: []summary.LayoutChart{
			{Title: "losses, the middle half", Bands: []summary.LayoutBand{
				{Value: "quartile/2", Lower: "quartile/1", Upper: "quartile/3"},
			}},
			{Title: "losses, quartiles", Tags: []string{"quartile/[123]"}},
		},
	}, {
		Title:  "schedule",
		Charts: []summary.LayoutChart{{Title: "rate and gradient", Tags: []string{"schedule/.*"}}},
	}}}, 0)
	if err != nil {
		return err
	}
	for _, m := range t.moments {
		losses := m.net.losses(t.testSet)
		slices.Sort(losses)
		quartile := func(i int) float64 { return losses[i*len(losses)/4] }
		err := w.Add(m.step,
			summary.ScalarValue("quartile/1", quartile(1)),
			summary.ScalarValue("quartile/2", quartile(2)),
			summary.ScalarValue("quartile/3", quartile(3)))
		if err != nil {
			return err
		}
	}
	return nil
}
