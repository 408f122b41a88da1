package readers_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// eventAt is an event without content.
func eventAt(wall float64) []byte { return encode(&eventpb.Event{WallTime: wall}) }

func TestRunsAreOrderedByStart(t *testing.T) {
	fsys := dir(map[string][]byte{
		"b/tfevents":       append(eventAt(5), eventAt(1)...),
		"a/late/tfevents":  eventAt(3),
		"a/tfevents":       eventAt(3),
		"c/x.tfevents.y":   nil,
		"none/profile":     eventAt(1),
		"z/0.tfevents":     nil,
		"z/1.tfevents":     eventAt(2),
		"d/tfevents/x":     eventAt(2),
		"e/.profile-empty": nil,
	})
	require.Equal(t, []string{"z", "a", "a/late", "b", "c"}, runNames(load(t, readers.EventAccumulator{}, fsys)), "by the first event")
	require.Equal(t, []string{"z", "a", "a/late", "b", "c"}, runNames(load(t, readers.PythonServer{}, fsys)), "by the first event")
	require.Equal(t, []string{"b", "z", "a", "a/late"}, runNames(load(t, readers.DataServer{}, fsys)), "by the least time, and only runs with events")
}

func TestFilesWithProfilesAreReadByRustboardAlone(t *testing.T) {
	fsys := dir(map[string][]byte{"run/x.tfevents.profile-empty": scalars(1)})
	for _, view := range readers.All() {
		shown := load(t, view, fsys)
		require.Equal(t, []string{"run"}, runNames(shown), view.Name())
		_, all := view.(readers.DataServer)
		require.Equal(t, all, steps(shown, "run", "x") != nil, view.Name())
	}
}

func TestPythonServerStopsForGoodAtARecordThatIsNoEvent(t *testing.T) {
	fsys := dir(map[string][]byte{
		"1/tfevents": bytes.Join([][]byte{version, scalars(1)}, nil),
		"2/tfevents": bytes.Join([][]byte{version, scalars(1), tfrecord.Append(nil, []byte{9}), scalars(2)}, nil),
		"3/tfevents": bytes.Join([][]byte{version, scalars(1)}, nil),
	})
	shown := load(t, readers.PythonServer{}, fsys)
	require.ErrorContains(t, shown.Err, `run "2": 2/tfevents, offset 79: a record that is no Event`)
	require.Equal(t, []string{"1", "2", "3"}, runNames(shown))
	require.Equal(t, []int64{1}, steps(shown, "1", "x"))
	require.Equal(t, []int64{1}, steps(shown, "2", "x"))
	require.Nil(t, steps(shown, "3", "x"), "its version was read, for the order of the runs")
	require.Equal(t, `run "3": the reader stopped before (3/tfevents, offset 0)`, shown.Losses[0].String())

	shown = load(t, readers.EventAccumulator{}, fsys)
	require.NoError(t, shown.Err)
	require.ErrorContains(t, shown.Run("2").Err, "a record that is no Event")
	require.Nil(t, steps(shown, "2", "x"), "Reload raises")
	require.Equal(t, []int64{1}, steps(shown, "3", "x"))

	shown = load(t, readers.DataServer{}, fsys)
	require.NoError(t, shown.Err)
	require.Equal(t, []int64{1}, steps(shown, "2", "x"))
	require.Equal(t, []int64{1}, steps(shown, "3", "x"))
}

func TestOneSeriesSpoilsAPageForAllRuns(t *testing.T) {
	picture := at(1, tensor("i", "images", 0, texts(dims(3), "1", "1", "a")))
	tests := []struct {
		name   string
		series []byte
		plugin string // images, if it is empty
		py, rb string
	}{
		{
			name:   "metadata with a class and never a value",
			series: at(1, &eventpb.Summary_Value{Tag: "x", Metadata: tensor("", "images", eventpb.DataClass_BLOB_SEQUENCE, nil).Metadata}),
			py:     `run "bad", tag "x": metadata without a tensor (KeyError)`,
		},
		{
			name:   "all pictures purged",
			series: bytes.Join([][]byte{version, at(1, tensor("x", "images", 0, texts(dims(3), "1", "1", "a"))), start(0), start(0)}, nil),
			py:     `run "bad", tag "x": all points purged (TypeError)`,
		},
		{
			name: "a plugin's metadata that is no message",
			series: func() []byte {
				v := tensor("x", "images", 0, texts(dims(3), "1", "1", "a"))
				v.Metadata.PluginData.Content = []byte("{}")
				return at(1, v)
			}(),
			py: `run "bad", tag "x": the plugin's part of the metadata: no message of the wire format`,
			rb: `run "bad", tag "x": the plugin's part of the metadata: no message of the wire format`,
		},
		{
			name: "a mesh without a shape",
			series: func() []byte {
				v := tensor("x", "mesh", eventpb.DataClass_TENSOR, double())
				v.Metadata.PluginData.Content = []byte("\x12\x01m")
				return at(1, v)
			}(),
			plugin: "mesh",
			py:     `run "bad", tag "x": the plugin's part of the metadata: a mesh without a shape (IndexError)`,
			rb:     `run "bad", tag "x": the plugin's part of the metadata: a mesh without a shape (IndexError)`,
		},
	}
	for _, test := range tests {
		fsys := dir(map[string][]byte{"bad/tfevents": test.series, "good/tfevents": picture})
		for view, want := range map[readers.View]string{readers.PythonServer{}: test.py, readers.DataServer{}: test.rb} {
			t.Run(test.name+"/"+view.Name(), func(t *testing.T) {
				shown := load(t, view, fsys)
				require.NoError(t, shown.Err)
				if want == "" {
					require.Empty(t, shown.PluginErrs)
					require.Equal(t, []int64{1}, steps(shown, "good", "i"))
					return
				}
				require.EqualError(t, shown.PluginErrs[cmp.Or(test.plugin, "images")], want)
				require.Nil(t, steps(shown, "bad", "x"))
				require.Equal(t, test.plugin == "", steps(shown, "good", "i") == nil)
			})
		}
	}
}

// TestARecordLongerThanMemory is what the readers do with a length whose
// checksum is right and that no machine has the memory for.
func TestARecordLongerThanMemory(t *testing.T) {
	for _, length := range []uint64{1 << 40, 1<<62 + 5, 1 << 63, 1<<64 - 1} {
		header := binary.LittleEndian.AppendUint64(nil, length)
		header = binary.LittleEndian.AppendUint32(header, tfrecord.Checksum(header))
		fsys := dir(map[string][]byte{
			"1/tfevents": append(scalars(1), header...),
			"2/tfevents": scalars(1),
		})
		shown := load(t, readers.EventAccumulator{}, fsys)
		require.ErrorContains(t, shown.Run("1").Err, "out of memory")
		require.Equal(t, []int64{1}, steps(shown, "2", "x"))

		shown = load(t, readers.PythonServer{}, fsys)
		require.ErrorContains(t, shown.Err, "out of memory")

		shown = load(t, readers.DataServer{}, fsys)
		require.ErrorContains(t, shown.Err, "out of memory")
		if length < 1<<63 {
			require.Empty(t, shown.Runs, "the process ends")
		} else {
			require.Equal(t, []string{"2"}, runNames(shown), "the run is given up")
		}
	}
	cut := oneFile(scalars(1), binary.LittleEndian.AppendUint64(nil, 1<<50))
	for _, view := range readers.All() {
		require.Equal(t, []int64{1}, steps(load(t, view, cut), ".", "x"), "half a header")
	}
}

func TestMessagesInsideAGraphAreParsed(t *testing.T) {
	meta := encode(&eventpb.Event{WallTime: 1, What: &eventpb.Event_MetaGraphDef{MetaGraphDef: []byte("\n\x02\n\xff")}}) // meta_info_def
	require.ErrorContains(t, load(t, readers.EventAccumulator{}, oneFile(meta)).Run(".").Err, "meta graph")
	require.ErrorContains(t, load(t, readers.PythonServer{}, oneFile(meta)).Err, "meta graph")
	require.NoError(t, load(t, readers.DataServer{}, oneFile(meta)).Err)

	for name, graph := range map[string]string{"an attribute": "\n\x03\x2a\x01\xff", "the library": "\x12\x01\xff", "the versions": "\"\x01\xff"} {
		file := oneFile(encode(&eventpb.Event{WallTime: 1, What: &eventpb.Event_GraphDef{GraphDef: []byte(graph)}}))
		require.Error(t, load(t, readers.EventAccumulator{}, file).Run(".").Tag("__run_graph__").Err, name)
		for _, view := range []readers.View{readers.PythonServer{}, readers.DataServer{}} {
			blobs := load(t, view, file).Run(".").Tag("__run_graph__").Points[0].Value.([]readers.Blob)
			require.Error(t, blobs[0].Err, "%s, %s", name, view.Name())
		}
	}
}

func TestChecksumOfTheDataServer(t *testing.T) {
	flipped := scalars(2)
	flipped[len(flipped)-1] ^= 1
	fsys := oneFile(scalars(1), flipped, scalars(3))
	require.Equal(t, []int64{1, 2, 3}, steps(load(t, readers.DataServer{}, fsys), ".", "x"))
	require.Equal(t, []int64{1}, steps(load(t, readers.DataServer{Checksum: true}, fsys), ".", "x"))
}

func TestOrphansAreKeptOnRequest(t *testing.T) {
	fsys := oneFile(version, scalars(1, 2, 3), start(2), start(2), scalars(4))
	for view, want := range map[readers.View][]int64{
		readers.EventAccumulator{}:                  {1, 4},
		readers.EventAccumulator{KeepOrphans: true}: {1, 2, 3, 4},
		readers.PythonServer{}:                      {1, 4},
		readers.PythonServer{KeepOrphans: true}:     {1, 2, 3, 4},
	} {
		require.Equal(t, want, steps(load(t, view, fsys), ".", "x"))
	}
}

func TestLinksAreFollowedAndNotInCircles(t *testing.T) {
	root := t.TempDir()
	elsewhere := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(elsewhere, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "tfevents"), scalars(1), 0o666))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(root, "linked")))
	require.NoError(t, os.Symlink(root, filepath.Join(elsewhere, "back")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "tfevents")))
	for view, want := range map[readers.View][]string{
		readers.EventAccumulator{}: {"linked", "."}, // where Python lists the link to nowhere
		readers.PythonServer{}:     {"linked", "."},
		readers.DataServer{}:       {"linked"},
	} {
		shown, err := view.Load(t.Context(), os.DirFS(root))
		require.NoError(t, err)
		require.Equal(t, want, runNames(shown), view.Name())
		require.Empty(t, shown.PluginErrs)
	}
}

// TestALinkToNowhere ends a run for Python.
func TestALinkToNowhere(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "1.tfevents"), scalars(1), 0o666))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "2.tfevents")))
	require.NoError(t, os.WriteFile(filepath.Join(root, "3.tfevents"), scalars(3), 0o666))
	for view, want := range map[readers.View][]int64{
		readers.EventAccumulator{}: {1}, readers.PythonServer{}: {1}, readers.DataServer{}: {1, 3},
	} {
		shown, err := view.Load(t.Context(), os.DirFS(root))
		require.NoError(t, err)
		require.NoError(t, shown.Run(".").Err)
		require.Equal(t, want, steps(shown, ".", "x"), view.Name())
	}
}

func TestANameThatIsNoUTF8(t *testing.T) {
	fsys := dir(map[string][]byte{"1.tfevents": scalars(1), "2\xff.tfevents": scalars(2)})
	require.ErrorIs(t, load(t, readers.EventAccumulator{}, fsys).Run(".").Err, fs.ErrInvalid)
	require.EqualError(t, load(t, readers.PythonServer{}, fsys).Err, `name "2\xff.tfevents" is no UTF-8 (UnicodeEncodeError)`)

	shown := load(t, readers.DataServer{}, fsys)
	require.Equal(t, []int64{1}, steps(shown, ".", "x"), "the real one reads the other file, too")
	require.Equal(t, readers.Unreadable, shown.Losses[0].Reason)

	fsys = dir(map[string][]byte{"tfevents": scalars(1), "note\xff": nil})
	require.Error(t, load(t, readers.PythonServer{}, fsys).Err)
	require.Equal(t, []int64{1}, steps(load(t, readers.EventAccumulator{}, fsys), ".", "x"))
}

func TestADirectoryNamedLikeAFile(t *testing.T) {
	fsys := dir(map[string][]byte{"run/a.tfevents": scalars(1), "run/b.tfevents/other": nil, "run/c.tfevents": scalars(2)})
	shown := load(t, readers.EventAccumulator{}, fsys)
	require.Error(t, shown.Run("run").Err)
	require.Equal(t, []int64{1}, steps(load(t, readers.PythonServer{}, fsys), "run", "x"), "the rest of the run is lost")
	require.Equal(t, []int64{1, 2}, steps(load(t, readers.DataServer{}, fsys), "run", "x"))
}

// TestARunNamedLikeAFile is taken for one by Python, which then cannot say which
// runs there are.
func TestARunNamedLikeAFile(t *testing.T) {
	fsys := dir(map[string][]byte{"my.tfevents.d/tfevents": scalars(1), "other/tfevents": scalars(1)})
	shown := load(t, readers.EventAccumulator{}, fsys)
	require.Error(t, shown.Run("my.tfevents.d").Err)
	require.Equal(t, []int64{1}, steps(shown, "other", "x"))

	shown = load(t, readers.PythonServer{}, fsys)
	require.ErrorContains(t, shown.PluginErrs["runs"], `run "my.tfevents.d"`)
	require.Nil(t, steps(shown, "my.tfevents.d", "x"))
	require.Equal(t, []int64{1}, steps(shown, "other", "x"), "the plugins still know them")

	shown = load(t, readers.DataServer{}, fsys)
	require.Empty(t, shown.PluginErrs)
	require.Equal(t, []int64{1}, steps(shown, "my.tfevents.d", "x"))
}

// TestBlobsOfNamesThatJSONEscapes have keys that rustboard writes and does not
// read.
func TestBlobsOfNamesThatJSONEscapes(t *testing.T) {
	for name, lost := range map[string]bool{`a"b`: true, `a\b`: true, "a\tb": true, "a/b 'ü'\x7f": false} {
		picture := at(1, tensor(name, "images", 0, texts(dims(3), "1", "1", "a")))
		for view, want := range map[readers.View]bool{readers.PythonServer{}: false, readers.DataServer{}: lost} {
			shown := load(t, view, oneFile(version, picture))
			blobs := shown.Run(".").Tag(name).Points[0].Value.([]readers.Blob)
			require.Equal(t, want, blobs[0].Err != nil, "%q: %v", name, blobs[0].Err)
		}
		shown := load(t, readers.DataServer{}, dir(map[string][]byte{name + "/tfevents": at(1, tensor("i", "images", 0, texts(dims(3), "1", "1", "a")))}))
		require.Equal(t, lost, shown.Runs[0].Tag("i").Points[0].Value.([]readers.Blob)[0].Err != nil, "run %q", name)
	}
}

func TestLoadFailsWithoutARoot(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for _, view := range readers.All() {
		_, err := view.Load(t.Context(), os.DirFS(filepath.Join(root, "none")))
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = view.Load(t.Context(), os.DirFS(file))
		require.ErrorContains(t, err, "log directory")
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	for _, view := range readers.All() {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		fsys := watching{oneFile(scalars(1, 2)), func() { cancel(why) }}
		_, err := view.Load(ctx, fsys)
		require.ErrorIs(t, err, why, "%s, while it reads", view.Name())
		_, err = view.Load(ctx, fsys)
		require.ErrorIs(t, err, why, "%s, before", view.Name())
	}
}

// watching calls opening before each opening of a file.
type watching struct {
	fstest.MapFS
	opening func()
}

func (w watching) Open(name string) (fs.File, error) {
	w.opening()
	return w.MapFS.Open(name)
}

// TestTinyFilesMakeNoLargePoints has tensors claim far more than is there.
func TestTinyFilesMakeNoLargePoints(t *testing.T) {
	huge := dims(1<<20, 1<<15)
	claim := tensor("x", "audio", eventpb.DataClass_BLOB_SEQUENCE, texts(huge, "a"))
	long := tensor("y", "images", eventpb.DataClass_BLOB_SEQUENCE, texts(dims(1<<30), "a"))
	number := tensor("z", "own", eventpb.DataClass_TENSOR, &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: huge, FloatVal: []float32{1}})
	fsys := oneFile(version, at(1, claim, long, number))
	for _, view := range readers.All() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		load(t, view, fsys)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), view.Name())
	}
	require.Equal(t, 1<<30-2, load(t, readers.PythonServer{}, fsys).Run(".").Tag("y").Samples)
}
