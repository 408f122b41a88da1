package summary_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// stepsShown returns the steps of a tag that each reader shows.
func stepsShown(t testing.TB, dir, tag string) map[string][]int64 {
	t.Helper()
	steps := make(map[string][]int64)
	for _, view := range readers.All() {
		shown, err := view.Load(t.Context(), os.DirFS(dir))
		require.NoError(t, err)
		require.NoError(t, shown.Err)
		steps[view.Name()] = []int64{}
		for _, run := range shown.Runs {
			require.NoError(t, run.Err)
			if series := run.Tag(tag); series != nil {
				for _, p := range series.Points {
					steps[view.Name()] = append(steps[view.Name()], p.Step)
				}
			}
		}
	}
	return steps
}

// requireSteps fails the test unless all readers show these steps of a tag.
func requireSteps(t testing.TB, dir, tag string, want ...int64) {
	t.Helper()
	for reader, steps := range stepsShown(t, dir, tag) {
		require.Equal(t, append([]int64{}, want...), steps, "%s, %s", reader, tag)
	}
}

func upTo(last int64) (steps []int64) {
	for i := range last + 1 {
		steps = append(steps, i)
	}
	return steps
}

// writeInterrupted writes steps 0 to 9: a loss each, an accuracy and a histogram
// at some.
func writeInterrupted(t testing.TB, dir string) {
	t.Helper()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	for step := range int64(10) {
		require.NoError(t, w.Scalar("loss", 1/float64(step+1), step))
		if step%4 == 1 {
			require.NoError(t, w.Scalar("accuracy", float64(step), step))
			require.NoError(t, w.Add(step, summary.HistogramValue("weights", []float64{1, 2, float64(step)})))
		}
	}
	require.NoError(t, w.Close())
}

func TestResumedRunDropsWhatComesAfterThePoint(t *testing.T) {
	dir := t.TempDir()
	writeInterrupted(t, dir)
	w := openWriter(t, dir, summary.FileWriterConfig{Resume: summary.ResumeAfter(3)})
	after, ok := w.ResumedAfter()
	require.True(t, ok)
	require.EqualValues(t, 3, after)
	require.NoError(t, w.Scalar("loss", 1, 4))
	require.NoError(t, w.Scalar("loss", 1, 5))
	require.NoError(t, w.Scalar("accuracy", 1, 7))
	require.NoError(t, w.Close())

	requireSteps(t, dir, "loss", upTo(5)...)
	requireSteps(t, dir, "accuracy", 1, 7)
	shown := stepsShown(t, dir, "weights")
	require.Equal(t, []int64{1}, shown[readers.DataServer{}.Name()])
	require.Equal(t, []int64{1}, shown[readers.PythonServer{}.Name()])
}

func TestTagThatIsNotWrittenAgainIsDroppedToo(t *testing.T) {
	for _, last := range []string{"nothing", "another tag", "a graph", "a session log"} {
		t.Run("after "+last, func(t *testing.T) {
			dir := t.TempDir()
			writeInterrupted(t, dir)
			w := openWriter(t, dir, summary.FileWriterConfig{Resume: summary.ResumeAfter(4)})
			switch last {
			case "another tag":
				require.NoError(t, w.Scalar("another", 1, 100))
			case "a graph":
				require.NoError(t, w.AddEvent(&eventpb.Event{Step: 100, What: &eventpb.Event_GraphDef{}}))
			case "a session log":
				require.NoError(t, w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_CHECKPOINT}, 4))
			}
			require.NoError(t, w.Close())
			requireSteps(t, dir, "loss", upTo(4)...)
			requireSteps(t, dir, "accuracy", 1)
		})
	}
}

// A tag that is written at once needs nothing besides its value: scripts may take
// whatever has the tag for one.
func TestResumedFileHoldsValuesOnly(t *testing.T) {
	dir := t.TempDir()
	writeInterrupted(t, dir)
	w := openWriter(t, dir, summary.FileWriterConfig{Resume: summary.ResumeAfter(4)})
	require.NoError(t, w.Scalar("loss", 0.5, 5))
	require.NoError(t, w.Add(5, summary.ScalarValue("accuracy", 0.25), summary.HistogramValue("weights", []float64{1})))
	require.NoError(t, w.Scalar("loss", 0.5, 6))
	require.NoError(t, w.Close())
	require.Equal(t, []string{"START@5", "START@5", "5: loss=0.5", "5: accuracy=0.25 weights", "6: loss=0.5"}, lines(readEvents(t, eventFiles(t, dir)[1])))
	requireSteps(t, dir, "accuracy", 1, 5)
}

func TestResumeAtTheEndGoesOnBehindTheLastStep(t *testing.T) {
	dir := t.TempDir()
	writeInterrupted(t, dir)
	for round := range int64(3) {
		w := openWriter(t, dir, summary.FileWriterConfig{Resume: summary.ResumeAtEnd()})
		last, ok := w.ResumedAfter()
		require.True(t, ok)
		require.Equal(t, 9+round, last)
		require.NoError(t, w.Scalar("loss", 0, last+1))
		require.NoError(t, w.Close())
	}
	requireSteps(t, dir, "loss", upTo(12)...)
	requireSteps(t, dir, "accuracy", 1, 5, 9)
}

func TestNothingToResume(t *testing.T) {
	for name, point := range map[string]summary.ResumePoint{"unset": {}, "at the end": summary.ResumeAtEnd()} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			w := openWriter(t, dir, summary.FileWriterConfig{Resume: point})
			_, ok := w.ResumedAfter()
			require.False(t, ok)
			require.NoError(t, w.Scalar("loss", 1, 0))
			require.NoError(t, w.Close())
			require.Equal(t, []string{"0: loss=1"}, lines(readEvents(t, onlyFile(t, dir))))
		})
	}
}

func TestResumeFails(t *testing.T) {
	_, err := summary.NewFileWriter(t.TempDir(), summary.FileWriterConfig{Resume: summary.ResumeAfter(math.MaxInt64)})
	require.EqualError(t, err, "summary: FileWriterConfig: Resume is after step 9223372036854775807, want one that has a next")

	dir := t.TempDir()
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "tfevents"))) // what cannot be read as a file
	for _, point := range []summary.ResumePoint{summary.ResumeAtEnd(), summary.ResumeAfter(1)} {
		_, err = summary.NewFileWriter(dir, summary.FileWriterConfig{Resume: point})
		require.ErrorContains(t, err, "is a directory")
	}
}

// The file of a writer that was killed is whole up to some byte. Whatever that
// is, the resumed run has no gap and no step twice.
func TestResumeAfterAKillAtAnyByte(t *testing.T) {
	dir := t.TempDir()
	writeInterrupted(t, dir)
	name := filepath.Base(onlyFile(t, dir))
	file, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	for size := range len(file) + 1 {
		dir := filepath.Join(t.TempDir(), "run")
		require.NoError(t, os.Mkdir(dir, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), file[:size], 0o666))
		written := int64(-1)
		for _, e := range decode(t, file[:tfrecord.WholeRecords(file[:size])]) {
			if e.GetSummary() != nil {
				written = max(written, e.GetStep())
			}
		}

		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{Resume: summary.ResumeAtEnd()})
		require.NoError(t, err)
		last, ok := w.ResumedAfter()
		require.Equal(t, written >= 0, ok, size)
		if ok {
			require.Equal(t, written, last, size)
		}
		require.NoError(t, w.Scalar("loss", 0, written+1))
		require.NoError(t, w.Close())
		requireSteps(t, dir, "loss", upTo(written+1)...)

		// And once more, from a checkpoint of step 2.
		w, err = summary.NewFileWriter(dir, summary.FileWriterConfig{Resume: summary.ResumeAfter(min(2, written))})
		require.NoError(t, err)
		require.NoError(t, w.Scalar("loss", 0, min(2, written)+1))
		require.NoError(t, w.Close())
		requireSteps(t, dir, "loss", upTo(min(2, written)+1)...)
		after, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.True(t, slices.Equal(file[:size], after), "the old file is as it was")
	}
}

// The resumed run may be killed as well: between the two STARTs, before it has
// dropped what they overtake, at any byte.
func TestResumeAfterAKillOfTheResumedRun(t *testing.T) {
	dir := t.TempDir()
	writeInterrupted(t, dir)
	w := openWriter(t, dir, summary.FileWriterConfig{Resume: summary.ResumeAfter(3)})
	for step := int64(4); step < 7; step++ {
		require.NoError(t, w.Scalar("loss", 0, step))
	}
	require.NoError(t, w.Scalar("accuracy", 0, 7))
	require.NoError(t, w.Close())
	paths := eventFiles(t, dir)
	var files [2][]byte
	for i := range files {
		var err error
		files[i], err = os.ReadFile(paths[i])
		require.NoError(t, err)
	}
	for size := range len(files[1]) + 1 {
		dir := filepath.Join(t.TempDir(), "run")
		require.NoError(t, os.Mkdir(dir, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(paths[0])), files[0], 0o666))
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(paths[1])), files[1][:size], 0o666))
		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{Resume: summary.ResumeAfter(3)})
		require.NoError(t, err)
		require.NoError(t, w.Scalar("loss", 0, 4))
		require.NoError(t, w.Close())
		requireSteps(t, dir, "loss", upTo(4)...)
		requireSteps(t, dir, "accuracy", 1)
	}
}

// A session tells the writer where it begins; not every tag is written at once.
func TestSessionThatWasRestoredDropsWhatCameLater(t *testing.T) {
	dir := t.TempDir()
	for _, runs := range []int{9, 3} {
		saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: lossOp})
		seldom := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 5, OutputDir: dir, SummaryOp: summary.Scalar("seldom", "loss")})
		config := session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{restored(), saver, seldom}}
		require.NoError(t, session.With(t.Context(), config, func(s *session.MonitoredSession) error {
			w, err := summary.FileWriterCache.Get(dir)
			require.NoError(t, err)
			for range runs {
				_, err = s.Run(t.Context(), "train")
				require.NoError(t, err)
			}
			if runs == 9 {
				require.NoError(t, w.Scalar("last", 1, 109))
			}
			return summary.FileWriterCache.Release(w)
		}))
	}
	requireSteps(t, dir, "loss", 101, 102, 103)
	requireSteps(t, dir, "seldom", 101)
	requireSteps(t, dir, "last")
}

// A session of many steps a run begins behind the step that was restored, though
// it records later.
func TestSTARTIsAtTheStepBehindTheRestoredOneWhereValuesFollow(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	for _, step := range []int64{100, 101, 103} {
		require.NoError(t, w.Scalar("loss", 1, step))
	}
	require.NoError(t, w.Close())
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: lossOp})
	train(t, newTrainer(), 2, "five", restored(), saver)
	requireSteps(t, dir, "loss", 100, 105, 110)
}

func TestSessionFailsIfOlderFilesCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "tfevents")))
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: lossOp})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		_, err := s.Run(t.Context(), "train")
		return err
	})
	require.ErrorContains(t, err, "is a directory")
}
