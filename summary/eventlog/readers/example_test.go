package readers_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog/readers"
)

// An evaluation that reports late costs points in one of the readers.
func Example() {
	logdir, err := os.MkdirTemp("", "runs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(logdir)
	w, err := summary.NewFileWriter(logdir, summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range []int64{10, 20, 30, 15} {
		if err := w.Scalar("accuracy", 0.5, step); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	for _, view := range readers.All() {
		shown, err := view.Load(context.Background(), os.DirFS(logdir))
		if err != nil {
			log.Fatal(err)
		}
		for _, run := range shown.Runs {
			for _, tag := range run.Tags {
				fmt.Printf("%s shows %d points of %q\n", view.Name(), len(tag.Points), tag.Name)
			}
		}
		for _, loss := range shown.Losses {
			fmt.Printf("%s drops %d points: %v\n", view.Name(), loss.Points, loss.Reason)
		}
	}
	// Output:
	// EventAccumulator shows 4 points of "accuracy"
	// Python server shows 4 points of "accuracy"
	// rustboard shows 2 points of "accuracy"
	// rustboard drops 2 points: steps do not rise
}
