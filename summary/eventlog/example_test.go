package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
)

// writeRuns makes a log directory with two runs.
func writeRuns() (logdir string) {
	logdir, err := os.MkdirTemp("", "logs")
	if err != nil {
		log.Fatal(err)
	}
	for run, rate := range map[string]float64{"fast": 2, "slow": 1} {
		w, err := summary.NewFileWriter(filepath.Join(logdir, run), summary.FileWriterConfig{})
		if err != nil {
			log.Fatal(err)
		}
		for step := range int64(4) {
			err = errors.Join(err, w.Scalar("loss", 8/(1+rate*float64(step)), step))
		}
		err = errors.Join(err, w.Histogram("weights", []float32{-1, 0, 0, 1}, 3), w.Close())
		if err != nil {
			log.Fatal(err)
		}
	}
	return logdir
}

// All scalars of a log directory, as slices.
func ExampleScalars() {
	logdir := writeRuns()
	defer os.RemoveAll(logdir)

	curves, err := eventlog.Scalars(context.Background(), logdir, eventlog.Config{
		Filter: eventlog.Filter{Tag: func(tag string) bool { return tag == "loss" }},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range curves {
		fmt.Println(c.Run, c.Tag, c.Steps, c.Values)
	}
	// Output:
	// fast loss [0 1 2 3] [8 2.6666667461395264 1.600000023841858 1.1428571939468384]
	// slow loss [0 1 2 3] [8 4 2.6666667461395264 2]
}

// What there is, without decoding any of it.
func ExampleTags() {
	logdir := writeRuns()
	defer os.RemoveAll(logdir)

	series, err := eventlog.Tags(context.Background(), logdir, eventlog.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range series {
		fmt.Printf("%s %s: %d of kind %v up to step %d\n", s.Run, s.Tag, s.Count, s.Kind, s.LastStep)
	}
	// Output:
	// fast loss: 4 of kind scalar up to step 3
	// fast weights: 1 of kind histogram up to step 3
	// slow loss: 4 of kind scalar up to step 3
	// slow weights: 1 of kind histogram up to step 3
}

// Values of any kind, one after the other, in constant memory.
func ExampleEvents() {
	logdir := writeRuns()
	defer os.RemoveAll(logdir)

	for e, err := range eventlog.Events(context.Background(), filepath.Join(logdir, "fast"), eventlog.Config{}) {
		if err != nil {
			log.Fatal(err)
		}
		for v, err := range e.Values() {
			if err != nil {
				log.Fatal(err)
			}
			if v.Kind == eventlog.KindHistogram {
				buckets, err := v.Histogram()
				fmt.Println(e.Step, v.Tag, len(buckets), "buckets", err)
			}
		}
	}
	// Output: 3 weights 5 buckets <nil>
}

// A reader tells how a file ends: well, torn, or damaged.
func ExampleReader() {
	logdir := writeRuns()
	defer os.RemoveAll(logdir)
	files, err := filepath.Glob(filepath.Join(logdir, "fast", "*"))
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile(files[0])
	if err != nil {
		log.Fatal(err)
	}

	damaged := bytes.Clone(file)
	damaged[100] ^= 1
	for _, file := range [][]byte{file, file[:150], damaged} {
		r := eventlog.NewReader(bytes.NewReader(file), eventlog.ReaderConfig{})
		events, ending := 0, "well"
		for _, err := range r.Events() {
			switch {
			case errors.Is(err, eventlog.ErrTruncated):
				ending = "torn"
			case errors.Is(err, eventlog.ErrCorrupt):
				ending = "damaged"
			default:
				events++
			}
		}
		fmt.Println(events, "events, ends", ending)
	}
	// Output:
	// 6 events, ends well
	// 3 events, ends torn
	// 1 events, ends damaged
}

// What a job writes, while it writes. The context ends it.
func ExampleFollow() {
	logdir := writeRuns()
	defer os.RemoveAll(logdir)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()

	for e, err := range eventlog.Follow(ctx, logdir, eventlog.FollowConfig{Interval: 10 * time.Millisecond}) {
		if err != nil {
			log.Fatal(err)
		}
		for v, err := range e.Values() {
			if loss, scalar := v.Scalar(); err == nil && scalar == nil {
				fmt.Println(e.Run, e.Step, v.Tag, loss)
			}
		}
		if e.Run == "fast" && e.Step == 2 {
			break // The job may go on, we do not.
		}
	}
	// Output:
	// fast 0 loss 8
	// fast 1 loss 2.6666667461395264
	// fast 2 loss 1.600000023841858
}

// The intact records of a damaged file, into a new one.
func ExampleRepair() {
	logdir := writeRuns()
	defer os.RemoveAll(logdir)
	files, err := filepath.Glob(filepath.Join(logdir, "fast", "*"))
	if err != nil {
		log.Fatal(err)
	}
	damaged, err := os.ReadFile(files[0])
	if err != nil {
		log.Fatal(err)
	}
	damaged[100] ^= 1

	var repaired bytes.Buffer
	done, err := eventlog.Repair(context.Background(), &repaired, bytes.NewReader(damaged), eventlog.RepairConfig{
		OnFault: func(fault *eventlog.RecordError) error {
			fmt.Println("damage at offset", fault.Offset)
			return nil
		},
	})
	fmt.Println(done.Records, "records are intact,", err)
	// Output:
	// damage at offset 51
	// 5 records are intact, <nil>
}
