package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/cmd/runhook/internal/safe"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventlog/readers"
)

func (a *app) verifyCommand() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [PATH]",
		Short: "Check files, and tell what each of TensorBoard's readers would drop",
		Long: `verify looks at every record of every event file below PATH and then asks what
TensorBoard would show. It reports findings of these classes:

  damage   a wrong checksum, a record that is no event
  torn     a file that ends inside a record: being written, or its writer died
  empty    a file without events
  version  a file that does not begin with a version, or with one below 2
  order    a file that sorts before one with older events of the same run
  name     a tag that is empty, or has blanks at an end or control characters
  reader   what a reader does not show, and why: EventAccumulator, which scripts
           use, the Python server (--load_fast=false), and rustboard, the default

Points that a restart has overtaken are meant to go; where all readers agree on
them they are counted, and no finding.

The readers hold all values in memory, and so does verify while it asks them;
--readers=false leaves them out.

Exit status: 0 no findings, 1 findings, 2 not verified. Findings of ignored
classes do not count.`,
		Example: `  runhook verify runs
  runhook verify runs --ignore torn,reader --quiet   # in a script, of a run in progress
  runhook verify runs --json | jq '.readers[] | {name, dropped}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), pathArg(args), o)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.ignore, "ignore", nil, "leave out findings of these `CLASSES`")
	f.BoolVar(&o.readers, "readers", true, "ask what the readers show")
	f.IntVarP(&o.max, "max", "n", 50, "print at most so many findings; 0: all (--json has all)")
	mustComplete(cmd, "ignore", classes)
	return cmd
}

var classes = []string{"damage", "torn", "empty", "version", "order", "name", "reader"}

type verifyOptions struct {
	ignore  []string
	readers bool
	max     int
}

// A finding is something that is not as it should be.
type finding struct {
	Class  string `json:"class"`
	Reader string `json:"reader,omitempty"`
	Run    string `json:"run,omitempty"`
	Tag    string `json:"tag,omitempty"`
	File   string `json:"file,omitempty"`
	Offset *int64 `json:"offset,omitempty"`
	Points int    `json:"points,omitempty"` // that a reader drops
	Text   string `json:"text"`
}

type verified struct {
	Files    int          `json:"files"`
	Records  int          `json:"records"`
	Bytes    int64        `json:"bytes"`
	Findings []finding    `json:"findings"`
	Readers  []readerJSON `json:"readers,omitempty"`
}

type readerJSON struct {
	Name      string `json:"name"`
	Runs      int    `json:"runs"`
	Tags      int    `json:"tags"`
	Points    int    `json:"points"`
	Overtaken int    `json:"overtaken"` // points, by a restart
	Dropped   int    `json:"dropped"`   // other points
	Error     string `json:"error,omitempty"`
}

func (a *app) verify(ctx context.Context, path string, o verifyOptions) error {
	for _, class := range o.ignore {
		if !slices.Contains(classes, class) {
			return fmt.Errorf("--ignore %q, want some of %s", class, strings.Join(classes, ", "))
		}
	}
	l, err := a.open(path, &selection{})
	if err != nil {
		return err
	}
	views := readers.All()
	if !o.readers || slices.Contains(o.ignore, "reader") {
		views = nil
	}
	v := &verified{Bytes: l.size, Findings: []finding{}}
	m := a.meter("verifying", l.size*int64(1+len(views)), false)
	defer m.clear()
	for _, run := range l.runs {
		if err := v.run(ctx, run, m.add); err != nil {
			return err
		}
	}
	var answers []answer
	for _, view := range views {
		shown, err := view.Load(ctx, newLogFS(path, m.add))
		if err != nil {
			return err
		}
		answers = append(answers, newAnswer(view.Name(), shown)) // Not the points, which are all of the files.
	}
	agreed := overtaken(answers)
	for _, answer := range answers {
		v.ask(answer, agreed)
	}
	m.clear()
	v.Findings = slices.DeleteFunc(v.Findings, func(f finding) bool { return slices.Contains(o.ignore, f.Class) })
	status := a.tell(l.unlisted)
	if len(v.Findings) > 0 {
		status = max(status, statusFound)
	}
	if a.json {
		return cmp.Or(writeJSON(a.Out, v), status.ended())
	}
	return cmp.Or(a.verifiedText(v, o.max), status.ended())
}

// run looks at the files of a run.
func (v *verified) run(ctx context.Context, run eventlog.Run, progress func(int)) error {
	d := new(eventlog.Decoder)
	tags := make(map[string]bool)
	before, began := "", 0.0
	for _, path := range run.Files {
		f, err := v.file(ctx, run.Name, path, d, tags, progress)
		if err != nil {
			return err
		}
		if f.events == 0 {
			v.find(finding{Class: "empty", Run: run.Name, File: path, Text: "no events"})
			continue
		}
		if before != "" && f.began < began {
			v.find(finding{Class: "order", Run: run.Name, File: path, Text: fmt.Sprintf(
				"begins at %s, before %s, which sorts before it; readers go by name", clock(f.began), filepath.Base(before))})
		}
		before, began = path, f.began
	}
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		if tag == "" || strings.TrimSpace(tag) != tag || strings.ContainsFunc(tag, unicode.IsControl) {
			v.find(finding{Class: "name", Run: run.Name, Tag: tag, Text: fmt.Sprintf("tag %q of run %q", tag, run.Name)})
		}
	}
	return nil
}

func (v *verified) find(f finding) { v.Findings = append(v.Findings, f) }

type verifiedFile struct {
	events int
	began  float64 // wall time of the first event
}

// file looks at every record of a file.
func (v *verified) file(ctx context.Context, run, path string, d *eventlog.Decoder, tags map[string]bool, progress func(int)) (verifiedFile, error) {
	v.Files++
	var out verifiedFile
	src, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer src.Close()
	r := eventlog.NewReader(rewrite.Counted(ctx, src, progress), eventlog.ReaderConfig{Name: path, Salvage: true, Decoder: d})
	for e, err := range r.Events() {
		if err != nil {
			if err := v.damage(run, path, err); err != nil {
				return out, err
			}
			continue
		}
		v.Records++
		if out.events++; out.events == 1 {
			out.began = e.WallTime
			if e.Offset == 0 {
				v.version(run, e)
			}
		}
		for value, err := range e.Values() {
			if err != nil {
				if err := v.damage(run, path, err); err != nil {
					return out, err
				}
				break
			}
			tags[value.Tag] = true
		}
	}
	return out, nil
}

// damage notes an error that is of the file's contents.
func (v *verified) damage(run, path string, err error) error {
	var fault *eventlog.RecordError
	if !errors.As(err, &fault) {
		return err
	}
	class, text := "damage", faultText(fault)
	switch {
	case errors.Is(err, eventlog.ErrTruncated):
		class = "torn"
	case !errors.Is(err, eventlog.ErrCorrupt) && !errors.Is(err, eventlog.ErrMalformed):
		return err
	}
	if fault.Skipped > 0 {
		text += fmt.Sprintf(" (%s)", count(int(fault.Skipped), "byte"))
	}
	v.find(finding{Class: class, Run: run, File: path, Offset: &fault.Offset, Text: text})
	return nil
}

// faultText says what is wrong, without the place.
func faultText(fault *eventlog.RecordError) string {
	if errors.Is(fault, eventlog.ErrTruncated) {
		return "ends inside a record"
	}
	return fault.Err.Error()
}

// version looks at the first event of a file.
func (v *verified) version(run string, e *eventlog.Event) {
	text := ""
	if number := 0; e.What != eventlog.FileVersion {
		text = fmt.Sprintf("begins with %v", e.What)
	} else if n, err := fmt.Sscanf(string(e.Body()), "brain.Event:%d", &number); n != 1 || err != nil || number < 2 {
		text = fmt.Sprintf("has version %q", e.Body())
	}
	if text != "" {
		offset := e.Offset
		v.find(finding{Class: "version", Run: run, File: e.File, Offset: &offset, Text: text + "; two readers then drop points that are out of order"})
	}
}

func (a *app) verifiedText(v *verified, most int) error {
	left := 0
	list := v.Findings
	if most > 0 && len(list) > most {
		left, list = len(list)-most, list[:most]
	}
	for _, f := range list {
		text := f.Text
		if f.Reader != "" {
			text = f.Reader + ": " + text
		} else if f.File != "" {
			where := f.File
			if f.Offset != nil {
				where += fmt.Sprintf(": offset %d", *f.Offset)
			}
			text = where + ": " + text
		}
		if _, err := fmt.Fprintf(a.Out, "%-7s  %s\n", f.Class, safe.Text(text)); err != nil {
			return err
		}
	}
	if left > 0 {
		fmt.Fprintf(a.Out, "and %s more; --max 0 prints all\n", count(left, "finding"))
	}
	if len(v.Findings) > 0 {
		fmt.Fprintln(a.Out)
	}
	_, err := fmt.Fprintf(a.Out, "%s, %s, %s: %s\n", count(v.Files, "file"), count(v.Records, "record"), size(v.Bytes), count(len(v.Findings), "finding"))
	if err != nil || len(v.Readers) == 0 {
		return err
	}
	t := newTable("READER", ">RUNS", ">TAGS", ">POINTS SHOWN", ">OVERTAKEN", ">DROPPED")
	for _, r := range v.Readers {
		t.add(r.Name, grouped(int64(r.Runs)), grouped(int64(r.Tags)), grouped(int64(r.Points)), grouped(int64(r.Overtaken)), grouped(int64(r.Dropped)))
	}
	return t.write(a.Out)
}
