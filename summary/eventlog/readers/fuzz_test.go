package readers_test

import (
	"cmp"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/runhook/runhook/summary/eventlog/readers"
)

// FuzzLoad gives the views files of any bytes. They must come through, and keep
// what each promises of every series.
func FuzzLoad(f *testing.F) {
	for seed := range uint64(8) {
		files := awkward(seed)
		f.Add(files["events.out.tfevents.1577836800.case"], files["events.out.tfevents.1577836801.case"])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		fsys := dir(map[string][]byte{"run/1.tfevents": first, "run/2.tfevents": second})
		for _, view := range []readers.View{
			readers.EventAccumulator{}, readers.EventAccumulator{Sampled: true}, readers.PythonServer{}, readers.PythonServer{Sampled: true},
			readers.DataServer{}, readers.DataServer{Sampled: true}, readers.DataServer{Checksum: true},
		} {
			shown, err := view.Load(t.Context(), fsys)
			if err != nil {
				t.Fatal(err)
			}
			check(t, view, shown, fsys)
		}
	})
}

func check(t *testing.T, view readers.View, shown *readers.Shown, fsys fstest.MapFS) {
	t.Helper()
	_, rust := view.(readers.DataServer)
	for _, run := range shown.Runs {
		if !slices.IsSortedFunc(run.Tags, func(a, b readers.Tag) int { return cmp.Compare(a.Name, b.Name) }) {
			t.Errorf("%s: tags are not sorted", view.Name())
		}
		for _, tag := range run.Tags {
			for i, p := range tag.Points {
				if rust && i > 0 && p.Step <= tag.Points[i-1].Step {
					t.Errorf("%s: tag %q: step %d after %d", view.Name(), tag.Name, p.Step, tag.Points[i-1].Step)
				}
				checkPlace(t, p.Place, fsys)
			}
		}
	}
	for _, loss := range shown.Losses {
		if loss.String() == "" || loss.Points < 0 {
			t.Errorf("loss %+v", loss)
		}
		checkPlace(t, loss.Place, fsys)
		if loss.By.File != "" {
			checkPlace(t, loss.By, fsys)
		}
	}
}

func checkPlace(t *testing.T, at readers.Place, fsys fstest.MapFS) {
	t.Helper()
	if file := fsys[at.File]; file == nil || at.Offset < 0 || at.Offset > int64(len(file.Data)) {
		t.Errorf("%+v is no place in a file", at)
	}
}
