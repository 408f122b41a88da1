package summary_test

import (
	"image"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// A goldenPlayer makes the calls of a golden with ours.
type goldenPlayer struct {
	*testing.T
	goldens
	golden string
	dir    string
	files  map[string]*summary.FileWriter // by run
	runs   *summary.RunWriters
}

// run returns the writer to a run below that of the golden.
func (p *goldenPlayer) run(name string) *summary.FileWriter {
	p.Helper()
	if name == "" {
		name = "."
	}
	if p.files[name] == nil {
		w, err := summary.NewFileWriter(filepath.Join(p.dir, name), summary.FileWriterConfig{})
		require.NoError(p, err)
		p.files[name] = w
	}
	return p.files[name]
}

// writer returns the writer for a call: to its run, at its time.
func (p *goldenPlayer) writer(c goldenCall) *summary.Writer {
	w := &p.run(c.str("run")).Writer
	for _, name := range []string{"walltime", "wall_time"} {
		if c.has(name) {
			w = w.At(unix(c.float(name)))
		}
	}
	return w
}

func unix(secs float64) time.Time {
	whole := math.Floor(secs)
	return time.Unix(int64(whole), int64((secs-whole)*1e9)).UTC()
}

// play makes all calls and returns the events of each file, by the name that the
// golden has for it.
func (p *goldenPlayer) play(input goldenInput) map[string][]*eventpb.Event {
	p.Helper()
	failed := make(map[int]bool)
	for _, f := range input.Failed {
		failed[f.Call] = true
	}
	if _, ok := p.read(p.T, p.golden); ok {
		p.run(".")
	}
	if input.Ctor.PurgeStep > 0 {
		require.NoError(p, p.run(".").AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, input.Ctor.PurgeStep))
	}
	if len(input.Calls) == 0 { // all was done by the constructor
		require.NoError(p, p.replay(p.golden))
	}
	for i, c := range input.Calls {
		if failed[i] {
			continue // there, too
		}
		p.call(input.Writer, c)
	}
	for _, w := range p.files {
		require.NoError(p, w.Close())
	}
	if p.runs != nil {
		require.NoError(p, p.runs.Close())
	}
	return p.written()
}

func (p *goldenPlayer) written() map[string][]*eventpb.Event {
	p.Helper()
	files := make(map[string][]*eventpb.Event)
	require.NoError(p, filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.Contains(d.Name(), "tfevents") {
			return err
		}
		run, err := filepath.Rel(p.dir, filepath.Dir(path))
		if err != nil {
			return err
		}
		name := p.golden
		if run != "." {
			name += "__" + strings.ReplaceAll(run, "/", "__")
		}
		if files[name] != nil {
			name += "~2" // in the order of names
		}
		content, err := os.ReadFile(path)
		files[name] = decode(p.T, content)
		return err
	}))
	return files
}

func (p *goldenPlayer) call(writer string, c goldenCall) {
	p.Helper()
	var err error
	switch writer {
	case "tf1", "tb1":
		err = p.callTF1(c)
	case "tf2", "tb":
		err = p.callTF2(c)
	case "tbx", "torch":
		err = p.callTorch(c)
	case "clu":
		err = p.callCLU(c)
	case "keras":
		err = p.replay(p.golden)
	default:
		p.Fatalf("a writer named %q", writer)
	}
	if err != nil {
		p.Logf("%s: %v", c["call"], err) // the value is missing, which has to be listed
		require.Regexp(p, `^summary: `, err.Error())
	}
}

// replay adds the events of a golden, for what is made of a program instead of
// data.
func (p *goldenPlayer) replay(file string) error {
	p.Helper()
	for name, run := range map[string]string{file: ".", file + "__trial0": "trial0", file + "__train": "train", file + "__validation": "validation"} {
		events, ok := p.read(p.T, name)
		if !ok {
			continue
		}
		w := p.run(run)
		for _, e := range events[1:] {
			if s := e.GetSummary(); s != nil {
				require.NoError(p, w.At(unix(e.GetWallTime())).AddSummary(s, e.GetStep()))
				continue
			}
			require.NoError(p, w.AddEvent(e))
		}
	}
	return nil
}

// pictures are those of an array [batch, height, width, channels].
func (p *goldenPlayer) pictures(a goldenArray, scale summary.PictureScale, most int) ([]image.Image, error) {
	p.Helper()
	images, err := summary.Pictures(a.tensor(), summary.PictureOptions{Scale: scale, Half: a.DType == "float16"})
	if err != nil {
		return nil, err
	}
	return images[:min(len(images), most)], nil
}

func clips(a goldenArray, rate float64, most int) []summary.Clip {
	samples, channels := numbers[float32](a), 1
	size := a.Shape[1]
	if len(a.Shape) == 3 {
		channels = a.Shape[2]
		size *= channels
	}
	var clips []summary.Clip
	for i := range min(a.Shape[0], most) {
		clips = append(clips, summary.Clip{Samples: samples[i*size : (i+1)*size], SampleRate: rate, Channels: channels})
	}
	return clips
}

func TestGoldensAreMadeOfTheSameInputs(t *testing.T) {
	listed := readDifferences(t)
	for i, g := range allGoldens(t) {
		for _, golden := range slices.Sorted(maps.Keys(g.inputs)) {
			t.Run(strings.Repeat("more ", i)+golden, func(t *testing.T) {
				p := &goldenPlayer{T: t, goldens: g, golden: golden, dir: t.TempDir(), files: make(map[string]*summary.FileWriter)}
				made := p.play(g.inputs[golden])
				require.NotEmpty(t, made)
				files := append(slices.Collect(maps.Keys(made)), g.names(t, golden)...)
				slices.Sort(files)
				for _, file := range slices.Compact(files) {
					want, ok := g.read(t, file)
					if !ok || made[file] == nil {
						requireListed(t, listed, goldenDifference{file: file, field: "file", theirs: strconv.FormatBool(ok), ours: strconv.FormatBool(made[file] != nil)})
						continue
					}
					for _, d := range differencesOf(file, itemsOf(t, want, true), itemsOf(t, made[file], false)) {
						requireListed(t, listed, d)
					}
				}
			})
		}
	}
	if t.Failed() {
		return
	}
	for _, d := range listed {
		assert.True(t, d.differs, "listed as different, and is not: %s", d.line)
	}
}

func requireListed(t *testing.T, listed []*listedDifference, d goldenDifference) {
	t.Helper()
	found := false
	for _, l := range listed {
		if l.matches(d) {
			l.differs, found = true, true
		}
	}
	if !found {
		t.Errorf("%s\ttag %q\tfield %q\ntheirs %.600s\nours   %.600s", d.file, d.tag, d.field, d.theirs, d.ours)
	}
}
