package rewrite_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventlog/readers"
)

// library is the root of the module that the readers are in, which has files of
// many writers and runs at the edges of the format.
const library = "../../../.."

// logdirs calls do with all of these, each a log directory, that are not damaged:
// others are not edited.
func logdirs(t *testing.T, do func(t *testing.T, dir string, runs []eventlog.Run)) {
	n := 0
	try := func(name, dir string) {
		if runs := intact(t, dir); runs != nil {
			n++
			t.Run(name, func(t *testing.T) { do(t, dir, runs) })
		}
	}
	cases := filepath.Join(library, "summary/eventlog/readers/testdata/cases")
	entries, err := os.ReadDir(cases)
	require.NoError(t, err)
	require.Greater(t, len(entries), 100)
	for _, e := range entries {
		try(e.Name(), filepath.Join(cases, e.Name()))
	}
	awkward := unzip(t, "summary/eventlog/readers/testdata/awkward.zip")
	entries, err = os.ReadDir(awkward)
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() {
			try(e.Name(), filepath.Join(awkward, e.Name()))
		}
	}
	for _, file := range goldens(t) {
		dir := t.TempDir()
		require.NoError(t, os.Symlink(file, filepath.Join(dir, filepath.Base(file))))
		try(filepath.Base(file), dir)
	}
	require.Greater(t, n, 280)
}

func unzip(t *testing.T, name string) string {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join(library, name))
	require.NoError(t, err)
	defer archive.Close()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, archive))
	return dir
}

func goldens(t *testing.T) []string {
	files, err := filepath.Glob(filepath.Join(unzip(t, "summary/eventlog/testdata/goldens.zip"), "*.tfevents"))
	require.NoError(t, err)
	require.Greater(t, len(files), 100)
	return files
}

// intact returns the runs, or nil if they are damaged: those are not edited.
func intact(t *testing.T, dir string) []eventlog.Run {
	t.Helper()
	runs, err := eventlog.Runs(dir)
	require.NoError(t, err)
	for _, run := range runs {
		for _, file := range run.Files {
			r, err := rewrite.Repair(t.Context(), file, "", nil)
			require.NoError(t, err)
			if len(r.Faults) > 0 {
				return nil
			}
		}
	}
	return runs
}

// A line is what a reader says of one of its tags, or of a run, or of all.
type line struct{ reader, run, tag, plugin, rest string }

// shown is what the three readers make of a log directory. Places and wall times
// are left out, and display names that are the tag.
func shown(t *testing.T, dir string) []line {
	t.Helper()
	var out []line
	for _, view := range readers.All() {
		s, err := view.Load(t.Context(), os.DirFS(dir))
		require.NoError(t, err)
		out = append(out, line{reader: view.Name(), rest: fmt.Sprint(s.Err != nil, s.Plugins)})
		for plugin := range s.PluginErrs {
			out = append(out, line{reader: view.Name(), plugin: plugin, rest: "fails"})
		}
		for _, run := range s.Runs {
			out = append(out, line{reader: view.Name(), run: run.Name, rest: fmt.Sprint(run.Err != nil)})
			for _, tag := range run.Tags {
				if tag.DisplayName == tag.Name {
					tag.DisplayName = ""
				}
				out = append(out, line{view.Name(), run.Name, tag.Name, fmt.Sprint(tag.Plugin, tag.Class), fmt.Sprintf("%q %q %d %s %q %v %v",
					tag.DisplayName, tag.Description, tag.Samples, tag.MIME, tag.Content, tag.Err != nil, points(tag.Points))})
			}
		}
	}
	return sorted(out)
}

func sorted(lines []line) []line {
	slices.SortFunc(lines, func(a, b line) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return lines
}

// with are the lines after a change of each.
func with(lines []line, change func(*line)) []line {
	out := slices.Clone(lines)
	for i := range out {
		change(&out[i])
	}
	return sorted(out)
}

func points(ps []readers.Point) string {
	var b strings.Builder
	for _, p := range ps {
		fmt.Fprintf(&b, " %d ", p.Step)
		switch v := p.Value.(type) {
		case *readers.Tensor:
			fmt.Fprint(&b, v.DType(), v.Shape(), slices.Collect(v.Floats()), slices.Collect(v.Strings()))
		case []readers.Blob:
			for _, blob := range v {
				fmt.Fprintf(&b, "%x %s %v", blob.Data, blob.MIME, blob.Err != nil)
			}
		case error:
			b.WriteString("error")
		case fmt.Stringer:
			// Messages put blanks between their fields at random.
			b.WriteString(strings.ReplaceAll(v.String(), "  ", " "))
		default:
			fmt.Fprint(&b, v)
		}
	}
	return b.String()
}

func TestEditsByWhatTheReadersShow(t *testing.T) {
	whole := 0
	logdirs(t, func(t *testing.T, dir string, runs []eventlog.Run) {
		before := shown(t, dir)
		t.Run("nothing", func(t *testing.T) { editNothing(t, runs) })
		t.Run("rename", func(t *testing.T) { editNames(t, dir, runs, before) })
		if sound(t, dir, runs) {
			t.Run("pieces", func(t *testing.T) { editIntoPieces(t, runs, before) })
			whole++
			t.Run("half", func(t *testing.T) { editHalf(t, dir, runs, before) })
		}
	})
	require.Greater(t, whole, 150)
}

// An edit of nothing keeps every byte.
func editNothing(t *testing.T, runs []eventlog.Run) {
	out := t.TempDir()
	counts, err := rewrite.Edit{}.Apply(t.Context(), runs, out)
	require.NoError(t, err)
	require.Equal(t, counts.Events, counts.Identical)
	for _, run := range runs {
		for _, file := range run.Files {
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(out, run.Name, filepath.Base(file)))
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got))
		}
	}
}

// Renamed tags are shown as before.
func editNames(t *testing.T, dir string, runs []eventlog.Run, before []line) {
	series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	names := map[string]string{}
	for _, s := range series {
		// A reader finds another name for the empty tag, and so it stays.
		if s.Tag != "" && s.Tag != "__run_graph__" {
			names[s.Tag] = "other/" + s.Tag
		}
	}
	other := func(tag string) string { return cmp.Or(names[tag], tag) }
	out := t.TempDir()
	_, err = rewrite.Edit{Value: func(_ *eventlog.Event, from rewrite.Name) (rewrite.Name, bool) {
		return rewrite.Name{Run: from.Run, Tag: other(from.Tag)}, true
	}}.Apply(t.Context(), runs, out)
	require.NoError(t, err)
	require.Equal(t, with(before, func(l *line) { l.tag = other(l.tag) }), shown(t, out))
}

// Pieces of files are shown like the whole.
func editIntoPieces(t *testing.T, runs []eventlog.Run, before []line) {
	out := t.TempDir()
	_, err := rewrite.Edit{Cut: func(*eventlog.Event, int64) bool { return true }}.Apply(t.Context(), runs, out)
	require.NoError(t, err)
	require.Equal(t, before, shown(t, out))
}

// Of a run that lost the first half of each tag the second is still shown, under
// the same plugin and class. Where later values have metadata of their own, these
// count now, for what else they say.
func editHalf(t *testing.T, dir string, runs []eventlog.Run, before []line) {
	series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	left := make(map[rewrite.Name]int)
	for _, s := range series {
		left[rewrite.Name{Run: s.Run, Tag: s.Tag}] += s.Count / 2
	}
	out := t.TempDir()
	_, err = rewrite.Edit{Value: func(_ *eventlog.Event, name rewrite.Name) (rewrite.Name, bool) {
		left[name]--
		return name, left[name] < 0
	}}.Apply(t.Context(), runs, out)
	require.NoError(t, err)
	listed := func(l *line) { l.rest = "" }
	require.Equal(t, with(before, listed), with(shown(t, out), listed))
}

// sound reports whether a writer could have made the run, and the readers show
// all of it but for what came again. Faults, and metadata that change, act until
// the end of a file, so pieces of one show something else.
func sound(t *testing.T, dir string, runs []eventlog.Run) bool {
	t.Helper()
	if strings.HasPrefix(filepath.Base(dir), "s0") { // One of the awkward.
		return false
	}
	for _, run := range runs {
		for _, file := range run.Files {
			if b, err := os.ReadFile(file); err != nil || len(b) < 40 || !bytes.Contains(b[:40], []byte("brain.Event:2")) {
				return false
			}
		}
	}
	for _, view := range readers.All() {
		s, err := view.Load(t.Context(), os.DirFS(dir))
		require.NoError(t, err)
		for _, l := range s.Losses {
			switch l.Reason {
			case readers.Restarted, readers.NotRising, readers.SameStep, readers.Replaced, readers.NotOnPage:
			default:
				return false
			}
		}
	}
	return true
}
