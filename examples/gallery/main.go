// Command gallery writes everything that TensorBoard can show, so that one can
// look at it there and see here how each is written: scalars.go, histograms.go,
// images.go …
//
//	go run ./examples/gallery -logdir gallery
//	tensorboard --logdir gallery
//
// What it shows is a small network that learns to tell two moons apart: moons.go,
// network.go, training.go. Pictures of it are drawn by draw.go.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/runhook/runhook/summary"
)

func main() {
	logdir, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(logdir, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gallery:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (logdir string, err error) {
	flags := flag.NewFlagSet("gallery", flag.ContinueOnError)
	flags.StringVar(&logdir, "logdir", filepath.Join(os.TempDir(), "runhook-gallery", time.Now().Format("2006-01-02T15.04.05")),
		"`directory` for event files")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return logdir, nil
}

func run(logdir string, out io.Writer) error {
	t := train(settings{units: 12, rate: 0.5, batchSize: 32, decay: true})
	dir := filepath.Join(logdir, "moons")
	err := errors.Join(exhibit(dir, t), projector(dir, t), runs(dir, t), version1(filepath.Join(dir, "version_1"), t),
		modelGraph(filepath.Join(dir, "onnx")), hparams(filepath.Join(logdir, "trials")))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "event files: %s\nlook at them with\n    tensorboard --logdir %s\n", logdir, logdir)
	return nil
}

// exhibit writes all that belongs into one run.
func exhibit(dir string, t *training) (err error) {
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for _, write := range []func(*summary.FileWriter, *training) error{
		start, scalars, histograms, images, boxes, figures, video, audio, text, prCurves, meshes,
		customScalars, graphs, profile, keras, tensor, message,
	} {
		if err := write(w, t); err != nil {
			return err
		}
	}
	return nil
}
