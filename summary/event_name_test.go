package summary_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

// newest returns the file in dir that is not among known.
func newest(t *testing.T, dir string, known []string) string {
	t.Helper()
	fresh := slices.DeleteFunc(eventFiles(t, dir), func(path string) bool { return slices.Contains(known, path) })
	require.Len(t, fresh, 1)
	return fresh[0]
}

func TestTheNameOfAnEventFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where it is 2000-01-01T00:00:00Z
		dir := t.TempDir()
		openWriter(t, dir, summary.FileWriterConfig{FilenameSuffix: ".v2"})
		name := filepath.Base(onlyFile(t, dir))
		require.Regexp(t, regexp.MustCompile(`^events\.out\.tfevents\.0946684800\.[^/\\:]+\.\d+\.\d+\.v2$`), name)
		require.Contains(t, name, fmt.Sprintf(".%d.", os.Getpid()))
	})
}

func TestFilesSortInTheOrderInWhichTheyWereMade(t *testing.T) {
	const now = 946684800 // in a bubble
	for _, c := range []struct {
		name  string
		there []string // files before
	}{
		{"in an empty directory", nil},
		{"after a file of this second by another host", []string{"events.out.tfevents.0946684800.zzz"}},
		{"after a file of this second with a suffix", []string{"events.out.tfevents.0946684800.zzz.1.0.v2"}},
		{"after a file from the future", []string{"events.out.tfevents.4102444800.host"}},
		{"after older files", []string{"events.out.tfevents.0000000001.host", "events.out.tfevents.0946684799.host"}},
		{"next to files that are no event files", []string{"zzz.txt", "events.out.log", "model.ckpt"}},
		{"after an event file of another form", []string{"a.tfevents.v2"}},
		{"after an empty profile file", []string{"events.out.tfevents.0946684800.profile-empty"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				for _, name := range c.there {
					require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666))
				}
				require.EqualValues(t, now, time.Now().Unix())
				known := eventFiles(t, dir)
				last := ""
				for _, path := range known {
					if regexp.MustCompile("tfevents").MatchString(path) {
						last = path
					}
				}
				for i := range 25 {
					openWriter(t, dir, summary.FileWriterConfig{FilenameSuffix: []string{"", ".v2"}[i%2]})
					made := newest(t, dir, known)
					require.Greater(t, made, last)
					known, last = append(known, made), made
				}
				for _, name := range c.there {
					b, err := os.ReadFile(filepath.Join(dir, name))
					require.NoError(t, err)
					require.Equal(t, name, string(b), "the file is as it was")
				}
			})
		})
	}
}

// A name that no event file of ours can sort behind is no reason for ours to be
// out of order among themselves.
func TestOurFilesSortAmongThemselvesNextToForeignOnes(t *testing.T) {
	for _, foreign := range []string{"zzz.tfevents", "events.out.tfevents.zzz", "events.out.tfevents.9999999999999.host", "tfevents"} {
		t.Run(foreign, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, os.WriteFile(filepath.Join(dir, foreign), nil, 0o666))
				known, last := eventFiles(t, dir), ""
				for range 25 {
					openWriter(t, dir, summary.FileWriterConfig{})
					made := newest(t, dir, known)
					require.Greater(t, made, last)
					known, last = append(known, made), made
				}
			})
		})
	}
}

// Readers that follow the run know the old name and how far they have read.
func TestANameIsNotUsedAgainWhenItsFileIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w := openWriter(t, dir, summary.FileWriterConfig{})
		last := ""
		for range 3 {
			require.Greater(t, onlyFile(t, dir), last)
			last = onlyFile(t, dir)
			require.NoError(t, w.Close())
			require.NoError(t, os.Remove(last))
			require.NoError(t, w.Reopen())
		}
	})
}

func TestADirectoryOfThatNameIsNoEventFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "events.out.tfevents.4102444800.dir"), 0o777))
		openWriter(t, dir, summary.FileWriterConfig{})
		require.Contains(t, eventFiles(t, dir)[0], "tfevents.0946684800.")
	})
}

func TestWritersOpenedAtOnceHaveAFileEach(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			w := openWriter(t, dir, summary.FileWriterConfig{})
			for range 10 {
				if err := w.Scalar("i", float64(i), 1); err != nil {
					t.Error(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	files := eventFiles(t, dir)
	require.Len(t, files, 40)
	for _, file := range files {
		events := readEvents(t, file)
		require.Len(t, events, 10)
		for _, line := range lines(events) {
			require.Equal(t, lines(events)[0], line)
		}
	}
}

func TestAnExistingFileIsNeverTruncated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, elsewhere := t.TempDir(), t.TempDir()
		openWriter(t, elsewhere, summary.FileWriterConfig{})
		taken := filepath.Join(dir, filepath.Base(onlyFile(t, elsewhere))) // the name that comes first
		foreign := filepath.Join(dir, "zzz.tfevents")                      // hides it when the last file is looked for
		for _, path := range []string{taken, foreign} {
			require.NoError(t, os.WriteFile(path, []byte("precious"), 0o666))
		}
		openWriter(t, dir, summary.FileWriterConfig{})
		require.Len(t, eventFiles(t, dir), 3)
		for _, path := range []string{taken, foreign} {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "precious", string(b))
		}
	})
}
