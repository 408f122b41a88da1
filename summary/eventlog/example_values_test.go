package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"log"
	"os"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
)

// read writes a run with a value of a kind, and calls show with what is read back.
func read(write func(*summary.FileWriter) error, show func(*eventlog.Value)) {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(write(w), w.Close()); err != nil {
		log.Fatal(err)
	}
	for e, err := range eventlog.Events(context.Background(), dir, eventlog.Config{}) {
		if err != nil {
			log.Fatal(err)
		}
		for v, err := range e.Values() {
			if err != nil {
				log.Fatal(err)
			}
			show(&v)
		}
	}
}

func ExampleValue_Scalar() {
	read(func(w *summary.FileWriter) error {
		return w.Scalar("loss", 0.25, 1)
	}, func(v *eventlog.Value) {
		loss, err := v.Scalar()
		fmt.Println(v.Kind, v.Tag, loss, err)
	})
	// Output: scalar loss 0.25 <nil>
}

func ExampleValue_Histogram() {
	read(func(w *summary.FileWriter) error {
		return w.HistogramBuckets("weights", []float32{-1, 0, 0.5, 1}, 2, 1)
	}, func(v *eventlog.Value) {
		buckets, err := v.Histogram()
		fmt.Println(v.Kind, v.Tag, buckets, err)
	})
	// Output: histogram weights [{-1 0 1} {0 1 3}] <nil>
}

func ExampleValue_Images() {
	read(func(w *summary.FileWriter) error {
		return w.Image("input", image.NewGray(image.Rect(0, 0, 28, 28)), 1)
	}, func(v *eventlog.Value) {
		images, err := v.Images()
		if err != nil {
			log.Fatal(err)
		}
		for _, encoded := range images.Encoded {
			picture, format, err := image.Decode(bytes.NewReader(encoded))
			fmt.Println(v.Kind, v.Tag, picture.Bounds(), format, err)
		}
	})
	// Output: image input (0,0)-(28,28) png <nil>
}

func ExampleValue_Audio() {
	read(func(w *summary.FileWriter) error {
		return w.Audio("beep", summary.Clip{Samples: make([]float32, 800), SampleRate: 16000}, 1)
	}, func(v *eventlog.Value) {
		clips, err := v.Audio()
		fmt.Println(v.Kind, v.Tag, len(clips), "clip,", len(clips[0].Encoded), "bytes of WAV,", err)
	})
	// Output: audio beep 1 clip, 1644 bytes of WAV, <nil>
}

func ExampleValue_Blobs() {
	read(func(w *summary.FileWriter) error {
		return w.Text("note", "all is *well*", 1)
	}, func(v *eventlog.Value) {
		texts, err := v.Blobs()
		fmt.Printf("%v %s %q %v\n", v.Kind, v.Tag, texts, err)
	})
	// Output: text note ["all is *well*"] <nil>
}

func ExampleValue_Tensor() {
	read(func(w *summary.FileWriter) error {
		confusion := session.Tensor{Shape: []int{2, 2}, Data: []int64{90, 10, 3, 97}}
		return w.Tensor("confusion", summary.Plugin{Name: "confusion_matrix"}, confusion, 1)
	}, func(v *eventlog.Value) {
		t, err := v.Tensor()
		fmt.Println(v.Metadata.Plugin, t.Shape, t.Data(), err)
	})
	// Output: confusion_matrix [2 2] [90 10 3 97] <nil>
}

func ExampleRuns() {
	logdir := writeRuns()
	defer os.RemoveAll(logdir)
	runs, err := eventlog.Runs(logdir)
	if err != nil {
		log.Fatal(err)
	}
	for _, run := range runs {
		fmt.Println(run.Name, len(run.Files), "file")
	}
	// Output:
	// fast 1 file
	// slow 1 file
}

// The epoch was written at the end of each, every 100 steps.
func ExampleNewAxis() {
	epochs := eventlog.NewAxis(&eventlog.Curve{Tag: "epoch", Steps: []int64{100, 200, 300}, Values: []float64{1, 2, 3}})
	loss := eventlog.Curve{Tag: "loss", Steps: []int64{100, 150, 200}, Values: []float64{0.9, 0.6, 0.5}}
	for i, step := range loss.Steps {
		fmt.Println(epochs.At(step), loss.Values[i])
	}
	// Output:
	// 1 0.9
	// 1.5 0.6
	// 2 0.5
}
