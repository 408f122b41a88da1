package summary

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventlog"
)

// A ResumePoint is where a run goes on that was interrupted: behind which step of
// what its event files hold. Make one with [ResumeAfter] or [ResumeAtEnd]; the
// zero value is a run that begins.
//
// The files that are there stay as they are, also one that ends in the middle of
// a record. The new file sorts behind them and begins with a session log START,
// at which readers drop the steps that follow the point, and nothing else; see
// [FileWriter.ResumedAfter].
//
// EventAccumulator never drops what is stored as a tensor; scripts that use it
// see those values of dropped steps, too.
type ResumePoint struct {
	from resumeFrom
	step int64
}

type resumeFrom uint8

const (
	resumeNothing resumeFrom = iota
	resumeAfterStep
	resumeAtEnd
)

// ResumeAfter goes on behind step: that of the checkpoint that was restored. What
// the interrupted run wrote of later steps is dropped.
func ResumeAfter(step int64) ResumePoint { return ResumePoint{resumeAfterStep, step} }

// ResumeAtEnd goes on behind the last step of which the directory holds a value.
func ResumeAtEnd() ResumePoint { return ResumePoint{from: resumeAtEnd} }

// ResumedAfter returns the step behind which the run goes on, by
// FileWriterConfig.Resume: the first to write is the next one. ok is false if the
// run begins: it was not to be resumed, or, with [ResumeAtEnd], the directory
// holds no value.
func (w *FileWriter) ResumedAfter() (step int64, ok bool) {
	return w.resumed.step, w.resumed.from == resumeAfterStep
}

// find returns p with the step that it stands for in dir.
func (p ResumePoint) find(dir string) (ResumePoint, error) {
	if p.from != resumeAtEnd {
		return p, nil
	}
	var end ResumePoint
	err := eachValue(dir, func(step int64, _ *eventlog.Value) {
		// Nothing comes behind the largest of all; a run does not get there.
		if step < math.MaxInt64 && (end.from == resumeNothing || step > end.step) {
			end = ResumeAfter(step)
		}
	})
	return end, err
}

// resume begins the file of a run that goes on with its START.
func (w *FileWriter) resume() error {
	step, ok := w.ResumedAfter()
	if !ok {
		return nil
	}
	e := w.current.Load()
	e.expect(start{wanted: true})
	w.SessionAt(step + 1)
	return e.startSession(time.Now(), step+1)
}

// An overtaken tag has values in older files that a START makes obsolete. The
// Python readers drop them at the START. The data server does not know it: it
// drops them when a value of the tag comes at this step or a lower one. So such a
// tag needs a value at the step of the START, and if nobody writes one, it gets
// one that no reader shows.
type overtaken map[string]string // the tags, and the plugin that shows them

// overtakenIn looks for the tags with values at step or later in dir.
func overtakenIn(dir string, step int64) (overtaken, error) {
	tags := make(overtaken)
	err := eachValue(dir, func(at int64, v *eventlog.Value) {
		if at >= step && v.Kind != eventlog.KindHParams && v.Kind != eventlog.KindUnknown {
			tags[v.Tag] = v.Metadata.Plugin
		}
	})
	if err != nil {
		return nil, fmt.Errorf("summary: what step %d overtakes in %s: %w", step, dir, err)
	}
	return tags, nil
}

// eachValue calls do for every value in the event files of dir. Damage is passed
// over: what it hit is lost to the readers, too, or to some.
func eachValue(dir string, do func(step int64, v *eventlog.Value)) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var decoder eventlog.Decoder
	for _, entry := range entries {
		if strings.Contains(entry.Name(), "tfevents") && !entry.IsDir() {
			if err := eachValueOf(filepath.Join(dir, entry.Name()), &decoder, do); err != nil {
				return err
			}
		}
	}
	return nil
}

func eachValueOf(path string, decoder *eventlog.Decoder, do func(step int64, v *eventlog.Value)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := eventlog.NewReader(file, eventlog.ReaderConfig{Name: path, Salvage: true, Decoder: decoder})
	for e, err := range r.Events() {
		if err != nil {
			if isDamage(err) {
				continue
			}
			return err
		}
		for v, err := range e.Values() {
			if err == nil {
				do(e.Step, &v)
			}
		}
	}
	return nil
}

func isDamage(err error) bool {
	return errors.Is(err, eventlog.ErrCorrupt) || errors.Is(err, eventlog.ErrTruncated) || errors.Is(err, eventlog.ErrMalformed)
}

// renew notes that tag has got a value at step, behind the START.
func (s *stream) renew(tag string, step int64) {
	if len(s.overtaken) > 0 && step <= s.startedAt {
		delete(s.overtaken, tag)
	}
}

// dropOvertaken writes the values that make the data server drop those of
// overtaken tags. It must be called before one of them gets a value of a later
// step, which would be dropped otherwise.
func (s *stream) dropOvertaken(now time.Time) {
	var values []Value
	for _, tag := range slices.Sorted(maps.Keys(s.overtaken)) {
		values = append(values, emptyValue(tag, s.overtaken[tag]))
	}
	metadata := make([][]byte, len(values))
	for i := range values {
		metadata[i] = values[i].metadata
	}
	start := s.beginRecord()
	s.queue.records = appendEvent(s.queue.records, wallTime(now), s.startedAt, values, metadata)
	s.endRecord(start)
	s.overtaken = nil
}

// emptyValue is a value that all readers pass over and the data server counts as
// a step of the tag: it has a form that nothing reads any more. The plugin is
// named because the Python server goes by a tag's first value in a file; only
// for those of graphs it would make something up.
func emptyValue(tag, plugin string) Value {
	v := Value{tag: tag, body: []byte{valueObsolete<<3 | byte(protowire.BytesType), 0}}
	if plugin != "" && !strings.HasPrefix(plugin, "graph") {
		v.metadata = encodeMetadata(plugin, nil, classUnknown)
	}
	return v
}
