package readers

import (
	"fmt"

	"github.com/runhook/runhook/summary/eventpb"
)

// A Reason is why something is not shown.
type Reason int

// The reasons.
const (
	// Truncated: the file ends inside a record. All readers wait for the rest.
	Truncated Reason = iota + 1
	// Unreadable: the file or directory cannot be opened or read.
	Unreadable
	// Damaged: what follows in the file is not read, for a checksum, a record
	// that is no Event, or a wall time that is NaN.
	Damaged
	// WallTimeInfinite: the data server passes over such events.
	WallTimeInfinite
	// NotRising: a later point of the series has the same step or a lower one.
	NotRising
	// Restarted: a later START has the same step or a lower one.
	Restarted
	// OutOfOrder: the file has no version, or one below 2, and a later event has
	// a lower step.
	OutOfOrder
	// SameStep: of several blobs at one step the Python server serves the first.
	SameStep
	// Replaced: EventAccumulator keeps the last graph of a run, and the last run
	// metadata of a tag.
	Replaced
	// NoPlugin: the metadata, which readers take from the first value that has
	// some, is missing or names no plugin.
	NoPlugin
	// NoClass: the metadata has no data class, and the plugin is none whose
	// class the reader knows; or the series began without metadata.
	NoClass
	// WrongClass: the plugin's page asks for series of another data class.
	WrongClass
	// WrongForm: the value cannot be what its series is.
	WrongForm
	// NoValue: the value carries metadata only.
	NoValue
	// Obsolete: the value has the form obsolete_old_style_histogram, which no
	// reader shows. A run that was resumed may have some, see package summary.
	Obsolete
	// NewVersion: the plugin's part of the metadata has a version that it does
	// not know.
	NewVersion
	// NoSample: the step has no picture or no clip.
	NoSample
	// NotOnPage: the server holds the series, and no page asks for it.
	NotOnPage
	// Sampled: the series is longer than the reader keeps by default.
	Sampled
	// Stopped: the reader stopped before it came here.
	Stopped
)

var reasons = map[Reason]string{
	Truncated:        "the file ends inside a record",
	Unreadable:       "cannot be read",
	Damaged:          "the rest of the file is not read",
	WallTimeInfinite: "the wall time is infinite",
	NotRising:        "steps do not rise",
	Restarted:        "a restart at a lower or equal step",
	OutOfOrder:       "steps do not rise and the file version is below 2",
	SameStep:         "only the first at its step is shown",
	Replaced:         "a later one takes its place",
	NoPlugin:         "no metadata names a plugin",
	NoClass:          "no data class",
	WrongClass:       "the page asks for another data class",
	WrongForm:        "not a value of the series' kind",
	NoValue:          "no value",
	Obsolete:         "of a form that no reader shows",
	NewVersion:       "the plugin's data has an unknown version",
	NoSample:         "no sample at the step",
	NotOnPage:        "no page shows it",
	Sampled:          "the series is sampled",
	Stopped:          "the reader stopped before",
}

// String says it in words.
func (r Reason) String() string {
	if text, ok := reasons[r]; ok {
		return text
	}
	return fmt.Sprintf("Reason(%d)", int(r))
}

// A Loss is what a reader leaves out for one reason: points of a series, or what
// follows in a file.
type Loss struct {
	Reason Reason

	// Run and Tag name the series, Tag only where Points counts its points.
	Run, Tag string

	// Points is how many points are lost; 0 where that is not known, as the rest
	// of a damaged file.
	Points int

	// Step is that of the first lost point.
	Step int64

	// Place is where the first lost point, or the damage, is.
	Place

	// By is where the record is that had the points dropped, for NotRising,
	// Restarted and OutOfOrder; the first if there are several.
	By Place

	// Detail says more, such as which checksum or type is wrong.
	Detail string
}

// String says what is lost, and why and where.
func (l Loss) String() string {
	what := "run " + fmt.Sprintf("%q", l.Run)
	if l.Points > 0 {
		noun := "points"
		if l.Points == 1 {
			noun = "point"
		}
		what = fmt.Sprintf("%d %s of tag %q in run %q", l.Points, noun, l.Tag, l.Run)
	}
	text := fmt.Sprintf("%s: %v", what, l.Reason)
	if l.Detail != "" {
		text += ": " + l.Detail
	}
	if l.File != "" {
		text += fmt.Sprintf(" (%s, offset %d", l.File, l.Offset)
		if l.Points > 0 {
			text += fmt.Sprintf(", step %d", l.Step)
		}
		if l.By.File != "" {
			text += fmt.Sprintf("; dropped by %s, offset %d", l.By.File, l.By.Offset)
		}
		text += ")"
	}
	return text
}

// A ledger gathers losses. Lost points of a series, reason and file make one.
type ledger struct {
	losses []Loss
	index  map[lossKey]int
}

type lossKey struct {
	reason         Reason
	run, tag, file string
}

func newLedger() *ledger { return &ledger{index: make(map[lossKey]int)} }

// file notes a loss that is not of single points.
func (l *ledger) file(reason Reason, run string, at Place, detail string) {
	l.losses = append(l.losses, Loss{Reason: reason, Run: run, Place: at, Detail: detail})
}

// point notes a lost point. by may be zero.
func (l *ledger) point(reason Reason, run, tag string, p *stored, by Place, detail string) {
	key := lossKey{reason, run, tag, p.place.File}
	if i, ok := l.index[key]; ok {
		l.losses[i].Points++
		return
	}
	l.index[key] = len(l.losses)
	l.losses = append(l.losses, Loss{Reason: reason, Run: run, Tag: tag, Points: 1, Step: p.step, Place: p.place, By: by, Detail: detail})
}

// points notes that a whole series is lost. A series without points is lost,
// too, and leaves nothing to note.
func (l *ledger) points(reason Reason, run, tag string, ps []stored, detail string) {
	for i := range ps {
		l.point(reason, run, tag, &ps[i], Place{}, detail)
	}
}

// noValue is why a value that holds none of what Python's readers know is not
// shown.
func noValue(v *eventpb.Summary_Value) Reason {
	if _, ok := v.GetValue().(*eventpb.Summary_Value_ObsoleteOldStyleHistogram); ok {
		return Obsolete
	}
	return NoValue
}

// obsolete reports whether the data server keeps a value for nothing.
func (p *stored) obsolete() bool {
	return p.value.kind == oldDatum && noValue(p.value.old) == Obsolete
}
