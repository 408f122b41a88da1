package summary_test

import (
	"bytes"
	"errors"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestTheVersionEventIsOnDiskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "runs", "1") // which has to be made
		w := openWriter(t, dir, summary.FileWriterConfig{})
		require.Equal(t, dir, w.GetLogdir())
		b, err := os.ReadFile(onlyFile(t, dir))
		require.NoError(t, err)
		events := decode(t, b)
		require.Len(t, events, 1)
		requireEqualMessage(t, &eventpb.Event{
			WallTime:       float64(time.Now().Unix()) + float64(time.Now().Nanosecond())/1e9,
			What:           &eventpb.Event_FileVersion{FileVersion: "brain.Event:2"},
			SourceMetadata: &eventpb.SourceMetadata{Writer: "runhook"},
		}, events[0])
	})
}

func requireEqualMessage(t testing.TB, want, got proto.Message) {
	t.Helper()
	require.Truef(t, proto.Equal(want, got), "want %v\ngot  %v", want, got)
}

func TestADirectoryThatCannotBeIsNamed(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, []byte("data"), 0o666))
	for _, c := range []struct {
		name, logdir, want string
	}{
		{"empty", "", "summary: NewFileWriter: logdir is empty"},
		{"a file where it should be", blocked, "summary: mkdir " + blocked + ": not a directory"},
		{"a file above it", filepath.Join(blocked, "run"), "summary: mkdir " + blocked + ": not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := summary.NewFileWriter(c.logdir, summary.FileWriterConfig{})
			require.EqualError(t, err, c.want)
			require.Nil(t, w)
		})
	}
	b, err := os.ReadFile(blocked)
	require.NoError(t, err)
	require.Equal(t, "data", string(b))
}

func TestAfterCloseEveryCallReturnsErrClosed(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Close())
	require.NoError(t, w.Close(), "again")
	for name, err := range map[string]error{
		"Scalar":        w.Scalar("loss", 1, 2),
		"Histogram":     w.Histogram("h", []float64{1}, 2),
		"Image":         w.Image("i", image.NewGray(image.Rect(0, 0, 1, 1)), 2),
		"Add":           w.Add(2, summary.ScalarValue("loss", 1)),
		"AddSummary":    w.AddSummary(simple("loss", 1), 2),
		"AddEvent":      w.AddEvent(&eventpb.Event{}),
		"AddSessionLog": w.AddSessionLog(&eventpb.SessionLog{}, 2),
		"Flush":         w.Flush(),
		"Sync":          w.Sync(),
	} {
		require.ErrorIs(t, err, summary.ErrClosed, name)
		require.ErrorIs(t, err, fs.ErrClosed, name)
	}
	require.Equal(t, []string{"1: loss=1"}, lines(readEvents(t, onlyFile(t, dir))))
}

// simple is a summary of one value in the oldest form, without metadata.
func simple(tag string, value float32) *eventpb.Summary {
	return &eventpb.Summary{Value: []*eventpb.Summary_Value{
		{Tag: tag, Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: value}},
	}}
}

// withMetadata is simple with metadata.
func withMetadata(tag string, value float32) *eventpb.Summary {
	s := simple(tag, value)
	s.Value[0].Metadata = &eventpb.SummaryMetadata{DisplayName: "shown"}
	return s
}

func TestReopenBeginsANewFileThatSortsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // all within one second
		dir := t.TempDir()
		w := openWriter(t, dir, summary.FileWriterConfig{})
		for step := range int64(15) {
			require.NoError(t, w.Reopen(), "of an open writer does nothing")
			require.NoError(t, w.Scalar("loss", 1, step))
			require.NoError(t, w.Close())
			require.NoError(t, w.Reopen())
		}
		require.NoError(t, w.Close())
		files := eventFiles(t, dir)
		require.Len(t, files, 16)
		for i, file := range files[:15] {
			events := readEvents(t, file)
			require.Len(t, events, 1)
			require.EqualValues(t, i, events[0].GetStep())
			require.Equal(t, []string{"loss"}, described(events), "each file has the metadata")
		}
	})
}

func TestAReopenThatFailsLeavesTheWriterClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w := openWriter(t, dir, summary.FileWriterConfig{})
	require.NoError(t, w.Close())
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o666))
	require.ErrorContains(t, w.Reopen(), dir)
	require.ErrorIs(t, w.Flush(), summary.ErrClosed)
	require.NoError(t, os.Remove(dir))
	require.NoError(t, w.Reopen())
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Close())
	require.Len(t, readEvents(t, onlyFile(t, dir)), 1)
}

func TestAReopenOntoAFullDiskCanBeTriedAgain(t *testing.T) {
	full, free := newMemoryFile(), newMemoryFile()
	full.capacity = 3
	files := []*memoryFile{newMemoryFile(), full, free}
	w, err := summary.NewFileWriterOn(summary.FileWriterConfig{}, func() (summary.File, error) {
		f := files[0]
		files = files[1:]
		return f, nil
	})
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	require.NoError(t, w.Close())
	require.Error(t, w.Reopen())
	require.NoError(t, w.Reopen())
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Close())
	require.Contains(t, full.calls, "Close")
	require.Len(t, decode(t, free.contents()), 2)
}

func TestReopenWaitsUntilTheFileBeforeIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := newMemoryFile(), newMemoryFile()
		files := []*memoryFile{before, after}
		w, err := summary.NewFileWriterOn(summary.FileWriterConfig{FlushSecs: summary.Off}, func() (summary.File, error) {
			f := files[0]
			files = files[1:]
			return f, nil
		})
		require.NoError(t, err)
		t.Cleanup(func() { w.Close() })
		release := before.hold()
		defer release()
		require.NoError(t, w.Scalar("loss", 1, 1))
		go w.Close()
		synctest.Wait()
		reopened := make(chan error, 1)
		go func() { reopened <- w.Reopen() }()
		synctest.Wait()
		require.Empty(t, after.contents(), "readers leave a file for good when there is a next one")
		release()
		require.NoError(t, <-reopened)
		require.NoError(t, w.Close())
		require.Len(t, decode(t, before.contents()), 2)
		require.Len(t, decode(t, after.contents()), 1)
	})
}

func TestAValueWithoutAReadableTagIsRefused(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	good := summary.ScalarValue("good", 1)
	for _, c := range []struct {
		tag, want string
	}{
		{"", "summary: a value has no tag"},
		{"a\xff", `summary: tag "a\xff" is no valid UTF-8`},
	} {
		for name, err := range map[string]error{
			"Scalar":                w.Scalar(c.tag, 1, 1),
			"Histogram":             w.Histogram(c.tag, []float64{1}, 1),
			"Image":                 w.Image(c.tag, image.NewGray(image.Rect(0, 0, 1, 1)), 1),
			"Add behind a good one": w.Add(1, good, summary.ScalarValue(c.tag, 1)),
			"AddSummary":            w.AddSummary(simple(c.tag, 1), 1),
			"AddSummary described":  w.AddSummary(withMetadata(c.tag, 1), 1),
		} {
			require.EqualError(t, err, c.want, name)
		}
	}
	unreadable := withMetadata("tag", 1)
	unreadable.Value[0].Metadata.DisplayName = "a\xff"
	require.ErrorContains(t, w.AddSummary(unreadable, 1), `summary: metadata of "tag":`)
	require.ErrorContains(t, w.AddEvent(&eventpb.Event{Step: 7, What: &eventpb.Event_Summary{Summary: simple("a\xff", 1)}}), "summary: event at step 7:")

	require.NoError(t, w.Add(2, good), "the writer goes on")
	require.NoError(t, w.Close())
	events := readEvents(t, onlyFile(t, dir))
	require.Equal(t, []string{"2: good=1"}, lines(events))
	require.Equal(t, []string{"good"}, described(events), "a refused event does not use up the metadata")
}

func TestATagMayHaveAnyTextAndLength(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	tags := []string{" ", "a b", "größe/日本語/🚀", "line\nbreak", "nul\x00", strings.Repeat("x", 100_000), "\ufffd"}
	for _, tag := range tags {
		require.NoError(t, w.Scalar(tag, 1, 1))
	}
	require.NoError(t, w.Close())
	require.Equal(t, tags, described(readEvents(t, onlyFile(t, dir))))
}

func TestMetadataIsWrittenOnceATagAndFile(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	loss := summary.ScalarValue("loss", 1)
	for step := range int64(3) {
		require.NoError(t, w.Scalar("loss", 1, step))
		require.NoError(t, w.Add(step, loss, summary.ScalarValue("acc", 1), loss))
		require.NoError(t, w.Add(step, summary.ScalarValue("new", 1), summary.ScalarValue("new", 2)))
		require.NoError(t, w.Histogram("hist", []int{1}, step))
	}
	require.NoError(t, w.Close())
	require.NoError(t, w.Reopen())
	require.NoError(t, w.Add(3, summary.ScalarValue("new", 1), loss))
	require.NoError(t, w.Close())

	files := eventFiles(t, dir)
	require.Equal(t, []string{"loss", "acc", "new", "hist"}, described(readEvents(t, files[0])))
	require.Equal(t, []string{"new", "loss"}, described(readEvents(t, files[1])))
}

func TestATagKeptInAChangingBufferIsKnownAgain(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	for range 2 {
		for _, b := range []string{"a", "b"} {
			tag := strings.Join([]string{"loss", b}, "/")
			require.NoError(t, w.Scalar(tag, 1, 1))
		}
	}
	require.NoError(t, w.Close())
	require.Equal(t, []string{"loss/a", "loss/b"}, described(readEvents(t, onlyFile(t, dir))))
}

func TestAddSummaryWritesMetadataOnceAndLeavesTheMessageAlone(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	plain, full := simple("loss", 1), withMetadata("loss", 2)
	kept := proto.Clone(full)
	for _, s := range []*eventpb.Summary{plain, full, full, plain} {
		require.NoError(t, w.AddSummary(s, 1))
	}
	require.NoError(t, w.AddSummary(nil, 1), "nothing to write")
	require.NoError(t, w.AddSummary(&eventpb.Summary{}, 1), "nothing to write")
	require.NoError(t, w.Close())
	requireEqualMessage(t, kept, full)

	events := readEvents(t, onlyFile(t, dir))
	require.Equal(t, []string{"1: loss=1", "1: loss=2", "1: loss=2", "1: loss=1"}, lines(events))
	require.Equal(t, []string{"loss"}, described(events))
	requireEqualMessage(t, full, events[1].GetSummary()) // the first value that has metadata
}

func TestAddSummaryKeepsEveryFormOfValue(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	s := &eventpb.Summary{Value: []*eventpb.Summary_Value{
		{Tag: "nothing"},
		{Tag: "hparams", Metadata: &eventpb.SummaryMetadata{PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: "hparams", Content: []byte{0, 255}}}},
		{Tag: "scalar", NodeName: "node", Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 0}},
		{Tag: "histo", Value: &eventpb.Summary_Value_Histo{Histo: &eventpb.HistogramProto{Min: 1, Max: 2, Bucket: []float64{1, 2}}}},
		{Tag: "image", Value: &eventpb.Summary_Value_Image{Image: &eventpb.Summary_Image{Height: 1, EncodedImageString: []byte("png")}}},
		{Tag: "audio", Value: &eventpb.Summary_Value_Audio{Audio: &eventpb.Summary_Audio{SampleRate: 0.5}}},
		{Tag: "tensor", Value: &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, StringVal: [][]byte{{1}, nil}}}},
		{Tag: "old", Value: &eventpb.Summary_Value_ObsoleteOldStyleHistogram{ObsoleteOldStyleHistogram: []byte("x")}},
	}}
	require.NoError(t, w.AddSummary(s, -5))
	require.NoError(t, w.Close())
	events := readEvents(t, onlyFile(t, dir))
	require.Len(t, events, 1)
	require.EqualValues(t, -5, events[0].GetStep())
	requireEqualMessage(t, s, events[0].GetSummary())
}

func TestAddEventWritesTheEventAsItIs(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	want := []*eventpb.Event{
		{WallTime: 1.5, Step: 7, What: &eventpb.Event_Summary{Summary: withMetadata("loss", 0.25)}},
		{WallTime: -1, Step: math.MinInt64, What: &eventpb.Event_Summary{Summary: withMetadata("loss", 0.25)}},
		{What: &eventpb.Event_GraphDef{GraphDef: []byte{1, 2}}},
		{Step: 3, What: &eventpb.Event_TaggedRunMetadata{TaggedRunMetadata: &eventpb.TaggedRunMetadata{Tag: "step_3", RunMetadata: []byte{8}}}},
		{SourceMetadata: &eventpb.SourceMetadata{Writer: "another"}},
		{},
	}
	for _, e := range want {
		require.NoError(t, w.AddEvent(e))
	}
	require.NoError(t, w.Close())
	got := readEvents(t, onlyFile(t, dir))
	require.Len(t, got, len(want))
	for i := range want {
		requireEqualMessage(t, want[i], got[i])
	}
}

func TestAddSessionLogIsAnEventOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w := openWriter(t, dir, summary.FileWriterConfig{})
		log := &eventpb.SessionLog{Status: eventpb.SessionLog_CHECKPOINT, CheckpointPath: "model.ckpt-5", Msg: "m"}
		time.Sleep(1250 * time.Millisecond)
		require.NoError(t, w.AddSessionLog(log, 5))
		require.NoError(t, w.Close())
		events := readEvents(t, onlyFile(t, dir))
		requireEqualMessage(t, &eventpb.Event{
			WallTime: float64(time.Now().Unix()) + float64(time.Now().Nanosecond())/1e9,
			Step:     5,
			What:     &eventpb.Event_SessionLog{SessionLog: log},
		}, events[0])
		require.Len(t, events, 1)
	})
}

func TestTheArgumentsMayBeChangedAfterTheCall(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
	values := []float64{1, 2, 3}
	picture := image.NewGray(image.Rect(0, 0, 2, 2))
	s := withMetadata("loss", 1)
	event := &eventpb.Event{Step: 1, What: &eventpb.Event_Summary{Summary: simple("e", 1)}}
	add := func() {
		require.NoError(t, w.Histogram("h", values, 1))
		require.NoError(t, w.Image("i", picture, 1))
		require.NoError(t, w.AddSummary(s, 1))
		require.NoError(t, w.AddEvent(event))
	}
	add()
	require.NoError(t, w.Flush())
	before := f.contents()
	f.set(func(f *memoryFile) { f.data = nil })

	w = openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
	add()
	values[0], picture.Pix[0] = 99, 99
	s.Value[0].Tag, s.Value[0].Metadata.DisplayName = "x", "x"
	event.GetSummary().Value[0].Tag = "x"
	require.NoError(t, w.Flush())
	requireSameButForTime(t, before, f.contents())
}

// requireSameButForTime compares two files event by event.
func requireSameButForTime(t *testing.T, want, got []byte) {
	t.Helper()
	a, b := decode(t, want), decode(t, got)
	require.Equal(t, len(a), len(b))
	for i := range a {
		a[i].WallTime, b[i].WallTime = 0, 0
		requireEqualMessage(t, a[i], b[i])
	}
}

func TestAddWithoutValuesWritesNothing(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{})
	require.NoError(t, w.Add(1))
	require.NoError(t, w.Close())
	require.Len(t, payloads(t, bytes.NewReader(f.contents())), 1)
}

func TestARemovedFileIsAnError(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o666)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
			require.NoError(t, err)
			files, err := filepath.Glob(filepath.Join(dir, "*tfevents*"))
			require.NoError(t, err)
			require.NoError(t, remove(files[0]))
			require.NoError(t, w.Scalar("loss", 1, 1))
			err = w.Flush()
			require.ErrorContains(t, err, files[0])
			require.Equal(t, err, w.Scalar("loss", 1, 2), "sticky")
			require.Equal(t, err, w.Close())
		})
	}
}
