package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// shown is what all three readers show of a log directory: "reader <run> [tag]"
// to the points. The Python server takes the tag for the display name of an old
// value, which is left out.
func shown(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, view := range readers.All() {
		s, err := view.Load(t.Context(), os.DirFS(dir))
		require.NoError(t, err)
		require.NoError(t, s.Err)
		require.Empty(t, s.PluginErrs)
		for _, run := range s.Runs {
			require.NoError(t, run.Err)
			for _, tag := range run.Tags {
				require.NoError(t, tag.Err)
				var text strings.Builder
				if tag.DisplayName == tag.Name {
					tag.DisplayName = ""
				}
				fmt.Fprintf(&text, "%s %s %q %q:", tag.Plugin, tag.Class, tag.DisplayName, tag.Description)
				for _, p := range tag.Points {
					fmt.Fprintf(&text, " %d=%s", p.Step, valueText(p.Value))
				}
				out[key(view, run.Name, tag.Name)] = text.String()
			}
		}
	}
	return out
}

func key(view readers.View, run, tag string) string {
	return fmt.Sprintf("%s <%s> [%s]", view.Name(), run, tag)
}

func valueText(v any) string {
	if blobs, ok := v.([]readers.Blob); ok {
		return fmt.Sprintf("%d blobs of %d", len(blobs), len(blobs[0].Data))
	}
	if x, ok := v.(*readers.Tensor); ok {
		return fmt.Sprint("tensor ", x.DType(), x.Shape())
	}
	return fmt.Sprint(v)
}

// renamed is what is shown, under other names.
func renamed(m map[string]string, pairs ...string) map[string]string {
	replacer := strings.NewReplacer(pairs...)
	out := make(map[string]string)
	for key, text := range m {
		out[replacer.Replace(key)] = text
	}
	return out
}

// records of a file.
func records(t *testing.T, path string) [][]byte {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var out [][]byte
	for r, err := range eventlog.NewReader(f, eventlog.ReaderConfig{Name: path}).Records() {
		require.NoError(t, err)
		out = append(out, bytes.Clone(r.Payload))
	}
	return out
}

type counts struct{ Files, Events, Identical, Dropped, Torn int }

func editCounts(t *testing.T, args ...string) counts {
	t.Helper()
	var c counts
	require.NoError(t, json.Unmarshal([]byte(succeeds(t, append(args, "--json")...)), &c))
	return c
}

func TestRenamedTagsAreShownAsBefore(t *testing.T) {
	logdir(t)
	c := editCounts(t, "edit", "rename", "runs", "-o", "out", "--tag", "loss=a/b=c", "--tag", "re:^acc(.*)=m/$1", "--run", "eval=deep/er")
	require.Equal(t, counts{Files: 3, Events: 58, Identical: 8, Dropped: 0}, c)
	want := renamed(shown(t, "runs"), "[loss]", "[a/b=c]", "[accuracy]", "[m/uracy]", "<eval>", "<deep/er>")
	require.Equal(t, want, shown(t, "out"))
	require.NotEmpty(t, want["rustboard <deep/er> [a/b=c]"])
	require.Len(t, want, 24)

	before, after := records(t, "runs/train/"+first), records(t, "out/train/"+first)
	require.Len(t, after, len(before))
	require.Equal(t, before[:7], after[:7], "events without these tags keep their bytes")
	require.Zero(t, command(t, "diff", "runs/train", "out/train", "--tag", "samples/*").status)
}

func TestNamesThatCannotBe(t *testing.T) {
	logdir(t)
	for args, want := range map[string]string{
		"--tag loss=accuracy":                    `tags "accuracy" and "loss" would both be "accuracy"`,
		"--tag re:.*=x":                          `would both be "x"`,
		"--tag nothing=x":                        "nothing to rename",
		"--tag _hparams_/session_start_info=x":   `TensorBoard looks for "_hparams_/session_start_info" by its name`,
		"--run eval=train":                       `runs "eval" and "train" would both be "train"`,
		"--run eval=../x":                        `run "../x", want a directory below the log directory`,
		"--tag loss":                             `--tag "loss", want OLD=NEW`,
		"--tag re:(=x":                           "missing closing )",
		"--tag loss=custom_scalars__config__":    `by its name`,
		"--tag loss=x --tag accuracy=x --in tr*": `would both be "x"`,
	} {
		r := command(t, append([]string{"edit", "rename", "runs", "-o", "out"}, strings.Fields(args)...)...)
		require.Equal(t, 2, r.status)
		require.Contains(t, r.err, want)
		require.NoDirExists(t, "out")
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing half done is left")
}

func TestExpressionsPassOverTagsThatTensorBoardLooksFor(t *testing.T) {
	logdir(t)
	succeeds(t, "edit", "rename", "runs", "-o", "out", "--tag", "re:^=all/", "--in", "train")
	require.Equal(t, "accuracy\nloss\n_hparams_/session_start_info\nall/accuracy\nall/loss\nall/notes/a\nb\nall/samples/in\nall/weights\n", tags(t, "out"))
}

func TestTagsMaySwapTheirNames(t *testing.T) {
	logdir(t)
	succeeds(t, "edit", "rename", "runs", "-o", "out", "--tag", "loss=accuracy", "--tag", "accuracy=loss")
	require.Equal(t, renamed(shown(t, "runs"), "[loss]", "[accuracy]", "[accuracy]", "[loss]"), shown(t, "out"))
}

func TestWhatIsDeletedIsGoneAndTheRestIsAsBefore(t *testing.T) {
	logdir(t)
	c := editCounts(t, "edit", "delete", "runs", "-o", "out", "--tag", "loss", "--run", "train")
	require.Equal(t, counts{Files: 3, Events: 44, Identical: 44, Dropped: 14}, c)
	want := shown(t, "runs")
	for _, view := range readers.All() {
		delete(want, key(view, "train", "loss"))
	}
	require.Equal(t, want, shown(t, "out"))
}

// The first value of each tag in each file has the metadata, which the others
// need.
func TestValuesBehindADeletedOneKeepTheirMetadata(t *testing.T) {
	logdir(t)
	c := editCounts(t, "edit", "delete", "runs", "-o", "out", "--steps", ":60")
	require.Equal(t, counts{Files: 3, Events: 23, Identical: 17, Dropped: 35}, c)
	got := shown(t, "out")
	require.Contains(t, got["rustboard <eval> [loss]"], "scalars SCALAR")
	for key, text := range shown(t, "runs") {
		head, points, _ := strings.Cut(text, ":")
		if _, late, ok := strings.Cut(points, " 70="); ok {
			require.Equal(t, head+": 70="+late, got[key], key)
		} else {
			require.NotContains(t, got, key)
		}
	}
	require.Zero(t, command(t, "verify", "out").status)
}

func TestRunsAndKindsAreDeleted(t *testing.T) {
	logdir(t)
	succeeds(t, "edit", "delete", "runs", "-o", "noeval", "--run", "eval")
	require.NoDirExists(t, "noeval/eval")
	succeeds(t, "edit", "delete", "runs", "-o", "plain", "--kind", "image,text,histogram,hparams")
	require.Equal(t, "accuracy\nloss\n", tags(t, "plain"))
	succeeds(t, "edit", "delete", "runs", "-o", "noscalars", "--kind", "scalar")
	require.NoFileExists(t, "noscalars/eval/"+first, "nothing is left in it")
}

// tags of a log directory, each once.
func tags(t *testing.T, dir string) string {
	t.Helper()
	series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	out := ""
	for _, s := range series {
		if !strings.Contains("\n"+out, "\n"+s.Tag+"\n") {
			out += s.Tag + "\n"
		}
	}
	return out
}

func TestPurgeLeavesWhatWasBefore(t *testing.T) {
	logdir(t)
	succeeds(t, "edit", "purge", "runs", "-o", "out", "--from", "60", "--run", "train")
	require.NoFileExists(t, "out/train/"+second, "nothing is left in it")
	require.Zero(t, command(t, "diff", "runs", "out", "--purge=false", "--steps", ":59").status)
	r := command(t, "diff", "runs/eval", "out/eval")
	require.Zero(t, r.status, r.out)
	require.Equal(t, 1, command(t, "ls", "nowhere").status/2)
	require.Empty(t, succeeds(t, "ls", "out", "--run", "train", "--steps", "60:", "--json")[3:])
}

func TestDownsampledCurvesKeepTheirEnds(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "runs", first, func(w *summary.FileWriter) {
		for step := range int64(100) {
			must(t, w.Scalar("loss", float64(step), step))
		}
		must(t, w.Scalar("once", 1, 5))
	})
	for args, want := range map[string]string{
		"--keep 4":               "0 33 66 99 5",
		"--keep 2":               "0 99 5",
		"--keep 1":               "99 5",
		"--every 40":             "0 40 80 99 5",
		"--keep 3 --tag nothing": "all",
		"--keep 1000":            "all",
	} {
		succeeds(t, append([]string{"edit", "downsample", "runs", "-o", "out"}, strings.Fields(args)...)...)
		var steps []string
		for line := range strings.Lines(succeeds(t, "export", "out")) {
			steps = append(steps, strings.Split(line, ",")[2])
		}
		got := strings.Join(steps[1:], " ")
		if want == "all" {
			require.Len(t, steps, 102)
		} else {
			require.Equal(t, want, got, args)
		}
		require.Zero(t, command(t, "verify", "out").status)
		require.NoError(t, os.RemoveAll("out"))
	}
}

func TestPiecesAreReadLikeTheWhole(t *testing.T) {
	logdir(t)
	before := shown(t, "runs")
	for _, args := range []string{"--size 300", "--size 1", "--at 20,60", "--size 64MB"} {
		succeeds(t, append([]string{"edit", "split", "runs", "-o", "out"}, strings.Fields(args)...)...)
		require.Equal(t, before, shown(t, "out"), args)
		r := command(t, "diff", "runs", "out", "--purge=false")
		require.Zero(t, r.status, r.out)
		files, err := filepath.Glob("out/train/*")
		require.NoError(t, err)
		for _, file := range files {
			require.Contains(t, string(records(t, file)[0]), "brain.Event:2")
		}
		switch args {
		case "--size 1":
			require.Len(t, files, 36)
		case "--at 20,60":
			require.Len(t, files, 6, "from 0, 50, 0, 20, 60 and the second file")
		case "--size 64MB":
			require.Len(t, files, 2)
		}
		require.NoError(t, os.RemoveAll("out"))
	}
}

func TestTagsMoveToRunsOfTheirOwn(t *testing.T) {
	logdir(t)
	succeeds(t, "edit", "split", "runs", "-o", "out", "--move", "acc*=./metrics", "--move", "samples/*=pictures")
	want := renamed(shown(t, "runs"), "<train> [accuracy]", "<train/metrics> [accuracy]",
		"<eval> [accuracy]", "<eval/metrics> [accuracy]", "<train> [samples/in]", "<pictures> [samples/in]")
	require.Equal(t, want, shown(t, "out"))
	require.Contains(t, want, "Python server <train/metrics> [accuracy]")
	require.Equal(t, 2, strings.Count(succeeds(t, "cat", "out", "--run", "train/metrics"), `"START"`)-1, "the restart is known there, too")
}

func TestFilesOfOneRunBecomeOne(t *testing.T) {
	logdir(t)
	c := editCounts(t, "edit", "merge", "runs", "-o", "out", "--run", "train")
	require.Equal(t, 2, c.Files)
	require.Equal(t, c.Events, c.Identical)
	require.Equal(t, shown(t, "runs"), shown(t, "out"))
	require.NoFileExists(t, "out/train/"+second)
}

func TestRunsBecomeOneByStep(t *testing.T) {
	logdir(t)
	succeeds(t, "edit", "merge", "runs", "-o", "out", "--into", "all", "--prefix")
	require.Equal(t, "eval/accuracy\neval/loss\ntrain/_hparams_/session_start_info\ntrain/accuracy\ntrain/loss\ntrain/notes/a\nb\ntrain/samples/in\ntrain/weights\n", tags(t, "out"))
	before, after := shown(t, "runs"), shown(t, "out")
	for _, view := range readers.All() {
		for _, tag := range []string{"loss", "samples/in", "weights"} {
			require.Equal(t, before[key(view, "train", tag)], after[key(view, "all", "train/"+tag)])
		}
	}
	r := command(t, "edit", "merge", "runs", "-o", "both")
	require.Zero(t, r.status)
	require.Contains(t, r.err, "values at a step that is not above the one before of the same tag")
	r = command(t, "edit", "merge", "runs", "-o", "taken", "--run", "train", "--into", "eval")
	require.Equal(t, 2, r.status)
	require.Contains(t, r.err, `there is such a run`)
}

func TestGraphsAndRunMetadataAreEdited(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "runs", first, func(w *summary.FileWriter) {
		must(t, w.AddEvent(&eventpb.Event{Step: 1, What: &eventpb.Event_GraphDef{GraphDef: []byte{}}}))
		must(t, w.AddEvent(&eventpb.Event{Step: 2, What: &eventpb.Event_TaggedRunMetadata{
			TaggedRunMetadata: &eventpb.TaggedRunMetadata{Tag: "step_2", RunMetadata: []byte("x")},
		}}))
	})
	succeeds(t, "edit", "rename", "runs", "-o", "out", "--tag", "step_2=other")
	require.Equal(t, "__run_graph__\nother\n", tags(t, "out"))
	succeeds(t, "edit", "delete", "runs", "-o", "less", "--kind", "graph")
	require.Equal(t, "step_2\n", tags(t, "less"))
	r := command(t, "edit", "rename", "runs", "-o", "no", "--tag", "__run_graph__=g")
	require.Equal(t, 2, r.status)
}

func TestADamagedFileIsNotEdited(t *testing.T) {
	logdir(t)
	flip(t, "runs/train/"+first, 900)
	for _, args := range []string{"purge --from 5", "rename --tag loss=x", "merge"} {
		fields := strings.Fields(args)
		r := command(t, append([]string{"edit", fields[0], "runs", "-o", "out"}, fields[1:]...)...)
		require.Equal(t, 2, r.status, r.err)
		require.Contains(t, r.err, "repair it first: eventlog: runs/train/"+first+": record at offset ")
		require.NoDirExists(t, "out")
	}
}

func TestATornTailIsNotCopied(t *testing.T) {
	logdir(t)
	info, err := os.Stat("runs/eval/" + first)
	require.NoError(t, err)
	require.NoError(t, os.Truncate("runs/eval/"+first, info.Size()-3))
	r := command(t, "edit", "purge", "runs", "-o", "out", "--from", "1000")
	require.Zero(t, r.status)
	require.Contains(t, r.err, "1 file with a torn tail")
	require.Zero(t, command(t, "repair", "out", "-n").status)
}

func TestAnOutputThatIsThereIsNotTouched(t *testing.T) {
	logdir(t)
	require.NoError(t, os.MkdirAll("out/x", 0o777))
	for _, args := range []string{"edit purge runs --from 5 -o out", "repair runs -o out", "export runs --format files -o out"} {
		r := command(t, strings.Fields(args)...)
		require.Equal(t, 2, r.status)
		require.Contains(t, r.err, "out: file already exists and is not empty")
	}
	require.NoError(t, os.Remove("out/x"))
	succeeds(t, "edit", "purge", "runs", "--from", "5", "-o", "out")
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

// flip changes a byte.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[at] ^= 0x40
	require.NoError(t, os.WriteFile(path, b, 0o666))
	require.NoError(t, os.Chtimes(path, time.Now(), time.Now()))
}
