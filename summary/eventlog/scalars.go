package eventlog

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
)

// A Curve is all scalars of one tag in one run, in the order of files and
// events: usually, but not necessarily, of rising steps. The slices are equally
// long and the caller's.
type Curve struct {
	Run, Tag  string
	Metadata  *Metadata
	Steps     []int64
	WallTimes []float64 // seconds since the Unix epoch
	Values    []float64
}

// Scalars returns the curves of all runs below path, a log directory or an event
// file, sorted by run and tag: of every tag of KindScalar that has a point. A
// value that is no number after all, and other damage, is in the error; the
// curves that come with it hold everything that could be read. A torn tail is
// passed over as by Events. If ctx is done there are no curves.
//
// Besides the curves it takes as much memory again while it runs, never more.
func Scalars(ctx context.Context, path string, config Config) ([]Curve, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	runs, listing := config.runs(path)
	results, err := config.scan(ctx, runs, config.Samples > 0, func(e *Event, v Value) error {
		if v.Kind != KindScalar {
			return nil
		}
		x, err := v.Scalar()
		if err != nil {
			return err
		}
		c := v.tag.column
		if c == nil {
			c = newColumn(config.Samples, config.Seed)
			v.tag.column = c
		}
		c.metadata, c.assumed = v.Metadata, v.assumed
		c.add(point{e.Step, e.WallTime, x})
		return nil
	})
	if results == nil {
		return nil, cmp.Or(err, listing)
	}
	var curves []Curve
	for i, run := range runs {
		curves = append(curves, joined(run.Name, results[i])...)
	}
	return curves, join(listing, err)
}

// joined puts the columns of a run's files behind each other.
func joined(run string, results []*fileResult) []Curve {
	columns := make(map[string][]*column)
	known := make(map[string]Kind)
	for _, r := range results {
		for _, t := range r.decoder.tags {
			kind := known[t.name]
			if t.column != nil && (!t.column.assumed || kind == 0 || kind == KindScalar) {
				columns[t.name] = append(columns[t.name], t.column)
			}
			if kind == 0 {
				known[t.name] = t.kind()
			}
			t.column = nil
		}
	}
	curves := make([]Curve, 0, len(columns))
	for _, tag := range slices.Sorted(maps.Keys(columns)) {
		curves = append(curves, curve(run, tag, columns[tag]))
	}
	return curves
}

func curve(run, tag string, columns []*column) Curve {
	n := 0
	for _, c := range columns {
		n += c.n
	}
	out := Curve{
		Run: run, Tag: tag, Metadata: columns[0].metadata,
		Steps: make([]int64, 0, n), WallTimes: make([]float64, 0, n), Values: make([]float64, 0, n),
	}
	for _, c := range columns {
		for i, chunk := range c.chunks {
			for _, p := range chunk {
				out.Steps = append(out.Steps, p.step)
				out.WallTimes = append(out.WallTimes, p.wallTime)
				out.Values = append(out.Values, p.value)
			}
			c.chunks[i] = nil
		}
	}
	return out
}

type point struct {
	step            int64
	wallTime, value float64
}

// maxChunk bounds what a column has allocated and not filled, and that it never
// has to be copied.
const maxChunk = 8192

// A column collects the points of a tag, or a sample of them.
type column struct {
	metadata *Metadata // of the first point
	assumed  bool      // whether no metadata said so far that the tag is a scalar
	chunks   [][]point
	n        int

	samples int // 0: keep all
	seen    uint64
	random  *rand.PCG
}

func newColumn(samples int, seed uint64) *column {
	c := &column{samples: samples}
	if samples > 0 {
		c.random = rand.NewPCG(seed, 0)
		c.chunks = [][]point{nil}
	}
	return c
}

func (c *column) add(p point) {
	if c.samples > 0 {
		c.sample(p)
		return
	}
	last := len(c.chunks) - 1
	if last < 0 || len(c.chunks[last]) == cap(c.chunks[last]) {
		c.chunks = append(c.chunks, make([]point, 0, min(max(16, c.n), maxChunk)))
		last++
	}
	c.chunks[last] = append(c.chunks[last], p)
	c.n++
}

// sample keeps p, as the newest always is, and lets another point go: each that
// was seen so far has the same chance to be there, but for the newest. It is the
// reservoir of tensorboard/backend/event_processing/reservoir.py.
func (c *column) sample(p point) {
	kept := c.chunks[0]
	switch {
	case len(kept) < c.samples:
		kept = append(kept, p)
	default:
		if i := rand.New(c.random).Uint64N(c.seen + 1); i < uint64(len(kept)) {
			copy(kept[i:], kept[i+1:])
		}
		kept[len(kept)-1] = p
	}
	c.chunks[0], c.n = kept, len(kept)
	c.seen++
}
