package summary_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// A loop of one's own writes what it has. Point TensorBoard at the directory:
// tensorboard --logdir runs.
func ExampleFileWriter() {
	runs, err := os.MkdirTemp("", "runs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(runs)

	w, err := summary.NewFileWriter(filepath.Join(runs, "first"), summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	weights := []float32{-0.5, 0, 0.25, 1}
	for step := range int64(100) {
		loss := 1 / float64(step+1)
		if err := w.Scalar("loss", loss, step); err != nil {
			log.Fatal(err)
		}
		if step%50 == 0 {
			if err := w.Histogram("weights", weights, step); err != nil {
				log.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil { // what was added is in the file, or this tells why not
		log.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(runs, "first", "events.out.tfevents.*"))
	fmt.Println(len(files), "event file,", err)
	// Output: 1 event file, <nil>
}

// The hook fetches the loss on the runs that record, and on no other.
func ExampleNewSummarySaverHook() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	loss := 1.0
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		loss *= 0.9
		out[0] = session.Float64(loss)
		return nil
	}, "loss")

	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 10,
		OutputDir: dir,
		SummaryOp: summary.Scalar("loss", "loss"),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	config := session.Config{Engine: engine, Hooks: []session.SessionRunHook{saver}}
	err = session.With(ctx, config, func(s *session.MonitoredSession) error {
		for range 25 { // steps 1, 11 and 21 are recorded
			if _, err := s.Run(ctx, session.TrainOp); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	fmt.Println(len(files), "event file,", err)
	// Output: 1 event file, <nil>
}
