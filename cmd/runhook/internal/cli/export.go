package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) exportCommand() *cobra.Command {
	var s selection
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [PATH]",
		Short: "Write values to CSV, NDJSON, Parquet, or pictures, sounds and texts to files",
		Long: `export writes the values below PATH in the order of the files, one row a value,
as they are read: memory does not grow with the files.

  csv      scalars: run, tag, step, wall_time, value, with --x TAG also x
  parquet  the same columns (UTF-8, UTF-8, int64, double, double), zstd
  ndjson   values of every kind, one JSON object a line
  files    pictures, sounds, texts, graphs: DIR/run/tag/step-N.png …, and an
           index.ndjson that tells run, tag, step and wall time of each

With --x TAG, csv and ndjson tell of each value where its step is on the axis of
another scalar of the run, such as the epoch; between two points of it as on a
straight line, and nothing outside of them.

The format follows from the name given with -o, or is csv, with --json ndjson.
Without -o the rows go to standard output; with it --json tells there what was
written. A file appears under its name when it is complete; one that
is there already is not replaced without --force.`,
		Example: `  runhook export runs > runs.csv
  runhook export runs -o runs.parquet --tag '*loss'
  runhook export runs --tag '*loss' --x epoch > epochs.csv
  runhook export runs --format files -o media --kind image,audio
  runhook export runs --format ndjson --kind histogram | jq .buckets`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.export(cmd.Context(), pathArg(args), &s, o)
		},
	}
	s.names(a, cmd)
	s.kindsFlag(cmd)
	s.events(cmd)
	s.purgeFlag(cmd, false)
	f := cmd.Flags()
	f.StringVarP(&o.format, "format", "F", "", "csv, ndjson, parquet or files")
	f.StringVarP(&o.out, "output", "o", "", "the file, or for files the new directory, to write")
	f.StringVarP(&o.x, "x", "x", "", "csv, ndjson: tell where steps are on the axis of the scalar of this `TAG`")
	a.completeAxis(cmd)
	f.BoolVar(&o.force, "force", false, "replace the file")
	f.BoolVar(&o.salvage, "salvage", false, "read on behind damage")
	f.BoolVar(&o.blobs, "blobs", false, "ndjson: with the bytes of pictures, sounds and graphs, in base64")
	mustComplete(cmd, "format", formats)
	return cmd
}

var formats = []string{"csv", "ndjson", "parquet", "files"}

type exportOptions struct {
	format, out, x        string
	force, salvage, blobs bool

	axes *axes // nil without x
}

func (o *exportOptions) resolve(json bool) error {
	if o.format == "" {
		o.format = strings.ToLower(strings.TrimPrefix(filepath.Ext(o.out), "."))
		switch {
		case o.format == "jsonl" || o.out == "" && json:
			o.format = "ndjson"
		case o.format == "":
			o.format = "csv"
		}
	}
	switch {
	case !slices.Contains(formats, o.format):
		return fmt.Errorf("--format %q, want one of %s", o.format, strings.Join(formats, ", "))
	case o.out == "" && (o.format == "files" || o.format == "parquet"):
		return fmt.Errorf("--format %s needs an --output", o.format)
	case o.x != "" && o.format != "csv" && o.format != "ndjson":
		return fmt.Errorf("--x %q, want csv or ndjson for it, not %s", o.x, o.format)
	}
	return nil
}

// A sink takes the values of an export.
type sink interface {
	// add takes a value, if it is one for this format.
	add(e *eventlog.Event, v *eventlog.Value) (taken bool, err error)
	// close writes what is left.
	close() error
}

func (a *app) export(ctx context.Context, path string, s *selection, o exportOptions) (err error) {
	if err := o.resolve(a.json); err != nil {
		return err
	}
	l, err := a.open(path, s)
	if err != nil {
		return err
	}
	l.config.Salvage = o.salvage
	status := told(statusDone)
	if o.x != "" {
		if status, err = a.readAxes(ctx, l, &o); err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, status.ended()) }()
	}
	var to sink
	switch {
	case o.format == "files":
		dir, err := newDir(o.out)
		if err != nil {
			return err
		}
		defer dir.discard()
		files, err := newFileSink(dir.path)
		if err != nil {
			return err
		}
		return a.exportTo(ctx, l, files, o, dir.keep)
	case o.out == "":
		to, err = newRowSink(o, a.Out)
		if err != nil {
			return err
		}
		return a.exportTo(ctx, l, to, o, func() error { return nil })
	}
	file, err := newFile(o.out, o.force)
	if err != nil {
		return err
	}
	defer file.discard()
	to, err = newRowSink(o, file)
	if err != nil {
		return err
	}
	return a.exportTo(ctx, l, to, o, file.keep)
}

func newRowSink(o exportOptions, w io.Writer) (sink, error) {
	switch o.format {
	case "csv":
		return newCSVSink(w, o.axes)
	case "parquet":
		return newParquetSink(w), nil
	}
	return newNDJSONSink(w, o.blobs, o.axes), nil
}

// readAxes reads the scalar that is the axis, of whatever steps and times are chosen.
func (a *app) readAxes(ctx context.Context, l *log, o *exportOptions) (told, error) {
	o.axes = &axes{tag: o.x}
	chosen := *l.chosen
	chosen.config.Filter = eventlog.Filter{Run: chosen.run, Tag: func(tag string) bool { return tag == o.x }}
	curves, status, err := a.scalars(ctx, &log{path: l.path, chosen: &chosen, size: l.size})
	if err != nil {
		return status, err
	}
	o.axes.take(curves, eventlog.Filter{})
	return status, o.axes.missing()
}

type exportedJSON struct {
	Output string `json:"output"`
	Format string `json:"format"`
	Values int    `json:"values"`
}

// exportTo gives the chosen values to the sink, and keeps what it has written.
func (a *app) exportTo(ctx context.Context, l *log, to sink, o exportOptions, keep func() error) error {
	status, taken := told(statusDone), 0
	err := a.measured(l, "exporting", o.out == "", func() error {
		for e, err := range eventlog.Events(ctx, l.path, l.config) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				status = max(status, a.tell(err))
				continue
			}
			for v, err := range e.Values() {
				if err != nil {
					status = max(status, a.tell(err))
					break
				}
				if l.kind != nil && !l.kind(v.Kind) {
					continue
				}
				ok, err := to.add(e, &v)
				if malformed(err) {
					status = max(status, a.tell(&eventlog.RecordError{File: e.File, Offset: e.Offset, Err: err}))
				} else if err != nil {
					return err
				}
				if ok {
					taken++
				}
			}
		}
		return nil
	})
	if err == nil {
		err = to.close()
	}
	if err == nil {
		err = keep()
	}
	if err != nil {
		return err
	}
	switch {
	case o.out == "":
	case a.json:
		err = writeJSON(a.Out, exportedJSON{o.out, o.format, taken})
	default:
		a.remark("%s written", count(taken, "value"))
	}
	return cmp.Or(err, status.ended())
}
